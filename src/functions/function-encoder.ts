/** Encodes functions: by name where they have one in the worker too, else by source with their values. */
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import type { Place } from '../errors.ts'
import { type Analysis, analyseSource, type FreeName } from './analysis.ts'
import { Encoder, lookInto, subject, type Where } from './encode.ts'
import { type Located, locate, type Script, scriptOf } from './inspector.ts'
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
import { originalPlace } from './place.ts'
import type { NodeId } from './portable.ts'
import { isCaptureError, readablePath, refusals, type Site } from './refusal.ts'
import { resolveFrom } from './resolve.ts'
import { givenValues } from './using.ts'
import { isNative, kindOf } from './values.ts'

/** A function about to be sent by source, with where it stands and what it can see. */
interface Subject {
  readonly fn: Function
  readonly analysis: Analysis
  readonly located: Located | undefined
  readonly script: Script | undefined
  readonly given: object | undefined
}

/** What a free name stands for. */
type Binding =
  | { readonly found: 'value'; readonly value: unknown; readonly inModule: boolean }
  | { readonly found: 'uninitialised' }
  | { readonly found: 'nothing' }

export class FunctionEncoder extends Encoder {
  constructor(site: Site) {
    super(site)
  }

  /** What stands against `fn` by its source alone, thrown as an error unless it can be imported instead. */
  check(fn: Function): Analysis | undefined {
    const where: Where = { path: '', via: '', place: undefined }
    if (this.#byName(fn, where) !== undefined) return undefined
    const analysis = analyseSource(Function.prototype.toString.call(fn))
    if (!analysis.refusal && analysis.mutations.length === 0) return analysis
    const subject = this.#subject(fn, analysis)
    try {
      this.#checkSource(subject)
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
    const source = Function.prototype.toString.call(fn)
    const located = locate(fn)
    const script = located && scriptOf(located.scriptId)
    if (script && (script.url.startsWith('node:') || isPackageUrl(script.url))) {
      const found = exportOf(fn, script.url)
      if (found) return this.add({ type: 'import', ...found }, where, fn)
    }
    const analysis = analyseSource(source)
    const given = givenValues(fn)
    try {
      return this.attempt(() => this.#bySource({ fn, analysis, located, script, given }, where))
    } catch (error) {
      const found = isCaptureError(error) && this.#importable({ fn, analysis, located, script, given })
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
    const refusal = fn.name.startsWith('bound ') ? refusals.bound : refusals.native
    throw this.refuse(refusal(subject(where)), where)
  }

  #subject(fn: Function, analysis: Analysis): Subject {
    const located = locate(fn)
    const script = located && scriptOf(located.scriptId)
    return { fn, analysis, located, script, given: givenValues(fn) }
  }

  /** The export of the user's own module that a function is, if importing that file is harmless. */
  #importable({ fn, script, located }: Subject): Import | undefined {
    if (!script || isEntry(script.url)) return undefined
    if (!isVite(script)) return exportOf(fn, script.url)
    // Asking Node for the file would run it a second time beside Vite's copy, so its text is read instead.
    for (const { variables } of located?.scopes ?? [])
      for (const local of Object.getOwnPropertyNames(variables)) {
        if (safeRead(variables, local) !== fn) continue
        const name = viteExport(script, local)
        if (name) return { url: script.url, path: [name] }
      }
    return undefined
  }

  #checkSource(one: Subject): void {
    const { analysis } = one
    const at = (offset: number): Where => ({ path: '', via: '', place: placeAt(one, offset) })
    if (analysis.refusal) throw this.refuse(analysis.refusal, at(analysis.refusal.offset))
    for (const mutation of analysis.mutations) {
      if (!this.#changes(one, mutation)) continue
      const path = [mutation.root, ...mutation.steps.slice(0, mutation.method ? undefined : -1)]
      const text = path.map(s => (typeof s === 'string' ? s : '[…]')).join('.')
      const readable = readablePath(text.replaceAll('.[', '['))
      throw this.refuse(refusals.mutated(readable, mutation.how), at(mutation.offset))
    }
  }

  #changes(one: Subject, mutation: Mutation): boolean {
    const binding = this.#bind(one, mutation.root)
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

  #bind({ located, given, script }: Subject, name: string): Binding {
    if (given && Object.hasOwn(given, name))
      return { found: 'value', value: (given as Record<string, unknown>)[name], inModule: false }
    for (const { kind, variables } of located?.scopes ?? []) {
      if (!Object.hasOwn(variables, name)) continue
      try {
        const inModule = kind === 'Module' && script !== undefined
        return { found: 'value', value: variables[name], inModule }
      } catch {
        return { found: 'uninitialised' }
      }
    }
    if (name in globalThis) {
      const value: unknown = Reflect.get(globalThis, name)
      return { found: 'value', value, inModule: false }
    }
    return { found: 'nothing' }
  }

  #bySource(one: Subject, where: Where): NodeId {
    const { fn, analysis } = one
    this.#checkSource(one)
    this.#checkProperties(fn, where)
    const anchor = anchorPlace(one)
    const code = {
      expression: analysis.expression,
      sloppy: analysis.sloppy,
      name: fn.name,
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
    const via = where.path === '' ? '' : fn.name || readablePath(where.path)
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
    if (name === '__name') return this.add({ type: 'helper', name: 'name', file }, where)
    if (name === '__vite_ssr_dynamic_import__')
      return this.add({ type: 'helper', name: 'import', file }, where)
    const visible =
      one.given !== undefined && Object.hasOwn(one.given, name)
        ? true
        : one.located?.scopes.some(scope => Object.hasOwn(scope.variables, name))
    if (!visible && isStandardGlobal(name)) return undefined
    const binding = this.#bind(one, name)
    if (binding.found === 'uninitialised') throw this.refuse(refusals.uninitialised(name), where)
    if (binding.found === 'nothing') {
      if (free.guarded) return undefined
      const refusal = one.located ? refusals.undefinedName : refusals.noInspector
      throw this.refuse(refusal(readablePath(name)), where)
    }
    if (isViteImport(name)) return this.#viteImport(one, free, binding.value as object, where)
    const imported = binding.inModule ? importsOf(one.script!).get(name) : undefined
    if (imported) return this.#import(imported, free, binding.value, file, where)
    return this.#fromCommonJs(binding.value, free, where) ?? this.value(binding.value, where)
  }

  /** A `require()`d module goes by name: a package always, the user's own files when they are used whole. */
  #fromCommonJs(value: unknown, free: FreeName, where: Where): NodeId | undefined {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
    if (typeof value === 'object' && !hasFunctions(value)) return undefined
    if (this.ids.has(value)) return undefined
    const found = commonJsOf(value)
    if (found && !isEntry(found.url)) return this.add({ type: 'import', ...found }, where, value)
    // What bundlers make of `import * as x`: an object of getters that stands for a module.
    const isInterop = Object.getOwnPropertyDescriptor(value, '__esModule') !== undefined
    return isInterop ? this.namespace(value, free.properties ?? Object.keys(value), where) : undefined
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
        return this.namespace(value as object, free.properties ?? Object.keys(value as object), where)
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
    if (typeof value === 'function') {
      const home = locate(value)
      const inEntry = home !== undefined && isEntry(scriptOf(home.scriptId)?.url ?? '')
      return inEntry ? this.value(value, where) : importNode()
    }
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

const isViteImport = (name: string): boolean => /^__(?:vite_ssr|vi)_import_\d+__$/.test(name)

const hasFunctions = (value: object): boolean =>
  Object.getOwnPropertyNames(value).some(key => {
    const found = Object.getOwnPropertyDescriptor(value, key)!
    return found.get !== undefined || typeof found.value === 'function'
  })

function safeRead(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

/** Line and column, from 0, of the function's anchor in the file the user wrote. */
function anchorPlace({ located, script }: Subject): { file: string; line: number; column: number } {
  if (!located) return { file: '', line: 0, column: 0 }
  const { line, column } = located
  const file = script?.url ?? ''
  if (!script || !file.startsWith('file:') || !isVite(script)) return { file, line, column }
  const place = originalPlace({ file: fileURLToPath(file), line: line + 1, column: column + 1 })
  return { file, line: place.line - 1, column: place.column - 1 }
}

/** The place, from 1, of an index in a function's source. */
function placeAt({ analysis, located, script }: Subject, offset: number): Place | undefined {
  if (!located || !script?.url) return undefined
  const { source, sourceAnchor } = analysis
  const from = Math.min(offset, sourceAnchor)
  const to = Math.max(offset, sourceAnchor)
  const lines = source.slice(from, to).split('\n').length - 1
  const line = located.line + (offset < sourceAnchor ? -lines : lines)
  // On the anchor's own line columns count from the anchor, elsewhere from the start of the line.
  const column =
    lines === 0
      ? located.column + offset - sourceAnchor
      : offset - source.lastIndexOf('\n', offset - 1) - 1
  const file = script.url.startsWith('file:') ? fileURLToPath(script.url) : script.url
  return originalPlace({ file, line: line + 1, column: Math.max(column, 0) + 1 })
}
