/**
 * The batch clock: a tick every interval, batches in a queue, their outputs in definition order.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { PeltonError, type Place } from '../errors.ts'
import { callbackError } from './callback-error.ts'
import { type Cancel, type Clock, within } from './clock.ts'
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
  /** Whether all of its outputs are: what has failed is to be run again. */
  ended(time: number, isDone: boolean): void
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
  /** Time of the batch before it; ticks in between were left out. */
  readonly after: number
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
  /** Called when a batch has forgotten what nobody needs: makes room for the next, if need be. */
  relieve: ((nodes: readonly StreamNode[]) => Promise<void> | undefined) | undefined
  /** Who notes batches, where they are to outlast the process. */
  durability: Durability | undefined
  /** Whether a checkpoint is being taken. */
  #isHeld = false
  #report: (error: PeltonError, output?: number) => void
  #waiting: Batch[] = []
  /** Batches that run, by time: the first tick that each has to compute. */
  #running = new Map<number, number>()
  #cancelTimer: Cancel | undefined
  #idle: (() => void)[] = []
  #paused = false
  #abandoned = false
  /** What no batch needs any more lies so far back from here as its node remembers. */
  #horizon = 0
  /** Nodes whose result of a time could not be computed: later ones begin there. */
  #failed = new Map<StreamNode, number>()
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

  /** Time of the last batch that an output knows of a run before this one. */
  lastKnown = 0

  /**
   * Says when the first batch is: at the next multiple of the interval since the epoch, or behind
   * the last batch of a run before this one.
   *
   * @throws PeltonError `CLOCK` where an output knows batches that are far ahead of the clock
   */
  begin(before?: { readonly zeroTime: number; readonly time: number }): void {
    const { intervalMs, waitingBatchesMax } = this.options
    const clock = Math.floor(this.#clock.now() / intervalMs) * intervalMs
    // A graceful stop runs its last batches ahead of the clock, one for each that may wait at most.
    const now = Math.max(clock, Math.ceil(this.lastKnown / intervalMs) * intervalMs)
    if (!before && now > clock + (waitingBatchesMax + 1) * intervalMs) throw ahead(clock, now)
    if (!before && now > clock + intervalMs) {
      const message =
        `a sink has batches up to ${now} ms, and the clock shows ${clock} ms: the first batch is ` +
        `that of ${now + intervalMs} ms`
      this.#events.emit('warning', { message })
    }
    this.zeroTime = before?.zeroTime ?? now
    this.lastTime = before?.time ?? now
    this.#horizon = this.lastTime
  }

  /** Starts ticking. */
  start(): void {
    this.#schedule(this.lastTime + this.options.intervalMs)
  }

  /** Whether states lack a batch that failed: what they were is not what the batch left. */
  get isBehind(): boolean {
    return this.#failed.size > 0
  }

  /**
   * Runs a batch of a run before this one; without outputs where those had ended. Resolves to
   * whether they have now.
   */
  async replay(
    time: number,
    inputs: readonly StreamInputInfo[],
    outputs: boolean,
  ): Promise<boolean> {
    const batch = this.#enqueue(time, inputs, { outputs, ready: undefined })
    await this.whenIdle()
    return !hasFailed(batch)
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
  ): Batch {
    const named = outputs ? this.#outputs : []
    const batch: Batch = {
      time,
      after: this.lastTime,
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
    this.lastTime = time
    this.#events.emit('batchSubmitted', info(batch))
    this.#waiting.push(batch)
    this.#pump()
    return batch
  }

  #pump(): void {
    const most = this.options.concurrentJobs
    while (this.#waiting.length > 0 && this.#running.size < most && !this.#isDue) {
      const batch = this.#waiting.shift()!
      this.#running.set(batch.time, this.#firstTick(batch))
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
    await this.#catchUp(batch)
    for (const [id, turn] of turns.entries()) {
      await this.#output(batch, id, turn.before)
      turn.end()
    }
    await this.#goOn(batch)
    this.#forget(batch.time)
    const relieving = this.relieve?.(this.#nodes)
    if (relieving) await relieving
    if (!this.#abandoned) this.durability?.ended(batch.time, !hasFailed(batch))
    this.completed++
    this.#events.emit('batchCompleted', info(batch, start, this.#clock.now()))
  }

  /**
   * Brings sums and states past the ticks that were left out, one at a time: each needs the one
   * before, and there may be thousands.
   */
  async #catchUp(batch: Batch): Promise<void> {
    if (!this.#nodes.some(isRunning)) return
    const { intervalMs } = this.options
    for (let time = batch.after + intervalMs; time < batch.time; time += intervalMs) {
      await this.#goOn({ time, outputs: [] })
      if (this.#abandoned || this.isBehind) return
      this.#running.set(batch.time, time + intervalMs)
      this.#forget(time)
    }
  }

  /** A batch computes the ticks that were left out before it as well. */
  #firstTick({ after }: Batch): number {
    return after + this.options.intervalMs
  }

  /** Sums and states that no output has asked for in this batch must not miss it. */
  async #goOn({ time, outputs }: Pick<Batch, 'time' | 'outputs'>): Promise<void> {
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
        if (this.#abandoned || hasFailed({ outputs })) continue
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

  /** Lets go of results that no batch still to come, waiting or one of these, can need. */
  #forget(done: number): void {
    const others = [...this.#running].flatMap(([time, first]) => (time === done ? [] : [first]))
    // What a failed result is made of stays: the next one needs it, and tries again.
    others.push(...this.#failed.values())
    for (const batch of this.#waiting) others.push(this.#firstTick(batch))
    // Batches that were dropped are not done: a checkpoint behind this one needs what they would.
    const horizon =
      others.length > 0 ? Math.min(...others) - this.options.intervalMs : Math.max(this.#done, done)
    this.#horizon = horizon
    for (const node of this.#nodes) {
      for (const [time, made] of node.generated) {
        if (time > horizon - node.briefMs) continue
        if (time > horizon - node.rememberMs && !this.#isRead(node, time)) continue
        node.generated.delete(time)
        node.computed.delete(time)
        made.then(
          rdd => rdd?.forget(),
          () => undefined,
        )
      }
    }
  }

  /** Whether all who keep rows that are made of a result have computed them. */
  #isRead(node: StreamNode, time: number): boolean {
    return node.lazyReaders.every(reader => reader.computed.has(time))
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
      if (!node.generated.has(time) && time <= this.#horizon - node.briefMs) {
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
    return [...this.#running.keys()]
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
    return await within(this.whenIdle(), ms)
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

function hasFailed({ outputs }: Pick<Batch, 'outputs'>): boolean {
  return outputs.some(output => output.failureReason !== undefined)
}

function isFulfilled(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  )
}

function ahead(clock: number, known: number): PeltonError {
  return new PeltonError(
    `a sink has batches up to ${known} ms, and the clock shows ${clock} ms: no batch would be ` +
      'run until then. Give the sink an empty place, or set the clock right',
    { code: 'CLOCK', operator: 'start' },
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
