/**
 * Encodes functions: by name where they have one in the worker too, else by source with their
 * values.
 */
import { types } from 'node:util'
import type { Place } from '../errors.ts'
import { type Analysis, analyseSource, type FreeName } from './analysis.ts'
import { Encoder, subject, type Where } from './encode.ts'
import { locate, scriptOf } from './inspector.ts'
import { lookInto } from './look.ts'
import {
  commonJsOf,
  exportOf,
  type Import,
  type ImportBinding,
  importsOf,
  isEntry,
  isPackageUrl,
  isStandardGlobal,
  isVite,
  viteExport,
  viteUrl,
} from './modules.ts'
import { changesData, type Mutation } from './mutation.ts'
import type { NodeId } from './portable.ts'
import { isCaptureError, type Refusal, readablePath, refusals } from './refusal.ts'
import { resolveFrom } from './resolve.ts'
import { anchorPlace, bind, placeAt, type Subject, safeRead, subjectOf } from './subject.ts'
import { isNative, kindOf, step } from './values.ts'

export class FunctionEncoder extends Encoder {
  /**
   * What stands against `fn` by its source alone, thrown as an error unless it can be imported
   * instead.
   */
  check(fn: Function): Analysis | undefined {
    const where: Where = { path: '', via: '', place: undefined }
    if (this.#byName(fn, where) !== undefined) return undefined
    const analysis = analyseSource(Function.prototype.toString.call(fn))
    if (!analysis.refusal && analysis.mutations.length === 0) return analysis
    const subject = subjectOf(fn, analysis)
    try {
      this.#checkSource(subject, where)
    } catch (error) {
      if (!this.#importable(subject)) throw error
    }
    return analysis
  }

  protected override function(fn: Function, where: Where): NodeId {
    const known = this.ids.get(fn)
    if (known !== undefined) return known
    const named = this.#byName(fn, where)
    if (named !== undefined) return named
    const one = subjectOf(fn, analyseSource(Function.prototype.toString.call(fn)))
    const url = one.script?.url ?? ''
    if (url.startsWith('node:') || isPackageUrl(url)) {
      const found = exportOf(fn, url)
      if (found) return this.add({ type: 'import', ...found }, where, fn)
    }
    try {
      return this.attempt(() => this.#bySource(one, where))
    } catch (error) {
      const found = isCaptureError(error) && this.#importable(one)
      if (!found) throw error
      return this.add({ type: 'import', ...found }, where, fn)
    }
  }

  /** A node for what has a name in every worker; refuses what has neither a name nor a source. */
  #byName(fn: Function, where: Where): NodeId | undefined {
    if (types.isProxy(fn)) throw this.refuse(refusals.proxy(subject(where)), where)
    const named = this.named(fn, where)
    if (named !== undefined) return named
    if (!isNative(fn)) return undefined
    const refusal = nameOf(fn).startsWith('bound ') ? refusals.bound : refusals.native
    throw this.refuse(refusal(subject(where)), where)
  }

  /** The export of the user's own module that a function is, if importing that file is harmless. */
  #importable({ fn, script, located }: Subject): Import | undefined {
    if (!script || isEntry(script.url)) return undefined
    if (!isVite(script)) return exportOf(fn, script.url)
    // Asking Node for the file would run it a second time beside Vite's copy, so its text is read
    // instead.
    for (const { variables } of located?.scopes ?? [])
      for (const local of Object.getOwnPropertyNames(variables)) {
        if (safeRead(variables, local) !== fn) continue
        const name = viteExport(script, local)
        if (name) return { url: script.url, path: [name] }
      }
    return undefined
  }

  /** Refuses what the source shows: see `Analysis.refusal`, and changes to what was captured. */
  #checkSource(one: Subject, where: Where): void {
    const { analysis, fn } = one
    const helper = where.path === '' ? '' : nameOf(fn) || readablePath(where.path)
    const refuse = ({ what, remedy }: Refusal, offset: number): Error => {
      const named = helper ? what.replace(/^the function\b/, `the function ${helper}`) : what
      const there = { path: '', via: '', place: placeAt(one, offset) }
      return this.refuse({ what: named, remedy }, there)
    }
    if (analysis.refusal) throw refuse(analysis.refusal, analysis.refusal.offset)
    for (const mutation of analysis.mutations) {
      if (!this.#changes(one, mutation)) continue
      const steps = mutation.steps.slice(0, mutation.method ? undefined : -1)
      const path = steps.map(one => (typeof one === 'string' ? step(one) : '[…]')).join('')
      const readable = readablePath(mutation.root + path)
      throw refuse(refusals.mutated(readable, mutation.how), mutation.offset)
    }
  }

  #changes(one: Subject, mutation: Mutation): boolean {
    const binding = bind(one, mutation.root)
    if (binding.found !== 'value') return false
    const [head, ...rest] = mutation.steps
    if (isViteImport(mutation.root) && typeof head === 'string') {
      // Vite's stand-in for a namespace has getters of Vite's own, which are safe to run.
      const value = safeRead(binding.value as object, head)
      const isExport = rest.length === 0 && !mutation.method
      return isExport || changesData({ ...mutation, steps: rest }, value, lookInto)
    }
    return changesData(mutation, binding.value, lookInto)
  }

