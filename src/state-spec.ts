/** What `mapWithState` does with a record and the state of its key. */
import { PeltonError, preview } from './errors.ts'
import type { KeyState } from './state/key-state.ts'

/** Initial states: pairs, or an RDD of pairs. */
export type InitialState<K, S, R> = readonly (readonly [K, S])[] | R

/**
 * A function of (key, value, state), called once for each record, and how the states are kept. A
 * result of undefined gives no row. At a timeout the value is undefined and `state.isTimingOut()`.
 *
 * @example
 * const count = (word: string, one: number | undefined, state: State<number>) => {
 *   const sum = (state.getOption() ?? 0) + (one ?? 0)
 *   if (!state.isTimingOut()) state.update(sum)
 *   return [word, sum] as [string, number]
 * }
 * words.map(w => [w, 1] as const).mapWithState(StateSpec.function(count).timeout(minutes(30)))
 */
export class StateSpec<K, V, S, M> {
  /** For the engine's own use. */
  readonly settings: {
    readonly function: Function
    readonly timed: boolean
    readonly initial?: InitialState<K, S, unknown>
    readonly timeout?: number
    readonly partitions?: number
  }
  /** Keeps the types of keys and values apart. */
  declare protected readonly types: (key: K, value: V, state: S) => M

  private constructor(settings: StateSpec<K, V, S, M>['settings']) {
    this.settings = settings
  }

  /** A function of (key, value, state). */
  static function<K, V, S, M>(
    f: (key: K, value: V | undefined, state: KeyState<S>) => M | undefined,
  ): StateSpec<K, V, S, M> {
    return new StateSpec({ function: checked(f), timed: false })
  }

  /** A function of (batch time in milliseconds, key, value, state). */
  static timedFunction<K, V, S, M>(
    f: (time: number, key: K, value: V | undefined, state: KeyState<S>) => M | undefined,
  ): StateSpec<K, V, S, M> {
    return new StateSpec({ function: checked(f), timed: true })
  }

  /** The states before the first batch: pairs, or an RDD of pairs. */
  initialState(rows: InitialState<K, S, unknown>): StateSpec<K, V, S, M> {
    return new StateSpec({ ...this.settings, initial: rows })
  }

  /** Milliseconds without a record after which a key gets a last call and is forgotten. */
  timeout(ms: number): StateSpec<K, V, S, M> {
    if (Number.isFinite(ms) && ms > 0) return new StateSpec({ ...this.settings, timeout: ms })
    throw new PeltonError(
      `StateSpec.timeout(${preview(ms)}): give a positive number of milliseconds, such as ` +
        'minutes(30)',
      { code: 'OPTION', operator: 'mapWithState' },
    )
  }

  /** Into how many partitions the states are cut. */
  partitions(count: number): StateSpec<K, V, S, M> {
    return new StateSpec({ ...this.settings, partitions: count })
  }

  /** The same as `partitions`, by Spark's name. */
  numPartitions(count: number): StateSpec<K, V, S, M> {
    return this.partitions(count)
  }
}

function checked(f: unknown): Function {
  if (typeof f === 'function') return f
  throw new PeltonError(`StateSpec needs a function; got ${preview(f)}`, {
    code: 'OPTION',
    operator: 'mapWithState',
  })
}
