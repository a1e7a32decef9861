/** RDD<T>: a distributed collection at one time. Lazy; actions return promises. */
import { callOf, partitionsOption, stepOf } from './apply.ts'
import { sameKey } from './columnar/keys.ts'
import type { RddNode } from './engine/dag.ts'
import { activeScope, derived, type RddScope } from './engine/session.ts'
import { PeltonError, preview } from './errors.ts'
import * as ops from './ops/index.ts'
import type { AsyncOptions } from './ops/map-async.ts'
import { SavedRdd } from './rdd/saved.ts'

/**
 * A collection in partitions, computed when an action asks for it. Transformations run in the
 * workers; the functions given to them are captured with their values.
 *
 * @example
 * const rdd = ssc.parallelize([1, 2, 3, 4])
 * await rdd.map(x => x * 2).filter(x => x > 2).collect() // [4, 6, 8]
 */
export class RDD<T> extends SavedRdd<T> {
  protected made<U>(node: RddNode, scope: RddScope): RDD<U> {
    return new RDD<U>(this.session, node, scope)
  }

  /** `f` of each row. @example rdd.map(x => x + 1) */
  map<U>(f: (row: T) => U): RDD<U> {
    return this.applied(callOf('map'), ops.map, {}, [f])
  }

  /** The rows for which `f` is truthy. @example rdd.filter(x => x > 0) */
  filter<S extends T>(f: (row: T) => row is S): RDD<S>
  filter(f: (row: T) => unknown): RDD<T>
  filter(f: (row: T) => unknown): RDD<T> {
    return this.applied(callOf('filter'), ops.filter, {}, [f])
  }

  /** The elements of what `f` returns for each row. @example rdd.flatMap(l => l.split(' ')) */
  flatMap<U>(f: (row: T) => Iterable<U>): RDD<U> {
    return this.applied(callOf('flatMap'), ops.flatMap, {}, [f])
  }

  /**
   * What an async `f` resolves to for each row; options as in `DStream.mapAsync`.
   *
   * @example rdd.mapAsync(async id => await cache.get().lookUp(id), { concurrency: 32 })
   */
  mapAsync<U>(f: (row: T) => Promise<U> | U, options: AsyncOptions = {}): RDD<U> {
    return this.applied(callOf('mapAsync'), ops.mapAsync, ops.asyncParams(options), [f])
  }

  /** `f` of each partition's rows. @example rdd.mapPartitions(rows => [[...rows].length]) */
  mapPartitions<U>(f: (rows: Iterable<T>, partition: number) => Iterable<U>): RDD<U> {
    return this.applied(callOf('mapPartitions'), ops.mapPartitions, {}, [f])
  }

  /** One array a partition. @example rdd.glom() */
  glom(): RDD<T[]> {
    return this.applied(callOf('glom'), ops.glom)
  }

  /** The rows of both, this one's first. @example a.union(b) */
  union(other: RDD<T>): RDD<T> {
    const call = callOf('union')
    this.usableWith(other, call)
    const scope = activeScope(this.session)
    const step = stepOf(call, ops.union)
    return new RDD(this.session, derived(scope, step, [this.node, other.node]), scope)
  }

  /** The same rows in exactly `partitions` partitions. @example rdd.repartition(8) */
  repartition(partitions: number): RDD<T> {
    const call = callOf('repartition')
    return this.applied(call, ops.repartition, {
      partitions: partitionsOption('repartition', partitions ?? Number.NaN, 0),
    })
  }

  /** Each row once; rows are compared as keys are. @example rdd.distinct() */
  distinct(partitions?: number): RDD<T> {
    const params = { partitions: this.partitionsOf('distinct', partitions) }
    return this.halved(callOf('distinct'), ops.distinct, params, [], [])
  }

  /** Keeps the rows in the arena once they have been computed. @example rdd.persist() */
  persist(): this {
    this.scope.check()
    this.node.persisted = true
    return this
  }

  /** The same as `persist()`. */
  cache(): this {
    return this.persist()
  }

