/**
 * The ring: tasks and results in shared memory, so that a worker takes its next task without the
 * main thread, and many results wake the main thread once.
 *
 * ```
 *  main thread                     shared memory                          workers
 *               ┌───────────────────────────────────────────────┐
 *  publish ───▶ │ queue  │ s3 │ s0 │ s7 │    │    │  slot numbers │ ───▶ take
 *               │          ▲ head         ▲ tail                │
 *               │ slots  │ state group … │ numbers of the task, │ ◀─── finish
 *  collect ◀─── │        │               │ then of its result   │
 *               └───────────────────────────────────────────────┘
 *
 *  state of a slot     set by                 means
 *  0  free             main                   nobody's
 *  1  queued           main                   whoever makes it its own may run it
 *  2  done             worker                 the result is there
 *  3  brought          main                   a port brings the task; not taken from the queue
 *  n  (16 or more)     worker, from 1 by CAS  taken by drain n, which runs or ran it
 * ```
 * A *drain* is a task of the pool: a worker that takes tasks until there are none. The main thread
 * starts one for each idle worker when it has published something, and every drain ends, by its
 * result or by the death of its thread: then the main thread looks at all slots. Waking it earlier
 * saves time, and nothing depends on it.
 *
 * **Taking** makes the slot the drain's own first (compareExchange, 1 to n) and moves `head` on
 * after that; whoever finds a slot at `head` that is not queued any more moves `head` on too. So
 * there is no instant at which a task has left the queue and nobody is known to have it: a thread
 * may die anywhere.
 *
 * - dead before the CAS: the slot is queued, another worker takes it
 * - dead after it: the slot says which drain had it; that attempt is lost, and no other
 * - dead after `done`: the result counts
 * - a thread that is being ended may still run for a moment: its slots are used again only after
 *   its exit, and what it takes in that moment is queued again then
 *
 * **Waking.** Each stage has a group, a count of its tasks at work. Who brings it to zero or below
 * wakes the main thread, unless it is awake already (`wake` is 1). A count that a death has left
 * too high only delays: until the drains have ended.
 */
import type { Arena } from '../columnar/arena.ts'

/** How a pool thread is born; read by worker.ts. */
export interface WorkerData {
  readonly arena: ReturnType<Arena['handle']>
  readonly ring: SharedArrayBuffer
  /** Limit of the thread's heap, in MiB; undefined: V8's own. */
  readonly heapMb: number | undefined
}

export const FREE = 0
export const QUEUED = 1
export const DONE = 2
/** Apart from `queued`: an old entry of the queue may still lead to a slot that is used again. */
export const BROUGHT = 3
/** Numbers of drains begin here. */
export const firstDrain = 16

/** How a task or a result lies in its slot, or that it takes the port instead. */
export const AS_NUMBERS = 0
export const AS_BYTES = 1
export const BY_PORT = 2

// Words of the header, each on a cache line of its own.
export const TAIL = 0
export const HEAD = 16
/** 0 where the main thread waits to be woken. */
export const WAKE = 32
/** Workers that wait at `tail`. */
export const WAITERS = 48
/** Above 0 where drains shall end after the task at hand. */
export const CALLS = 64
const headerWords = 80

/** Tasks that are published and not collected; more wait in the heap of the main thread. */
export const slotCount = 256
/** Stages at work; those beyond wake the main thread with every task. Group 0 is for them. */
export const groupCount = 64
/** Drains whose threads are remembered. */
const threadSlots = 4096
const payloadBytes = 8192
const payloadWords = payloadBytes / 4
/** State, group, form, length, begin and wish, and room to keep numbers aligned. */
const slotWords = 8 + payloadWords
const STATE = 0
const GROUP = 1
const FORM = 2
const LENGTH = 3
const BEGAN = 4
const UNWANTED = 5
const payloadAt = 8

const groupsAt = headerWords
const threadsAt = groupsAt + groupCount
const queueAt = threadsAt + threadSlots
const slotsAt = queueAt + slotCount
const totalBytes = (slotsAt + slotCount * slotWords) * 4

/** Views over the ring's memory; the same on both sides. */
export class RingMemory {
  readonly buffer: SharedArrayBuffer
  readonly words: Int32Array
  #numbers: (Float64Array | undefined)[] = []

  constructor(buffer = new SharedArrayBuffer(totalBytes)) {
    this.buffer = buffer
    this.words = new Int32Array(buffer)
  }

  /** Place of a slot's state among the words. */
  stateAt(slot: number): number {
    return slotsAt + slot * slotWords + STATE
  }

  state(slot: number): number {
    return Atomics.load(this.words, this.stateAt(slot))
  }

  /** Plain words of a slot: whoever owns it reads and writes them. */
  groupOf(slot: number): number {
    return this.words[this.stateAt(slot) + GROUP]!
  }

  setGroup(slot: number, group: number): void {
    this.words[this.stateAt(slot) + GROUP] = group
  }

  formOf(slot: number): number {
    return this.words[this.stateAt(slot) + FORM]!
  }

  setForm(slot: number, form: number): void {
    this.words[this.stateAt(slot) + FORM] = form
  }

  /** When a worker began with the task, by the shared stopwatch; 0 where none has. */
  beganAt(slot: number): number {
    return Atomics.load(this.words, this.stateAt(slot) + BEGAN)
  }

  begin(slot: number, at: number): void {
    // A slot that says 0 would never look late.
    Atomics.store(this.words, this.stateAt(slot) + BEGAN, at || 1)
  }

  /** Whether nobody waits for the task's result any more: its worker may end it. */
  isUnwanted(slot: number): boolean {
    return Atomics.load(this.words, this.stateAt(slot) + UNWANTED) === 1
  }

  setUnwanted(slot: number): void {
    Atomics.store(this.words, this.stateAt(slot) + UNWANTED, 1)
  }

  /** Nobody has begun with what the slot will hold, and it is wanted. */
  reset(slot: number): void {
    Atomics.store(this.words, this.stateAt(slot) + BEGAN, 0)
    Atomics.store(this.words, this.stateAt(slot) + UNWANTED, 0)
  }

  /** Room of a slot as numbers; what is written past its end is dropped. */
  numbers(slot: number): Float64Array {
    const at = (this.stateAt(slot) + payloadAt) * 4
    this.#numbers[slot] ??= new Float64Array(this.buffer, at, payloadBytes / 8)
    return this.#numbers[slot]
  }

  /** Writes bytes into a slot; false where they don't fit. */
  putBytes(slot: number, bytes: Uint8Array): boolean {
    if (bytes.length > payloadBytes) return false
    const at = this.stateAt(slot)
    this.words[at + LENGTH] = bytes.length
    new Uint8Array(this.buffer, (at + payloadAt) * 4, bytes.length).set(bytes)
    return true
  }

  /** A copy of the bytes in a slot. */
  bytes(slot: number): Uint8Array {
    const at = this.stateAt(slot)
    const length = this.words[at + LENGTH]!
    return new Uint8Array(this.buffer, (at + payloadAt) * 4, length).slice()
  }

  /** Place of a group's count. */
  groupAt(group: number): number {
    return groupsAt + group
  }

  /** Place of the id of the thread that runs a drain. */
  threadAt(drain: number): number {
    return threadsAt + (drain % threadSlots)
  }

  /** Place of the slot number at a position of the queue. */
  queueAt(position: number): number {
    return queueAt + ((position >>> 0) % slotCount)
  }
}
