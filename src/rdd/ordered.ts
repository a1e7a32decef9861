/** What an RDD can do with rows that have an order, with samples, and with another RDD's rows. */
import { callOf } from '../apply.ts'
import { natural } from '../columnar/natural-order.ts'
import { PeltonError, preview } from '../errors.ts'
import * as ops from '../ops/index.ts'
import { randomNumbers } from '../ops/sample.ts'
import type { RDD } from '../rdd.ts'
import { PairRdd } from './pairs.ts'

/** Negative when `a` comes first. */
export type Compare<T> = (a: T, b: T) => number

/** Order, samples and sets. */
export abstract class OrderedRdd<T> extends PairRdd<T> {
  /** The rows by the order of what `f` gives, in one partition. @example rdd.sortBy(x => -x) */
  sortBy(f: (row: T) => unknown, ascending = true): RDD<T> {
    return this.applied(callOf('sortBy'), ops.sorted, { ascending }, [f])
  }

  /** Pairs of what `f` gives and the row. @example words.keyBy(word => word.length) */
  keyBy<K>(this: RDD<T>, f: (row: T) => K): RDD<[K, T]> {
    return this.map(row => [f(row), row] as [K, T])
  }

  /** All rows by what `f` gives. @example words.groupBy(word => word.length) */
  groupBy<K>(this: RDD<T>, f: (row: T) => K, partitions?: number): RDD<[K, T[]]> {
    return this.keyBy(f).groupByKey(partitions) as RDD<[K, any]>
  }

  /** Pairs of a row and its place among all rows, in one partition. @example rdd.zipWithIndex() */
  zipWithIndex(): RDD<[T, number]> {
    return this.applied(callOf('zipWithIndex'), ops.zipWithIndex)
  }

  /** Rows of both at the same place; as many as the shorter has. @example a.zip(b) */
  zip<U>(this: RDD<T>, other: RDD<U>): RDD<[T, U]> {
    const placed = <R>(rdd: RDD<R>): RDD<[number, R]> =>
      rdd.zipWithIndex().map(pair => [pair[1], pair[0]] as [number, R])
    const joined = placed(this).join(placed(other), 1) as unknown as RDD<[number, [T, U]]>
    return joined.sortByKey().map(pair => pair[1])
  }

  /** `f` of each partition's number and rows. */
  mapPartitionsWithIndex<U>(
    this: RDD<T>,
    f: (partition: number, rows: Iterable<T>) => Iterable<U>,
  ): RDD<U> {
    return this.mapPartitions((rows, partition) => f(partition, rows))
  }

  /** The same rows in `partitions` partitions. @example rdd.coalesce(2) */
  coalesce(this: RDD<T>, partitions: number): RDD<T> {
    return this.repartition(partitions)
  }

  /** Each row of this with each of the other. @example suits.cartesian(ranks) */
  cartesian<U>(this: RDD<T>, other: RDD<U>): RDD<[T, U]> {
    const left = this.map(row => [0, row] as [number, T])
    const right = other.map(row => [0, row] as [number, U])
    const pairs = left.join(right, 1) as unknown as RDD<[number, [T, U]]>
    return pairs.map(pair => pair[1])
  }

  /** The rows that both have, each once. @example a.intersection(b) */
  intersection(this: RDD<T>, other: RDD<T>, partitions?: number): RDD<T> {
    const marked = (rdd: RDD<T>): RDD<[T, number]> => rdd.map(row => [row, 1] as [T, number])
    return marked(this)
      .cogroup(marked(other), partitions)
      .flatMap(([row, [a, b]]) => (a.length > 0 && b.length > 0 ? [row] : []))
  }

  /** The rows that the other does not have. @example all.subtract(seen) */
  subtract(this: RDD<T>, other: RDD<T>, partitions?: number): RDD<T> {
    const marked = (rdd: RDD<T>): RDD<[T, number]> => rdd.map(row => [row, 1] as [T, number])
    return marked(this)
      .subtractByKey(marked(other), partitions)
      .map(pair => pair[0])
  }

  /**
   * About `fraction` of the rows, at random; with replacement each about `fraction` times. The same
   * seed chooses the same rows.
   *
   * @example rdd.sample(false, 0.1, 42)
   */
  sample(withReplacement: boolean, fraction: number, seed = 0): RDD<T> {
    const call = callOf('sample')
    return this.applied(call, ops.sample, ops.sampleParams(call, withReplacement, fraction, seed))
  }

  /** The rows dealt out at random, by weights. @example const [a, b] = rdd.randomSplit([8, 2]) */
  randomSplit(weights: readonly number[], seed = 0): RDD<T>[] {
    const sum = weights.reduce((a, b) => a + b, 0)
    if (!(sum > 0 && weights.every(weight => weight >= 0))) {
      throw new PeltonError(
        `randomSplit: the weights are ${preview(weights)}; give numbers from 0 up, not all 0`,
        { code: 'OPTION', operator: 'randomSplit' },
      )
    }
    let from = 0
    return weights.map(weight => {
      const to = from + weight / sum
      const params = { from, to, seed, replaces: false }
      from = to
      return this.applied<T>(callOf('randomSplit'), ops.sample, params)
    })
  }

  /** `count` rows at random, each at most once. @example await rdd.takeSample(10, 42) */
  async takeSample(this: RDD<T>, count: number, seed = 0): Promise<T[]> {
    const rows = await this.collect()
    const random = randomNumbers(seed)
    for (let i = rows.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      ;[rows[i], rows[j]] = [rows[j] as T, rows[i] as T]
    }
    return rows.slice(0, count)
  }

  /** The first `count` rows of an order. @example await rdd.takeOrdered(3) */
  async takeOrdered(this: RDD<T>, count: number, compare: Compare<T> = natural): Promise<T[]> {
    const parts = await this.mapPartitions(rows =>
      [...rows].sort(compare).slice(0, count),
    ).collect()
    return parts.sort(compare).slice(0, count)
  }

  /** The last `count` rows of an order, the last one first. @example await rdd.top(3) */
  async top(this: RDD<T>, count: number, compare: Compare<T> = natural): Promise<T[]> {
    return await this.takeOrdered(count, (a, b) => compare(b, a))
  }

  /** The last row of an order; rejects when there is none. @example await rdd.max() */
  async max(this: RDD<T>, compare: Compare<T> = natural): Promise<T> {
    return await this.reduce((a, b) => (compare(a, b) >= 0 ? a : b))
  }

  /** The first row of an order; rejects when there is none. @example await rdd.min() */
  async min(this: RDD<T>, compare: Compare<T> = natural): Promise<T> {
    return await this.reduce((a, b) => (compare(a, b) <= 0 ? a : b))
  }
}
