import { PeltonError, preview } from '../errors.ts'

/** What is counted by id; ids are unique in the process and never used twice. */
let lastId = 0
const registry = new Map<
  number,
  WeakRef<Broadcast<unknown> | Accumulator<any, any> | Resource<any>>
>()
const forget = new FinalizationRegistry<number>(id => registry.delete(id))

function register(shared: Broadcast<unknown> | Accumulator<any, any> | Resource<any>): void {
  registry.set(shared.id, new WeakRef(shared))
  forget.register(shared, shared.id)
}

/** The broadcast, accumulator or resource of an id, while anything still holds it (main thread). */
export const sharedById = (
  id: number,
): Broadcast<unknown> | Accumulator<any, any> | Resource<any> | undefined =>
  registry.get(id)?.deref()

/** A read-only value that every worker gets once, however many functions use it. */
export class Broadcast<T> {
  readonly id: number
  readonly #value: T

  constructor(value: T) {
    this.id = ++lastId
    this.#value = value
    register(this)
  }

  /** The value; in workers a frozen copy of it. */
  get value(): T {
    return this.#value
  }
}

/**
 * Makes a value available in all workers as `.value`: sent once a worker, not with every function.
 * For large data and for what several functions share. Workers see a frozen copy.
 *
 * @example
 * const stop = broadcast(new Set(['a', 'the']))
 * words.filter(word => !stop.value.has(word))
 */
export function broadcast<T>(value: T): Broadcast<T> {
  return new Broadcast(value)
}

/** How an accumulator starts, takes one value, and joins two totals. `add` runs in workers. */
export interface AccumulatorSpec<X, T> {
  /** The empty total, or a function that makes one. */
  readonly zero: T | (() => T)
  readonly add: (total: T, value: X) => T
  readonly merge: (total: T, part: T) => T
  /** Name for messages and the page. */
  readonly name?: string
}

/** A total that functions in workers add to and the main thread reads. */
export class Accumulator<X = number, T = X> {
  readonly id: number
  readonly name: string | undefined
  /**
   * Functions that travel to workers: how a part starts (absent: with its first value) and grows.
   */
  readonly zero: T | (() => T) | undefined
  readonly addTo: ((total: T, value: X) => T) | undefined
  readonly #merge: ((total: T, part: T) => T) | undefined
  #total: T

  constructor(initial: T, details: Partial<AccumulatorSpec<X, T>>) {
    this.id = ++lastId
    this.name = details.name
    this.zero = details.zero
    this.addTo = details.add
    this.#merge = details.merge
    this.#total = initial
    register(this)
  }

  /** Adds one value: in a function that runs in workers, or on the main thread. */
  add(value: X): void {
    this.#total = addValue(this.#total, value, this.addTo) as T
  }

  /** The total of all finished batches; the main thread only. */
  get value(): T {
    return this.#total
  }

