/** Actions that gather rows to one value, and statistics of numbers. */
import { composed } from '../apply.ts'
import { PeltonError, preview } from '../errors.ts'
import { type Aggregate, checkAggregate, partOf, wholeOf } from '../ops/aggregate-form.ts'
import type { RDD } from '../rdd.ts'
import { OrderedRdd } from './ordered.ts'

/** What `stats()` tells of numbers; of none, count and sum are 0 and the rest is NaN. */
export interface Statistics {
  readonly count: number
  readonly sum: number
  readonly mean: number
  readonly min: number
  readonly max: number
  /** Of all numbers; `sampleVariance` estimates that of what they are a sample of. */
  readonly variance: number
  readonly stdev: number
  readonly sampleVariance: number
  readonly sampleStdev: number
}

/** Count, mean and sum of squared differences from it (Welford 1962), least and greatest. */
type Moments = readonly [n: number, mean: number, squares: number, min: number, max: number]

/** Chan, Golub and LeVeque 1979. */
function joined([n, a, p, min, max]: Moments, [m, b, q, least, most]: Moments): Moments {
  if (m === 0) return [n, a, p, min, max]
  if (n === 0) return [m, b, q, least, most]
  const apart = b - a
  const mean = a + (apart * m) / (n + m)
  const squares = p + q + (apart * apart * n * m) / (n + m)
  return [n + m, mean, squares, Math.min(min, least), Math.max(max, most)]
}

/** Aggregates and statistics. */
export abstract class NumberRdd<T> extends OrderedRdd<T> {
  /**
   * All rows added to copies of `zero`, one a partition, and those merged in their order. Or the
   * aggregate of all rows.
   *
   * @example
   * await words.aggregate(0, (n, word) => n + word.length, (a, b) => a + b)
   * await numbers.aggregate(aggregates.variance())
   * @throws PeltonError `OPTION` for what is no aggregate.
   */
  async aggregate<C>(
    this: RDD<T>,
    zero: C,
    add: (combined: C, row: T) => C,
    merge: (a: C, b: C) => C,
  ): Promise<C>
  async aggregate<A, R>(this: RDD<T>, aggregate: Aggregate<T, A, R>): Promise<R>
  async aggregate(this: RDD<T>, zero: any, ...rest: any[]): Promise<unknown> {
    const aggregate: Aggregate<T, unknown, unknown> =
      rest.length === 0
        ? zero
        : { create: () => structuredClone(zero), add: rest[0], merge: rest[1], result: a => a }
    const parts = composed('aggregate', call => {
      checkAggregate(call, aggregate)
      return this.mapPartitions(partOf(aggregate))
    })
    return wholeOf(aggregate)(await parts.collect())
  }

  /** `reduce` that begins with `zero` in every partition. @example await rdd.fold(0, add) */
  async fold(this: RDD<T>, zero: T, f: (a: T, b: T) => T): Promise<T> {
    return await this.aggregate(zero, f, f)
  }

  /** The same as `reduce`. @example await rdd.treeReduce((a, b) => a + b) */
  async treeReduce(this: RDD<T>, f: (a: T, b: T) => T): Promise<T> {
    return await this.reduce(f)
  }

  /** The same as `aggregate`. */
  async treeAggregate<C>(
    this: RDD<T>,
    zero: C,
    add: (combined: C, row: T) => C,
    merge: (a: C, b: C) => C,
  ): Promise<C> {
    return await this.aggregate(zero, add, merge)
  }

  /** The sum of numbers, 0 of none. @example await numbers.sum() */
  async sum(this: RDD<number>): Promise<number> {
    return await this.fold(0, (a, b) => a + b)
  }

  /** Count, mean, variance and more of numbers. @example (await numbers.stats()).stdev */
  async stats(this: RDD<number>): Promise<Statistics> {
    const parts = await this.mapPartitions(rows => {
      let [n, mean, squares, min, max, sum] = [0, 0, 0, Infinity, -Infinity, 0]
      for (const x of rows) {
        n++
        const apart = x - mean
        mean += apart / n
        squares += apart * (x - mean)
        sum += x
        min = Math.min(min, x)
        max = Math.max(max, x)
      }
      return [{ moments: [n, mean, squares, min, max] as Moments, sum }]
    }).collect()
    const none: Moments = [0, Number.NaN, 0, Number.NaN, Number.NaN]
    const moments = parts.map(part => part.moments).reduce(joined, none)
    const [count, mean, squares, min, max] = moments
    const sum = parts.reduce((all, part) => all + part.sum, 0)
    const variance = squares / count
    const sampleVariance = squares / (count - 1)
    const stdev = Math.sqrt(variance)
    const sampleStdev = Math.sqrt(sampleVariance)
    return { count, sum, mean, min, max, variance, stdev, sampleVariance, sampleStdev }
  }

  /** The mean of numbers, NaN of none. @example await numbers.mean() */
  async mean(this: RDD<number>): Promise<number> {
    return (await this.stats()).mean
  }

  /** The variance of numbers, NaN of none. @example await numbers.variance() */
  async variance(this: RDD<number>): Promise<number> {
    return (await this.stats()).variance
  }

  /** The standard deviation of numbers, NaN of none. @example await numbers.stdev() */
  async stdev(this: RDD<number>): Promise<number> {
    return (await this.stats()).stdev
  }

  /** The variance of what the numbers are a sample of. @example await numbers.sampleVariance() */
  async sampleVariance(this: RDD<number>): Promise<number> {
    return (await this.stats()).sampleVariance
  }

  /** The standard deviation of what the numbers are a sample of. */
  async sampleStdev(this: RDD<number>): Promise<number> {
    return (await this.stats()).sampleStdev
  }

  /**
   * How many numbers lie in each bucket: between edges that rise, the last one included.
   *
   * @example await numbers.histogram([0, 10, 100])
   */
  async histogram(this: RDD<number>, edges: readonly number[]): Promise<number[]> {
    const rises = edges.every((edge, i) => i === 0 || edge > edges[i - 1]!)
    if (edges.length < 2 || !rises) {
      throw new PeltonError(
        `histogram: the edges are ${preview(edges)}; give at least two numbers, each greater ` +
          'than the one before',
        { code: 'OPTION', operator: 'histogram' },
      )
    }
    const parts = await this.mapPartitions(rows => {
      const counts = new Array<number>(edges.length - 1).fill(0)
      for (const x of rows) {
        const last = edges.length - 1
        const bucket = x === edges[last] ? last - 1 : edges.findLastIndex(edge => edge <= x)
        if (bucket >= 0 && bucket < last) counts[bucket]!++
      }
      return [counts]
    }).collect()
    return edges.slice(1).map((_, i) => parts.reduce((sum, counts) => sum + counts[i]!, 0))
  }

  /**
   * The rows one by one, in partition order.
   *
   * @example for await (const row of rdd.toLocalIterator()) console.log(row)
   */
  async *toLocalIterator(this: RDD<T>): AsyncGenerator<T> {
    for (const row of await this.collect()) yield row
  }
}
