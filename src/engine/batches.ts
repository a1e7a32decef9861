/**
 * The batch clock: a tick every interval, batches in a queue, their outputs in definition order.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { PeltonError, type Place } from '../errors.ts'
import { callbackError } from './callback-error.ts'
import { type Cancel, type Clock, watchdog } from './clock.ts'
import { commit, type RddNode, type StreamNode } from './dag.ts'
import type { BatchInfo, EventBus, OutputOperationInfo, StreamInputInfo } from './events.ts'
import { instantiate, isRunning, reachable } from './plan.ts'

/** What one input gives to a batch. */
export interface Allocated {
  readonly info: StreamInputInfo
  /** What the source needs to give the same again. */
  readonly record?: unknown
}

/** An input that gives up its pending rows at each tick. */
export interface BatchInput {
  readonly streamId: number
  /** Called exactly at the tick, once per batch time, in order of time. */
  allocate(time: number): Allocated
  readonly node: StreamNode
}

/**
 * Makes batches outlast the process. `taken` is called at the tick, and the batch begins when its
 * promise has resolved. `checkpoint` is called when no batch runs, and none begins before it has
 * resolved.
 */
export interface Durability {
  taken(time: number, inputs: readonly Allocated[]): Promise<unknown>
  done(time: number): void
  /** Whether a checkpoint is to be taken behind a batch. */
  isDue(time: number): boolean
  checkpoint(time: number, zeroTime: number): Promise<void>
}

/** What becomes of a stream's result: runs on the main thread, once per batch. */
export interface OutputOperation {
  readonly name: string
  readonly description: string
  readonly place: Place | undefined
  readonly node: StreamNode
  /** `before` resolves when this operation has ended for all earlier batches. */
  run(rdd: RddNode, time: number, before: Promise<void>): Promise<void>
}

export interface BatchLoopOptions {
  readonly intervalMs: number
  readonly concurrentJobs: number
  /** Ticks beyond this many waiting batches are skipped; their rows join the next batch. */
  readonly waitingBatchesMax: number
}

/** What a batch consists of. */
export interface BatchParts {
  readonly inputs: readonly BatchInput[]
  readonly outputs: readonly OutputOperation[]
  /** Computes a result that the next batch goes on from, if that has not been done. */
  readonly compute: (rdd: RddNode, time: number) => Promise<void>
}

interface Batch {
  readonly time: number
  readonly submissionTime: number
  readonly inputs: ReadonlyMap<number, StreamInputInfo>
  readonly numRecords: number
  readonly outputs: OutputOperationInfo[]
  /** Rejects where what it has taken could not be noted: then it must not run. */
  readonly ready: Promise<unknown> | undefined
}

/** One output operation of one batch, in the queue of that operation. */
interface Turn {
  readonly before: Promise<void>
  readonly end: () => void
}

/** The job in which the code at hand runs: its loop, until it has ended. */
const currentJob = new AsyncLocalStorage<{ loop: BatchLoop | undefined }>()

export class BatchLoop {
  readonly options: BatchLoopOptions
  zeroTime = 0
  completed = 0
  /** Time of the last batch that was submitted. */
  lastTime = 0
  #clock: Clock
  #events: EventBus
  #inputs: readonly BatchInput[]
  #outputs: readonly OutputOperation[]
  #nodes: readonly StreamNode[]
  #compute: BatchParts['compute']
  /** Who notes batches, where they are to outlast the process. */
  durability: Durability | undefined
  /** Whether a checkpoint is being taken. */
  #isHeld = false
  #report: (error: PeltonError, output?: number) => void
  #waiting: Batch[] = []
  #running = new Set<number>()
  #cancelTimer: Cancel | undefined
  #idle: (() => void)[] = []
  #paused = false
  #abandoned = false
  /** What no batch needs any more lies so far back from here as its node remembers. */
  #horizon = 0
  /** Nodes whose result of a time could not be computed: later ones begin there. */
  #failed = new Map<StreamNode, number>()
  /** Whether an output of a batch has failed. */
  #lacksOutput = false
  /** By output operation: the end of its latest turn. */
  #lastTurns: Promise<void>[]

  constructor(
    clock: Clock,
    events: EventBus,
    parts: BatchParts,
    options: BatchLoopOptions,
    report: (error: PeltonError, output?: number) => void,
  ) {
    this.#clock = clock
    this.#events = events
    this.#inputs = parts.inputs
    this.#outputs = parts.outputs
    this.#compute = parts.compute
    const ends = [...parts.inputs, ...parts.outputs].map(part => part.node)
    this.#nodes = reachable(ends)
    this.options = options
    this.#report = report
    this.#lastTurns = parts.outputs.map(() => Promise.resolve())
  }

