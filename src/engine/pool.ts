/** All of piscina behind `run(task)`: worker threads, their death, and what they leave behind. */
import { Piscina } from 'piscina'
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import { threadOwner } from './block-store.ts'
import { type Cancel, watchdog } from './clock.ts'
import type { EventBus } from './events.ts'
import type { TaskMessage, TaskResult } from './program.ts'

/** How a pool thread is born; read by worker.ts. */
export interface WorkerData {
  readonly arena: ReturnType<Arena['handle']>
  /** Thread id by attempt number, written by the thread when it takes the task up. */
  readonly attempts: Int32Array
}

/** A request to close the resources of every thread: each waits until all have come. */
export interface CloseMessage {
  readonly close: Int32Array
  readonly workers: number
}

export type PoolMessage = TaskMessage | CloseMessage

const attemptSlots = 4096
const attemptMax = 0x3fffffff
const exitWaitMs = 10_000
const closeWaitMs = 5000
const failuresMax = 8
/** How exactly a timeout is kept: to a quarter of it. */
const looksPerTimeout = 4

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

/**
 * A thread that meets its limit gets 16 MiB more in which to end. A young generation that could
 * move
 * more than that at once makes V8 abort the whole process instead: 6 times in 6 for strings and 2
 * in
 * 6 for arrays, against none in 24 with this limit. A Map that doubles beyond it still does.
 */
const youngMbMax = 16

function heapLimits(heapMb: number) {
  return {
    maxOldGenerationSizeMb: heapMb,
    maxYoungGenerationSizeMb: Math.min(youngMbMax, Math.ceil(heapMb / 4)),
  }
}

export interface PoolOptions {
  readonly workers: number
  /** Heap limit of each worker, in MiB. */
  readonly heapMb?: number | undefined
  readonly workerFile: URL
}

export class Pool {
  readonly workers: number
  #arena: Arena
  #events: EventBus
  #piscina: Piscina<PoolMessage, TaskResult>
  #attempts = new Int32Array(new SharedArrayBuffer(attemptSlots * 4))
  #nextAttempt = 1
  #alive = new Set<number>()
  #onExit = new Map<number, (() => void)[]>()
  #quarantined = 0
  #running = 0
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
    const workerData: WorkerData = { arena: arena.handle(), attempts: this.#attempts }
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
    this.#piscina.on('error', error => {
      events.emit('warning', { message: `a worker failed between tasks: ${String(error)}`, error })
      this.#lastError = error
      if (++this.#failures > failuresMax) this.#giveUp(error)
    })
    this.#watchAll()
    this.#piscina.on('workerCreate', () => this.#watchAll())
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
      if (!this.#destroyed) this.#events.emit('workerExited', { worker: id, code })
    })
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
    // Rejects the tasks that wait.
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

  /**
   * Runs one attempt of a task. Rejects with LostTaskError when its thread died or was ended
   * because of `timeoutMs`; its chunks then stay in quarantine until the thread has exited.
   */
  async run(message: TaskMessage, timeoutMs?: number): Promise<TaskResult> {
    this.#checkOpen()
    const slot = message.attempt % attemptSlots
    Atomics.store(this.#attempts, slot, 0)
    const abort = timeoutMs === undefined ? undefined : new AbortController()
    const stopWatching = abort && this.#limit(slot, timeoutMs!, abort)
    this.#running++
    try {
      const result = await this.#piscina.run(message, abort ? { signal: abort.signal } : {})
      this.#failures = 0
      return result
    } catch (error) {
      this.#quarantine(message.attempt, Atomics.load(this.#attempts, slot))
      this.#checkOpen()
      const timedOut = abort?.signal.aborted === true
      const reason = timedOut
        ? new Error(`the task ran longer than taskTimeout, ${timeoutMs} ms`)
        : error
      throw new LostTaskError(reason, timedOut)
    } finally {
      this.#running--
      stopWatching?.()
      if (this.#running === 0 && this.#quarantined === 0) this.#reconcileIfNeeded()
    }
  }

  #checkOpen(): void {
    if (this.#broken) throw this.#broken
    if (!this.#destroyed) return
    throw new PeltonError(
      'the workers have been ended: the StreamingContext was stopped while this ran. ' +
        'Await your actions before stop()',
      { code: 'STATE' },
    )
  }

  /** Aborts a task `ms` after a thread has taken it up; what waits for a thread is not late. */
  #limit(slot: number, ms: number, abort: AbortController): Cancel {
    let cancel: Cancel
    const look = (): void => {
      const begun = Atomics.load(this.#attempts, slot) !== 0
      cancel = begun ? watchdog(ms, () => abort.abort()) : watchdog(ms / looksPerTimeout, look)
    }
    look()
    return () => cancel()
  }

  #needsReconcile = false

  #quarantine(attempt: number, thread: number): void {
    const reap = (): void => {
      this.#arena.reap(attempt)
      this.#needsReconcile = true
    }
    if (!this.#alive.has(thread)) {
      reap()
      return
    }
    this.#quarantined++
    const waiting = this.#onExit.get(thread) ?? []
    waiting.push(() => {
      this.#quarantined--
      reap()
    })
    this.#onExit.set(thread, waiting)
  }

  /** Bits that a killed thread had claimed but not yet written an owner for. */
  #reconcileIfNeeded(): void {
    if (!this.#needsReconcile) return
    this.#needsReconcile = false
    this.#arena.reconcile()
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
    this.#reconcileIfNeeded()
  }

  /**
   * Lets every thread close what it has opened; one that hangs, or that fails, is not waited
   * for.
   */
  async #closeResources(): Promise<void> {
    const close = new Int32Array(new SharedArrayBuffer(4))
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
