/** All of piscina behind `run(task)`: worker threads, their death, and what they leave behind. */
import { Piscina } from 'piscina'
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import { watchdog } from './clock.ts'
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
const failuresMax = 8

/** A task that died with its thread, or whose thread had to be ended. */
export class LostTaskError extends Error {
  readonly reason: unknown
  constructor(reason: unknown) {
    super(`the worker died: ${reason instanceof Error ? reason.message : String(reason)}`)
    this.reason = reason
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
  #broken = Promise.withResolvers<never>()

  constructor(arena: Arena, options: PoolOptions, events: EventBus) {
    this.#arena = arena
    this.workers = options.workers
    const workerData: WorkerData = { arena: arena.handle(), attempts: this.#attempts }
    const limits = options.heapMb
      ? { resourceLimits: { maxOldGenerationSizeMb: options.heapMb } }
      : {}
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
    this.#broken.promise.catch(() => undefined)
    this.#piscina.on('error', error => {
      events.emit('warning', { message: `a worker failed between tasks: ${String(error)}`, error })
      if (++this.#failures > failuresMax) this.#giveUp(error)
    })
    for (const thread of this.#piscina.threads) this.#watch(thread, events)
    this.#piscina.on('workerCreate', (info: { worker?: unknown }) => {
      void info
      for (const thread of this.#piscina.threads) this.#watch(thread, events)
    })
  }

  #watch(thread: Piscina['threads'][number], events: EventBus): void {
    const id = thread.threadId
    if (id < 0 || this.#alive.has(id)) return
    this.#alive.add(id)
    thread.once('exit', code => {
      this.#alive.delete(id)
      for (const run of this.#onExit.get(id) ?? []) run()
      this.#onExit.delete(id)
      if (!this.#destroyed) events.emit('workerExited', { worker: id, code })
    })
  }

  /** Workers that die before they take a task would be replaced for ever, and jobs would wait. */
  #giveUp(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#broken.reject(
      new PeltonError(
        `the workers can't start; the last one failed with: ${message}. Check that this version of ` +
          'Node runs worker threads, and that no --require or --import of yours fails in them',
        { code: 'WORKER_START', cause: error },
      ),
    )
    void this.#piscina.destroy()
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
    const slot = message.attempt % attemptSlots
    Atomics.store(this.#attempts, slot, 0)
    const abort = timeoutMs === undefined ? undefined : new AbortController()
    const stopWatching =
      abort && timeoutMs !== undefined ? watchdog(timeoutMs, () => abort.abort()) : undefined
    this.#running++
    try {
      const result = this.#piscina.run(message, abort ? { signal: abort.signal } : {})
      const done = await Promise.race([result, this.#broken.promise])
      this.#failures = 0
      return done
    } catch (error) {
      if (error instanceof PeltonError) throw error
      this.#quarantine(message.attempt, Atomics.load(this.#attempts, slot))
      const timedOut = abort?.signal.aborted === true
      throw new LostTaskError(
        timedOut ? new Error(`it ran longer than taskTimeout, ${timeoutMs} ms`) : error,
      )
    } finally {
      this.#running--
      stopWatching?.()
      if (this.#running === 0 && this.#quarantined === 0) this.#reconcileIfNeeded()
    }
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
    if (this.#usesResources) await this.#closeResources()
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
    await new Promise<void>((resolve, reject) => {
      const cancel = watchdog(exitWaitMs, () =>
        reject(
          new PeltonError(`${this.#alive.size} worker threads did not exit in ${exitWaitMs} ms`, {
            code: 'WORKER_STUCK',
          }),
        ),
      )
      Promise.all(gone).then(() => {
        cancel()
        resolve()
      }, reject)
    })
    this.#reconcileIfNeeded()
  }

  async #closeResources(): Promise<void> {
    const close = new Int32Array(new SharedArrayBuffer(4))
    const requests = Array.from({ length: this.workers }, () =>
      this.#piscina.run({ close, workers: this.workers }),
    )
    await Promise.allSettled(requests)
  }
}