  /**
   * Says when the first batch is: at the next multiple of the interval since the epoch, or behind
   * the last batch of a run before this one.
   */
  begin(before?: { readonly zeroTime: number; readonly time: number }): void {
    const { intervalMs } = this.options
    const now = Math.floor(this.#clock.now() / intervalMs) * intervalMs
    this.zeroTime = before?.zeroTime ?? now
    this.lastTime = before?.time ?? now
    this.#horizon = this.lastTime
  }

  /** Starts ticking. */
  start(): void {
    this.#schedule(this.lastTime + this.options.intervalMs)
  }

  /**
   * Whether a batch has failed that a run after this one is to run again: states lack it, or an
   * output does. A checkpoint behind it would have it forgotten.
   */
  get isBehind(): boolean {
    return this.#failed.size > 0 || this.#lacksOutput
  }

  /** Runs a batch of a run before this one; without outputs where those had ended. */
  async replay(time: number, inputs: readonly StreamInputInfo[], outputs: boolean): Promise<void> {
    this.lastTime = time
    this.#enqueue(time, inputs, { outputs, ready: undefined })
    await this.whenIdle()
  }

  /** All nodes that a batch computes, parents first. */
  get nodes(): readonly StreamNode[] {
    return this.#nodes
  }

  /** Batches that were submitted and have not ended. */
  get pending(): number {
    return this.#waiting.length + this.#running.size + (this.#isHeld ? 1 : 0)
  }

  #schedule(time: number): void {
    this.#cancelTimer = this.#clock.at(time, () => this.#tick(time))
  }

  #tick(time: number): void {
    const { intervalMs, waitingBatchesMax } = this.options
    const missed = Math.floor((this.#clock.now() - time) / intervalMs)
    if (missed > waitingBatchesMax) {
      const to = time + missed * intervalMs
      this.#skipped(time, to - intervalMs, missed, 'the clock jumped or the machine slept')
      time = to
    }
    if (this.#paused || this.#waiting.length >= waitingBatchesMax) {
      const reason = this.#paused ? 'paused' : `${this.#waiting.length} batches are waiting already`
      if (!this.#paused) this.#skipped(time, time, 1, reason)
    } else this.#submit(time)
    this.#schedule(time + intervalMs)
  }

  #skipped(from: number, to: number, count: number, reason: string): void {
    this.#events.emit('batchesSkipped', { from, to, count, reason })
  }

  #submit(time: number): void {
    this.lastTime = time
    const taken = this.#inputs.map(input => input.allocate(time))
    const ready = this.durability?.taken(time, taken)
    ready?.catch(() => undefined)
    const inputs = taken.map(({ info }) => info)
    this.#enqueue(time, inputs, { outputs: true, ready })
  }

