/** Operators of streams of pairs: one line an operator; the logic is in ops/ and facade/. */
import { type Call, callOf } from '../apply.ts'
import type { StreamingContext } from '../context.ts'
import type { DStream, MapWithStateDStream, StateDStream } from '../dstream.ts'
import type { StreamNode } from '../engine/dag.ts'
import type { Operator, Params } from '../engine/operator.ts'
import { badCall, type PeltonError, preview } from '../errors.ts'
import { combination, combinedStream } from '../facade/combined.ts'
import { type MapState, mapState, stateStream } from '../facade/running.ts'
import * as ops from '../ops/index.ts'
import { RDD } from '../rdd.ts'
import { StateSpec } from '../state-spec.ts'
import type { Widened } from '../widened.ts'
import { StreamBase } from './base.ts'
import { checkSameSlide } from './same-slide.ts'

/** How a state by key begins, and into how many partitions it is cut. */
export interface UpdateOptions<K, S> {
  readonly initialState?: readonly (readonly [K, S])[] | RDD<readonly [K, S]>
  readonly partitions?: number
}

/** What a stream can do whose rows are pairs. */
export abstract class PairOperators<T> extends StreamBase<T> {
  /** One pair a key, values reduced by `f`. @example pairs.reduceByKey((a, b) => a + b) */
  reduceByKey<K, V>(
    this: DStream<readonly [K, V]>,
    f: (a: Widened<V>, b: Widened<V>) => Widened<V>,
    partitions?: number,
  ): DStream<[K, Widened<V>]>
  reduceByKey(f: Function, partitions?: number): DStream<unknown> {
    const params = { partitions: this.partitionsOf('reduceByKey', partitions) }
    return this.halved(callOf('reduceByKey'), ops.reduceByKey, params, [f], [f])
  }

  /** All values of each key. @example pairs.groupByKey() */
  groupByKey<K, V>(this: DStream<readonly [K, V]>, partitions?: number): DStream<[K, Widened<V>[]]>
  groupByKey(partitions?: number): DStream<unknown> {
    const call = callOf('groupByKey')
    const params = { partitions: this.partitionsOf(call.label, partitions) }
    return this.applied(call, ops.groupByKey, params)
  }

  /**
   * One combined value a key.
   *
   * @example pairs.combineByKey(v => [v], (c, v) => [...c, v], (a, b) => [...a, ...b])
   */
  combineByKey<K, V, C>(
    this: DStream<readonly [K, V]>,
    create: (value: Widened<V>) => C,
    mergeValue: (combined: C, value: Widened<V>) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitions?: number,
  ): DStream<[K, C]>
  combineByKey(
    create: Function,
    mergeValue: Function,
    mergeCombiners: Function,
    partitions?: number,
  ): DStream<unknown> {
    const params = { partitions: this.partitionsOf('combineByKey', partitions) }
    const call = callOf('combineByKey')
    return this.halved(call, ops.combineByKey, params, [create, mergeValue], [mergeCombiners])
  }

  /** Pairs where the hash of their key puts them. @example pairs.partitionBy(8) */
  partitionBy<P extends readonly [unknown, unknown]>(
    this: DStream<P>,
    partitions?: number,
  ): DStream<P>
  partitionBy(partitions?: number): DStream<T> {
    const params = { partitions: this.partitionsOf('partitionBy', partitions) }
    return this.applied(callOf('partitionBy'), ops.partitionBy, params)
  }

  /** `f` of each pair's value. @example pairs.mapValues(v => v * 2) */
  mapValues<K, V, U>(this: DStream<readonly [K, V]>, f: (value: V) => U): DStream<[K, U]>
  mapValues(f: Function): DStream<unknown> {
    return this.applied(callOf('mapValues'), ops.mapValues, {}, [f])
  }

  /** A pair for each element of `f(value)`. @example pairs.flatMapValues(v => [v, -v]) */
  flatMapValues<K, V, U>(
    this: DStream<readonly [K, V]>,
    f: (value: V) => Iterable<U>,
  ): DStream<[K, U]>
  flatMapValues(f: Function): DStream<unknown> {
    return this.applied(callOf('flatMapValues'), ops.flatMapValues, {}, [f])
  }

  /** For each key the values of both. @example clicks.cogroup(orders) */
  cogroup<K, V, W>(
    this: DStream<readonly [K, V]>,
    other: DStream<readonly [K, W]>,
    partitions?: number,
  ): DStream<[K, [Widened<V>[], Widened<W>[]]]> {
    return this.combinedWith('cogroup', ops.cogroup, other, partitions)
  }

  /** Values of both with the same key. @example orders.join(payments) */
  join<K, V, W>(
    this: DStream<readonly [K, V]>,
    other: DStream<readonly [K, W]>,
    partitions?: number,
  ): DStream<[K, [Widened<V>, Widened<W>]]> {
    return this.combinedWith('join', ops.join, other, partitions)
  }

  /** `join` that keeps keys of this stream alone. @example orders.leftOuterJoin(payments) */
  leftOuterJoin<K, V, W>(
    this: DStream<readonly [K, V]>,
    other: DStream<readonly [K, W]>,
    partitions?: number,
  ): DStream<[K, [Widened<V>, Widened<W> | undefined]]> {
    return this.combinedWith('leftOuterJoin', ops.join, other, partitions, { keepsLeft: true })
  }

  /** `join` that keeps keys of the other alone. @example orders.rightOuterJoin(payments) */
  rightOuterJoin<K, V, W>(
    this: DStream<readonly [K, V]>,
    other: DStream<readonly [K, W]>,
    partitions?: number,
  ): DStream<[K, [Widened<V> | undefined, Widened<W>]]> {
    return this.combinedWith('rightOuterJoin', ops.join, other, partitions, { keepsRight: true })
  }

