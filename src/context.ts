import { resolve } from 'node:path'
import { type Call, callOf, pathOption, stepOf } from './apply.ts'
import { restoredFrom, takeSnapshot } from './context/base.ts'
import { checkpointDisk, Durability, snapshotKit } from './context/durability.ts'
import { endBatches } from './context/ending.ts'
import { ContextInputs } from './context/inputs.ts'
import { type StreamingListener, StreamingListeners } from './context/listeners.ts'
import { ContextSinks, type UsedSink } from './context/sinks.ts'
import {
  asError,
  badDuration,
  begunTooEarly,
  noOutputs,
  notCreated,
  otherDirectory,
  rememberedAlready,
  stopped,
} from './context-errors.ts'
import { DStream } from './dstream.ts'
import type { Disk } from './durable/disk.ts'
import { BatchLoop, type OutputOperation } from './engine/batches.ts'
import { Dataset } from './engine/block-store.ts'
import { within } from './engine/clock.ts'
import { type RddNode, StreamNode } from './engine/dag.ts'
import type { EventName, Listener } from './engine/events.ts'
import { type InputSource, leaf, provide } from './engine/input.ts'
import { reachable, setRetention } from './engine/plan.ts'
import { readValues } from './engine/programs.ts'
import { type Snapshot, Snapshots } from './engine/snapshot.ts'
import { Spill } from './engine/spill.ts'
import { Termination } from './engine/termination.ts'
import { PeltonError, preview } from './errors.ts'
import { type Explanation, explainText, explanation } from './explain.ts'
import { type Metrics, metricsOf } from './metrics.ts'
import * as ops from './ops/index.ts'
import { type Settings, type StreamingContextOptions, settingsOf } from './options.ts'
import type { BatchQueue } from './outputs.ts'
import { handleSignals } from './signals.ts'

export {
  forcedPlacement,
  partRows,
  restoredFrom,
  sharedRuntime,
  takeSnapshot,
} from './context/base.ts'
export { checkpointDisk } from './context/durability.ts'

/** Life of a context, in Spark's words. */
export type ContextState = 'INITIALIZED' | 'ACTIVE' | 'STOPPED'

interface Input {
  readonly source: InputSource
  readonly node: StreamNode
  readonly streamId: number
}

/** An output operation, before the start. */
export interface PendingOutput {
  readonly call: Call
  readonly node: StreamNode
  readonly run: OutputOperation['run']
  /** Who reads the batches, where it is an iterator. */
  readonly reader?: BatchQueue<any>
  /** Where the batches go, where that is a sink. */
  readonly sink?: UsedSink
}

/**
 * Where a program begins: inputs, streams, `start()`. It owns the workers, the arena and the batch
 * clock. Several may live in one process.
 *
 * @example
 * await using ssc = new StreamingContext({ batchInterval: seconds(1) })
 */
