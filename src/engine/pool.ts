/**
 * All of piscina behind `run(task)`: worker threads, their death, and what they leave behind. Its
 * tasks are drains: a worker takes the engine's tasks from the ring until there are none.
 */
import { Piscina } from 'piscina'
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import { threadOwner } from './block-store.ts'
import { type Cancel, sharedStopwatch, watchdog } from './clock.ts'
import type { DrainMessage, DrainResult } from './drain.ts'
import type { EventBus } from './events.ts'
import { fullExitCode } from './heap-gauge.ts'
import { type BusyWorker, HeapWatch, heapLimits, limitText } from './heap-watch.ts'
import type { TaskMessage, TaskResult } from './program.ts'
import { CALLS, firstDrain, type WorkerData } from './ring.ts'
import { RingQueue, type Ticket } from './ring-queue.ts'

/** A request to close the resources of every thread: each waits until all have come. */
export interface CloseMessage {
  readonly close: Int32Array
  readonly workers: number
}

export type PoolMessage = DrainMessage | CloseMessage

const attemptMax = 0x3fffffff
const drainMax = 0x3fffffff
const exitWaitMs = 10_000
const closeWaitMs = 5000
const failuresMax = 8
/** A worker that does not end by itself what nobody waits for is ended after that. */
const dismissedMs = 5000
/** How exactly a timeout is kept: to a quarter of it. */
const looksPerTimeout = 4

/** Code of Node's error for a thread that met V8's limit. */
export const outOfHeap = 'ERR_WORKER_OUT_OF_MEMORY'

/** A task that died with its thread, or whose thread had to be ended. */
export class LostTaskError extends Error {
  readonly reason: unknown
  /** Whether the worker was ended because the task took too long. */
  readonly timedOut: boolean
  constructor(reason: unknown, timedOut: boolean) {
    super(`the worker died: ${(reason as Error | null)?.message || String(reason)}`)
    this.reason = reason
    this.timedOut = timedOut
  }
}

export interface PoolOptions {
  readonly workers: number
  /** Heap limit of each worker, in MiB. */
  readonly heapMb?: number | undefined
  readonly workerFile: URL
}

/** How one task is run. */
export interface RunOptions {
  /** Milliseconds after which it is ended together with its worker. */
  readonly timeoutMs?: number | undefined
  /** The stage it belongs to, from `newGroup`. */
  readonly group?: number
  /**
   * Takes back what a lost task has done to what outlives it; its thread has exited by then, and
   * what the attempt took is still there. Only then is the task known to be lost.
   */
  readonly undo?: (() => void) | undefined
}

/** An attempt of a task on its way. */
export interface Running {
  /** As `run` gives it. */
  readonly result: Promise<TaskResult>
  /** Milliseconds since a worker began with it; 0 where none has. */
  ranMs(): number
  /**
   * Nobody waits for its result any more. Its worker ends it when it next looks, at the latest
   * after a vector of rows; a worker that does not look for `graceMs` is ended. Only when nobody
   * works on it any more does `result` settle, in whatever way.
   */
  dismiss(graceMs?: number): void
}

/** A worker that takes tasks, as the main thread knows it. */
interface Drain {
  readonly abort: AbortController
  /** The task for whose sake it is ended, and how long that had been given. */
  late?: { readonly ticket: Ticket; readonly timeoutMs: number }
  /** The same for one that took too much of the heap. */
  full?: { readonly ticket: Ticket; readonly why: string }
}

export class Pool {
  readonly workers: number
  #arena: Arena
  #events: EventBus
  #piscina: Piscina<PoolMessage, DrainResult | undefined>
  #queue = new RingQueue(ticket => this.#bring(ticket))
  #heaps: HeapWatch
  #heapMb: number | undefined
  /** Threads that ended themselves as their heaps were full. */
  #full = new Set<number>()
  #drains = new Map<number, Drain>()
  #nextDrain = firstDrain
  #nextAttempt = 1
  #alive = new Set<number>()
  #onExit = new Map<number, (() => void)[]>()
  #quarantined = 0
  #destroyed = false
  #usesResources = false
  /** Workers that failed since the last task that ended well. */
  #failures = 0
  #lastError: unknown
  /** Why no worker can run any more. */
  #broken: PeltonError | undefined

