/**
 * Aggregates are data: how an accumulator begins, takes a value, takes another accumulator, lets
 * one go, and what it comes to. This is the table of them, which batches, keys and windows share.
 *
 *   values ─ create, add ─▶ accumulator ─┐
 *   values ─ create, add ─▶ accumulator ─┴─ merge ─▶ accumulator ─ result ─▶ result
 *
 * The functions travel to workers, so they capture plain data or nothing.
 *
 * @example
 * pairs.aggregateByKey(aggregates.mean())
 */
import { natural } from '../columnar/natural-order.ts'
import { preview } from '../errors.ts'
import {
  badRelativeSd,
  estimated,
  joinedSketch,
  registersFor,
  relativeSdDefault,
  sketched,
} from '../state/hyper-log-log.ts'
import { type Digest, digested, emptyDigest, joinedDigest, quantilesOf } from '../state/t-digest.ts'
import { type Aggregate, type All, all, badOption, checkAggregate } from './aggregate-form.ts'

/** Of an aggregate that has an inverse. */
type Reversible<V, A, R> = Required<Aggregate<V, A, R>>

/** The number of values and their sum. */
export type SumOf = [count: number, sum: number]

/** Count, mean, and sum of squared differences from it. */
export type Moments = [count: number, mean: number, squares: number]

/** None, or one. */
type Maybe<V> = V[]

/**
 * The aggregates there are, for `aggregate`, `aggregateByKey` and `aggregateByKeyAndWindow`.
 *
 * @example
 * latencies.aggregateByKeyAndWindow(
 *   aggregates.all({ n: aggregates.count(), p: aggregates.quantiles([0.5, 0.99]) }),
 *   minutes(1),
 * )
 */
