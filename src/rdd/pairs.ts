/** Operators and actions of RDDs of pairs. */
import { type Call, callOf, composed } from '../apply.ts'
import { sameKey } from '../columnar/keys.ts'
import { natural } from '../columnar/natural-order.ts'
import type { Operator, Params } from '../engine/operator.ts'
import { misused, preview } from '../errors.ts'
import { combination, combined } from '../facade/combined.ts'
import { type Aggregate, checkAggregate, firstOf } from '../ops/aggregate-form.ts'
import * as ops from '../ops/index.ts'
import type { RDD } from '../rdd.ts'
import type { Widened } from '../widened.ts'
import { RddBase } from './base.ts'

type Add = (a: unknown, value: unknown) => unknown

/** What an RDD can do whose rows are pairs. */
export abstract class PairRdd<T> extends RddBase<T> {
  /** One pair a key, values reduced by `f`. @example pairs.reduceByKey((a, b) => a + b) */
  reduceByKey<K, V>(
    this: RDD<readonly [K, V]>,
    f: (a: Widened<V>, b: Widened<V>) => Widened<V>,
    partitions?: number,
  ): RDD<[K, Widened<V>]>
  reduceByKey(f: Function, partitions?: number): RDD<unknown> {
    const params = { partitions: this.partitionsOf('reduceByKey', partitions) }
    return this.halved(callOf('reduceByKey'), ops.reduceByKey, params, [f], [f])
  }

  /** All values of each key. @example pairs.groupByKey() */
  groupByKey<K, V>(this: RDD<readonly [K, V]>, partitions?: number): RDD<[K, Widened<V>[]]>
  groupByKey(partitions?: number): RDD<unknown> {
    const params = { partitions: this.partitionsOf('groupByKey', partitions) }
    return this.applied(callOf('groupByKey'), ops.groupByKey, params)
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
    const call = callOf('combineByKey')
    const params = { partitions: this.partitionsOf(call.label, partitions) }
    return this.halved(call, ops.combineByKey, params, [create, mergeValue], [mergeCombiners])
  }

  /** `f` of each pair's value. @example pairs.mapValues(v => v * 2) */
  mapValues<K, V, U>(this: RDD<readonly [K, V]>, f: (value: V) => U): RDD<[K, U]>
  mapValues(f: Function): RDD<unknown> {
    return this.applied(callOf('mapValues'), ops.mapValues, {}, [f])
  }

  /** A pair for each element of `f(value)`. @example pairs.flatMapValues(v => [v, -v]) */
  flatMapValues<K, V, U>(this: RDD<readonly [K, V]>, f: (value: V) => Iterable<U>): RDD<[K, U]>
  flatMapValues(f: Function): RDD<unknown> {
    return this.applied(callOf('flatMapValues'), ops.flatMapValues, {}, [f])
  }

