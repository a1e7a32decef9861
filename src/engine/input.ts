/** The contract of input sources, and the source that a receiver is. */
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import type { Dataset } from './block-store.ts'
import type { Clock } from './clock.ts'
import { RddNode, type Step, type StreamNode } from './dag.ts'
import type { BatchInfo, EventBus } from './events.ts'
import { Intake } from './intake.ts'
import { partOf, type StoredRows, type StreamJournal, type TakenInput } from './journal.ts'
import { type PidGains, PidRateEstimator } from './rate-estimator.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { Receiver } from './receiver.ts'
import { Supervisor } from './supervisor.ts'

/** How fast receivers may bring rows. Rates are rows a second of one receiver. */
export interface RateSettings {
  /** Infinity: no limit. */
  readonly maxRate: number
  readonly initialRate: number
  /** How the rate follows the speed of processing; undefined: it doesn't. */
  readonly gains: PidGains | undefined
}

/** A batch that took less than the clock can tell counts as one that took so long. */
const processingMsMin = 1

/** What a source reaches of its context. Lives on the main thread. */
export interface InputHost {
  readonly streamId: number
  readonly arena: Arena
  readonly partitions: number
  readonly clock: Clock
  readonly events: EventBus
  readonly intervalMs: number
  readonly restartDelayMs: number
  readonly rate: RateSettings
  /** The step that the source's RDDs carry. */
  readonly step: Step
  /** Says that the source has failed for good: awaitTermination rejects. */
  fail(error: unknown): void
}

/** Rows of one batch; `rdd` is null when there is none, which is not the same as no rows. */
export interface InputBatch {
  readonly rdd: RddNode | null
  readonly rows: number
  readonly metadata?: Readonly<Record<string, unknown>>
  /** What the source needs to give the same again: plain data, noted in the log. */
  readonly record?: unknown
  /** Why there are no rows, where they can't be read. */
  readonly error?: PeltonError
}

/** Puts what a source gives where the batch looks for it. */
export function provide(node: StreamNode, time: number, { rdd, error }: InputBatch): void {
  if (rdd && node.persisted) rdd.persisted = true
  const made = error ? Promise.reject(error) : Promise.resolve(rdd)
  made.catch(() => undefined)
  node.generated.set(time, made)
}

/**
 * What a source does so that its rows outlast the process. Everything that it hands over or takes
 * back here is plain data.
 *
 * Obligations of a source
 * - `replay` gives the rows that `take` gave, from what it is handed: the rows of the log that
 *   `refill` has brought before, and the record.
 * - `mark` says how far it has got with the last `take`; `restore` goes on from there.
 *
 * Obligations of the engine
 * - `log` comes before `start`. `restore`, `refill` and `replay` come before it too, in that order.
 */
export interface DurableSource {
  /** Has what is stored written to a log as well. */
  log(journal: StreamJournal): void
  mark(): unknown
  restore(mark: unknown): void
  refill(rows: StoredRows): void
  /** @param isRead whether anything will look at the rows */
  replay(time: number, taken: TakenInput, isRead: boolean): InputBatch
  /** All of the log has been read: what no batch has taken is for the next. */
  refilled(): void
}

/**
 * Obligations of a source
 * - `take` returns at once; it is called at each tick, in order of time.
 * - What `take` has handed over is not handed over again.
 * - After `stop` has resolved, nothing of the source is open, and `take` still gives what had come.
 */
export interface InputSource {
  readonly name: string
  attach(host: InputHost): void
  start(): void | Promise<void>
  /** `timeoutMs`: how long, in real time, a source may take that has rows to bring still. */
  stop(timeoutMs?: number): void | Promise<void>
  take(time: number): InputBatch
  /** Whether rows have come that no batch has taken yet. */
  readonly pending: boolean
  /** Called after each batch: blocks may have been freed. */
  wake(batch: BatchInfo): void
  /** Rows a second that it may bring at present, where such a thing is limited. */
  readonly rate?: number
  /** Drops what is still held. */
  close(): void
  /** Absent where what it gives can't be had again. */
  readonly durable?: DurableSource
}

/** A leaf with rows that are there already. */
export function leaf(step: Step, dataset: Dataset): RddNode {
  return new RddNode({ step, inputs: [], dataset })
}

/** How many rows batches have taken, and where the receiver's source was then. */
interface ReceiverMark {
  readonly rows: number
  readonly position: unknown
}

/** A receiver, its supervisor, and the rows on their way in. */
export class ReceiverSource implements InputSource, DurableSource {
  readonly name: string
  #receiver: Receiver<never>
  #host: InputHost | undefined
  #intake: Intake | undefined
  #supervisor: Supervisor | undefined
  #limiter: RateLimiter | undefined
  #estimator: PidRateEstimator | undefined
  /** Whether it has been said that rows wait for a full arena. */
  #warned = false
  #journal: StreamJournal | undefined
  /** Rows that batches have taken, of all that were ever stored. */
  #taken = 0
  /** Rows of the log that no batch has asked for yet, and the number of the next one to ask for. */
  #refills: StoredRows[] = []
  #refilledTo = 0