  constructor(arena: Arena, options: PoolOptions, events: EventBus) {
    this.#arena = arena
    this.#events = events
    this.workers = options.workers
    const workerData: WorkerData = {
      arena: arena.handle(),
      ring: this.#queue.memory.buffer,
      heapMb: options.heapMb,
    }
    this.#heapMb = options.heapMb
    this.#heaps = new HeapWatch(options.heapMb, () => this.#busyWorkers())
    const limits = options.heapMb ? { resourceLimits: heapLimits(options.heapMb) } : {}
    this.#piscina = new Piscina({
      filename: options.workerFile.href,
      minThreads: options.workers,
      maxThreads: options.workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      // A blocking wait between tasks would freeze timers and sockets of the user's resources.
      atomics: 'disabled',
      workerData,
      ...limits,
    })
    this.#piscina.on('error', error => this.#failed(error))
    this.#watchAll()
    this.#piscina.on('workerCreate', () => this.#watchAll())
  }

  /** Notes the failure of a worker that had no task. */
  #failed(error: unknown): void {
    const message = `a worker failed between tasks: ${String(error)}`
    this.#events.emit('warning', { message, error })
    this.#lastError = error
    if (++this.#failures > failuresMax) this.#giveUp(error)
  }

  #watchAll(): void {
    for (const thread of this.#piscina.threads) this.#watch(thread)
  }

  #watch(thread: Piscina['threads'][number]): void {
    const id = thread.threadId
    if (id < 0 || this.#alive.has(id)) return
    this.#alive.add(id)
    thread.once('exit', code => {
      this.#alive.delete(id)
      this.#arena.reap(threadOwner(id))
      for (const run of this.#onExit.get(id) ?? []) run()
      this.#onExit.delete(id)
      this.#watchAll()
      // After a death at its start a worker is not replaced; without any, tasks would wait for
      // ever.
      if (this.#piscina.threads.length === 0) {
        this.#giveUp(this.#lastError ?? `exit code ${code}`)
      }
      if (code === fullExitCode) this.#wasFull(id)
      if (!this.#destroyed) this.#events.emit('workerExited', { worker: id, code })
    })
  }

  /** A worker has ended itself between tasks: what its functions keep had filled its heap. */
  #wasFull(id: number): void {
    this.#full.add(id)
    const limit = this.#heapMb ? `workerHeap, ${this.#heapMb} MiB` : "V8's limit"
    const message =
      `a worker has been replaced, as more than 80 % of its heap was in use between tasks ` +
      `(${limit}): look for what modules and resources of your functions keep, or raise workerHeap`
    this.#events.emit('warning', { message })
  }

  /** Workers that die before they take a task would be replaced for ever, and jobs would wait. */
  #giveUp(error: unknown): void {
    if (this.#destroyed || this.#broken) return
    const message = error instanceof Error ? error.message : String(error)
    this.#broken = new PeltonError(
      `the workers can't start; the last one failed with: ${message}. Check that this version of ` +
        'Node runs worker threads, that no --require or --import of yours fails in them, and ' +
        'that ' +
        'workerHeap is large enough',
      { code: 'WORKER_START', cause: error },
    )
    this.#rejectUntaken()
    // Rejects the drains, and with them the tasks that run.
    void this.#piscina.destroy()
  }

  /** Bytes of the arena that the workers keep for themselves between tasks. */
  get workerBytes(): number {
    let bytes = 0
    for (const id of this.#alive) bytes += this.#arena.ownedBy(threadOwner(id))
    return bytes
  }

  /** A number for the next attempt: owner of all chunks that it takes. */
  newAttempt(): number {
    const attempt = this.#nextAttempt
    this.#nextAttempt = attempt === attemptMax ? 1 : attempt + 1
    return attempt
  }

  /** A number for the tasks of one stage, so that the last of them wakes this thread. */
  newGroup(): number {
    return this.#queue.newGroup()
  }

  /** Ends a group; none of its tasks may be on its way. */
  endGroup(group: number): void {
    this.#queue.endGroup(group)
  }

  /**
   * Runs one attempt of a task. Rejects with LostTaskError when its thread died or was ended
   * because of `timeoutMs`; its chunks then stay in quarantine until the thread has exited.
   */
  run(task: TaskMessage, { timeoutMs, group = 0, undo }: RunOptions = {}): Running {
    const { promise: result, resolve, reject } = Promise.withResolvers<TaskResult>()
    const ticket: Ticket = { task, group, undo, resolve, reject, slot: -1 }
    const closed = this.#closed()
    if (closed) reject(closed)
    else {
      if (timeoutMs !== undefined) this.#limit(ticket, timeoutMs)
      this.#queue.add(ticket)
      this.#queue.listen()
      this.#heaps.wake()
      if (this.#drains.size < Math.min(this.workers, this.#queue.size)) this.#drain()
    }
    return {
      result,
      ranMs: () => this.#queue.ranMs(ticket, sharedStopwatch()),
      dismiss: (graceMs = dismissedMs) => this.#dismiss(ticket, result, graceMs),
    }
  }

  /** Settles what has ended since the last look; who counts results calls it. */
  collect(): void {
    this.#queue.collect()
  }

  /** Whether another task would begin at once. */
  get hasIdleWorker(): boolean {
    return !this.#isEnding && !this.#queue.isQueued && this.#queue.running < this.workers
  }

  #dismiss(ticket: Ticket, result: Promise<TaskResult>, graceMs: number): void {
    if (!ticket.isUnwanted && this.#queue.unwant(ticket)) {
      ticket.reject(new LostTaskError(new Error('nobody waits for it'), false))
      return
    }
    // Others of its stage may have ended without a word, as it was not the last one.
    this.#queue.collect()
    let cancel: Cancel
    const look = (): void => {
      const drain = this.#queue.drainOf(ticket)
      if (drain === undefined) cancel = watchdog(graceMs, look)
      else this.#drains.get(drain)?.abort.abort()
    }
    cancel = watchdog(graceMs, look)
    const end = (): void => cancel()
    result.then(end, end)
  }

  /** Sends a task that is too long for the ring through a port, as soon as a worker is idle. */
  #bring({ slot, task }: Ticket): void {
    const { words } = this.#queue.memory
    Atomics.add(words, CALLS, 1)
    this.#drain({ slot, task }).finally(() => Atomics.sub(words, CALLS, 1))
  }

  /** Has a worker take tasks until there are none. */
  async #drain(first?: DrainMessage['first']): Promise<void> {
    const drain = this.#nextDrain
    this.#nextDrain = drain === drainMax ? firstDrain : drain + 1
    const { memory } = this.#queue
    Atomics.store(memory.words, memory.threadAt(drain), 0)
    const own: Drain = { abort: new AbortController() }
    this.#drains.set(drain, own)
    const message: DrainMessage = first ? { drain, first } : { drain }
    try {
      const long = await this.#piscina.run(message, { signal: own.abort.signal })
      this.#drains.delete(drain)
      if (long) this.#queue.settle(this.#queue.at(long.slot)!, long.result)
      this.#queue.collect()
      this.#failures = 0
    } catch (error) {
      this.#drains.delete(drain)
      this.#queue.collect()
      this.#lost(drain, own, error, first)
    }
    this.#reconcileIfNeeded()
    if (this.#isEnding) return
    while (this.#drains.size < this.workers && this.#queue.isQueued) void this.#drain()
  }

  /** Tasks at work, each with its thread; undefined where none is on its way. */
  #busyWorkers(): BusyWorker[] | undefined {
    if (this.#queue.size === 0) return undefined
    const { memory } = this.#queue
    const now = sharedStopwatch()
    return [...this.#drains].flatMap(([drain, own]) => {
      const id = Atomics.load(memory.words, memory.threadAt(drain))
      const thread = this.#piscina.threads.find(({ threadId }) => threadId === id)
      const [ticket] = this.#queue.takenBy(drain)
      if (!thread || !ticket) return []
      const end = (why: string): void => {
        if (this.#queue.drainOf(ticket) !== drain) return
        own.full = { ticket, why }
        own.abort.abort()
      }
      const ranMs = this.#queue.ranMs(ticket, now)
      return [{ attempt: ticket.task.attempt, ranMs, thread, end }]
    })
  }

  /** What a drain had taken up when its thread died is lost; the rest is for others. */
  #lost(drain: number, own: Drain, error: unknown, first: DrainMessage['first']): void {
    const { memory } = this.#queue
    const thread = Atomics.load(memory.words, memory.threadAt(drain))
    const taken = this.#queue.takenBy(drain)
    // Nobody has taken up what was to come through the port, or somebody else's death was in time.
    const unsent = first && this.#queue.at(first.slot)
    if (unsent && this.#queue.drainOf(unsent) === undefined) taken.push(unsent)
    const wasFull = this.#full.delete(thread)
    if (taken.length === 0 && !this.#isEnding && !wasFull) this.#failed(error)
    for (const ticket of taken) {
      const { late, full } = own
      const isLate = late?.ticket === ticket
      const reason = isLate
        ? new Error(`the task ran longer than taskTimeout, ${late.timeoutMs} ms`)
        : full?.ticket === ticket
          ? Object.assign(new Error(full.why), { code: outOfHeap })
          : this.#withLimit(error)
      this.#queue.forget(ticket)
      // What it reads is let go of when it is known to be lost, where nobody tries it again.
      const waits = ticket.undo !== undefined || ticket.isUnwanted
      const reject = (): void => ticket.reject(this.#closed() ?? new LostTaskError(reason, isLate))
      this.#afterExit(thread, () => {
        this.#reclaim(ticket)
        this.#needsReconcile = true
        this.#queue.release(ticket.slot)
        if (waits) reject()
      })
      if (!waits) reject()
    }
    // What the thread takes before it has ended is nobody's fault: it is published again.
    this.#afterExit(thread, () => {
      for (const ticket of this.#queue.takenBy(drain)) {
        this.#reclaim(ticket)
        if (this.#isEnding) continue
        this.#queue.again(ticket)
        if (this.#drains.size < this.workers) void this.#drain()
      }
      this.#reconcileIfNeeded()
    })
  }

  /** The error of a thread that V8 has ended does not say which option is meant. */
  #withLimit(error: unknown): unknown {
    const { code, message } = error as { code?: unknown; message?: unknown }
    if (code !== outOfHeap || !this.#heapMb) return error
    const limit = limitText(this.#heapMb, this.#heapMb)
    return Object.assign(new Error(`${message} (${limit})`), { code })
  }

  /** Nobody works on the task any more: what it has taken and done is undone. */
  #reclaim({ undo, task }: Ticket): void {
    undo?.()
    this.#arena.reap(task.attempt)
  }

  /** Runs `run` when a thread has exited: at once where it has, or never was. */
  #afterExit(thread: number, run: () => void): void {
    if (!this.#alive.has(thread)) {
      run()
      return
    }
    this.#quarantined++
    const waiting = this.#onExit.get(thread) ?? []
    waiting.push(() => {
      this.#quarantined--
      run()
    })
    this.#onExit.set(thread, waiting)
  }

  /** Rejects all tasks that nobody has taken; there will be no one to take them. */
  #rejectUntaken(): void {
    for (const ticket of this.#queue.withdraw()) ticket.reject(this.#closed())
  }

  get #isEnding(): boolean {
    return this.#destroyed || this.#broken !== undefined
  }

  #closed(): PeltonError | undefined {
    if (this.#broken || !this.#destroyed) return this.#broken
    return new PeltonError(
      'the workers have been ended: the context was stopped while this ran. ' +
        'Await your actions before stop()',
      { code: 'STATE' },
    )
  }

  /** Ends a task `ms` after a thread has taken it up; what waits for a thread is not late. */
  #limit(ticket: Ticket, timeoutMs: number): void {
    let isOver = false
    let begun: number | undefined
    let cancel: Cancel
    const look = (): void => {
      if (isOver) return
      const drain = this.#queue.drainOf(ticket)
      if (drain !== undefined && drain === begun) {
        const own = this.#drains.get(drain)
        if (!own) return
        own.late = { ticket, timeoutMs }
        own.abort.abort()
        return
      }
      begun = drain
      cancel = watchdog(drain === undefined ? timeoutMs / looksPerTimeout : timeoutMs, look)
    }
    look()
    const end = (): void => {
      isOver = true
      cancel()
    }
    const { resolve, reject } = ticket
    Object.assign(ticket, {
      resolve: (result: TaskResult) => {
        end()
        resolve(result)
      },
      reject: (error: unknown) => {
        end()
        reject(error)
      },
    })
  }

  #needsReconcile = false

  /** Bits that a killed thread had claimed but not yet written an owner for. */
  #reconcileIfNeeded(): void {
    if (!this.#needsReconcile || this.#queue.size > 0 || this.#quarantined > 0) return
    this.#needsReconcile = false
    this.#arena.reconcile()
  }

  /** For tests: ends a worker that has a task; false where none has. */
  endWorker(): boolean {
    const { memory } = this.#queue
    const busy = [...this.#drains.keys()].find(drain => this.#queue.takenBy(drain).length > 0)
    if (busy === undefined) return false
    const id = Atomics.load(memory.words, memory.threadAt(busy))
    const thread = this.#piscina.threads.find(({ threadId }) => threadId === id)
    void thread?.terminate()
    return thread !== undefined
  }

  /** Says that some program opened resources, which must be closed before the threads end. */
  noteResources(): void {
    this.#usesResources = true
  }

  /** Closes resources, ends the threads, and waits for them to be gone. */
  async destroy(): Promise<void> {
    if (this.#destroyed) return
    if (this.#usesResources && !this.#broken) await this.#closeResources()
    this.#destroyed = true
    this.#heaps.stop()
    this.#rejectUntaken()
    const gone = [...this.#alive].map(
      id =>
        new Promise<void>(resolve => {
          const waiting = this.#onExit.get(id) ?? []
          waiting.push(resolve)
          this.#onExit.set(id, waiting)
        }),
    )
    await this.#piscina.destroy()
    if (!(await settledWithin(exitWaitMs, gone))) {
      throw new PeltonError(
        `${this.#alive.size} worker threads did not exit in ${exitWaitMs} ms: native code of ` +
          'yours ' +
          'may be blocking them',
        { code: 'WORKER_STUCK' },
      )
    }
    for (const ticket of this.#queue.published) {
      this.#queue.forget(ticket)
      this.#reclaim(ticket)
      ticket.reject(this.#closed())
    }
    this.#queue.close()
    this.#reconcileIfNeeded()
  }

  /**
   * Lets every thread close what it has opened; one that hangs, or that fails, is not waited
   * for.
   */
  async #closeResources(): Promise<void> {
    const close = new Int32Array(new SharedArrayBuffer(4))
    Atomics.add(this.#queue.memory.words, CALLS, 1)
    const requests = Array.from({ length: this.workers }, () =>
      this.#piscina.run({ close, workers: this.workers }).then(
        () => undefined,
        error => {
          if (this.#destroyed) return
          const message = `closing the resources of a worker failed: ${String(error)}`
          this.#events.emit('warning', { message, error })
        },
      ),
    )
    if (await settledWithin(closeWaitMs, requests)) return
    const message = `the resources of a worker were not closed in ${closeWaitMs} ms`
    this.#events.emit('warning', { message })
  }
}

/** Whether all promises have settled within `ms`. */
async function settledWithin(ms: number, promises: readonly Promise<unknown>[]): Promise<boolean> {
  return await new Promise(resolve => {
    const cancel = watchdog(ms, () => resolve(false))
    void Promise.allSettled(promises).then(() => {
      cancel()
      resolve(true)
    })
  })
}
