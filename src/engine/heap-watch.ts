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
import { type Cancel, stopwatch, watchdog } from './clock.ts'

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
const headroomMbMax = 512

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
/** Of a worker's limit: from there on the watch looks more often. */
const nearShare = 0.5
/** What a busy loop allocates in small objects, at the most. */
const smallBytesPerMs = 1.5 * mib
/** By so much a heap falls only where all of it has been collected, and not the young part. */
const youngMb = 2 * youngMbMax
const youngMbByDefault = 128

/** How full a worker's heap may be. */
export function isFull(used: number, heapMb: number): boolean {
  return used > heapMb * mib * fullShare
}

/** What was seen of the heap under one attempt, in bytes. */
interface Seen {
  /** Highest use since all garbage was last collected. */
  peak: number
  used: number
  /** Its share of the worker's limit. */
  share: number
  at: number
  /** Whether the thread has not answered yet: it may be blocked. */
  waits: boolean
}

export class HeapWatch {
  readonly #heapMb: number | undefined
  /** Tasks that run, or undefined where none is on its way. */
  readonly #busy: () => readonly BusyWorker[] | undefined
  #cancel: Cancel | undefined
  #seen = new Map<number, Seen>()

  /** @param heapMb limit of a worker; without one it is V8's own */
  constructor(heapMb: number | undefined, busy: () => readonly BusyWorker[] | undefined) {
    this.#heapMb = heapMb
    this.#busy = busy
  }

  /** Something may run: looks until nothing does. */
  wake(): void {
    this.#cancel ??= watchdog(longMs, () => this.#look())
  }

  stop(): void {
    this.#cancel?.()
  }

  #look(): void {
    this.#cancel = undefined
    const busy = this.#busy()
    const long = (busy ?? []).filter(({ ranMs }) => ranMs >= longMs)
    for (const attempt of this.#seen.keys()) {
      if (!long.some(one => one.attempt === attempt)) this.#seen.delete(attempt)
    }
    if (!busy) return
    for (const worker of long) void this.#ask(worker)
    const isNear = [...this.#seen.values()].some(one => one.share > nearShare)
    this.#cancel = watchdog(isNear ? soonMs : longMs, () => this.#look())
  }

  async #ask(worker: BusyWorker): Promise<void> {
    const { attempt, thread } = worker
    let seen = this.#seen.get(attempt)
    if (!seen) this.#seen.set(attempt, (seen = { peak: 0, used: 0, share: 0, at: 0, waits: false }))
    if (seen.waits) return
    seen.waits = true
    // A thread that ends has nothing to say.
    const stats = await thread.getHeapStatistics().catch(() => undefined)
    seen.waits = false
    if (!stats) return
    const { used_heap_size: used, heap_size_limit: last } = stats
    if (this.#isFull(seen, used, last)) {
      const held = `the task held ${round(used)} MiB of memory in the worker's heap`
      worker.end(`${held}, against ${limitText(this.#limit(last) / mib, this.#heapMb)}`)
    }
  }

  /** Bytes that a worker's heap may hold, where V8 lets it hold `last`. */
  #limit(last: number): number {
    return this.#heapMb ? this.#heapMb * mib : last
  }

  /** Notes what a heap holds now. */
  #isFull(seen: Seen, used: number, last: number): boolean {
    const limit = this.#limit(last)
    const now = stopwatch()
    const least = (this.#heapMb ? youngMb : youngMbByDefault) * mib
    const collected = seen.peak - used > least
    const grown = used - seen.used
    // Small objects don't come that fast: it is one that lives, such as a Map's doubled table.
    const isOne = seen.at > 0 && grown > (now - seen.at) * smallBytesPerMs + least
    seen.peak = collected ? used : Math.max(seen.peak, used)
    seen.used = used
    seen.share = used / limit
    seen.at = now
    const most = this.#heapMb
      ? ((limit * fullShare + last) / 2) * overshoot
      : last * lastShareByDefault
    return (
      used > most || (collected && used > limit * fullShare) || (isOne && grown > limit * fullShare)
    )
  }
}

/** What a worker's heap may hold, by the option where it was given. */
export function limitText(heapMb: number, option: number | undefined): string {
  return option === undefined
    ? `V8's limit, ${Math.round(heapMb)} MiB`
    : `workerHeap, ${option} MiB`
}

const round = (bytes: number): number => Math.round(bytes / mib)