  constructor(receiver: Receiver<never>) {
    this.#receiver = receiver
    this.name = receiver.constructor.name
  }

  attach(host: InputHost): void {
    this.#host = host
    this.#intake = new Intake(host.arena)
    const { clock, intervalMs } = host
    const { gains, ...limits } = host.rate
    const limiter = new RateLimiter(clock, { ...limits, intervalMs })
    this.#limiter = limiter
    if (gains) this.#estimator = new PidRateEstimator(intervalMs, gains)
    const options = { ...host, name: this.name, limiter }
    this.#supervisor = new Supervisor(this.#receiver, this.#intake, options)
  }

  start(): void {
    this.#supervisor!.start()
  }

  async stop(timeoutMs?: number): Promise<void> {
    const closed = this.#supervisor!.close(timeoutMs)
    // An onStop that waits for the receiver's own loop must not wait for room in vain.
    this.#intake!.release()
    await closed
  }

  take(): InputBatch {
    const { dataset, rows } = this.#intake!.take(this.#host!.partitions)
    if (rows > 0 || this.#intake!.rows === 0) this.#warned = false
    else this.#warn()
    this.#taken += rows
    return { rdd: leaf(this.#host!.step, dataset), rows }
  }

  get durable(): DurableSource {
    return this
  }

  log(journal: StreamJournal): void {
    this.#journal = journal
    this.#supervisor!.journal = journal
  }

  mark(): ReceiverMark {
    return { rows: this.#taken, position: this.#journal?.position }
  }

  restore(mark: unknown): void {
    const { rows, position } = mark as ReceiverMark
    this.#taken = this.#refilledTo = this.#journal!.next = rows
    this.#journal!.position = position
  }

  refill(rows: StoredRows): void {
    const { first, count, position } = rows
    this.#journal!.next = Math.max(this.#journal!.next, first + count)
    if (position !== undefined) this.#journal!.position = position
    if (first + count > this.#refilledTo) this.#refills.push(rows)
  }

  replay(time: number, { rows }: TakenInput): InputBatch {
    const intake = this.#intake!
    intake.insists = true
    this.#feed(this.#taken + rows)
    const batch = this.take()
    intake.insists = false
    if (batch.rows < rows) throw noRoom(this.name, time, rows, batch.rows)
    return batch
  }

  refilled(): void {
    this.#feed(Number.POSITIVE_INFINITY)
  }

  /** Puts rows of the log, up to a number, where stored rows wait for their batch. */
  #feed(to: number): void {
    const intake = this.#intake!
    while (this.#refills.length > 0 && this.#refills[0]!.first < to) {
      const rows = this.#refills[0]!
      const { data, count, first } = partOf(rows, this.#refilledTo, to)
      if (first !== this.#refilledTo) throw missing(this.name, this.#refilledTo, first)
      if (data instanceof Uint8Array) intake.addText(data)
      else intake.addAll(data)
      this.#refilledTo += count
      if (this.#refilledTo < rows.first + rows.count) return
      this.#refills.shift()
    }
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    const { arena, events, streamId } = this.#host!
    events.emit('warning', {
      message:
        `${this.#intake!.rows} rows of ${this.name}-${streamId} wait because the arena is full ` +
        `(${arena.bytesInUse()} of ${arena.limitBytes} bytes in use); raise the memory option, ` +
        'or ' +
        'shorten windows and state',
    })
  }

  get pending(): boolean {
    return this.#intake!.rows > 0
  }

  get rate(): number {
    return this.#limiter!.rate
  }

  wake(batch: BatchInfo): void {
    this.#intake!.wake()
    this.#updateRate(batch)
  }

  #updateRate({ streamIdToInputInfo, ...batch }: BatchInfo): void {
    if (!this.#estimator || !this.#supervisor!.isOpen) return
    const { streamId, events } = this.#host!
    const { processingEndTime = 0, processingDelay = 0, schedulingDelay = 0 } = batch
    const rate = this.#estimator.compute(
      processingEndTime,
      streamIdToInputInfo.get(streamId)?.numRecords ?? 0,
      Math.max(processingDelay, processingMsMin),
      schedulingDelay,
    )
    if (rate === undefined) return
    this.#limiter!.update(rate)
    events.emit('rateUpdated', { streamId, rate: this.rate })
  }

  close(): void {
    this.#intake?.close()
  }
}

function noRoom(name: string, time: number, rows: number, found: number): PeltonError {
  return new PeltonError(
    `the batch at ${time} ms had ${rows} rows of ${name}, and there is room for ${found} of them ` +
      'now; raise the memory option to what it was, or above',
    { code: 'ARENA_FULL', batchTime: time },
  )
}

function missing(name: string, from: number, to: number): PeltonError {
  return new PeltonError(
    `the log lacks rows ${from} to ${to - 1} of ${name}: restore the checkpoint directory from a ` +
      'copy, or begin anew in an empty one',
    { code: 'LOG_DAMAGED' },
  )
}
