/** Operators over windows of time: one line an operator; the logic is in ops/ and facade/. */
import { type Call, callOf, composed } from '../apply.ts'
import type { DStream } from '../dstream.ts'
import { badCall, preview } from '../errors.ts'
import { slidingStream } from '../facade/running.ts'
import * as ops from '../ops/index.ts'
import type { KeyState } from '../state/key-state.ts'
import { StateSpec } from '../state-spec.ts'
import type { Widened } from '../widened.ts'
import { PairOperators } from './pairs.ts'

interface WindowOptions {
  readonly partitions?: number | undefined
  readonly filter?: Function | undefined
}

interface SlidingFunctions {
  readonly add: Function
  readonly remove: Function
  readonly window: number
  readonly slide: number | undefined
}

/** Values of a key that came without a long pause; times in milliseconds. */
export interface SessionWindow<V> {
  /** Time of the batch with the first value. */
  readonly start: number
  /** The gap behind the time of the batch with the last one. */
  readonly end: number
  readonly values: V[]
}

/** What a stream can do with the rows of several batches. */
export abstract class WindowOperators<T> extends PairOperators<T> {
  /**
   * All rows of the last `windowDuration` milliseconds, every `slideDuration` (default: this
   * stream's). Both must be multiples of this stream's slide.
   *
   * @example stream.window(seconds(30), seconds(10))
   */
  window(windowDuration: number, slideDuration: number = this.node.slide): DStream<T> {
    const call = callOf('window')
    this.checkMultiple(call, 'window', windowDuration)
    this.checkMultiple(call, 'slide', slideDuration)
    const params = { window: windowDuration, slide: slideDuration }
    const windowed = this.applied<T>(call, ops.window, params)
    // The window reads each parent result again and again: it is kept, not computed anew.
    this.node.persisted = true
    return windowed
  }

  /**
   * Sessions of each key: values that come in batches less than `gap` milliseconds apart. A session
   * is given in the first batch in which it is over, by a batch time that is `gap` behind its last.
   *
   * ```
   *  batches   1 s   2 s   3 s   4 s   5 s   6 s      gap 2 s
   *  values     a     b           c
   *  given                        │           └ start: 4 s, end: 6 s, values: [c]
   *                               └ start: 1 s, end: 4 s, values: [a, b]
   * ```
   *
   * @example clicks.sessionWindow(minutes(30)).mapValues(({ values }) => values.length)
   * @throws PeltonError `OPTION` for a gap that is shorter than a batch.
   */
  sessionWindow<K, V>(
    this: DStream<readonly [K, V]>,
    gap: number,
    partitions?: number,
  ): DStream<[K, SessionWindow<Widened<V>>]> {
    return composed('sessionWindow', call => {
      if (!(Number.isFinite(gap) && gap >= this.node.slide)) {
        throw badCall(
          call,
          `sessionWindow: the gap is ${preview(gap)} ms; give at least the slide duration, ` +
            `${this.node.slide} ms`,
        )
      }
      const spec = sessionSpec<K, Widened<V>>(gap)
      const sessions = this.mapWithState(
        partitions === undefined ? spec : spec.partitions(partitions),
      )
      return sessions as unknown as DStream<[K, SessionWindow<Widened<V>>]>
    })
  }

  protected checkMultiple(call: Call, what: 'window' | 'slide', duration: number): void {
    const parent = this.node.slide
    if (Number.isFinite(duration) && duration > 0 && duration % parent === 0) return
    const other = what === 'window' ? 'window duration' : 'slide duration'
    throw badCall(
      call,
      `The ${other} of windowed DStream (${preview(duration)} ms) must be a multiple of the ` +
        `slide duration of parent DStream (${parent} ms); use a positive multiple of ${parent}`,
    )
  }

  /**
   * `reduce` over a window. With `remove`, the inverse of `add`, a slide costs what enters and
   * leaves, not what stays.
   *
   * @example stream.reduceByWindow((a, b) => a + b, seconds(30), seconds(10))
   */
  reduceByWindow(
    this: DStream<T>,
    add: (a: T, b: T) => T,
    windowDuration: number,
    slideDuration?: number,
  ): DStream<T>
  reduceByWindow(
    this: DStream<T>,
    add: (a: T, b: T) => T,
    remove: (a: T, b: T) => T,
    windowDuration: number,
    slideDuration?: number,
  ): DStream<T>
  reduceByWindow(
    this: DStream<T>,
    add: (a: T, b: T) => T,
    ...rest: (Function | number | undefined)[]
  ): DStream<T> {
    return composed('reduceByWindow', call => {
      if (typeof rest[0] !== 'function') {
        const [window, slide] = rest as [number, number | undefined]
        return this.reduce(add).window(window, slide).reduce(add)
      }
      const [remove, window, slide] = rest as [Function, number, number | undefined]
      const keyed = this.map(row => [1, row] as [number, T])
      return keyed
        .slidingByKey<[number, T]>(call, { add, remove, window, slide, partitions: 1 })
        .map(pair => pair[1])
    })
  }

  /** The number of rows of a window. @example stream.countByWindow(seconds(30), seconds(10)) */
  countByWindow(this: DStream<T>, windowDuration: number, slideDuration?: number): DStream<number> {
    return composed('countByWindow', () =>
      this.map(() => 1).reduceByWindow(
        (a, b) => a + b,
        (a, b) => a - b,
        windowDuration,
        slideDuration,
      ),
    )
  }