export class StreamingContext extends ContextInputs {
  readonly #settings: Settings
  readonly #options: StreamingContextOptions & {
    readonly [restoredFrom]?: Snapshot
    readonly [checkpointDisk]?: Disk
  }
  readonly #listeners = new StreamingListeners(this.events)
  #state: ContextState = 'INITIALIZED'
  #inputs: Input[] = []
  #outputs: PendingOutput[] = []
  #readers: BatchQueue<any>[] = []
  readonly #sinks = new ContextSinks()
  #loop: BatchLoop | undefined
  #rows = 0
  #termination = new Termination()
  #stopping: Promise<void> | undefined
  #rememberMs = 0
  #checkpointDir: string | undefined
  #checkpointIntervals: number[] = []
  /** Whether to go on from what the checkpoint directory holds. */
  #recovers = false
  #durability: Durability | undefined
  #spill: Spill | undefined
  #beginning: Promise<void> | undefined
  #snapshotsMade: Snapshots | undefined
  #cleanUps: (() => void)[] = []

  /**
   * @throws PeltonError `OPTION` for an option that makes no sense, by name and value
   * @example const ssc = new StreamingContext({ batchInterval: seconds(1) })
   */
  constructor(options: StreamingContextOptions) {
    const settings = settingsOf(options)
    super('StreamingContext', settings, options)
    this.#settings = settings
    this.#options = options
    this.#checkpointDir = settings.checkpointDir
    this.#recovers = this.#options[checkpointDisk] !== undefined
    this.events.on('receiverError', ({ name, lastErrorMessage }) =>
      this.#settings.logger.warn(`${name}: ${lastErrorMessage}`),
    )
  }

  /** Milliseconds between batches. */
  get batchInterval(): number {
    return this.#settings.batchInterval
  }

  /** INITIALIZED, ACTIVE or STOPPED. */
  getState(): ContextState {
    return this.#state
  }

  protected get isStopped(): boolean {
    return this.#state === 'STOPPED'
  }

  /** Throws when streams can't be added any more. For the engine's own use. */
  checkOpen(call: Call): void {
    if (this.#state === 'INITIALIZED') return
    const doing = this.#state === 'ACTIVE' ? 'starting' : 'stopping'
    throw new PeltonError(
      `Adding new inputs, transformations, and output operations after ${doing} a context is not ` +
        `supported: ${call.label} was called too late; define all streams before start()`,
      { code: 'STATE', operator: call.label, ...(call.place && { place: call.place }) },
    )
  }

  protected failed(error: unknown, label: string): void {
    this.#fail(asError(error, label))
  }

  /** Results of a stream at its times in [from, to]. For the engine's own use. */
  async resultsOf(node: StreamNode, from: number, to: number): Promise<RddNode[]> {
    if (this.#loop) return await this.#loop.results(node, from, to)
    throw new PeltonError(
      `${node.step.label} has not been initialized: call slice() after start() has resolved`,
      { code: 'STATE', operator: 'slice' },
    )
  }

  /** Registers an output operation; gives its number. For the engine's own use. */
  addOutput(output: PendingOutput): number {
    if (output.sink) this.#sinks.add(output.call, output.sink, this.#outputs.length)
    if (output.reader) this.#readers.push(output.reader)
    return this.#outputs.push(output) - 1
  }

  /** Writes to standard output; `print` does so. */
  write(text: string): void {
    process.stdout.write(text)
  }

  protected input<T>(label: string, source: InputSource): DStream<T> {
    const call = callOf(label)
    this.checkOpen(call)
    // Starting the workers here lets them boot while the program is still being put together.
    const { arena } = this.session.runtime
    const step = stepOf(call, ops.source)
    const streamId = this.#inputs.length
    const { batchInterval, clock, partitions, receiverRestartDelayMs, rate } = this.#settings
    source.attach({
      streamId,
      arena,
      partitions,
      clock,
      events: this.events,
      intervalMs: batchInterval,
      restartDelayMs: receiverRestartDelayMs,
      rate,
      step,
      fail: error => this.failed(error, label),
    })
    const empty = (): RddNode => leaf(step, new Dataset(arena, [], []))
    const node = new StreamNode({
      parents: [],
      step,
      slide: batchInterval,
      // Batches that were allocated are in `generated`; any other time had no tick, hence no rows.
      source: { name: source.name, compute: empty },
    })
    this.#inputs.push({ source, node, streamId })
    return new DStream<T>(this, node)
  }

  /** Keeps results for at least `duration` milliseconds. */
  remember(duration: number): void {
    if (this.#rememberMs > 0) throw rememberedAlready(this.#rememberMs)
    if (!(Number.isFinite(duration) && duration > 0)) throw badDuration(duration)
    this.#rememberMs = duration
  }

  /**
   * Starts receivers and the batch clock. The first batch comes at the next multiple of the
   * interval. Rejects, and stops the context, when the program can't run as it is.
   */
  async start(): Promise<void> {
    if (this.#state === 'ACTIVE') {
      this.#settings.logger.warn(
        'StreamingContext has already been started; start() is called once',
      )
      return
    }
    if (this.#state === 'STOPPED') throw stopped('StreamingContext')
    if (this.#options.signal?.aborted) return await this.stop()
    try {
      if (this.#outputs.length === 0) throw noOutputs()
      this.#prepare()
      this.#state = 'ACTIVE'
      this.#watchSignals()
      await (this.#beginning = this.#begin(this.#loop!))
      if (this.#stopping) return
      this.events.emit('started', { time: this.#settings.clock.now() })
      for (const { source } of this.#inputs) {
        if (this.#stopping) return
        await source.start()
      }
    } catch (error) {
      await this.stop()
      throw error
    }
    if (!this.#stopping) this.#loop!.start()
  }

  /** Puts the loop where it begins: now, or behind the last batch of a run before this one. */
  async #begin(loop: BatchLoop): Promise<void> {
    const before = this.#options[restoredFrom]
    const place = this.#options[checkpointDisk] ?? this.#checkpointDir
    if (before) await this.#snapshots.restore(before)
    const { clock, logger } = this.#settings
    const warn = (message: string): void => logger.warn(message)
    if (!place) {
      loop.lastKnown = await this.#sinks.open({ name: this.name, warn })
      return loop.begin(before)
    }
    this.#durability = await Durability.open(place, {
      clock,
      events: this.events,
      checkpointMs: Math.min(this.#settings.checkpointMs, ...this.#checkpointIntervals),
      inputs: this.#inputs,
      recovers: this.#recovers,
      warn,
      isEnding: () => this.#stopping !== undefined,
      failed: error => {
        this.#fail(error)
        this.stop().catch(() => undefined)
      },
    })
    // Batches of the run before this one go to the sinks too.
    loop.lastKnown = await this.#sinks.open({ name: this.name, warn })
    if (!this.#stopping) await this.#durability.begin(loop, this.#snapshots)
  }

  /**
   * Sets the checkpoint directory, as the option `checkpointDir` does; null: none.
   *
   * @example ssc.checkpoint('/var/lib/job')
   * @throws PeltonError `STATE` after `start()`
   */
  checkpoint(directory: string | null): void {
    this.checkOpen(callOf('checkpoint'))
    if (directory !== null) pathOption('checkpoint', 'directory', directory)
    this.#checkpointDir = directory ?? undefined
  }

  /** Has checkpoints taken at least so often. For the engine's own use. */
  checkpointEvery(intervalMs: number): void {
    this.#checkpointIntervals.push(intervalMs)
  }

  /**
   * A context that goes on from the checkpoint directory, where an earlier run has left something
   * there, or begins anew. `create` makes the whole program, outputs included, and is called in
   * either case: functions are no part of a checkpoint. What is there is put back by `start()`.
   *
   * The same program is needed: what a checkpoint holds of streams that have changed is an error
   * that names them. Functions may change. Where `create` gives a promise, so does this.
   *
   * @throws PeltonError `OPTION` where `create` gives no context, or one with another directory;
   * `start()` rejects with `CHECKPOINT`, `CHECKPOINT_MISMATCH`, `LOG_DAMAGED`, `FORMAT` or
   * `DIRECTORY_IN_USE`
   * @example
   * const ssc = StreamingContext.getOrCreate('/var/lib/job', () => {
   *   const ssc = new StreamingContext({ batchInterval: seconds(1) })
   *   ssc.textFileStream('in').countByValue().print()
   *   return ssc
   * })
   * await ssc.start()
   */
  static getOrCreate(directory: string, create: () => StreamingContext): StreamingContext
  static getOrCreate(
    directory: string,
    create: () => Promise<StreamingContext>,
  ): Promise<StreamingContext>
  static getOrCreate(
    directory: string,
    create: () => StreamingContext | Promise<StreamingContext>,
  ): StreamingContext | Promise<StreamingContext> {
    pathOption('getOrCreate', 'directory', directory)
    if (typeof create !== 'function') throw notCreated(create)
    const made = create()
    const recovering = (ssc: StreamingContext): StreamingContext => {
      if (!(ssc instanceof StreamingContext)) throw notCreated(ssc)
      try {
        return ssc.#recoverFrom(directory)
      } catch (error) {
        if (ssc.#state === 'INITIALIZED') void ssc.stop()
        throw error
      }
    }
    return made instanceof Promise ? made.then(recovering) : recovering(made)
  }

  #recoverFrom(directory: string): this {
    if (this.#state !== 'INITIALIZED') throw begunTooEarly()
    const own = this.#checkpointDir
    if (own !== undefined && resolve(own) !== resolve(directory))
      throw otherDirectory(own, directory)
    this.#checkpointDir = directory
    this.#recovers = true
    return this
  }

  #spillOf(directory: string | undefined): Spill {
    const { scheduler, runtime } = this.session
    const { encodeRows } = ops
    const warn = (message: string): void => this.events.emit('warning', { message })
    return new Spill({ arena: runtime.arena, scheduler, encodeRows, directory, warn })
  }

  /** One for the context's life: it knows what earlier snapshots have taken. */
  get #snapshots(): Snapshots {
    const { scheduler, runtime } = this.session
    const { batchInterval: intervalMs } = this.#settings
    const { nodes } = this.#loop!
    this.#snapshotsMade ??= new Snapshots({
      nodes,
      scheduler,
      arena: runtime.arena,
      kit: snapshotKit,
      intervalMs,
    })
    return this.#snapshotsMade
  }

  /** What a context of the same program can go on from; no batch may run. For tests. */
  async [takeSnapshot](): Promise<Snapshot> {
    const { lastTime, zeroTime } = this.#loop!
    return await this.#snapshots.take(lastTime, zeroTime)
  }

  #prepare(): void {
    const nodes = this.#outputs.map(output => output.node)
    setRetention([...nodes, ...this.#inputs.map(input => input.node)], this.#rememberMs)
    for (const node of reachable(nodes)) readValues(node.step)
    const outputs: OutputOperation[] = this.#outputs.map(({ call, node, run }) => ({
      name: call.label,
      description: call.place
        ? `${call.label} at ${call.place.file}:${call.place.line}`
        : call.label,
      place: call.place,
      node,
      run,
    }))
    const inputs = this.#inputs.map(input => ({
      streamId: input.streamId,
      node: input.node,
      allocate: (time: number) => this.#allocate(input, time),
    }))
    const { batchInterval, concurrentJobs, waitingBatchesMax, clock } = this.#settings
    const options = { intervalMs: batchInterval, concurrentJobs, waitingBatchesMax }
    this.#loop = new BatchLoop(
      clock,
      this.events,
      {
        inputs,
        outputs,
        compute: (rdd, time) => this.session.scheduler.materialise(rdd, time),
      },
      options,
      (error, output) => {
        const reader = output === undefined ? undefined : this.#outputs[output]!.reader
        this.#fail(error, reader ? [reader] : [])
      },
    )
    const { spillDir } = this.#settings
    if (spillDir !== false) {
      const spill = (this.#spill = this.#spillOf(spillDir))
      this.#loop.relieve = nodes => spill.relieve(nodes)
    }
    this.events.on('batchCompleted', batch => {
      for (const { source } of this.#inputs) source.wake(batch)
    })
  }

  #allocate({ source, node, streamId }: Input, time: number) {
    try {
      const batch = source.take(time)
      const { rows, metadata = {}, record } = batch
      provide(node, time, batch)
      this.#rows += rows
      return { info: { inputStreamId: streamId, numRecords: rows, metadata }, record }
    } catch (error) {
      provide(node, time, { rdd: null, rows: 0, error: asError(error, source.name) })
      return { info: { inputStreamId: streamId, numRecords: 0, metadata: {} } }
    }
  }

  #watchSignals(): void {
    const { signal } = this.#options
    const onAbort = (): void => void this.stop().catch(() => undefined)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#cleanUps.push(() => signal?.removeEventListener('abort', onAbort))
    if (this.#settings.handleSignals)
      this.#cleanUps.push(handleSignals(() => this.stop({ graceful: true })))
  }

  /** Notes an error: whoever awaits the end gets it, and so do `readers`; else it is printed. */
  #fail(error: PeltonError, readers: readonly BatchQueue<any>[] = this.#readers): void {
    const heard =
      this.#termination.awaited || this.events.has('error') || readers.some(r => r.watched)
    this.events.emit('error', { error })
    this.#termination.fail(error)
    for (const reader of readers) reader.fail(error)
    if (!heard) this.#settings.logger.error(String(error.stack ?? error))
  }

  /**
   * Resolves to true when the context has stopped, to false when `timeout` milliseconds are over.
   * Rejects with the first error of a job.
   */
  async awaitTermination(timeout?: number): Promise<boolean> {
    if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
      throw new PeltonError(
        `awaitTermination(${preview(timeout)}): give a number of milliseconds, or nothing to ` +
          'wait on',
        { code: 'OPTION', operator: 'awaitTermination' },
      )
    }
    return await this.#termination.wait(this.#settings.clock, timeout)
  }

  /**
   * Stops receivers, batches and workers, and gives everything back. With `graceful`, all rows that
   * were stored are processed first. Calling it again waits for the first call. A batch that runs
   * is waited for, though no longer than `gracefulStopTimeout`. Inside a job (a function of
   * foreachRDD or transform) the promise resolves at once: the stop waits for that very job.
   */
  stop(options: { graceful?: boolean } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.graceful ?? false)
    if (!this.#loop?.isInJob()) return this.#stopping
    this.#stopping.catch(() => undefined)
    return Promise.resolve()
  }

  async #stop(graceful: boolean): Promise<void> {
    try {
      await within(this.#beginning, this.#settings.gracefulStopTimeoutMs)
      if (this.#state === 'ACTIVE') await this.#endBatches(graceful)
      this.#state = 'STOPPED'
      for (const cleanUp of this.#cleanUps.splice(0)) cleanUp()
      await this.#sinks.close(message => this.#settings.logger.warn(message))
      await this.#durability?.close()
      this.#loop?.close()
      for (const { source } of this.#inputs) source.close()
      await this.endSession()
      this.#spill?.close()
    } finally {
      for (const reader of this.#readers) reader.end()
      this.events.emit('stopped', { time: this.#settings.clock.now() })
      this.#listeners.close()
      this.#termination.end()
    }
  }

  async #endBatches(graceful: boolean): Promise<void> {
    const sources = this.#inputs.map(({ source }) => source)
    const ended = (): void => {
      for (const reader of this.#readers) reader.end()
    }
    await endBatches(this.#loop!, { sources, settings: this.#settings, graceful, ended })
  }

  /** Skips ticks until `resume()`. */
  pause(): void {
    this.#loop?.pause()
  }

  /** Takes up ticking again after `pause()`. */
  resume(): void {
    this.#loop?.resume()
  }

  /**
   * Subscribes to an event; the returned function ends the subscription.
   *
   * @example ssc.on('batchCompleted', b => …)
   */
  on<N extends EventName>(event: N, listener: Listener<N>): () => void {
    return this.events.on(event, listener)
  }

  /**
   * Adds a listener with any of Spark's nine callbacks, until `removeStreamingListener` or the end
   * of `stop()`. Adding it again changes nothing. A callback that throws is one warning, and the
   * batch goes on. Unlike in Spark, a callback may call `stop()`.
   *
   * @throws PeltonError `OPTION` for an object without callbacks
   * @example
   * ssc.addStreamingListener({
   *   onBatchCompleted: ({ batchTime, totalDelay }) => console.log(batchTime, totalDelay),
   * })
   */
  addStreamingListener(listener: StreamingListener): void {
    this.#listeners.add(listener)
  }

  /**
   * Takes a listener away; one that was never added is no error.
   *
   * @example ssc.removeStreamingListener(listener)
   */
  removeStreamingListener(listener: StreamingListener): void {
    this.#listeners.remove(listener)
  }

  /** Resolves when no batch is waiting or running. */
  async whenIdle(): Promise<void> {
    await this.#loop?.whenIdle()
  }

  /**
   * What the outputs compute, where rows are exchanged, in which gear each operator ran and why in
   * no higher one, and what the stages took lately: as text, or as plain data.
   *
   * @example console.log(ssc.explain())
   */
  explain(): string
  explain(options: { readonly format: 'json' }): Explanation
  explain(options: { readonly format?: 'text' | 'json' } = {}): string | Explanation {
    const outputs = this.#outputs.map(({ call, node }) => ({ ...call, node }))
    const all = explanation(outputs, this.begun, this.#settings.gear)
    return options.format === 'json' ? all : explainText(all)
  }

  /** Counters since the start. */
  metrics(): Metrics {
    const rates = this.#inputs.flatMap(({ source: { rate }, streamId }) =>
      Number.isFinite(rate) ? [[streamId, rate!] as const] : [],
    )
    const receiverRates = Object.fromEntries(rates)
    return metricsOf(this.begun, this.#loop?.completed ?? 0, this.#rows, receiverRates)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