  #enqueue(
    time: number,
    inputs: readonly StreamInputInfo[],
    { outputs, ready }: { readonly outputs: boolean; readonly ready: Batch['ready'] },
  ): void {
    const named = outputs ? this.#outputs : []
    const batch: Batch = {
      time,
      submissionTime: this.#clock.now(),
      inputs: new Map(inputs.map(input => [input.inputStreamId, input])),
      numRecords: inputs.reduce((sum, input) => sum + input.numRecords, 0),
      outputs: named.map(({ name, description }, id) => ({
        batchTime: time,
        id,
        name,
        description,
      })),
      ready,
    }
    this.#events.emit('batchSubmitted', info(batch))
    this.#waiting.push(batch)
    this.#pump()
  }

  #pump(): void {
    const most = this.options.concurrentJobs
    while (this.#waiting.length > 0 && this.#running.size < most && !this.#isDue) {
      const batch = this.#waiting.shift()!
      this.#running.add(batch.time)
      void this.#run(batch).finally(() => {
        this.#running.delete(batch.time)
        this.#done = Math.max(this.#done, batch.time)
        this.#pump()
        this.#wakeIfIdle()
      })
    }
    if (this.#isDue && this.#running.size === 0 && !this.#isHeld) void this.#checkpoint()
  }

  /** Time of the last batch that has ended. */
  #done = Number.NEGATIVE_INFINITY

  /** Whether no batch may begin before a checkpoint has been taken. */
  get #isDue(): boolean {
    if (this.#isHeld) return true
    return !this.#abandoned && !this.isBehind && this.durability?.isDue(this.#done) === true
  }

  async #checkpoint(): Promise<void> {
    this.#isHeld = true
    try {
      await this.durability!.checkpoint(this.#done, this.zeroTime)
    } finally {
      this.#isHeld = false
      this.#pump()
      this.#wakeIfIdle()
    }
  }

  async #run(batch: Batch): Promise<void> {
    // Who could not note what it has taken tells of it, and ends the context.
    if (batch.ready && !(await isFulfilled(batch.ready))) return
    const start = this.#clock.now()
    this.#events.emit('batchStarted', info(batch, start))
    const turns = batch.outputs.map((_, id) => this.#takeTurn(id))
    for (const [id, turn] of turns.entries()) {
      await this.#output(batch, id, turn.before)
      turn.end()
    }
    await this.#goOn(batch)
    this.#forget(batch.time)
    if (batch.outputs.some(output => output.failureReason !== undefined)) this.#noteFailure(batch)
    else if (!this.#abandoned) this.durability?.done(batch.time)
    this.completed++
    this.#events.emit('batchCompleted', info(batch, start, this.#clock.now()))
  }

  /** A batch with an output that failed is not done: it is run again by whoever goes on. */
  #noteFailure({ time }: Batch): void {
    if (this.#lacksOutput || this.#abandoned) return
    this.#lacksOutput = true
    if (!this.durability) return
    const message =
      `an output of the batch at ${time} ms has failed: no checkpoints are taken from here on, so ` +
      'that a context that goes on from the last one runs it again'
    this.#events.emit('warning', { message })
  }

  /** Sums and states that no output has asked for in this batch must not miss it. */
  async #goOn({ time, outputs }: Batch): Promise<void> {
    for (const node of this.#nodes) {
      if (!isRunning(node)) continue
      try {
        const rdd = await instantiate(node, time, this.zeroTime)
        if (!rdd) continue
        await this.#compute(rdd, time)
        this.#failed.delete(node)
        if (node.states) node.states.commit()
        else if (node.step.operator.needsOwn) commit(node, time, await rdd.holdings.dataset)
      } catch (error) {
        if (!this.#failed.has(node)) this.#failed.set(node, time)
        // An output that needed it has told of its failure already.
        if (this.#abandoned || outputs.some(output => output.failureReason !== undefined)) continue
        const { label: operator, place } = node.step
        const site = { operator, place, code: 'BATCH_FAILED', batchTime: time }
        this.#report(callbackError(error, site))
      }
    }
  }

  #takeTurn(id: number): Turn {
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#lastTurns[id]!
    this.#lastTurns[id] = Promise.all([before, promise]).then(() => undefined)
    return { before, end: resolve }
  }

  async #output(batch: Batch, id: number, before: Promise<void>): Promise<void> {
    const { time } = batch
    const output = this.#outputs[id]!
    const job: { loop: BatchLoop | undefined } = { loop: this }
    try {
      const rdd = await currentJob.run(job, () => instantiate(output.node, time, this.zeroTime))
      if (!rdd) return
      const started = { ...batch.outputs[id]!, startTime: this.#clock.now() }
      batch.outputs[id] = started
      this.#events.emit('outputOperationStarted', started)
      await currentJob.run(job, () => output.run(rdd, time, before))
      batch.outputs[id] = ended(started, this.#clock.now())
    } catch (error) {
      const { name: operator, place } = output
      const site = { operator, place, code: 'OUTPUT_FAILED', batchTime: time }
      const failure = callbackError(error, site)
      const failed = { ...batch.outputs[id]!, failureReason: failure.message }
      batch.outputs[id] = ended(failed, this.#clock.now())
      if (!this.#abandoned) this.#report(failure, id)
    } finally {
      job.loop = undefined
    }
    if (batch.outputs[id]!.startTime !== undefined) {
      this.#events.emit('outputOperationCompleted', batch.outputs[id]!)
    }
  }

  /** Lets go of results that no batch still to come, waiting or running, can need. */
  #forget(done: number): void {
    const others = [...this.#running].filter(time => time !== done)
    // What a failed result is made of stays: the next one needs it, and tries again.
    others.push(...this.#failed.values())
    for (const batch of this.#waiting) others.push(batch.time)
    // Batches that were dropped are not done: a checkpoint behind this one needs what they would.
    const horizon =
      others.length > 0 ? Math.min(...others) - this.options.intervalMs : Math.max(this.#done, done)
    this.#horizon = horizon
    for (const node of this.#nodes) {
      for (const [time, made] of node.generated) {
        if (time > horizon - node.rememberMs) continue
        node.generated.delete(time)
        made.then(
          rdd => rdd?.forget(),
          () => undefined,
        )
      }
    }
  }

  /**
   * Results of a stream at all its times in [from, to] that have been ticks, oldest first.
   *
   * @throws PeltonError `FORGOTTEN` where one of them is not kept any more.
   */
  async results(node: StreamNode, from: number, to: number): Promise<RddNode[]> {
    const { zeroTime } = this
    const first = zeroTime + Math.floor((from - zeroTime) / node.slide) * node.slide
    const found: RddNode[] = []
    for (let time = first; time <= Math.min(to, this.lastTime); time += node.slide) {
      if (time <= zeroTime) continue
      if (!this.#nodes.includes(node)) throw unread(node)
      if (!node.generated.has(time) && time <= this.#horizon - node.rememberMs) {
        throw forgotten(node, time)
      }
      const rdd = await instantiate(node, time, zeroTime)
      if (rdd) found.push(rdd)
    }
    return found
  }

  /** Skips ticks until `resume`; batches already submitted go on. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
  }

  /** No more ticks. */
  stopTicking(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  /** One last batch, at the time the next tick would have had. */
  submitLast(): void {
    this.#submit(this.lastTime + this.options.intervalMs)
  }

  /** Drops batches that have not begun. */
  dropWaiting(): void {
    this.#waiting.length = 0
    this.#wakeIfIdle()
  }

  /** Gives up on batches that run: their errors are of no interest any more. */
  abandon(): void {
    this.#abandoned = true
    this.#waiting.length = 0
    this.#running.clear()
    this.#wakeIfIdle()
  }

  /** Times of the batches that run. */
  get runningTimes(): number[] {
    return [...this.#running]
  }

  /** Whether the code that calls this runs as part of a job of this loop. */
  isInJob(): boolean {
    return currentJob.getStore()?.loop === this
  }

  #wakeIfIdle(): void {
    if (this.pending === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Resolves when no batch is waiting or running. */
  whenIdle(): Promise<void> {
    if (this.pending === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#idle.push(resolve)
    })
  }

  /** Whether no batch is waiting or running any more after at most `ms` of real time. */
  async idleWithin(ms: number): Promise<boolean> {
    let cancel: Cancel | undefined
    const timedOut = new Promise<false>(resolve => {
      cancel = watchdog(ms, () => resolve(false))
    })
    const idle = await Promise.race([this.whenIdle(), timedOut])
    cancel?.()
    return idle !== false
  }

  /** Forgets everything that is still remembered. */
  close(): void {
    for (const node of this.#nodes) {
      commit(node, Number.POSITIVE_INFINITY, undefined)
      node.states?.release()
      for (const made of node.generated.values()) {
        made.then(
          rdd => rdd?.forget(),
          () => undefined,
        )
      }
      node.generated.clear()
    }
  }
}

function isFulfilled(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  )
}

function unread({ step: { label, place } }: StreamNode): PeltonError {
  return new PeltonError(
    `slice: the stream that ${label} makes is read by no output, so its results are not kept; ` +
      'give it one, such as foreachRDD(() => {})',
    { code: 'FORGOTTEN', operator: 'slice', ...(place && { place }) },
  )
}

function forgotten({ step: { label, place } }: StreamNode, time: number): PeltonError {
  return new PeltonError(
    `slice: the result of ${label} at ${time} ms has been forgotten; ssc.remember(duration) ` +
      'keeps results for longer',
    { code: 'FORGOTTEN', operator: 'slice', batchTime: time, ...(place && { place }) },
  )
}

function ended(info: OutputOperationInfo, endTime: number): OutputOperationInfo {
  const { startTime } = info
  return { ...info, endTime, ...(startTime !== undefined && { duration: endTime - startTime }) }
}

function info(batch: Batch, start?: number, end?: number): BatchInfo {
  const { time, submissionTime, inputs, numRecords, outputs } = batch
  return {
    batchTime: time,
    streamIdToInputInfo: inputs,
    numRecords,
    submissionTime,
    outputOperationInfos: new Map(outputs.map(output => [output.id, output])),
    ...(start !== undefined && {
      processingStartTime: start,
      schedulingDelay: start - submissionTime,
    }),
    ...(start !== undefined &&
      end !== undefined && {
        processingEndTime: end,
        processingDelay: end - start,
        totalDelay: end - submissionTime,
      }),
  }
}
