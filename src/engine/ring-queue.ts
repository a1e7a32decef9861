/** The main thread's side of the ring: publishes tasks, collects results. See ring.ts. */
import { deserialize } from 'node:v8'
import type { TaskMessage, TaskResult } from './program.ts'
import {
  AS_NUMBERS,
  BROUGHT,
  BY_PORT,
  DONE,
  FREE,
  firstDrain,
  groupCount,
  HEAD,
  QUEUED,
  RingMemory,
  slotCount,
  TAIL,
  WAITERS,
  WAKE,
} from './ring.ts'
import { readResult, writeTask } from './ring-codec.ts'

/** A task on its way, and who waits for it. */
export interface Ticket {
  readonly task: TaskMessage
  readonly group: number
  /** Takes back what the task has done to what outlives it, where it is lost. */
  readonly undo: (() => void) | undefined
  readonly resolve: (result: TaskResult) => void
  readonly reject: (error: unknown) => void
  /** Its slot while it is published, -1 before. */
  slot: number
  /** Whether nobody waits for it any more, but for its end. */
  isUnwanted?: boolean
}

export class RingQueue {
  readonly memory = new RingMemory()
  /** Called for a published task that is too long for its slot: a port has to bring it. */
  readonly #tooLong: (ticket: Ticket) => void
  #tickets: (Ticket | undefined)[] = new Array(slotCount).fill(undefined)
  #published = 0
  #free = Array.from({ length: slotCount }, (_, i) => slotCount - 1 - i)
  #backlog: Ticket[] = []
  #groups = Array.from({ length: groupCount - 1 }, (_, i) => groupCount - 1 - i)
  #isListening = false

  constructor(tooLong: (ticket: Ticket) => void) {
    this.#tooLong = tooLong
  }

  /** Tasks that have neither a result nor an error. */
  get size(): number {
    return this.#published + this.#backlog.length
  }

  /** A number for the tasks of one stage, until `endGroup`. */
  newGroup(): number {
    return this.#groups.pop() ?? 0
  }

  endGroup(group: number): void {
    if (group === 0) return
    Atomics.store(this.memory.words, this.memory.groupAt(group), 0)
    this.#groups.push(group)
  }

  add(ticket: Ticket): void {
    if (this.#free.length === 0 || !this.#hasRoom()) this.#backlog.push(ticket)
    else this.#publish(ticket, this.#free.pop()!)
  }

  #publish(ticket: Ticket, slot: number): void {
    const { memory } = this
    ticket.slot = slot
    this.#tickets[slot] = ticket
    this.#published++
    memory.reset(slot)
    if (ticket.isUnwanted) memory.setUnwanted(slot)
    memory.setGroup(slot, ticket.group)
    Atomics.add(memory.words, memory.groupAt(ticket.group), 1)
    const fits = writeTask(memory.numbers(slot), ticket.task)
    memory.setForm(slot, fits ? AS_NUMBERS : BY_PORT)
    Atomics.store(memory.words, memory.stateAt(slot), fits ? QUEUED : BROUGHT)
    if (fits) this.#enqueue(slot)
    else this.#tooLong(ticket)
  }

