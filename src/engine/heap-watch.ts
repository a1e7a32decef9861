/**
 * Watches the heaps of workers, so that one is ended and replaced before V8 ends the process.
 *
 * V8 ends a worker at its limit, and mostly that is all. But what grows by doubling (a Map, a long
 * array) asks for more than any room left over, and then V8 aborts the whole process. So V8's limit
 * lies above that of the worker, and this watch looks at the heap while a task runs for long:
 *
 * ```
 *  V8's limit  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄   half-way to it: ended in any case
 *                              ╱│          ╱│
 *              ╱│            ╱  │        ╱  ╰ what garbage leaves behind is more than 80 % of the
 *            ╱  │   ╱│     ╱    │     ╱       worker's limit: ended
 *  worker's ╱┄┄┄│┄╱┄┄│┄┄┄╱┄┄┄┄┄┄│┄╱┄┄┄┄┄┄┄┄
 *          ╱    ╰    ╰ ╱        ╰
 * ```
 * A heap is known to be full of what is needed only when garbage has just been collected: with room
 * above it V8 lets garbage grow far beyond what lives, as measured: 122 MB where 35 MB live.
 */
import type { Worker } from 'node:worker_threads'
import { type Cancel, watchdog } from './clock.ts'

/** A task that runs, and its thread. */
export interface BusyWorker {
  readonly attempt: number
  readonly ranMs: number
  readonly thread: Pick<Worker, 'getHeapStatistics'>
  /** Ends the thread, with a sentence that says why. */
  end(why: string): void
}

const mib = 2 ** 20
/**
 * A thread that meets its limit gets 16 MiB more in which to end. A young generation that could
 * move more than that at once makes V8 abort the whole process instead: 6 times in 6 for strings
 * and 2 in 6 for arrays, against none in 24 with this limit.
 */
const youngMbMax = 16
/** V8's limit above that of a worker: enough for what doubles, and bounded, as it may be used. */
const headroomMbMax = 256

/** V8's limits for a worker whose heap may hold `heapMb` MiB. */
export function heapLimits(heapMb: number) {
  return {
    maxOldGenerationSizeMb: heapMb + Math.min(2 * heapMb, headroomMbMax),
    maxYoungGenerationSizeMb: Math.min(youngMbMax, Math.ceil(heapMb / 4)),
  }
}

/** Tasks that end sooner are not looked at, which costs a tenth of a millisecond. */
const longMs = 20
/** The next look where a heap is more than half full. */
const soonMs = 5
/** Of a worker's limit, once garbage has been collected. */
const fullShare = 0.8
/**
 * V8 collects garbage before a heap is half-way from what lives to its limit, or soon after. Beyond
 * that, more lives than may. Of V8's own limit where there is no other.
 */
const overshoot = 1.1
const lastShareByDefault = 0.9
/** By so much a heap falls only where all of it has been collected, and not the young part. */
const youngMb = 2 * youngMbMax
const youngMbByDefault = 128

/** How full a worker's heap may be. */
export function isFull(used: number, heapMb: number): boolean {
  return used > heapMb * mib * fullShare
}

export class HeapWatch {
  readonly #heapMb: number | undefined
  /** Tasks that run, or undefined where none is on its way. */
  readonly #busy: () => readonly BusyWorker[] | undefined
  #cancel: Cancel | undefined
  /** Highest use of the heap by attempt, since all of it was last collected. */
  #peaks = new Map<number, number>()

  /** @param heapMb limit of a worker; without one it is V8's own */
  constructor(heapMb: number | undefined, busy: () => readonly BusyWorker[] | undefined) {
    this.#heapMb = heapMb
    this.#busy = busy
  }

  /** Something may run: looks until nothing does. */
  wake(): void {
    this.#cancel ??= watchdog(longMs, () => void this.#look())
  }

  stop(): void {
    this.#cancel?.()
  }

  async #look(): Promise<void> {
    const long = (this.#busy() ?? []).filter(({ ranMs }) => ranMs >= longMs)
    for (const attempt of this.#peaks.keys()) {
      if (!long.some(one => one.attempt === attempt)) this.#peaks.delete(attempt)
    }
    const shares = await Promise.all(long.map(one => this.#share(one)))
    this.#cancel = undefined
    if (!this.#busy()) return
    const next = Math.max(0, ...shares) > 0.5 ? soonMs : longMs
    this.#cancel = watchdog(next, () => void this.#look())
  }

  /** How full the heap is of what may be garbage; ends the worker where it is full. */
  async #share(worker: BusyWorker): Promise<number> {
    const { attempt, thread } = worker
    // A thread that ends, or has not come up, has nothing to say.
    const stats = await thread.getHeapStatistics().catch(() => undefined)
    if (!stats) return 0
    const { used_heap_size: used, heap_size_limit: last } = stats
    const heapMb = this.#heapMb ?? last / mib
    const peak = this.#peaks.get(attempt) ?? 0
    const collected = peak - used > (this.#heapMb ? youngMb : youngMbByDefault) * mib
    this.#peaks.set(attempt, collected ? used : Math.max(peak, used))
    const most = this.#heapMb
      ? ((heapMb * mib * fullShare + last) / 2) * overshoot
      : last * lastShareByDefault
    if (used > most || (collected && isFull(used, heapMb))) {
      const held = `the task held ${round(used)} MiB of memory in the worker's heap`
      worker.end(`${held}, against ${limitText(heapMb, this.#heapMb)}`)
    }
    return used / (heapMb * mib)
  }
}

/** What a worker's heap may hold, by the option where it was given. */
export function limitText(heapMb: number, option: number | undefined): string {
  return option === undefined
    ? `V8's limit, ${Math.round(heapMb)} MiB`
    : `workerHeap, ${option} MiB`
}

const round = (bytes: number): number => Math.round(bytes / mib)