  /** For each key the values of both. @example clicks.cogroup(orders) */
  cogroup<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: number,
  ): RDD<[K, [Widened<V>[], Widened<W>[]]]> {
    return this.combinedWith('cogroup', ops.cogroup, [other], partitions)
  }

  /**
   * For each key the values of this and of one to three others.
   *
   * @example clicks.groupWith(orders, refunds) // [key, [clicks, orders, refunds]]
   */
  groupWith<K, V, W>(
    this: RDD<readonly [K, V]>,
    ...others: [RDD<readonly [K, W]>]
  ): RDD<[K, [Widened<V>[], Widened<W>[]]]>
  groupWith<K, V, W1, W2>(
    this: RDD<readonly [K, V]>,
    ...others: [RDD<readonly [K, W1]>, RDD<readonly [K, W2]>]
  ): RDD<[K, [Widened<V>[], Widened<W1>[], Widened<W2>[]]]>
  groupWith<K, V, W1, W2, W3>(
    this: RDD<readonly [K, V]>,
    ...others: [RDD<readonly [K, W1]>, RDD<readonly [K, W2]>, RDD<readonly [K, W3]>]
  ): RDD<[K, [Widened<V>[], Widened<W1>[], Widened<W2>[], Widened<W3>[]]]>
  groupWith(...others: RDD<any>[]): RDD<unknown> {
    if (others.length === 0 || others.length > 3) {
      throw misused(callOf('groupWith'), `takes one to three RDDs; got ${others.length}`)
    }
    return this.combinedWith('groupWith', ops.cogroup, others, undefined)
  }

  /** Values of both with the same key. @example orders.join(payments) */
  join<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: number,
  ): RDD<[K, [Widened<V>, Widened<W>]]> {
    return this.combinedWith('join', ops.join, [other], partitions)
  }

  /** `join` that keeps keys of this RDD alone. @example orders.leftOuterJoin(payments) */
  leftOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: number,
  ): RDD<[K, [Widened<V>, Widened<W> | undefined]]> {
    return this.combinedWith('leftOuterJoin', ops.join, [other], partitions, { keepsLeft: true })
  }

  /** `join` that keeps keys of the other alone. @example orders.rightOuterJoin(payments) */
  rightOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: number,
  ): RDD<[K, [Widened<V> | undefined, Widened<W>]]> {
    return this.combinedWith('rightOuterJoin', ops.join, [other], partitions, { keepsRight: true })
  }

  /** `join` that keeps keys of either alone. @example orders.fullOuterJoin(payments) */
  fullOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: number,
  ): RDD<[K, [Widened<V> | undefined, Widened<W> | undefined]]> {
    const keeps = { keepsLeft: true, keepsRight: true }
    return this.combinedWith('fullOuterJoin', ops.join, [other], partitions, keeps)
  }

  /** The pairs whose keys the other does not have. @example all.subtractByKey(seen) */
  subtractByKey<K, V>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, unknown]>,
    partitions?: number,
  ): RDD<[K, Widened<V>]> {
    return this.cogroup(other, partitions).flatMap(([key, [values, others]]) =>
      others.length > 0 ? [] : values.map(value => [key, value] as [K, Widened<V>]),
    )
  }

  /**
   * Pairs where the hash of their key puts them, in the order of their keys within each partition.
   *
   * @example pairs.repartitionAndSortWithinPartitions(8)
   */
  repartitionAndSortWithinPartitions<K, V>(
    this: RDD<readonly [K, V]>,
    partitions?: number,
  ): RDD<readonly [K, V]>
  repartitionAndSortWithinPartitions(partitions?: number): RDD<unknown> {
    const label = 'repartitionAndSortWithinPartitions'
    const params = { ascending: true, partitions: this.partitionsOf(label, partitions) }
    const key = (pair: readonly unknown[]): unknown => pair[0]
    return this.applied(callOf(label), ops.sorted, params, [key])
  }

  /**
   * The pairs whose keys lie between two, both included, in the order that `sortByKey` has.
   *
   * @example readings.filterByRange('2024-01', '2024-06')
   */
  filterByRange<K, V>(this: RDD<readonly [K, V]>, lower: K, upper: K): RDD<readonly [K, V]>
  filterByRange(lower: unknown, upper: unknown): RDD<unknown> {
    const call = callOf('filterByRange')
    for (const [name, bound] of Object.entries({ lower, upper })) {
      if (bound !== undefined && bound !== null) continue
      throw misused(call, `needs two keys; its ${name} one is ${bound}`)
    }
    const isWithin = (pair: readonly unknown[]): boolean =>
      natural(pair[0], lower) >= 0 && natural(pair[0], upper) <= 0
    return this.applied(call, ops.filter, {}, [isWithin])
  }

  /**
   * Pairs chosen at random as by `sample`, each key's by its own fraction, from a Map or an object.
   * A pair whose key has no fraction is an error.
   *
   * @example clicks.sampleByKey(false, { robot: 0.01, human: 1 }, 42)
   */
  sampleByKey<K, V>(
    this: RDD<readonly [K, V]>,
    withReplacement: boolean,
    fractions: ReadonlyMap<K, number> | Readonly<Record<string, number>>,
    seed?: number,
  ): RDD<[K, V]>
  sampleByKey(replaces: boolean, by: ReadonlyMap<unknown, number> | object, seed = 0) {
    const call = callOf('sampleByKey')
    if (typeof by !== 'object' || by === null) {
      throw misused(call, `needs a Map or an object of fractions; got ${preview(by)}`)
    }
    const fractions = [...(by instanceof Map ? by : Object.entries(by))] as [unknown, number][]
    const most = replaces ? Number.MAX_VALUE : 1
    for (const [key, fraction] of fractions) {
      if (fraction >= 0 && fraction <= most) continue
      const range = replaces ? 'from 0 up' : 'from 0 to 1'
      const got = `${preview(fraction)} for the key ${preview(key)}`
      throw misused(call, `needs fractions ${range}; got ${got}`)
    }
    return this.applied<any>(call, ops.sampleByKey, { fractions, seed, replaces })
  }

  /** Pairs where the hash of their key puts them. @example pairs.partitionBy(8) */
  partitionBy(partitions?: number): RDD<T> {
    const params = { partitions: this.partitionsOf('partitionBy', partitions) }
    return this.applied(callOf('partitionBy'), ops.partitionBy, params)
  }

  protected combinedWith<U>(
    label: string,
    operator: Operator,
    others: readonly RDD<any>[],
    partitions: number | undefined,
    params: Params = {},
  ): RDD<U> {
    const call: Call = callOf(label)
    for (const other of others) this.usableWith(other, call)
    const sides = [this, ...others].map(rdd => [rdd.node])
    const all = { ...params, partitions: this.partitionsOf(label, partitions), sides: sides.length }
    return this.adopted(combined(combination(call, operator, all), sides))
  }

  /** The first parts of pairs. @example counts.keys() */
  keys<K, V>(this: RDD<readonly [K, V]>): RDD<K> {
    return this.map(pair => pair[0])
  }

  /** The second parts of pairs. @example counts.values() */
  values<K, V>(this: RDD<readonly [K, V]>): RDD<V> {
    return this.map(pair => pair[1])
  }

  /**
   * One value a key: `add` adds each value to a copy of `zero`, `merge` joins what partitions made.
   * Or the aggregate of each key's values.
   *
   * @example
   * pairs.aggregateByKey(0, (n, text) => n + text.length, (a, b) => a + b)
   * pairs.aggregateByKey(aggregates.mean())
   * @throws PeltonError `OPTION` for what is no aggregate.
   */
  aggregateByKey<K, V, C>(
    this: RDD<readonly [K, V]>,
    zero: C,
    add: (combined: C, value: Widened<V>) => C,
    merge: (a: C, b: C) => C,
    partitions?: number,
  ): RDD<[K, C]>
  aggregateByKey<K, V, A, R>(
    this: RDD<readonly [K, V]>,
    aggregate: Aggregate<Widened<V>, A, R>,
    partitions?: number,
  ): RDD<[K, R]>
  aggregateByKey(this: RDD<readonly [any, any]>, zero: any, ...rest: any[]): RDD<unknown> {
    if (typeof rest[0] === 'function') {
      const [add, merge, partitions] = rest as [Add, Add, number?]
      const create = (value: unknown): unknown => add(structuredClone(zero), value)
      return this.combineByKey(create, add, merge, partitions)
    }
    return composed('aggregateByKey', call => {
      checkAggregate(call, zero)
      const { add, merge, result } = zero as Aggregate<unknown, unknown, unknown>
      return this.combineByKey(firstOf(zero), add, merge, rest[0]).mapValues(result)
    })
  }

  /** `reduceByKey` that begins with `zero` once a partition. @example pairs.foldByKey(0, add) */
  foldByKey<K, V>(
    this: RDD<readonly [K, V]>,
    zero: Widened<V>,
    f: (a: Widened<V>, b: Widened<V>) => Widened<V>,
    partitions?: number,
  ): RDD<[K, Widened<V>]> {
    return this.aggregateByKey(zero, f, f, partitions)
  }

  /** The pairs ordered by key, in one partition. @example counts.sortByKey(false) */
  sortByKey<K, V>(this: RDD<readonly [K, V]>, ascending = true): RDD<readonly [K, V]> {
    return this.sortBy(pair => pair[0], ascending)
  }

  /** How many pairs each key has. @example (await pairs.countByKey()).get('a') */
  async countByKey<K, V>(this: RDD<readonly [K, V]>): Promise<Map<K, number>> {
    return await this.keys().countByValue()
  }

  /** The values of a key. @example await pairs.lookup('a') */
  async lookup<K, V>(this: RDD<readonly [K, V]>, key: K): Promise<V[]> {
    const pairs = await this.filter(pair => sameKey(pair[0], key)).collect()
    return pairs.map(pair => pair[1])
  }

  /** The pairs as a Map; of equal keys the last one counts. @example await pairs.collectAsMap() */
  async collectAsMap<K, V>(this: RDD<readonly [K, V]>): Promise<Map<K, V>> {
    return new Map(await this.collect())
  }

  /** `reduceByKey` as a Map on the main thread. @example await pairs.reduceByKeyLocally(add) */
  async reduceByKeyLocally<K, V>(
    this: RDD<readonly [K, V]>,
    f: (a: Widened<V>, b: Widened<V>) => Widened<V>,
  ): Promise<Map<K, Widened<V>>> {
    return new Map(await this.reduceByKey(f).collect())
  }
}