  /**
   * Cuts the lineage: the first action that computes the rows keeps them in the arena, as `persist`
   * does, and what they were made of is let go. There is no way back: `unpersist` is an error then.
   * The rows last as long as the RDD; a directory is what `saveAsObjectFile` is for.
   *
   * @example for (let i = 0; i < 1000; i++) ranks = step(ranks).localCheckpoint()
   */
  localCheckpoint(): this {
    this.persist()
    this.node.endLineage()
    return this
  }

  /** The same as `localCheckpoint()`: an RDD never outlives its process. */
  checkpoint(): this {
    return this.localCheckpoint()
  }

  /** Gives back what `persist` keeps. */
  unpersist(): this {
    if (this.node.endsLineage) {
      throw new PeltonError(
        `unpersist() of ${this.called} that was checkpointed: its rows could not be computed ` +
          'again. Let go of the RDD instead, or call persist() where you called checkpoint',
        { code: 'STATE', operator: 'unpersist' },
      )
    }
    this.node.persisted = false
    this.node.holdings.release()
    return this
  }

  /** Persists the rows and computes them now. @example await rdd.materialize() */
  async materialize(): Promise<this> {
    this.persist()
    await this.session.scheduler.materialise(this.node, this.scope.batchTime)
    return this
  }

  /**
   * All rows, in partition order. With a function it is no action but Spark's `collect` of a
   * partial function: an RDD of what `f` gives, without the rows for which that is undefined.
   *
   * @example await rdd.collect()
   * @example rdd.collect(line => /^id=(.*)/.exec(line)?.[1])
   */
  collect<U>(f: (row: T) => U | undefined): RDD<U>
  collect(): Promise<T[]>
  collect(f?: (row: T) => unknown): Promise<T[]> | RDD<unknown> {
    if (f === undefined) return this.rows()
    const made = this.applied<unknown>(callOf('collect'), ops.map, {}, [f])
    return made.filter(row => row !== undefined)
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
    return await this.rows(n)
  }

  /** The first row; rejects when there is none. @example await rdd.first() */
  async first(): Promise<T> {
    const rows = await this.take(1)
    if (rows.length > 0) return rows[0] as T
    throw new PeltonError(`empty collection: first() of ${this.called} without rows; use take(1)`, {
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
      const rows = await this.keptRows()
      if (rows !== undefined) return rows
    }
    const counted = this.halved<number>(callOf('count'), ops.count, {}, [], [])
    return (await counted.rows())[0] ?? 0
  }

  /**
   * All rows reduced to one; rejects when there is none.
   *
   * @example await rdd.reduce((a, b) => a + b)
   */
  async reduce(f: (a: T, b: T) => T): Promise<T> {
    const reduced = this.halved<T>(callOf('reduce'), ops.reduce, {}, [f], [f])
    const rows = await reduced.rows()
    if (rows.length > 0) return rows[0] as T
    throw new PeltonError(
      `empty collection: reduce() of ${this.called} without rows; check isEmpty() first`,
      {
        code: 'EMPTY',
        operator: 'reduce',
      },
    )
  }

  /** How often each value occurs. @example (await rdd.countByValue()).get('a') */
  async countByValue(): Promise<Map<T, number>> {
    const params = { partitions: this.session.partitions }
    const counts = this.halved<[T, number]>(
      callOf('countByValue'),
      ops.countByValue,
      params,
      [],
      [],
    )
    return new Map(await counts.rows())
  }

  /** Runs `f` on each row, in the workers: for accumulators and resources. */
  async foreach(f: (row: T) => unknown): Promise<void> {
    const done = this.applied<unknown>(callOf('foreach'), ops.tap, {}, [f])
    const counted = done.halved<number>(callOf('foreach'), ops.count, {}, [], [])
    ;(await counted.held()).release()
  }

  /** Runs `f` on the rows of each partition, in the workers. */
  async foreachPartition(f: (rows: Iterable<T>, partition: number) => unknown): Promise<void> {
    const done = this.applied<unknown>(callOf('foreachPartition'), ops.foreachPartition, {}, [f])
    ;(await done.held()).release()
  }

  /** Whether two rows are equal as keys; for tests of programs. */
  static sameKey(a: unknown, b: unknown): boolean {
    return sameKey(a, b)
  }
}
