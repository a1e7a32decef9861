/**
 * The workers' side: builds the function again from its portable form. Imports neither parser nor
 * inspector.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { PeltonError } from '../errors.ts'
import { freezeDeep, freezeOne } from './freeze.ts'
import {
  type Entry,
  errorClasses,
  type NodeId,
  type PortableCode,
  type PortableFunction,
  type PortableNode,
} from './portable.ts'
import { resolveFrom } from './resolve.ts'
import type { AccumulatorDefinition } from './shared.ts'

/** What a thread offers to the functions revived in it. */
export interface ReviveHost {
  /** The thread's copy of a broadcast: an object with `value`. */
  broadcast(id: number): unknown
  /** The thread's part of an accumulator: an object with `add`, such as an `AccumulatorPart`. */
  accumulator(id: number, definition: AccumulatorDefinition): unknown
  /** The thread's own resource: an object with `get`. Opened by the host, once a thread. */
  resource(id: number, open: Function, close: Function | undefined): unknown
}

/**
 * Builds a function from its portable form. Its captured data is frozen, Maps and Sets throw when
 * changed, and its stack traces point to the file the user wrote. Rejects with a PeltonError
 * (`REVIVE`) when a module it imports can't be loaded or lacks the export.
 *
 * @example
 * const fn = await revive(message.fn, host)
 */
export async function revive(portable: PortableFunction, host: ReviveHost): Promise<Function> {
  const modules = new Map<string, object>()
  const urls = portable.nodes.flatMap(node => (node.type === 'import' ? [node.url] : []))
  await Promise.all(
    [...new Set(urls)].map(async url => {
      modules.set(url, await load(url))
    }),
  )
  return new Reviver(portable.nodes, modules, host).get(portable.root) as Function
}

async function load(url: string): Promise<object> {
  try {
    return await import(/* @vite-ignore */ url)
  } catch (error) {
    throw new PeltonError(
      `A function needs the module ${url}, which can't be loaded in a worker: ${String(error)}. ` +
        'Check that the file can be imported on its own, without side effects.',
      { code: 'REVIVE', cause: error },
    )
  }
}

const MISSING = Symbol('missing')

class Reviver {
  readonly #nodes: readonly PortableNode[]
  readonly #modules: ReadonlyMap<string, object>
  readonly #host: ReviveHost
  readonly #made: unknown[]
  /** Functions under construction whose variables another function still waits for. */
  readonly #late: (() => void)[] = []

  constructor(
    nodes: readonly PortableNode[],
    modules: ReadonlyMap<string, object>,
    host: ReviveHost,
  ) {
    this.#nodes = nodes
    this.#modules = modules
    this.#host = host
    this.#made = new Array(nodes.length).fill(MISSING)
  }

