/** Turns captured values into the nodes of a PortableFunction. */
import type { PeltonError, Place } from '../errors.ts'
import { builtinOf, commonJsOf, globalPath } from './modules.ts'
import type { Entry, NodeId, PortableFunction, PortableNode } from './portable.ts'
import { captureError, type Refusal, readablePath, refusals, type Site } from './refusal.ts'
import { Accumulator, Broadcast, type Resource } from './shared.ts'
import { getStep, kindOf, step } from './values.ts'

/** How messages name a value: its path from a captured variable, who uses it, and where. */
export interface Where {
  /** Empty for the function itself. */
  readonly path: string
  /** Name of the helper function that captured it, or empty. */
  readonly via: string
  readonly place: Place | undefined
}

const under = (where: Where, more: string): Where => ({ ...where, path: where.path + more })

/** How messages speak of a captured value. */
export function subject(where: Where): string {
  const via = where.via ? ` (used by ${where.via})` : ''
  return where.path ? `the captured variable ${readablePath(where.path)}${via}` : 'the function'
}

/** How an object was reached while a value is looked through, for the path in a message. */
interface Reached {
  readonly from: object | undefined
  readonly by: string
}

const LONG_ARRAY = 1000

export abstract class Encoder {
  readonly site: Site
  protected readonly nodes: PortableNode[] = []
  /** For messages, by node. */
  readonly #wheres: Where[] = []
  protected readonly ids = new Map<object, NodeId>()
  /** Objects known to contain something that structured clone can't copy. */
  readonly #mixed = new Set<object>()

  constructor(site: Site) {
    this.site = site
  }

  /** Encodes a function; the inspector's half of the work. */
  protected abstract function(fn: Function, where: Where): NodeId

  refuse(refusal: Refusal, where: Where, cause?: unknown): PeltonError {
    return captureError(this.site, refusal, where.place, cause)
  }

  /** The finished graph, its data copied so that later changes in this thread don't show. */
  finish(root: NodeId): PortableFunction {
    const idsOf = (type: string): number[] =>
      this.nodes.flatMap(node => (node.type === type && 'id' in node ? [node.id] : []))
    const shared = {
      broadcasts: idsOf('broadcast'),
      accumulators: idsOf('accumulator'),
      resources: idsOf('resource'),
    }
    try {
      return { root, nodes: structuredClone(this.nodes), shared }
    } catch (error) {
      const culprit = this.nodes.findIndex(node => !isCloneable(node))
      const where = this.#wheres[culprit] ?? { path: '', via: '', place: undefined }
      const reason = error instanceof Error ? error.message : String(error)
      throw this.refuse(refusals.uncloneable(subject(where), reason), where, error)
    }
  }

  protected add(node: PortableNode, where: Where, object?: object): NodeId {
    const id = this.nodes.push(node) - 1
    this.#wheres[id] = where
    if (object) this.ids.set(object, id)
    return id
  }

  /** Runs `attempt`; if it throws, everything it added is taken back. */
  protected attempt(attempt: () => NodeId): NodeId {
    const length = this.nodes.length
    try {
      return attempt()
    } catch (error) {
      this.nodes.length = length
      for (const [object, id] of this.ids) if (id >= length) this.ids.delete(object)
      throw error
    }
  }

