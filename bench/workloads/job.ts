/** What every variant of every workload answers to. */

/** Number of result rows and sum of their values, of one batch. */
export type BatchCheck = readonly [rows: number, sum: number]

/** What the engine counted during one repetition. */
export interface Counters {
  readonly rowsByWorker: readonly number[]
  readonly fallbackRows: number
  readonly rowBytesThroughPorts: number
  readonly tasks: number
}

/**
 * A workload made ready by one variant.
 *
 * - The input lies in memory, in the variant's own form, before the job exists.
 * - `run` goes over all batches once and resolves when the last one is checked; it may be called
 *   any number of times, never twice at once.
 */
export interface Job {
  /** Input rows of one run: words of W1, pairs of W2, numbers of W6. */
  readonly rows: number
  run(): readonly BatchCheck[] | Promise<readonly BatchCheck[]>
  /** Counters since the job was opened. */
  counters?(): Counters
  close?(): Promise<void>
}

/** What the engine counted between two readings. */
export function countersBetween(before: Counters, after: Counters): Counters {
  return {
    rowsByWorker: after.rowsByWorker.map((rows, i) => rows - (before.rowsByWorker[i] ?? 0)),
    fallbackRows: after.fallbackRows - before.fallbackRows,
    rowBytesThroughPorts: after.rowBytesThroughPorts - before.rowBytesThroughPorts,
    tasks: after.tasks - before.tasks,
  }
}
