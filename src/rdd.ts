/** RDD<T>: a distributed collection at one time. Lazy; actions return promises. */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Call, callOf, partitionsOption, pathOption, stepOf } from './apply.ts'
import { Block } from './columnar/block.ts'
import { sameKey } from './columnar/keys.ts'
import type { RddNode } from './engine/dag.ts'
import type { Operator, Params } from './engine/operator.ts'
import type { HeldRows } from './engine/scheduler.ts'
import { activeScope, derived, type RddScope, type Session } from './engine/session.ts'
import { linesOf } from './engine/vector.ts'
import { PeltonError, preview } from './errors.ts'
import * as ops from './ops/index.ts'
import type { Widened } from './widened.ts'

const decodeRowsMax = 4096

function misused(call: Call, problem: string): PeltonError {
  return new PeltonError(`${call.label} ${problem}`, {
    code: 'OPTION',
    operator: call.label,
    ...(call.place && { place: call.place }),
  })
}

/**
 * A collection in partitions, computed when an action asks for it. Transformations run in the
 * workers; the functions given to them are captured with their values.
 *
 * @example
 * const rdd = ssc.parallelize([1, 2, 3, 4])
 * await rdd.map(x => x * 2).filter(x => x > 2).collect() // [4, 6, 8]
 */
export class RDD<T> {
  /** For the engine's own use. */
  readonly node: RddNode
  readonly #session: Session
  readonly #scope: RddScope

  constructor(session: Session, node: RddNode, scope: RddScope = activeScope(session)) {
    this.#session = session
    this.node = node
    this.#scope = scope
  }

  /** A number that no other RDD of the process has. */
  get id(): number {
    return this.node.id
  }

  /** Throws unless the RDD may be used by that context, now. For the engine's own use. */
  checkUsable(session: Session, call: Call): void {
    this.#scope.check()
    if (session === this.#session) return
    throw misused(
      call,
      'got an RDD of another StreamingContext: the RDDs have different contexts. collect() its ' +
        'rows, and parallelize() them here',
    )
  }

  #apply<U>(call: Call, operator: Operator, params: Params = {}, fns: Function[] = []): RDD<U> {
    this.#scope.check()
    const scope = activeScope(this.#session)
    const node = derived(scope, stepOf(call, operator, params, fns), [this.node])
    return new RDD<U>(this.#session, node, scope)
  }

  /** An operator in two halves: where the rows lie, and where they meet. */
  #halves<U>(
    call: Call,
    operator: Operator,
    params: Params,
    local: Function[],
    final: Function[],
  ): RDD<U> {
    return this.#apply<T>(call, operator, { ...params, local: true }, local).#apply<U>(
      call,
      operator,
      { ...params, local: false },
      final,
    )
  }

  #partitions(label: string, partitions: number | undefined): number {
    return partitionsOption(label, partitions, this.#session.partitions)
  }

  /** `f` of each row. @example rdd.map(x => x + 1) */
  map<U>(f: (row: T) => U): RDD<U> {
    return this.#apply(callOf('map'), ops.map, {}, [f])
  }

  /** The rows for which `f` is truthy. @example rdd.filter(x => x > 0) */
  filter<S extends T>(f: (row: T) => row is S): RDD<S>
  filter(f: (row: T) => unknown): RDD<T>
  filter(f: (row: T) => unknown): RDD<T> {
    return this.#apply(callOf('filter'), ops.filter, {}, [f])
  }

  /** The elements of what `f` returns for each row. @example rdd.flatMap(l => l.split(' ')) */
  flatMap<U>(f: (row: T) => Iterable<U>): RDD<U> {
    return this.#apply(callOf('flatMap'), ops.flatMap, {}, [f])
  }

  /** `f` of each partition's rows. @example rdd.mapPartitions(rows => [[...rows].length]) */
  mapPartitions<U>(f: (rows: Iterable<T>, partition: number) => Iterable<U>): RDD<U> {
    return this.#apply(callOf('mapPartitions'), ops.mapPartitions, {}, [f])
  }

  /** One array a partition. @example rdd.glom() */
  glom(): RDD<T[]> {
    return this.#apply(callOf('glom'), ops.glom)
  }

  /** The rows of both, this one's first. @example a.union(b) */
  union(other: RDD<T>): RDD<T> {
    const call = callOf('union')
    this.#scope.check()
    if (!(other instanceof RDD)) throw misused(call, `needs an RDD; got ${preview(other)}`)
    other.checkUsable(this.#session, call)
    const scope = activeScope(this.#session)
    const step = stepOf(call, ops.union)
    return new RDD(this.#session, derived(scope, step, [this.node, other.node]), scope)
  }

  /** The same rows in exactly `partitions` partitions. @example rdd.repartition(8) */
  repartition(partitions: number): RDD<T> {
    const call = callOf('repartition')
    return this.#apply(call, ops.repartition, {
      partitions: partitionsOption('repartition', partitions ?? Number.NaN, 0),
    })
  }