  #enqueue(slot: number): void {
    const { memory } = this
    const { words } = memory
    const tail = Atomics.load(words, TAIL)
    Atomics.store(words, memory.queueAt(tail), slot)
    Atomics.store(words, TAIL, (tail + 1) | 0)
    if (Atomics.load(words, WAITERS) > 0) Atomics.notify(words, TAIL, 1)
  }

  /** Whether a task waits for a worker to take it. */
  get isQueued(): boolean {
    const { memory } = this
    const { words } = memory
    for (;;) {
      const head = Atomics.load(words, HEAD)
      if (head === Atomics.load(words, TAIL)) return false
      const slot = Atomics.load(words, memory.queueAt(head))
      if (memory.state(slot) === QUEUED) return true
      // Whoever took it has not come to moving the head on, or died before.
      Atomics.compareExchange(words, HEAD, head, (head + 1) | 0)
    }
  }

  /** Whether the queue takes another slot; looking for queued ones moves its head on. */
  #hasRoom(): boolean {
    if (!this.isQueued) return true
    const { words } = this.memory
    return ((Atomics.load(words, TAIL) - Atomics.load(words, HEAD)) | 0) < slotCount
  }

  /** Settles every task whose result is there. */
  collect(): void {
    const { memory } = this
    for (let slot = 0, left = this.#published; left > 0 && slot < slotCount; slot++) {
      const ticket = this.#tickets[slot]
      if (!ticket) continue
      left--
      if (memory.state(slot) !== DONE) continue
      const isNumbers = memory.formOf(slot) === AS_NUMBERS
      const result = isNumbers
        ? readResult(memory.numbers(slot))
        : (deserialize(memory.bytes(slot)) as TaskResult)
      this.settle(ticket, result)
    }
  }

  /** Settles a task whose result came another way, or that was collected. */
  settle(ticket: Ticket, result: TaskResult): void {
    this.forget(ticket)
    this.release(ticket.slot)
    ticket.resolve(result)
  }

  /** The task of a slot. */
  at(slot: number): Ticket | undefined {
    return this.#tickets[slot]
  }

  /** The drain that has taken a task, or undefined while nobody has. */
  drainOf({ slot }: Ticket): number | undefined {
    if (slot < 0) return undefined
    const state = this.memory.state(slot)
    return state >= firstDrain ? state : undefined
  }

  /** Tasks that a drain has taken without leaving a result. */
  takenBy(drain: number): Ticket[] {
    return this.#tickets.filter(
      ticket => ticket !== undefined && this.drainOf(ticket) === drain,
    ) as Ticket[]
  }

  /** Nobody waits for this task any more; its slot stays taken until `release`. */
  forget(ticket: Ticket): void {
    if (this.#tickets[ticket.slot] !== ticket) return
    this.#tickets[ticket.slot] = undefined
    this.#published--
  }

  /** Makes a slot free again, and publishes what has waited for one. */
  release(slot: number): void {
    const { memory } = this
    Atomics.store(memory.words, memory.stateAt(slot), FREE)
    this.#free.push(slot)
    if (this.#backlog.length === 0 || !this.#hasRoom()) return
    this.#publish(this.#backlog.shift()!, this.#free.pop()!)
  }

  /** Publishes a task again that a thread took while it was being ended; that thread is gone. */
  again(ticket: Ticket): void {
    this.forget(ticket)
    this.release(ticket.slot)
    this.add(ticket)
  }

  /** Workers that are at work on a task. */
  get running(): number {
    let count = 0
    for (const ticket of this.#tickets) if (ticket && this.drainOf(ticket) !== undefined) count++
    return count
  }

  /** Milliseconds since a worker began with a task; 0 where none has. */
  ranMs({ slot }: Ticket, now: number): number {
    const began = slot < 0 ? 0 : this.memory.beganAt(slot)
    return began === 0 ? 0 : (now - began) | 0
  }

  /**
   * Nobody waits for the result of this task: it is withdrawn where nobody has taken it (true), and
   * else its worker is told. Its stage no longer counts it.
   */
  unwant(ticket: Ticket): boolean {
    ticket.isUnwanted = true
    const { memory } = this
    const { slot, group } = ticket
    const waiting = this.#backlog.indexOf(ticket)
    if (waiting >= 0) this.#backlog.splice(waiting, 1)
    if (waiting >= 0 || this.#tickets[slot] !== ticket) return waiting >= 0
    memory.setUnwanted(slot)
    memory.setGroup(slot, 0)
    Atomics.sub(memory.words, memory.groupAt(group), 1)
    // What a port brings is on its way: whoever takes it up ends it at once.
    const at = memory.stateAt(slot)
    if (Atomics.compareExchange(memory.words, at, QUEUED, FREE) !== QUEUED) return false
    this.forget(ticket)
    this.release(slot)
    return true
  }

  /** Withdraws all tasks that nobody has taken. */
  withdraw(): Ticket[] {
    const { memory } = this
    const withdrawn = this.#backlog.splice(0)
    for (const ticket of this.#tickets) {
      if (!ticket) continue
      const at = memory.stateAt(ticket.slot)
      const state = memory.state(ticket.slot)
      if (state !== QUEUED && state !== BROUGHT) continue
      if (Atomics.compareExchange(memory.words, at, state, FREE) !== state) continue
      this.forget(ticket)
      this.#free.push(ticket.slot)
      withdrawn.push(ticket)
    }
    return withdrawn
  }

  /** All tasks that are published. */
  get published(): Ticket[] {
    return this.#tickets.filter(ticket => ticket !== undefined)
  }

  /** Collects whenever a worker says that there is something, as long as tasks are on their way. */
  listen(): void {
    if (this.#isListening) return
    const { words } = this.memory
    this.#isListening = true
    Atomics.store(words, WAKE, 0)
    const { async, value } = Atomics.waitAsync(words, WAKE, 0)
    const woken = (): void => {
      this.#isListening = false
      if (this.#published > 0) this.listen()
      this.collect()
    }
    if (async) void value.then(woken)
    else queueMicrotask(woken)
  }

  /** Ends the waiting of `listen`. */
  close(): void {
    Atomics.store(this.memory.words, WAKE, 1)
    Atomics.notify(this.memory.words, WAKE)
  }
}
