/** A worker's side of the ring: takes tasks until there are none. The protocol is in ring.ts. */
import { serialize } from 'node:v8'
import { giveWay, sharedStopwatch, stopwatch } from './clock.ts'
import type { TaskMessage, TaskResult } from './program.ts'
import {
  AS_BYTES,
  AS_NUMBERS,
  BROUGHT,
  BY_PORT,
  CALLS,
  DONE,
  HEAD,
  QUEUED,
  type RingMemory,
  TAIL,
  WAITERS,
  WAKE,
} from './ring.ts'
import { isNumbers, readTask, writeResult } from './ring-codec.ts'

/** What starts a drain; with a task that did not fit into its slot. */
export interface DrainMessage {
  readonly drain: number
  readonly first?: { readonly slot: number; readonly task: TaskMessage }
}

/** A result that did not fit into its slot ends the drain: it goes through the port. */
export interface DrainResult {
  readonly slot: number
  readonly result: TaskResult
}

/** Runs a task, and may end it where nobody wants its result any more. */
export type RunTask = (task: TaskMessage, isUnwanted: () => boolean) => Promise<TaskResult>

/** Looks at the queue before the thread goes to sleep: some microseconds. */
const spins = 200
/** How long a worker sleeps for more, its event loop standing still. */
const idleMs = 2
/** A drain gives way to timers and sockets of the user's this often. */
const giveWayMs = 8

export class Drainer {
  readonly #ring: RingMemory
  readonly #thread: number
  readonly #run: RunTask
  readonly #afterTask: (() => Promise<void> | undefined) | undefined
  #gaveWayAt = 0

  /** @param afterTask may end the thread: no task is lost by that */
  constructor(
    ring: RingMemory,
    thread: number,
    run: RunTask,
    afterTask?: () => Promise<void> | undefined,
  ) {
    this.#afterTask = afterTask
    this.#ring = ring
    this.#thread = thread
    this.#run = run
  }

  async drain({ drain, first }: DrainMessage): Promise<DrainResult | undefined> {
    const ring = this.#ring
    Atomics.store(ring.words, ring.threadAt(drain), this.#thread)
    this.#gaveWayAt = stopwatch()
    if (first && this.#claim(first.slot, BROUGHT, drain)) {
      const tooLong = await this.#finish(first.slot, first.task)
      if (tooLong) return tooLong
    }
    for (;;) {
      const slot = this.#take(drain)
      if (slot === undefined) {
        if (this.#waitForMore()) continue
        return undefined
      }
      const tooLong = await this.#finish(slot, readTask(ring.numbers(slot)))
      if (tooLong) return tooLong
      const leaving = this.#afterTask?.()
      if (leaving) await leaving
      if (Atomics.load(ring.words, CALLS) > 0) return undefined
      if (stopwatch() - this.#gaveWayAt > giveWayMs) {
        await giveWay()
        this.#gaveWayAt = stopwatch()
      }
    }
  }

  #claim(slot: number, state: number, drain: number): boolean {
    const { words } = this.#ring
    return Atomics.compareExchange(words, this.#ring.stateAt(slot), state, drain) === state
  }

  /** The next queued slot, now this drain's own. */
  #take(drain: number): number | undefined {
    const { words } = this.#ring
    for (;;) {
      const head = Atomics.load(words, HEAD)
      if (head === Atomics.load(words, TAIL)) return undefined
      const slot = Atomics.load(words, this.#ring.queueAt(head))
      const claimed = this.#claim(slot, QUEUED, drain)
      Atomics.compareExchange(words, HEAD, head, (head + 1) | 0)
      if (claimed) return slot
    }
  }

  /** Runs a task and leaves its result in the slot; gives back a result that does not fit. */
  async #finish(slot: number, task: TaskMessage): Promise<DrainResult | undefined> {
    const ring = this.#ring
    ring.begin(slot, sharedStopwatch())
    const result = await this.#run(task, () => ring.isUnwanted(slot))
    const form = this.#write(slot, result)
    if (form === BY_PORT) return { slot, result }
    ring.setForm(slot, form)
    const group = ring.groupOf(slot)
    Atomics.store(ring.words, ring.stateAt(slot), DONE)
    const left = Atomics.sub(ring.words, ring.groupAt(group), 1) - 1
    const isNews = group === 0 || left <= 0 || result.failure !== undefined
    if (isNews && Atomics.exchange(ring.words, WAKE, 1) === 0) Atomics.notify(ring.words, WAKE)
    return undefined
  }

  #write(slot: number, result: TaskResult): number {
    const ring = this.#ring
    if (isNumbers(result)) {
      return writeResult(ring.numbers(slot), result) ? AS_NUMBERS : BY_PORT
    }
    try {
      return ring.putBytes(slot, serialize(result)) ? AS_BYTES : BY_PORT
    } catch {
      return BY_PORT
    }
  }

  /** Whether there may be more to take; false when none has come for a while. */
  #waitForMore(): boolean {
    const { words } = this.#ring
    const seen = Atomics.load(words, HEAD)
    for (let i = 0; i < spins; i++) if (Atomics.load(words, TAIL) !== seen) return true
    Atomics.add(words, WAITERS, 1)
    const outcome = Atomics.wait(words, TAIL, seen, idleMs)
    Atomics.sub(words, WAITERS, 1)
    return outcome !== 'timed-out'
  }
}