  /** Adds what one worker has gathered; the engine calls this once for each finished task. */
  merge(part: T): void {
    this.#total = this.#merge
      ? this.#merge(this.#total, part)
      : (addValue(this.#total, part, undefined) as T)
  }
}

/** `total + value` for numbers of one kind, or the user's own way of adding. */
function addValue(
  total: unknown,
  value: unknown,
  add: ((total: any, value: any) => unknown) | undefined,
): unknown {
  if (add) return add(total, value)
  const kind = typeof value
  if ((kind !== 'number' && kind !== 'bigint') || kind !== typeof total)
    throw new PeltonError(
      `accumulator: can't add ${preview(value)} to ${preview(total)}. Add numbers, or ` +
        'make it with accumulator({ zero, add, merge }).',
      { code: 'ACCUMULATOR', operator: 'accumulator' },
    )
  return (total as number) + (value as number)
}

/**
 * A total that functions in workers add to with `add(x)` and the main thread reads as `.value`.
 * Each finished task counts once, whatever was retried. Without functions it sums numbers (or
 * bigints); `merge` replaces the sum, and an object with `zero`, `add` and `merge` gathers
 * anything. Adding something else than a number to a plain sum throws a PeltonError
 * (`ACCUMULATOR`).
 *
 * @example
 * const bad = accumulator()
 * lines.filter(line => line.includes(',') || (bad.add(1), false)).print()
 * // later, on the main thread: bad.value
 * @example
 * const longest = accumulator(0, Math.max)
 */
export function accumulator(
  initial?: number,
  merge?: (a: number, b: number) => number,
): Accumulator<number, number>
export function accumulator(
  initial: bigint,
  merge?: (a: bigint, b: bigint) => bigint,
): Accumulator<bigint, bigint>
export function accumulator<X, T>(spec: AccumulatorSpec<X, T>): Accumulator<X, T>
export function accumulator(
  first: unknown = 0,
  merge?: (a: any, b: any) => any,
): Accumulator<any, any> {
  if (typeof first === 'object' && first !== null) {
    const spec = first as AccumulatorSpec<unknown, unknown>
    if (typeof spec.add !== 'function' || typeof spec.merge !== 'function' || !('zero' in spec))
      throw new PeltonError(
        `accumulator: expected { zero, add, merge }, got ${preview(first)}. Give all three.`,
        { code: 'ACCUMULATOR', operator: 'accumulator' },
      )
    const { zero } = spec
    return new Accumulator(typeof zero === 'function' ? zero() : structuredClone(zero), spec)
  }
  if (merge === undefined && typeof first !== 'number' && typeof first !== 'bigint')
    throw new PeltonError(
      `accumulator: can't sum from ${preview(first)}. Start from a number, or give a ` +
        'merge function.',
      { code: 'ACCUMULATOR', operator: 'accumulator' },
    )
  return new Accumulator(first, merge ? { add: merge, merge } : {})
}

const NOTHING = Symbol('nothing')

/** What the workers' side of an accumulator needs to know; the functions have been revived. */
export interface AccumulatorDefinition {
  readonly zero: unknown
  readonly add: ((total: any, value: any) => unknown) | undefined
}

/** The workers' side of an accumulator: gathers a part that the main thread merges. */
export class AccumulatorPart {
  readonly id: number
  readonly #definition: AccumulatorDefinition
  #part: unknown = NOTHING

  constructor(id: number, definition: AccumulatorDefinition) {
    this.id = id
    this.#definition = definition
  }

  add(value: unknown): void {
    if (this.#part !== NOTHING) {
      this.#part = addValue(this.#part, value, this.#definition.add)
      return
    }
    const { zero, add } = this.#definition
    // Without a zero the values are totals themselves, so the first one starts the part.
    if (zero === undefined) this.#part = add ? value : addValue(emptySum(value), value, undefined)
    else
      this.#part = addValue(typeof zero === 'function' ? zero() : structuredClone(zero), value, add)
  }

  get value(): never {
    throw new PeltonError(
      'accumulator: its value can be read on the main thread only. Use foreachRDD() or a listener.',
      { code: 'ACCUMULATOR', operator: 'accumulator' },
    )
  }

  /** Hands over what was added since the last call: an empty list, or the part alone. */
  take(): [] | [part: unknown] {
    const part = this.#part
    this.#part = NOTHING
    return part === NOTHING ? [] : [part]
  }
}

const emptySum = (value: unknown): number | bigint => (typeof value === 'bigint' ? 0n : 0)

/**
 * Something that can't travel, made once in each worker: a connection, a compiled parser, a cache.
 */
export class Resource<T> {
  readonly id: number
  readonly open: () => T | Promise<T>
  readonly close: ((resource: T) => void | Promise<void>) | undefined

  constructor(
    open: () => T | Promise<T>,
    close: ((resource: T) => void | Promise<void>) | undefined,
  ) {
    this.id = ++lastId
    this.open = open
    this.close = close
    register(this)
  }

  /**
   * This worker's own one. On the main thread there is none, and this throws a PeltonError
   * (`RESOURCE`).
   */
  get(): T {
    throw new PeltonError(
      'resource: get() works only in functions that run in workers. ' +
        'On the main thread open your own.',
      { code: 'RESOURCE', operator: 'resource' },
    )
  }
}

/**
 * Makes something once in each worker and closes it with the worker, for what can't travel:
 * connections, file handles, caches, class instances. `open` and `close` are captured like any
 * function; `open` may be async. Throws a PeltonError (`RESOURCE`) when they are not functions.
 *
 * @example
 * const db = resource(() => new Client(url), client => client.end())
 * ids.map(id => db.get().lookup(id))
 */
export function resource<T>(
  open: () => T | Promise<T>,
  close?: (resource: T) => void | Promise<void>,
): Resource<T> {
  if (typeof open !== 'function' || (close !== undefined && typeof close !== 'function'))
    throw new PeltonError(
      `resource: expected functions, got ${preview(typeof open === 'function' ? close : open)}. ` +
        'Write resource(() => open(), handle => handle.close()).',
      { code: 'RESOURCE', operator: 'resource' },
    )
  return new Resource(open, close)
}
