/** What every variant of every workload answers to. */

/** Number of result rows and sum of their values, of one batch. */
export type BatchCheck = readonly [rows: number, sum: number]

/** The checks of a run; null where a program of somebody else's does not tell. */
export type Checks = readonly (BatchCheck | null)[]

/** Times and memory of a program that takes them itself. */
export interface Measured {
  readonly seconds: number
  readonly peakRssBytes: number
}

/** What the engine says it did; the benchmark counts nothing itself. */
export interface Counters {
  /** Workers that had no rows yet may be missing. */
  readonly rowsByWorker: readonly number[]
  readonly rowsOnMainThread: number
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
  run(): Checks | Promise<Checks>
  /** Of the last run, where the work was done in yet another process. */
  measured?(): Measured
  /** Counters since the job was opened. */
  counters?(): Counters
  close?(): Promise<void>
}

/** What the engine counted between two readings. */
export function countersBetween(before: Counters, after: Counters): Counters {
  return {
    rowsByWorker: after.rowsByWorker.map((rows, i) => rows - (before.rowsByWorker[i] ?? 0)),
    rowsOnMainThread: after.rowsOnMainThread - before.rowsOnMainThread,
    fallbackRows: after.fallbackRows - before.fallbackRows,
    rowBytesThroughPorts: after.rowBytesThroughPorts - before.rowBytesThroughPorts,
    tasks: after.tasks - before.tasks,
  }
}

/** The sum over repetitions. */
export function sumCounters(all: readonly Counters[]): Counters {
  const workers = Math.max(...all.map(counters => counters.rowsByWorker.length))
  const sum = (pick: (counters: Counters) => number): number =>
    all.reduce((total, counters) => total + pick(counters), 0)
  return {
    rowsByWorker: Array.from({ length: workers }, (_, i) => sum(c => c.rowsByWorker[i] ?? 0)),
    rowsOnMainThread: sum(c => c.rowsOnMainThread),
    fallbackRows: sum(c => c.fallbackRows),
    rowBytesThroughPorts: sum(c => c.rowBytesThroughPorts),
    tasks: sum(c => c.tasks),
  }
}

/**
 * The smallest part of the rows, from 0 to 1, that any of `workers` workers had in a repetition.
 */
export function smallestShare(all: readonly Counters[], workers: number): number {
  return Math.min(
    ...all.map(({ rowsByWorker }) => {
      if (rowsByWorker.length < workers) return 0
      const total = rowsByWorker.reduce((sum, rows) => sum + rows, 0)
      return total === 0 ? 0 : Math.min(...rowsByWorker) / total
    }),
  )
}