  get(root: NodeId): unknown {
    // Containers are made empty first, so that cycles find them, and filled once all functions
    // exist.
    this.#nodes.forEach((node, id) => {
      const shell = shellOf(node)
      if (shell) this.#made[id] = shell
    })
    for (const id of this.#nodes.keys()) this.#make(id)
    for (const finish of this.#late) finish()
    for (const [id, node] of this.#nodes.entries()) this.#fill(node, this.#made[id])
    return this.#made[root]
  }

  #make(id: NodeId): unknown {
    if (this.#made[id] === MISSING) {
      // Marks it as being built: a function that asks for it now gets it afterwards.
      this.#made[id] = undefined
      this.#made[id] = this.#build(this.#nodes[id]!)
    }
    return this.#made[id]
  }

  #build(node: PortableNode): unknown {
    switch (node.type) {
      case 'function':
        return this.#function(node)
      case 'data':
        freezeDeep(node.value)
        return node.value
      case 'import':
        return exportFrom(this.#modules.get(node.url)!, node.path, node.url)
      case 'global':
        return node.path.reduce((object: any, key) => object[key], globalThis)
      case 'helper':
        if (node.name === 'require') return createRequire(node.file || import.meta.url)
        return node.name === 'name' ? setName : importer(node.file)
      case 'broadcast':
        return this.#host.broadcast(node.id)
      case 'accumulator': {
        const add = node.add === undefined ? undefined : (this.#make(node.add) as any)
        const zero = node.zero === undefined ? undefined : this.#make(node.zero)
        return this.#host.accumulator(node.id, { zero, add })
      }
      case 'resource': {
        const open = this.#make(node.open) as Function
        const close = node.close === undefined ? undefined : (this.#make(node.close) as Function)
        return this.#host.resource(node.id, open, close)
      }
      default:
        throw new Error(`no shell for ${node.type}`)
    }
  }

  /**
   * A function's variables are parameters of its factory, which lets V8 treat them as constants;
   * only those that wait for a function that is being built itself (recursion) are assigned
   * afterwards.
   */
  #function(node: Extract<PortableNode, { type: 'function' }>): Function {
    const now: number[] = []
    const later: number[] = []
    node.values.forEach((value, i) => {
      const made = this.#make(value)
      ;(made === undefined && this.#nodes[value]!.type !== 'data' ? later : now).push(i)
    })
    const names = (list: number[]): string[] => list.map(i => node.names[i]!)
    const factory = compile(node.code, names(now), names(later))
    const [fn, assign] = factory(...now.map(i => this.#made[node.values[i]!]))
    if (assign) this.#late.push(() => assign(...later.map(i => this.#made[node.values[i]!])))
    if (fn.name !== node.code.name)
      Object.defineProperty(fn, 'name', { value: node.code.name, configurable: true })
    return fn
  }

  #fill(node: PortableNode, made: any): void {
    switch (node.type) {
      case 'array':
        made.length = node.length
        this.#define(made, node.entries)
        break
      case 'object':
      case 'error':
        this.#define(made, node.entries)
        break
      case 'map':
        for (const [key, value] of node.entries) made.set(this.#made[key], this.#made[value])
        break
      case 'set':
        for (const item of node.items) made.add(this.#made[item])
        break
      default:
        return
    }
    freezeOne(made)
  }

  /** Defines own properties, never assigns: a key such as `__proto__` must not reach a setter. */
  #define(object: object, entries: readonly Entry[]): void {
    for (const [key, value, enumerable] of entries)
      Object.defineProperty(object, key, {
        value: this.#made[value],
        enumerable,
        writable: true,
        configurable: true,
      })
  }
}

function shellOf(node: PortableNode): object | undefined {
  switch (node.type) {
    case 'array':
      return []
    case 'object':
      return node.nullPrototype ? Object.create(null) : {}
    case 'map':
      return new Map()
    case 'set':
      return new Set()
    case 'buffer':
      return Buffer.from(node.bytes.buffer, node.bytes.byteOffset, node.bytes.byteLength)
    case 'error': {
      if (!errorClasses.has(node.class)) throw new Error(`not an error class: ${node.class}`)
      const make = (globalThis as any)[node.class]
      return node.class === 'AggregateError' ? new make([]) : new make()
    }
    default:
      return undefined
  }
}

function exportFrom(module: object, path: readonly string[], url: string): unknown {
  let value: any = module
  for (const key of path) {
    // A CommonJS module shows all its exports on its default export only.
    if (value === module && !(key in value) && 'default' in value) value = value.default
    const holder: unknown = value
    if (
      !((typeof holder === 'object' && holder !== null) || typeof holder === 'function') ||
      !(key in holder)
    )
      throw new PeltonError(
        `A function needs the export ${path.join('.')} of ${url}, which is not ` +
          'there in a worker. Import it from the module that defines it.',
        { code: 'REVIVE' },
      )
    value = value[key]
  }
  return value
}

type Factory = (
  ...values: unknown[]
) => readonly [fn: Function, assign?: (...values: unknown[]) => void]

const FACTORIES_MAX = 4096
const factories = new Map<string, Factory>()
const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u

/**
 * Compiles a function's source once a thread, however many closures are made of it. Lines and
 * columns are shifted so that stack traces show the user's own.
 */
function compile(code: PortableCode, now: readonly string[], later: readonly string[]): Factory {
  const { expression, file, line, column } = code
  const key = [file, line, column, code.sloppy, now, later.length, later, expression].join('\n')
  const known = factories.get(key)
  if (known) return known
  for (const name of [...now, ...later])
    if (!identifier.test(name)) throw new Error(`not a variable name: ${JSON.stringify(name)}`)
  let before = `${code.sloppy ? '' : "'use strict';"}(function(${now.join()}){`
  let after = ']})'
  if (later.length > 0) {
    // Parameter names that the function can't mean.
    let prefix = '$late'
    while (expression.includes(prefix)) prefix += '$'
    const parameters = later.map((_, i) => prefix + i)
    before += `let ${later.join()};`
    const assignments = later.map((name, i) => `${name}=${prefix}${i}`)
    after = `,(${parameters.join()})=>{${assignments.join(';')}}]})`
  }
  before += 'return['
  const head = expression.slice(0, code.anchor)
  const linesBefore = head.split('\n').length - 1
  const script = new vm.Script(before + expression + after, {
    filename: file || 'captured function',
    lineOffset: line - linesBefore,
    columnOffset: linesBefore > 0 ? 0 : column - before.length - head.length,
  })
  const factory = script.runInThisContext() as Factory
  if (factories.size >= FACTORIES_MAX) factories.clear()
  factories.set(key, factory)
  return factory
}

/** esbuild's `keepNames` puts calls of this into the source. */
function setName(target: Function, value: string): Function {
  return Object.defineProperty(target, 'name', { value, configurable: true })
}

/** `import()` as it works in the user's file. */
function importer(file: string): (specifier: unknown) => Promise<unknown> {
  return async specifier => {
    const text = String(specifier)
    const url = (file && resolveFrom(text, file)) || text
    return import(/* @vite-ignore */ belowRoot(url))
  }
}

/** Vite writes paths below its root as if they were absolute. */
function belowRoot(url: string): string {
  const path = url.replace(/^file:\/\/(?=\/)/, '')
  if (!path.startsWith('/') || existsSync(path)) return url
  const file = join(process.cwd(), path)
  return existsSync(file) ? pathToFileURL(file).href : url
}