  value(value: unknown, where: Where): NodeId {
    if (typeof value === 'symbol')
      throw this.refuse(refusals.symbol(subject(where), String(value)), where)
    if (typeof value === 'function') return this.function(value, where)
    if (typeof value !== 'object' || value === null) return this.add({ type: 'data', value }, where)
    const known = this.ids.get(value)
    if (known !== undefined) return known
    const named = this.named(value, where)
    if (named !== undefined) return named
    if (this.#isPlain(value, where)) return this.add({ type: 'data', value }, where, value)
    return this.#container(value, where)
  }

  /** Globals, Node's modules and CommonJS modules travel by name. */
  protected named(value: object, where: Where): NodeId | undefined {
    const path = globalPath(value)
    if (path) return this.add({ type: 'global', path }, where, value)
    const found = builtinOf(value)
    return found && this.add({ type: 'import', ...found }, where, value)
  }

  /**
   * Whether structured clone keeps everything in `root`. Throws for what can't travel at all. Keeps
   * its own stack, because data may be nested more deeply than functions may call each other.
   */
  #isPlain(root: object, where: Where): boolean {
    if (this.#mixed.has(root)) return false
    const reached = new Map<object, Reached>([[root, { from: undefined, by: '' }]])
    const todo: object[] = [root]
    const pathTo = (object: object, more = ''): Where => {
      let path = more
      for (let at = reached.get(object); at?.from; at = reached.get(at.from)) path = at.by + path
      return under(where, path)
    }
    const mark = (object: object): false => {
      // All that leads to the foreign thing is mixed too; that saves looking through it again.
      for (let at: object | undefined = object; at; at = reached.get(at)?.from) this.#mixed.add(at)
      return false
    }
    const look = (object: object, child: unknown, by: PropertyKey | (() => string)): boolean => {
      if (typeof child === 'function') return mark(object)
      const name = () => (typeof by === 'function' ? by() : step(by))
      if (typeof child === 'symbol') {
        const there = pathTo(object, name())
        throw this.refuse(refusals.symbol(subject(there), String(child)), there)
      }
      if (typeof child === 'object' && child !== null && !reached.has(child)) {
        reached.set(child, { from: object, by: name() })
        todo.push(child)
      }
      return true
    }
    for (let object = todo.pop(); object; object = todo.pop()) {
      const kind = kindOf(object)
      if (typeof kind === 'function') {
        const there = pathTo(object)
        if (globalPath(object) || builtinOf(object) || commonJsOf(object)) return mark(object)
        throw this.refuse(kind(subject(there)), there)
      }
      if (kind === 'leaf') continue
      if (!/^(?:array|object|map|set)$/.test(kind)) return mark(object)
      if (!this.#children(object, kind, look, by => pathTo(object!, by))) return mark(object)
    }
    return true
  }

  /**
   * Shows every child of a container to `look`; false as soon as one is not for structured clone.
   */
  #children(
    object: object,
    kind: string,
    look: (object: object, child: unknown, by: PropertyKey | (() => string)) => boolean,
    pathTo: (more: string) => Where,
  ): boolean {
    if (kind === 'map') {
      for (const [key, value] of object as Map<unknown, unknown>)
        if (!look(object, key, () => ' key') || !look(object, value, () => getStep(key)))
          return false
      return true
    }
    if (kind === 'set') {
      for (const item of object as Set<unknown>)
        if (!look(object, item, () => ' element')) return false
      return true
    }
    if (Array.isArray(object) && object.length > LONG_ARRAY) {
      for (let i = 0; i < object.length; i++) if (!look(object, object[i], i)) return false
      return true
    }
    for (const key of Reflect.ownKeys(object)) {
      if (kind === 'array' && key === 'length') continue
      const property = this.#property(object, key, pathTo)
      if (!property.enumerable || !look(object, property.value, key)) return false
    }
    return true
  }

  /** An own property that is a plain value under a string key; anything else is refused. */
  #property(
    object: object,
    key: PropertyKey,
    pathTo: (more: string) => Where,
  ): { value: unknown; enumerable: boolean } {
    if (typeof key === 'symbol') {
      const there = pathTo('')
      throw this.refuse(refusals.symbolKey(subject(there), String(key)), there)
    }
    const found = Object.getOwnPropertyDescriptor(object, key)!
    if (found.get || found.set) {
      const there = pathTo(step(key))
      throw this.refuse(refusals.getter(subject(there)), there)
    }
    return { value: found.value, enumerable: found.enumerable === true }
  }

