/** A context without streams: collections and files, an action at a time. */
import { callOf, stepOf } from '../apply.ts'
import { stopped } from '../context-errors.ts'
import { activeScope, derived, type Session } from '../engine/session.ts'
import { misused, preview } from '../errors.ts'
import { type Metrics, metricsOf } from '../metrics.ts'
import * as ops from '../ops/index.ts'
import { type BatchContextOptions, batchSettingsOf } from '../options.ts'
import { RDD } from '../rdd.ts'
import { ContextBase } from './base.ts'

/**
 * The RDD half of Pelton alone: no clock, no streams. It owns workers and an arena, which begin
 * when the first RDD is made. Several may live in one process; an RDD of one is refused in another.
 *
 * It does not keep the process alive: a program ends when no action is pending, also without
 * `stop()`. In a process that goes on, `stop()` gives threads and memory back.
 *
 * @example
 * await using bc = new BatchContext({ workers: 2 })
 * const words = bc.textFile('bible.txt').flatMap(line => line.split(' '))
 * console.log(await words.countByValue())
 */
export class BatchContext extends ContextBase {
  #stopping: Promise<void> | undefined
  #unwatch: (() => void) | undefined

  /**
   * @throws PeltonError `OPTION` for an option that makes no sense, by name and value
   * @example const bc = new BatchContext({ memory: '512MiB' })
   */
  constructor(options: BatchContextOptions = {}) {
    super('BatchContext', batchSettingsOf(options), options)
    const { signal } = options
    const onAbort = (): void => void this.stop().catch(() => undefined)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    this.#unwatch = () => signal?.removeEventListener('abort', onAbort)
  }

  protected get isStopped(): boolean {
    return this.#stopping !== undefined
  }

  /** For the engine's own use. */
  override get session(): Session {
    if (this.isStopped) throw stopped('BatchContext')
    return super.session
  }

  /**
   * The rows of several RDDs, in their order; none give an RDD without rows.
   *
   * @throws PeltonError `OPTION` for what is no RDD of this context
   * @example bc.union([bc.textFile('a.txt'), bc.textFile('b.txt')])
   */
  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    const call = callOf('union')
    if (!Array.isArray(rdds)) throw misused(call, `needs an array of RDDs; got ${preview(rdds)}`)
    if (rdds.length === 0) return this.emptyRDD<T>()
    const { session } = this
    for (const rdd of rdds) {
      if (!(rdd instanceof RDD)) throw misused(call, `needs RDDs; got ${preview(rdd)}`)
      rdd.checkUsable(session, call)
    }
    const scope = activeScope(session)
    const nodes = rdds.map(rdd => rdd.node)
    return new RDD<T>(session, derived(scope, stepOf(call, ops.union), nodes), scope)
  }

  /** Counters since the first RDD was made; `batches` and `rows` count streams, and stay 0. */
  metrics(): Metrics {
    return metricsOf(this.begun, 0, 0)
  }

  /**
   * Ends the workers and gives everything back. Actions that still run reject; afterwards RDDs of
   * this context can't be used, and no new ones made. Calling it again waits for the first call.
   *
   * @example await bc.stop()
   */
  stop(): Promise<void> {
    this.#unwatch?.()
    this.#stopping ??= this.endSession()
    return this.#stopping
  }

  /** The same as `stop()`, at the end of a block with `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