  #bySource(one: Subject, where: Where): NodeId {
    const { fn, analysis } = one
    this.#checkSource(one, where)
    this.#checkProperties(fn, where)
    const anchor = anchorPlace(one)
    const code = {
      expression: analysis.expression,
      sloppy: analysis.sloppy,
      name: nameOf(fn),
      file: anchor.file,
      line: anchor.line,
      column: anchor.column,
      anchor: analysis.expressionAnchor,
    }
    const names: string[] = []
    const values: NodeId[] = []
    const node = { type: 'function', code, names, values } as const
    const id = this.add(node, where, fn)
    if (analysis.importName) {
      names.push(analysis.importName)
      values.push(this.add({ type: 'helper', name: 'import', file: anchor.file }, where))
    }
    const via = where.path === '' ? '' : nameOf(fn) || readablePath(where.path)
    for (const free of analysis.free.values()) {
      const value = this.#variable(one, free, via)
      if (value === undefined) continue
      names.push(free.name)
      values.push(value)
    }
    return id
  }

  #checkProperties(fn: Function, where: Where): void {
    const usual = /^(?:length|name|prototype|arguments|caller)$/
    const extra = Reflect.ownKeys(fn).find(key => typeof key === 'symbol' || !usual.test(key))
    if (extra !== undefined)
      throw this.refuse(refusals.functionProperty(subject(where), String(extra)), where)
    const prototype: unknown = Object.getOwnPropertyDescriptor(fn, 'prototype')?.value
    if (typeof prototype !== 'object' || prototype === null) return
    const methods = Reflect.ownKeys(prototype).filter(key => key !== 'constructor')
    if (methods.length > 0) throw this.refuse(refusals.class(subject(where)), where)
  }

  /** The node of a free name's value, or undefined when the worker has it under the same name. */
  #variable(one: Subject, free: FreeName, via: string): NodeId | undefined {
    const { name } = free
    let place: Place | undefined
    const where: Where = {
      path: name,
      via,
      // Only an error needs the place; finding it may cost a look into source maps.
      get place() {
        place ??= placeAt(one, free.offset)
        return place
      },
    }
    const file = one.script?.url ?? ''
    if (name === '__vite_ssr_dynamic_import__')
      return this.add({ type: 'helper', name: 'import', file }, where)
    const visible =
      one.given !== undefined && Object.hasOwn(one.given, name)
        ? true
        : one.located?.scopes.some(scope => Object.hasOwn(scope.variables, name))
    if (!visible && name === '__name')
      return this.add({ type: 'helper', name: 'name', file }, where)
    if (!visible && isStandardGlobal(name)) return undefined
    const binding = bind(one, name)
    if (binding.found === 'uninitialised') throw this.refuse(refusals.uninitialised(name), where)
    if (binding.found === 'nothing') {
      if (free.guarded) return undefined
      const refusal = one.located ? refusals.undefinedName : refusals.noInspector
      throw this.refuse(refusal(readablePath(name)), where)
    }
    if (isRequire(name, binding.value))
      return this.add({ type: 'helper', name: 'require', file }, where)
    if (isViteImport(name)) return this.#viteImport(one, free, binding.value as object, where)
    // The source, which tells of imports, takes a while; a primitive is the same either way.
    const mayBeImported = binding.inModule && Object(binding.value) === binding.value
    const imported = mayBeImported && one.script && importsOf(one.script).get(name)
    if (imported) return this.#import(imported, free, binding.value, file, where)
    return this.#fromCommonJs(binding.value, free, where) ?? this.value(binding.value, where)
  }

  /**
   * A `require()`d module goes by name: a package always, the user's own files when they are used
   * whole.
   */
  #fromCommonJs(value: unknown, free: FreeName, where: Where): NodeId | undefined {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
      return undefined
    if (typeof value === 'object' && !hasFunctions(value)) return undefined
    if (this.ids.has(value)) return undefined
    const found = commonJsOf(value)
    if (found && !isEntry(found.url)) return this.add({ type: 'import', ...found }, where, value)
    // What bundlers make of `import * as x`: an object of getters that stands for a module.
    const isInterop =
      Object.hasOwn(value, '__esModule') ||
      (free.name.startsWith('import_') && Object.hasOwn(value, 'default'))
    return isInterop
      ? this.namespace(value, free.properties ?? Object.keys(value), where)
      : undefined
  }

  /** A name that an import statement binds. */
  #import(
    binding: ImportBinding,
    free: FreeName,
    value: unknown,
    parent: string,
    where: Where,
  ): NodeId {
    const isObject = typeof value === 'object' && value !== null
    if (!isObject && typeof value !== 'function') return this.value(value, where)
    const known = this.ids.get(value as object)
    if (known !== undefined) return known
    if (isObject && kindOf(value) === 'shared') return this.value(value, where)
    const url = resolveFrom(binding.specifier, parent)
    if (!url || isEntry(url)) {
      if (binding.name === '*')
        return this.namespace(
          value as object,
          free.properties ?? Object.keys(value as object),
          where,
        )
      return this.value(value, where)
    }
    const path = binding.name === '*' ? [] : [binding.name]
    const importNode = (): NodeId => this.add({ type: 'import', url, path }, where, value as object)
    if (url.startsWith('node:') || isPackageUrl(url)) return importNode()
    if (binding.name === '*') {
      if (!free.properties) return importNode()
      return this.object(free.properties, where, key => {
        const there = { ...where, path: `${where.path}.${key}` }
        const one = this.read(value as object, key, there)
        return this.#import({ ...binding, name: key }, free, one, parent, there)
      })
    }
    if (typeof value === 'function')
      return isWrittenInEntry(value) ? this.value(value, where) : importNode()
    return this.#valueOr(value, where, importNode)
  }

  /** By value, as it is now, or else by name, as the worker's own copy of the module has it. */
  #valueOr(value: unknown, where: Where, otherwise: () => NodeId): NodeId {
    try {
      return this.attempt(() => this.value(value, where))
    } catch (error) {
      if (!isCaptureError(error)) throw error
      return otherwise()
    }
  }

  /** `__vite_ssr_import_3__`: packages by name, the user's own code by value and source. */
  #viteImport(one: Subject, free: FreeName, namespace: object, where: Where): NodeId {
    const file = one.script?.url ?? ''
    const binding = one.script && importsOf(one.script).get(free.name)
    const url = binding && viteUrl(binding.specifier, file)
    const isForeign = url !== undefined && (url.startsWith('node:') || isPackageUrl(url))
    const keys = free.properties ?? Object.keys(namespace)
    return this.object(keys, where, key => {
      const there = { ...where, path: `${where.path}.${key}` }
      const value = this.read(namespace, key, there)
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
        return this.value(value, there)
      const known = this.ids.get(value)
      if (known !== undefined) return known
      if (isForeign) {
        const found = exportOf(value, url) ?? { url, path: [key] }
        return this.add({ type: 'import', ...found }, there, value)
      }
      if (!url || kindOf(value) === 'shared') return this.value(value, there)
      const importNode = (): NodeId => this.add({ type: 'import', url, path: [key] }, there, value)
      return this.#valueOr(value, there, importNode)
    })
  }
}

const writtenInEntry = new WeakMap<Function, boolean>()

/** Whether a function stands in the file the process was started with, whoever exports it. */
function isWrittenInEntry(fn: Function): boolean {
  let known = writtenInEntry.get(fn)
  if (known === undefined) {
    const located = locate(fn)
    known = located !== undefined && isEntry(scriptOf(located.scriptId)?.url ?? '')
    writtenInEntry.set(fn, known)
  }
  return known
}

/** A function's name, which a user may have replaced by anything. */
function nameOf(fn: Function): string {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, 'name')?.value
  return typeof name === 'string' ? name : ''
}

/** CommonJS's own `require`, which a worker can make for the same file. */
const isRequire = (name: string, value: unknown): boolean =>
  name === 'require' && typeof value === 'function' && Object.hasOwn(value, 'resolve')

const isViteImport = (name: string): boolean => /^__(?:vite_ssr|vi)_import_\d+__$/.test(name)

const hasFunctions = (value: object): boolean =>
  Object.getOwnPropertyNames(value).some(key => {
    const found = Object.getOwnPropertyDescriptor(value, key)!
    return found.get !== undefined || typeof found.value === 'function'
  })