  /** `join` that keeps keys of either alone. @example orders.fullOuterJoin(payments) */
  fullOuterJoin<K, V, W>(
    this: DStream<readonly [K, V]>,
    other: DStream<readonly [K, W]>,
    partitions?: number,
  ): DStream<[K, [Widened<V> | undefined, Widened<W> | undefined]]> {
    const keeps = { keepsLeft: true, keepsRight: true }
    return this.combinedWith('fullOuterJoin', ops.join, other, partitions, keeps)
  }

  protected combinedWith<U>(
    label: string,
    operator: Operator,
    other: DStream<any>,
    partitions: number | undefined,
    params: Params = {},
  ): DStream<U> {
    const call = callOf(label)
    this.context.checkOpen(call)
    checkSameSlide(call, [this, other])
    const all = { ...params, partitions: this.partitionsOf(label, partitions), sides: 2 }
    const of = combination(call, operator, all)
    return this.made<U>(combinedStream([this.node, other.node], of))
  }

  /**
   * A state for each key: `f` makes the new one of the batch's values and the one before, for every
   * key in every batch; undefined forgets the key. With `onlyTouched` it is called for keys that
   * have values in the batch, and the others stay as they are.
   *
   * @example pairs.updateStateByKey((values, state = 0) => state + values.length)
   */
  updateStateByKey<K, V, S>(
    this: DStream<readonly [K, V]>,
    f: (values: Widened<V>[], state: S | undefined) => S | undefined,
    options?: UpdateOptions<K, S> & { form?: 'values'; onlyTouched?: boolean },
  ): StateDStream<K, S>
  updateStateByKey<K, V, S>(
    this: DStream<readonly [K, V]>,
    f: (rows: Iterable<[K, Widened<V>[], S | undefined]>) => Iterable<readonly [K, S]>,
    options: UpdateOptions<K, S> & { form: 'iterator' },
  ): StateDStream<K, S>
  updateStateByKey<K, V, S>(
    this: DStream<readonly [K, V]>,
    f: (time: number, key: K, values: Widened<V>[], state: S | undefined) => S | undefined,
    options: UpdateOptions<K, S> & { form: 'timed'; onlyTouched?: boolean },
  ): StateDStream<K, S>
  updateStateByKey(
    f: Function,
    options: UpdateOptions<any, any> & { form?: string; onlyTouched?: boolean } = {},
  ): DStream<unknown> {
    const call = callOf('updateStateByKey')
    this.context.checkOpen(call)
    const { form = 'values', initialState, onlyTouched = false } = options
    const forms = {
      values: ops.updateState,
      timed: ops.updateState,
      iterator: ops.updateStates,
    }
    if (!Object.hasOwn(forms, form)) throw badForm(call, form)
    if (onlyTouched && form === 'iterator') throw allTouched(call)
    const update = forms[form as keyof typeof forms]
    const partitions = this.partitionsOf(call.label, options.partitions)
    const initial = initialState && once(() => rddOf(this.context, initialState).node)
    const timed = form === 'timed'
    const state = { partitions, initial, update, timed, onlyTouched, function: f }
    return this.madeState(stateStream(call, this.node, state))
  }

  /**
   * The rows that a function gives for each record and the state of its key; the states are there
   * as `stateSnapshots()`.
   *
   * @example pairs.mapWithState(StateSpec.function((key, value, state) => state.getOption()))
   */
  mapWithState<K, V, S, M>(
    this: DStream<readonly [K, V]>,
    spec: StateSpec<K, Widened<V>, S, M>,
  ): MapWithStateDStream<K, S, M>
  mapWithState(spec: StateSpec<any, any, any, any>): DStream<unknown> {
    const call = callOf('mapWithState')
    this.context.checkOpen(call)
    if (!(spec instanceof StateSpec)) throw noSpec(call, spec)
    const { function: f, timed, initial: rows, timeout } = spec.settings
    const partitions = this.partitionsOf(call.label, spec.settings.partitions)
    const first = rows as UpdateOptions<unknown, unknown>['initialState']
    const initial = first && once(() => rddOf(this.context, first).node)
    const options = { partitions, initial, function: f, timed, timeout }
    return this.madeStateful(mapState(call, this.node, options))
  }

  /** A stream of the states of an `updateState`. */
  protected abstract madeState(node: StreamNode): DStream<unknown>

  /** A stream of the mapped rows of a `mapState`, which knows its states. */
  protected abstract madeStateful(states: MapState): DStream<unknown>
}

function noSpec(call: Call, spec: unknown): PeltonError {
  return badCall(
    call,
    `mapWithState needs a StateSpec, such as StateSpec.function((key, value, state) => …); ` +
      `got ${preview(spec)}`,
  )
}

function allTouched(call: Call): PeltonError {
  return badCall(
    call,
    "updateStateByKey: onlyTouched is for the forms 'values' and 'timed'; a function of all rows " +
      'sees every key, and may leave alone those without values',
  )
}

function badForm(call: Call, form: unknown): PeltonError {
  return badCall(
    call,
    `updateStateByKey: form is ${preview(form)}; it must be 'values' (the default), 'timed' ` +
      `or 'iterator'`,
  )
}

function rddOf<T>(context: StreamingContext, rows: readonly T[] | RDD<T>): RDD<T> {
  return rows instanceof RDD ? rows : context.parallelize(rows)
}

/** A value that is made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