export const aggregates = {
  /** The sum of numbers, 0 of none. @example latencies.aggregate(aggregates.sum()) */
  sum: (): Reversible<number, number, number> => ({
    create: () => 0,
    add: (sum, value) => sum + value,
    merge: (a, b) => a + b,
    remove: (a, b) => a - b,
    result: sum => sum,
  }),

  /** How many values there are. @example pairs.aggregateByKey(aggregates.count()) */
  count: (): Reversible<unknown, number, number> => ({
    create: () => 0,
    add: count => count + 1,
    merge: (a, b) => a + b,
    remove: (a, b) => a - b,
    result: count => count,
  }),

  /**
   * The first value of the order that `sortBy` has, undefined of none. A value that is undefined is
   * none.
   *
   * @example pairs.aggregateByKey(aggregates.min())
   */
  min: <V>(): Aggregate<V, V | undefined, V | undefined> => {
    const least = (a: V | undefined, b: V | undefined): V | undefined =>
      a === undefined || natural(b, a) < 0 ? b : a
    return { create: () => undefined, add: least, merge: least, result: a => a }
  },

  /**
   * The last value of that order, undefined of none.
   *
   * @example stream.aggregate(aggregates.max())
   */
  max: <V>(): Aggregate<V, V | undefined, V | undefined> => {
    const most = (a: V | undefined, b: V | undefined): V | undefined =>
      a === undefined || natural(b, a) > 0 ? b : a
    return { create: () => undefined, add: most, merge: most, result: a => a }
  },

  /**
   * The mean of numbers, NaN of none. It is kept as count and sum, so that whole numbers that leave
   * a window leave no rounding behind.
   *
   * @example pairs.aggregateByKey(aggregates.mean())
   */
  mean: (): Reversible<number, SumOf, number> => ({
    create: () => [0, 0],
    add: ([count, sum], value) => [count + 1, sum + value],
    merge: ([n, a], [m, b]) => [n + m, a + b],
    remove: ([n, a], [m, b]) => [n - m, a - b],
    result: ([count, sum]) => sum / count,
  }),

  /**
   * The variance of numbers, of all of them rather than of a sample; NaN of none. A value is added
   * by Welford's rule (1962), accumulators are merged by that of Chan, Golub and LeVeque (1979).
   * There is no inverse: what is left after a large part has gone would be all rounding.
   *
   * @example pairs.aggregateByKey(aggregates.variance())
   */
  variance: (): Aggregate<number, Moments, number> => ({
    create: () => [0, 0, 0],
    add: ([count, mean, squares], value) => {
      const apart = value - mean
      const next = mean + apart / (count + 1)
      return [count + 1, next, squares + apart * (value - next)]
    },
    merge: ([n, a, p], [m, b, q]) => {
      if (m === 0) return [n, a, p]
      if (n === 0) return [m, b, q]
      const apart = b - a
      const mean = a + (apart * m) / (n + m)
      return [n + m, mean, p + q + (apart * apart * n * m) / (n + m)]
    },
    result: ([count, , squares]) => squares / count,
  }),

  /**
   * The value that came first, undefined of none.
   *
   * @example pairs.aggregateByKey(aggregates.first())
   */
  first: <V>(): Aggregate<V, Maybe<V>, V | undefined> => ({
    create: () => [],
    add: (a, value) => (a.length === 0 ? [value] : a),
    merge: (a, b) => (a.length === 0 ? b : a),
    result: a => a[0],
  }),

  /**
   * The value that came last, undefined of none.
   *
   * @example pairs.aggregateByKey(aggregates.last())
   */
  last: <V>(): Aggregate<V, Maybe<V>, V | undefined> => ({
    create: () => [],
    add: (_, value) => [value],
    merge: (a, b) => (b.length === 0 ? a : b),
    result: a => a[0],
  }),

  /** All values in their order. @example pairs.aggregateByKey(aggregates.collect()) */
  collect: <V>(): Aggregate<V, V[], V[]> => ({
    create: () => [],
    add: (values, value) => {
      values.push(value)
      return values
    },
    merge: (a, b) => {
      for (let i = 0; i < b.length; i++) a.push(b[i]!)
      return a
    },
    result: values => values,
  }),

  /**
   * The `k` values for which `by` gives most, most first; of equal ones the first come first.
   * Without `by` the values themselves are compared.
   *
   * @example visits.aggregateByKey(aggregates.topK(3, visit => visit.seconds))
   * @throws PeltonError `OPTION` for a number of values that is none.
   */
  topK: <V>(k: number, by: (value: V) => unknown = value => value) => {
    if (!(Number.isInteger(k) && k >= 0)) {
      throw badOption(
        'topK',
        `the number of values is ${preview(k)}; give a whole number from 0 up`,
      )
    }
    if (typeof by !== 'function') {
      throw badOption('topK', `what to compare by is ${preview(by)}; give a function of a value`)
    }
    return topOf<V>(k, by)
  },

  /**
   * About how many different values there are, by a HyperLogLog sketch of about
   * (1.04 / relativeSd)² bytes; two of three results are no farther off than `relativeSd`.
   *
   * @example visits.aggregateByKey(aggregates.countDistinct(0.01))
   * @throws PeltonError `OPTION` for a deviation below 0.0021, or of 1 and more.
   */
  countDistinct: (relativeSd = relativeSdDefault): Aggregate<unknown, Uint8Array, number> => {
    const needs = badRelativeSd(relativeSd)
    if (needs) {
      throw badOption('countDistinct', `relativeSd is ${preview(relativeSd)}; give ${needs}`)
    }
    const registers = registersFor(relativeSd)
    return {
      create: () => new Uint8Array(registers),
      add: sketched,
      merge: joinedSketch,
      result: estimated,
    }
  },

  /**
   * The numbers below which those parts of all lie, in the order of `qs`: exact of up to five times
   * `compression` numbers, and beyond that about, by a t-digest: a rank is off by at most
   * 2π / compression · √(q(1 - q)) of all, as a rule, and mostly by a third of that. NaN has no
   * rank and is left out.
   *
   * @example latencies.aggregateByKey(aggregates.quantiles([0.5, 0.99]))
   * @throws PeltonError `OPTION` for quantiles that do not lie from 0 to 1, and for a compression
   *   below 20 or above 10000.
   */
  quantiles: (qs: readonly number[], compression = 100): Aggregate<number, Digest, number[]> => {
    if (!(Array.isArray(qs) && qs.every(q => q >= 0 && q <= 1))) {
      throw badOption('quantiles', `they are ${preview(qs)}; give an array of numbers from 0 to 1`)
    }
    if (!(compression >= 20 && compression <= 10_000)) {
      const remedy = 'give a number from 20 to 10000'
      throw badOption('quantiles', `the compression is ${preview(compression)}; ${remedy}`)
    }
    const parts = [...qs]
    return {
      create: () => emptyDigest(compression),
      add: digested,
      merge: joinedDigest,
      result: digest => quantilesOf(digest, parts),
    }
  },

  /**
   * Several at once: an object of their results. It has an inverse if all of them have.
   *
   * @example
   * const both = aggregates.all({ n: aggregates.count(), mean: aggregates.mean() })
   * pairs.aggregateByKey(both) // [key, { n, mean }]
   * @throws PeltonError `OPTION` for what is no aggregate.
   */
  all: all as All,

  /**
   * An aggregate of your own; see `Aggregate` for what its functions owe each other.
   *
   * @example
   * const product = aggregates.of({
   *   create: () => 1,
   *   add: (product, x: number) => product * x,
   *   merge: (a, b) => a * b,
   *   result: product => product,
   * })
   * @throws PeltonError `OPTION` where a function is missing.
   */
  of: <V, A, R>(definition: Aggregate<V, A, R>): Aggregate<V, A, R> => {
    checkAggregate({ label: 'aggregates.of' }, definition)
    return definition
  },
}

type Ranked<V> = [rank: unknown, value: V]

function topOf<V>(k: number, by: (value: V) => unknown): Aggregate<V, Ranked<V>[], V[]> {
  return {
    create: () => [],
    add: (kept, value) => {
      const rank = by(value)
      let at = kept.length
      while (at > 0 && natural(rank, kept[at - 1]![0]) > 0) at--
      if (at < k) kept.splice(at, 0, [rank, value])
      if (kept.length > k) kept.pop()
      return kept
    },
    merge: (a, b) => {
      const merged: Ranked<V>[] = []
      for (let i = 0, j = 0; merged.length < k && (i < a.length || j < b.length); ) {
        // Of equal ones those of `a` came earlier.
        const takesB = j < b.length && (i === a.length || natural(b[j]![0], a[i]![0]) > 0)
        merged.push(takesB ? b[j++]! : a[i++]!)
      }
      return merged
    },
    result: kept => kept.map(ranked => ranked[1]),
  }
}
