/** A stream on a clock that jumps: one batch after the other, each timed from tick to result. */
import { ManualClock, StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'

const BATCH_INTERVAL_MS = 1000

/** A context whose batches come one by one; `R` is what the result of a batch comes to. */
export class Stepped<R> {
  readonly ssc: StreamingContext
  readonly intervalMs = BATCH_INTERVAL_MS
  readonly #clock = new ManualClock(0)
  #finish: (result: R) => void = () => {}
  #fail: (error: unknown) => void = () => {}

  /** Of the first two arguments of every script. */
  constructor(workers: string, gear: string) {
    this.ssc = new StreamingContext({
      batchInterval: BATCH_INTERVAL_MS,
      clock: this.#clock,
      workers: Number(workers),
      gear: gear as Gear,
      handleSignals: false,
    })
  }

  async start(): Promise<void> {
    await this.ssc.start()
    this.ssc.awaitTermination().catch(error => this.#fail(error))
  }

  /** Called by the batch, with its result. */
  done(result: R): void {
    this.#finish(result)
  }

  /** Begins the next batch. */
  tick(): void {
    this.#clock.advance(BATCH_INTERVAL_MS)
  }

  /** Runs the next batch up to its result. */
  async batch(): Promise<{ readonly milliseconds: number; readonly result: R }> {
    const finished = new Promise<R>((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
    })
    const start = performance.now()
    this.tick()
    const result = await finished
    return { milliseconds: performance.now() - start, result }
  }
}

/** The process's peak of resident memory, in bytes. */
export function peakRss(): number {
  return process.resourceUsage().maxRSS * 1024
}