  /**
   * A container with functions or other foreign things in it: a node of its own, children by
   * number.
   */
  #container(value: object, where: Where): NodeId {
    const kind = kindOf(value)
    if (typeof kind === 'function') throw this.refuse(kind(subject(where)), where)
    if (kind === 'shared') return this.#sharedNode(value as Broadcast<unknown>, where)
    if (kind === 'namespace') return this.namespace(value, Object.keys(value), where)
    if (kind === 'buffer') {
      // A small Buffer is a view of a large pool; only its own bytes are copied.
      const bytes = Uint8Array.from(value as Buffer)
      return this.add({ type: 'buffer', bytes }, where, value)
    }
    const id = this.add({ type: 'data', value: undefined }, where, value)
    this.nodes[id] = this.#containerNode(value, kind, where)
    return id
  }

  #containerNode(value: object, kind: string, where: Where): PortableNode {
    if (kind === 'map') {
      const entries = [...(value as Map<unknown, unknown>)].map(
        ([key, one]) =>
          [
            this.value(key, under(where, ' key')),
            this.value(one, under(where, getStep(key))),
          ] as const,
      )
      return { type: 'map', entries }
    }
    if (kind === 'set') {
      const items = [...(value as Set<unknown>)].map(one =>
        this.value(one, under(where, ' element')),
      )
      return { type: 'set', items }
    }
    if (kind === 'error') {
      const name: string = Object.getPrototypeOf(value).constructor.name
      const stack = (value as Error).stack
      const entries = this.#entries(value, where, key => key === 'stack')
      const at = this.add({ type: 'data', value: stack }, under(where, '.stack'))
      return { type: 'error', class: name, entries: [...entries, ['stack', at, false]] }
    }
    if (kind === 'array') {
      const entries = this.#entries(value, where, key => key === 'length')
      return { type: 'array', length: (value as unknown[]).length, entries }
    }
    const nullPrototype = kind === 'null object'
    return { type: 'object', nullPrototype, entries: this.#entries(value, where, () => false) }
  }

  #entries(value: object, where: Where, skip: (key: PropertyKey) => boolean): Entry[] {
    const entries: Entry[] = []
    for (const key of Reflect.ownKeys(value)) {
      if (skip(key)) continue
      const property = this.#property(value, key, more => under(where, more))
      const id = this.value(property.value, under(where, step(key)))
      entries.push([key as string, id, property.enumerable])
    }
    return entries
  }

  /** A module namespace, cut down to the properties that are used. */
  protected namespace(value: object, keys: Iterable<string>, where: Where): NodeId {
    return this.object(keys, where, key => {
      const there = under(where, step(key))
      return this.value(this.read(value, key, there), there)
    })
  }

  protected object(keys: Iterable<string>, where: Where, nodeOf: (key: string) => NodeId): NodeId {
    const entries: Entry[] = []
    for (const key of keys) entries.push([key, nodeOf(key), true])
    return this.add({ type: 'object', nullPrototype: true, entries }, where)
  }

  /** Reads an export, which throws while the module's declaration has not run. */
  protected read(value: object, key: string, where: Where): unknown {
    try {
      return (value as Record<string, unknown>)[key]
    } catch (error) {
      throw this.refuse(refusals.uninitialised(readablePath(where.path)), where, error)
    }
  }

  #sharedNode(
    value: Broadcast<unknown> | Accumulator<unknown, unknown> | Resource<unknown>,
    where: Where,
  ): NodeId {
    const { id } = value
    if (value instanceof Broadcast) {
      return this.add({ type: 'broadcast', id }, where, value)
    }
    const at = this.add({ type: 'data', value: undefined }, where, value)
    const optional = (one: unknown, name: string): NodeId | undefined =>
      one === undefined ? undefined : this.value(one, under(where, name))
    if (value instanceof Accumulator) {
      const zero = optional(value.zero, '.zero')
      this.nodes[at] = { type: 'accumulator', id, zero, add: optional(value.addTo, '.add') }
    } else {
      const open = this.function(value.open, under(where, '.open'))
      this.nodes[at] = { type: 'resource', id, open, close: optional(value.close, '.close') }
    }
    return at
  }
}

const isCloneable = (node: PortableNode): boolean => {
  try {
    structuredClone(node)
    return true
  } catch {
    return false
  }
}
