/** Operators that take an aggregate, which is data; the table of them is in ops/aggregate.ts. */
import { type Call, composed } from '../apply.ts'
import type { DStream } from '../dstream.ts'
import { type Aggregate, checkAggregate, firstOf, partOf, wholeOf } from '../ops/aggregate-form.ts'
import * as ops from '../ops/index.ts'
import type { Widened } from '../widened.ts'
import { WindowOperators } from './windows.ts'

type AnyAggregate = Aggregate<any, any, any>
/** How many values a key has, and their accumulator. */
type Counted = [count: number, a: unknown]

/** What a stream can do with aggregates. */
export abstract class AggregateOperators<T> extends WindowOperators<T> {
  /**
   * The aggregate of each batch's rows, as one row, for an empty batch too.
   *
   * @example latencies.aggregate(aggregates.quantiles([0.5, 0.99])).print()
   * @throws PeltonError `OPTION` for what is no aggregate.
   */
  aggregate<A, R>(this: DStream<T>, aggregate: Aggregate<T, A, R>): DStream<R> {
    return composed('aggregate', call => {
      checkAggregate(call, aggregate)
      const whole = wholeOf(aggregate)
      const parts = this.mapPartitions(partOf(aggregate))
      return parts.repartition(1).mapPartitions(accumulators => [whole(accumulators)])
    })
  }

  /**
   * The aggregate of each key's values.
   *
   * @example pairs.aggregateByKey(aggregates.mean())
   * @throws PeltonError `OPTION` for what is no aggregate.
   */
  aggregateByKey<K, V, A, R>(
    this: DStream<readonly [K, V]>,
    aggregate: Aggregate<Widened<V>, A, R>,
    partitions?: number,
  ): DStream<[K, R]>
  aggregateByKey(aggregate: AnyAggregate, partitions?: number): DStream<unknown> {
    return composed('aggregateByKey', call => {
      checkAggregate(call, aggregate)
      return this.#combined(call, aggregate, partitions).mapValues(aggregate.result)
    })
  }

  /**
   * The aggregate of each key's values in a window. Where the aggregate has an inverse, `remove`, a
   * slide reads what enters and leaves, and not the batches that stay: fractions then carry the
   * rounding of what has left, and an infinite sum or NaN stays until the key has no values. Keys
   * whose values have all left are not there.
   *
   * @example pairs.aggregateByKeyAndWindow(aggregates.mean(), seconds(30), seconds(10))
   * @throws PeltonError `OPTION` for what is no aggregate, and for durations that are no multiples
   *   of this stream's slide.
   */
  aggregateByKeyAndWindow<K, V, A, R>(
    this: DStream<readonly [K, V]>,
    aggregate: Aggregate<Widened<V>, A, R>,
    windowDuration: number,
    slideDuration?: number,
    options?: { readonly partitions?: number },
  ): DStream<[K, R]>
  aggregateByKeyAndWindow(
    aggregate: AnyAggregate,
    window: number,
    slide?: number,
    options: { readonly partitions?: number } = {},
  ): DStream<unknown> {
    return composed('aggregateByKeyAndWindow', call => {
      checkAggregate(call, aggregate)
      const { create, add, merge, remove, result } = aggregate
      const partitions = this.partitionsOf(call.label, options.partitions)
      if (!remove) {
        return this.#combined(call, aggregate, partitions)
          .window(window, slide)
          .reducedByKey<[key: unknown, a: unknown]>(call, merge, partitions)
          .mapValues(result)
      }
      const first = (value: unknown): Counted => [1, add(create(), value)]
      const next = ([n, a]: Counted, value: unknown): Counted => [n + 1, add(a, value)]
      const joined = ([n, a]: Counted, [m, b]: Counted): Counted => [n + m, merge(a, b)]
      const left = ([n, a]: Counted, [m, b]: Counted): Counted => [n - m, remove(a, b)]
      const combined = this.halved(call, ops.combineByKey, { partitions }, [first, next], [joined])
      return this.slid<[unknown, Counted]>(call, combined, {
        add: joined,
        remove: left,
        filter: (pair: readonly [unknown, Counted]) => pair[1][0] > 0,
        window,
        slide,
        partitions,
      }).mapValues(counted => result(counted[1]))
    })
  }

  /** Pairs of a key and its values' accumulator, of each batch. */
  #combined(
    call: Call,
    aggregate: AnyAggregate,
    partitions: number | undefined,
  ): DStream<[key: unknown, a: unknown]> {
    const params = { partitions: this.partitionsOf(call.label, partitions) }
    const { add, merge } = aggregate
    return this.halved(call, ops.combineByKey, params, [firstOf(aggregate), add], [merge])
  }
}
