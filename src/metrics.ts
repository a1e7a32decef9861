/** Counters of a context. */
import type { Session } from './engine/session.ts'

/** Counters since the start. */
export interface Metrics {
  readonly batches: number
  /** Rows that came in through the inputs. */
  readonly rows: number
  /**
   * Rows a second that receivers may bring at present, by the id of their stream; without those
   * that are not limited.
   */
  readonly receiverRates: Readonly<Record<number, number>>
  readonly workers: number
  readonly tasks: number
  /** Tasks that were begun once more, as they took much longer than others of their stage. */
  readonly speculatedTasks: number
  /** Those of them whose second attempt succeeded first. */
  readonly speculatedTasksWon: number
  /** Rows that tasks read, by worker. */
  readonly rowsByWorker: readonly number[]
  /** Rows of tasks so small that the main thread ran them itself. */
  readonly rowsOnMainThread: number
  /** Rows in columns that fell back to encoded values. */
  readonly fallbackRows: number
  /** Rows that went through columns, and not through a loop over rows. */
  readonly columnRows: number
  /** Values of lifted functions that kernels computed. */
  readonly kernelValues: number
  /** Values of lifted functions for which JavaScript was called, as no kernel knows them. */
  readonly calledValues: number
  /** Bytes of values that went through message ports: accumulators only, rows stay in the arena. */
  readonly rowBytesThroughPorts: number
  readonly arenaBytes: number
  readonly arenaPeakBytes: number
}

/** Reads the counters; a context that has run nothing yet has no session. */
export function metricsOf(
  session: Session | undefined,
  batches: number,
  rows: number,
  receiverRates: Readonly<Record<number, number>> = {},
): Metrics {
  const counters = session?.scheduler.counters
  const losers = session?.scheduler.losers
  const arena = session?.runtime.arena
  return {
    batches,
    rows,
    receiverRates,
    workers: session?.runtime.pool.workers ?? 0,
    tasks: counters?.tasks ?? 0,
    speculatedTasks: losers?.begun ?? 0,
    speculatedTasksWon: losers?.won ?? 0,
    rowsByWorker: padded([...(counters?.rowsByWorker.values() ?? [])], session),
    rowsOnMainThread: counters?.mainThreadRows ?? 0,
    fallbackRows: counters?.fallbackRows ?? 0,
    columnRows: counters?.columnRows ?? 0,
    kernelValues: counters?.kernelValues ?? 0,
    calledValues: counters?.calledValues ?? 0,
    rowBytesThroughPorts: counters?.portBytes ?? 0,
    arenaBytes: session ? session.runtime.bytesInUse : 0,
    arenaPeakBytes: arena?.peakBytes() ?? 0,
  }
}

/** A worker that has run nothing yet counts too. */
function padded(rows: number[], session: Session | undefined): number[] {
  const missing = (session?.runtime.pool.workers ?? 0) - rows.length
  return missing > 0 ? [...rows, ...Array.from({ length: missing }, () => 0)] : rows
}