  /** Each row once; rows are compared as keys are. @example rdd.distinct() */
  distinct(partitions?: number): RDD<T> {
    const params = { partitions: this.#partitions('distinct', partitions) }
    return this.#halves(callOf('distinct'), ops.distinct, params, [], [])
  }

  /** One pair a key, values reduced by `f`. @example pairs.reduceByKey((a, b) => a + b) */
  reduceByKey<K, V>(
    this: RDD<readonly [K, V]>,
    f: (a: Widened<V>, b: Widened<V>) => Widened<V>,
    partitions?: number,
  ): RDD<[K, Widened<V>]>
  reduceByKey(f: Function, partitions?: number): RDD<unknown> {
    const params = { partitions: this.#partitions('reduceByKey', partitions) }
    return this.#halves(callOf('reduceByKey'), ops.reduceByKey, params, [f], [f])
  }

  /** All values of each key. @example pairs.groupByKey() */
  groupByKey<K, V>(this: RDD<readonly [K, V]>, partitions?: number): RDD<[K, Widened<V>[]]>
  groupByKey(partitions?: number): RDD<unknown> {
    const params = { partitions: this.#partitions('groupByKey', partitions) }
    return this.#apply(callOf('groupByKey'), ops.groupByKey, params)
  }

  /**
   * One combined value a key.
   *
   * @example pairs.combineByKey(v => [v], (c, v) => [...c, v], (a, b) => [...a, ...b])
   */
  combineByKey<K, V, C>(
    this: RDD<readonly [K, V]>,
    create: (value: Widened<V>) => C,
    mergeValue: (combined: C, value: Widened<V>) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitions?: number,
  ): RDD<[K, C]>
  combineByKey(
    create: Function,
    mergeValue: Function,
    mergeCombiners: Function,
    partitions?: number,
  ): RDD<unknown> {
    const params = { partitions: this.#partitions('combineByKey', partitions) }
    const call = callOf('combineByKey')
    return this.#halves(call, ops.combineByKey, params, [create, mergeValue], [mergeCombiners])
  }

  /** `f` of each pair's value. @example pairs.mapValues(v => v * 2) */
  mapValues<K, V, U>(this: RDD<readonly [K, V]>, f: (value: V) => U): RDD<[K, U]>
  mapValues(f: Function): RDD<unknown> {
    return this.#apply(callOf('mapValues'), ops.mapValues, {}, [f])
  }

  /** A pair for each element of `f(value)`. @example pairs.flatMapValues(v => [v, -v]) */
  flatMapValues<K, V, U>(this: RDD<readonly [K, V]>, f: (value: V) => Iterable<U>): RDD<[K, U]>
  flatMapValues(f: Function): RDD<unknown> {
    return this.#apply(callOf('flatMapValues'), ops.flatMapValues, {}, [f])
  }

  /** Keeps the rows in the arena once they have been computed. @example rdd.persist() */
  persist(): this {
    this.#scope.check()
    this.node.persisted = true
    return this
  }

  /** The same as `persist()`. */
  cache(): this {
    return this.persist()
  }

  /** Gives back what `persist` keeps. */
  unpersist(): this {
    this.node.persisted = false
    this.node.holdings.release()
    return this
  }

  /** Persists the rows and computes them now. @example await rdd.materialize() */
  async materialize(): Promise<this> {
    this.persist()
    await this.#session.scheduler.materialise(this.node, this.#scope.batchTime)
    return this
  }

  async #dataset(limit?: number): Promise<HeldRows> {
    this.#scope.check()
    return await this.#session.scheduler.run(this.node, this.#scope.batchTime, limit)
  }

  async #rows(limit?: number): Promise<T[]> {
    const dataset = await this.#dataset(limit)
    const rows: T[] = []
    const most = limit ?? Number.POSITIVE_INFINITY
    try {
      for (const pieces of dataset.partitions) {
        for (const piece of pieces) {
          if (rows.length >= most) return rows
          if (piece.kind === 'block') {
            const block = Block.open(this.#session.runtime.arena, piece.ptr)
            const end = Math.min(piece.to, piece.from + (most - rows.length))
            for (let at = piece.from; at < end; at += decodeRowsMax) {
              const values = block.decode(at, Math.min(end, at + decodeRowsMax))
              for (let i = 0; i < values.length; i++) rows.push(values[i] as T)
            }
          } else if (piece.kind === 'text') {
            const bytes = Buffer.from(this.#session.runtime.arena.u8.slice(piece.from, piece.to))
            for (const line of linesOf(bytes.toString('utf8'))) {
              if (rows.length < most) rows.push(line as T)
            }
          }
        }
      }
    } finally {
      dataset.release()
    }
    return rows
  }

  /** All rows, in partition order. @example await rdd.collect() */
  async collect(): Promise<T[]> {
    return await this.#rows()
  }

  /** The first `n` rows. @example await rdd.take(10) */
  async take(n: number): Promise<T[]> {
    if (!(Number.isInteger(n) && n >= 0)) {
      throw new PeltonError(
        `take(${preview(n)}): the number of rows must be a whole number from 0 up`,
        {
          code: 'OPTION',
          operator: 'take',
        },
      )
    }
    if (n === 0) return []
    return await this.#rows(n)
  }

  /** The first row; rejects when there is none. @example await rdd.first() */
  async first(): Promise<T> {
    const rows = await this.take(1)
    if (rows.length > 0) return rows[0] as T
    throw new PeltonError('empty collection: first() of an RDD without rows; use take(1)', {
      code: 'EMPTY',
      operator: 'first',
    })
  }

  /** Whether there is no row. @example await rdd.isEmpty() */
  async isEmpty(): Promise<boolean> {
    return (await this.take(1)).length === 0
  }

  /** The number of rows. @example await rdd.count() */
  async count(): Promise<number> {
    if (this.node.persisted) {
      const rows = await this.#keptRows()
      if (rows !== undefined) return rows
    }
    const counted = this.#halves<number>(callOf('count'), ops.count, {}, [], [])
    return (await counted.#rows())[0] ?? 0
  }

  /** How many rows are kept in blocks; undefined when they are not all in blocks. */
  async #keptRows(): Promise<number | undefined> {
    const held = await this.#dataset()
    try {
      const pieces = held.partitions.flat()
      if (!pieces.every(piece => piece.kind === 'block')) return undefined
      return pieces.reduce((rows, piece) => rows + piece.to - piece.from, 0)
    } finally {
      held.release()
    }
  }

  /**
   * All rows reduced to one; rejects when there is none.
   *
   * @example await rdd.reduce((a, b) => a + b)
   */
  async reduce(f: (a: T, b: T) => T): Promise<T> {
    const reduced = this.#halves<T>(callOf('reduce'), ops.reduce, {}, [f], [f])
    const rows = await reduced.#rows()
    if (rows.length > 0) return rows[0] as T
    throw new PeltonError(
      'empty collection: reduce() of an RDD without rows; check isEmpty() first',
      {
        code: 'EMPTY',
        operator: 'reduce',
      },
    )
  }

  /** How often each value occurs. @example (await rdd.countByValue()).get('a') */
  async countByValue(): Promise<Map<T, number>> {
    const params = { partitions: this.#session.partitions }
    const counts = this.#halves<[T, number]>(
      callOf('countByValue'),
      ops.countByValue,
      params,
      [],
      [],
    )
    return new Map(await counts.#rows())
  }

  /** Runs `f` on each row, in the workers: for accumulators and resources. */
  async foreach(f: (row: T) => unknown): Promise<void> {
    const done = this.#apply<unknown>(callOf('foreach'), ops.map, {}, [f])
    const counted = done.#halves<number>(callOf('foreach'), ops.count, {}, [], [])
    ;(await counted.#dataset()).release()
  }

  /** Runs `f` on the rows of each partition, in the workers. */
  async foreachPartition(f: (rows: Iterable<T>, partition: number) => unknown): Promise<void> {
    const done = this.#apply<unknown>(callOf('foreachPartition'), ops.foreachPartition, {}, [f])
    ;(await done.#dataset()).release()
  }

  /**
   * Writes `directory/part-NNNNN`, one file a partition, and `_SUCCESS` at the end.
   * Rejects when the directory exists, unless told to overwrite it.
   *
   * @example await rdd.saveAsTextFile('out/words')
   */
  async saveAsTextFile(directory: string, options: { overwrite?: boolean } = {}): Promise<void> {
    pathOption('saveAsTextFile', 'directory', directory)
    const exists = statSync(directory, { throwIfNoEntry: false }) !== undefined
    if (exists && !options.overwrite) {
      throw new PeltonError(
        `Output directory ${directory} already exists; choose another, or pass { overwrite: true }`,
        { code: 'OUTPUT_EXISTS', operator: 'saveAsTextFile' },
      )
    }
    const temporary = `${directory.replace(/\/+$/, '')}.tmp-${process.pid}-${this.id}`
    mkdirSync(temporary, { recursive: true })
    try {
      const written = this.#apply(callOf('saveAsTextFile'), ops.saveText, { directory: temporary })
      ;(await written.#dataset()).release()
      writeFileSync(join(temporary, '_SUCCESS'), '')
      if (exists) rmSync(directory, { recursive: true, force: true })
      renameSync(temporary, directory)
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true })
      throw error
    }
  }

  /** Whether two rows are equal as keys; for tests of programs. */
  static sameKey(a: unknown, b: unknown): boolean {
    return sameKey(a, b)
  }
}