  /**
   * How often each value occurs in a window, as pairs; those that have left it are not there.
   *
   * @example words.countByValueAndWindow(seconds(30), seconds(10))
   */
  countByValueAndWindow(
    this: DStream<T>,
    windowDuration: number,
    slideDuration?: number,
    partitions?: number,
  ): DStream<[T, number]> {
    return composed('countByValueAndWindow', call =>
      this.map(value => [value, 1] as [T, number]).slidingByKey<[T, number]>(call, {
        add: (a: number, b: number) => a + b,
        remove: (a: number, b: number) => a - b,
        filter: (pair: [T, number]) => pair[1] !== 0,
        window: windowDuration,
        slide: slideDuration,
        partitions,
      }),
    )
  }

  /**
   * All values of each key in a window, in the order of batches.
   *
   * @example pairs.groupByKeyAndWindow(seconds(30), seconds(10))
   */
  groupByKeyAndWindow<K, V>(
    this: DStream<readonly [K, V]>,
    windowDuration: number,
    slideDuration?: number,
    partitions?: number,
  ): DStream<[K, Widened<V>[]]> {
    return composed('groupByKeyAndWindow', () =>
      this.window(windowDuration, slideDuration).groupByKey(partitions),
    )
  }

  /**
   * One pair a key, the values of a window reduced by `add`. With `remove`, the inverse of `add`, a
   * slide reads what enters and leaves, and one pair for each key, but no batch that stays; keys
   * whose values have all left remain, unless `filter` drops them.
   *
   * @example
   * pairs.reduceByKeyAndWindow((a, b) => a + b, seconds(30), seconds(10))
   * pairs.reduceByKeyAndWindow((a, b) => a + b, (a, b) => a - b, seconds(30), seconds(10), {
   *   filter: ([, sum]) => sum !== 0,
   * })
   */
  reduceByKeyAndWindow<K, V>(
    this: DStream<readonly [K, V]>,
    add: (a: Widened<V>, b: Widened<V>) => Widened<V>,
    windowDuration: number,
    slideDuration?: number,
    options?: number | { partitions?: number },
  ): DStream<[K, Widened<V>]>
  reduceByKeyAndWindow<K, V>(
    this: DStream<readonly [K, V]>,
    add: (a: Widened<V>, b: Widened<V>) => Widened<V>,
    remove: (a: Widened<V>, b: Widened<V>) => Widened<V>,
    windowDuration: number,
    slideDuration?: number,
    options?:
      | number
      | { partitions?: number; filter?: (pair: readonly [K, Widened<V>]) => unknown },
  ): DStream<[K, Widened<V>]>
  reduceByKeyAndWindow(add: Function, ...rest: unknown[]): DStream<unknown> {
    const remove = typeof rest[0] === 'function' ? (rest.shift() as Function) : undefined
    const [window, slide, last = {}] = rest as [number, number?, (number | WindowOptions)?]
    const { partitions, filter }: WindowOptions =
      typeof last === 'number' ? { partitions: last } : last
    return composed('reduceByKeyAndWindow', call => {
      if (remove) return this.slidingByKey(call, { add, remove, filter, window, slide, partitions })
      const reduced = this.reducedByKey(call, add, partitions)
      return reduced.window(window, slide).reducedByKey(call, add, partitions)
    })
  }

  protected reducedByKey<U>(call: Call, f: Function, partitions: number | undefined): DStream<U> {
    const params = { partitions: this.partitionsOf(call.label, partitions) }
    return this.halved(call, ops.reduceByKey, params, [f], [f])
  }

  protected slidingByKey<U>(call: Call, options: WindowOptions & SlidingFunctions): DStream<U> {
    return this.slid(call, this.reducedByKey(call, options.add, options.partitions), options)
  }

  /** A sliding reduction of this stream's rows, which are one pair a key in `reduced`. */
  protected slid<U>(
    call: Call,
    reduced: DStream<any>,
    options: WindowOptions & SlidingFunctions,
  ): DStream<U> {
    const { window, slide = this.node.slide, add, remove, filter } = options
    this.checkMultiple(call, 'window', window)
    this.checkMultiple(call, 'slide', slide)
    const partitions = this.partitionsOf(call.label, options.partitions)
    reduced.node.persisted = true
    const sliding = { window, slide, partitions, add, remove, filter }
    return this.made<U>(slidingStream(call, reduced.node, sliding))
  }
}

/** A session that is open: the times of its first and its last batch, and its values. */
type OpenSession<V> = { start: number; last: number; values: V[] }

/** Sessions as states, which end when a batch comes `gap` or more behind their last one. */
function sessionSpec<K, V>(
  gap: number,
): StateSpec<K, V, OpenSession<V>, [key: K, session: SessionWindow<V>]> {
  const closed = (key: K, { start, last, values }: OpenSession<V>): [K, SessionWindow<V>] => [
    key,
    { start, end: last + gap, values },
  ]
  const spec = StateSpec.timedFunction(
    (time: number, key: K, value: V | undefined, state: KeyState<OpenSession<V>>) => {
      const open = state.getOption()
      if (state.isTimingOut()) return closed(key, open!)
      if (open && time - open.last < gap) {
        open.values.push(value as V)
        state.update({ ...open, last: time })
        return undefined
      }
      state.update({ start: time, last: time, values: [value as V] })
      return open && closed(key, open)
    },
  )
  // States time out behind their time, sessions at it; batch times are whole milliseconds.
  return spec.timeout(gap - 0.5)
}
