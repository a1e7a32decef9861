/**
 * Has a context go on where a process before it ended: by a checkpoint of what its batches have
 * left, and by the log of what came behind it.
 *
 * ```text
 *   checkpoint behind batch 4 ─▶ states, windows, where inputs were
 *   log from there on         ─▶ batch 5: its rows, done      run again, without its outputs
 *                                batch 6: its rows            run again
 *                                rows that no batch has taken for the next batch
 * ```
 */
import type { Disk } from '../durable/disk.ts'
import { type Position, WriteAheadLog } from '../durable/log.ts'
import { PeltonError } from '../errors.ts'
import type { Allocated, BatchLoop, Durability } from './batches.ts'
import { type Checkpoint, CheckpointFiles, type InputMark } from './checkpoint-files.ts'
import { type Clock, ManualClock } from './clock.ts'
import type { StreamNode } from './dag.ts'
import type { InputSource } from './input.ts'
import { entryOf, Journal, type TakenBatch } from './journal.ts'
import type { Snapshots } from './snapshot.ts'

/** An input of the program, in order of definition. */
export interface RecoveredInput {
  readonly source: InputSource
  readonly node: StreamNode
  readonly streamId: number
}

export interface RecoveryOptions {
  readonly clock: Clock
  /** Milliseconds from one checkpoint to the next. */
  readonly checkpointMs: number
  readonly inputs: readonly RecoveredInput[]
  /** Whether to go on from what the directory holds; else it must hold nothing. */
  readonly recovers: boolean
  warn(message: string): void
  /** Something could not be made durable: the context must end. */
  failed(error: PeltonError): void
}

/** What is known of a batch until a checkpoint is behind it. */
interface BatchMark {
  readonly inputs: readonly InputMark[]
  /** From where on the log tells what came after its rows. */
  log: Position | undefined
}

export class Recovery implements Durability {
  readonly #options: RecoveryOptions
  readonly #files: CheckpointFiles
  readonly #log: WriteAheadLog
  readonly #journal: Journal
  #snapshots: Snapshots | undefined
  #marks = new Map<number, BatchMark>()
  /** Where the log begins that a checkpoint of the next batch needs. */
  #logStart: Position | undefined
  /** Time of the last checkpoint that was begun, in milliseconds. */
  #last = Number.NEGATIVE_INFINITY
  #writing: Promise<void> | undefined
  #isBroken = false

  private constructor(log: WriteAheadLog, files: CheckpointFiles, options: RecoveryOptions) {
    this.#options = options
    this.#files = files
    this.#log = log
    this.#journal = new Journal(log, error => this.#fail(error))
  }

  /**
   * @throws PeltonError `CHECKPOINT_EXISTS` where the disk holds what nobody asked to go on from;
   * `CHECKPOINT`, `LOG_DAMAGED`, `FORMAT`, `DISK` where it can't be read
   */
  static async open(disk: Disk, options: RecoveryOptions): Promise<Recovery> {
    const { clock, warn, recovers } = options
    const files = new CheckpointFiles(disk, warn)
    if (!recovers && (await files.any())) throw exists(disk.name)
    // Rows are counted: a batch in the log whose rows are not all there could not be run again.
    const logOptions = { now: () => clock.now(), endsOnFailure: true, warn }
    const log = await WriteAheadLog.open(disk, logOptions)
    return new Recovery(log, files, options)
  }

  /** Puts back what there was, and runs again what was not done. Sources have not started yet. */
  async begin(loop: BatchLoop, snapshots: Snapshots): Promise<void> {
    this.#snapshots = snapshots
    const checkpoint = await this.#files.newest()
    for (const { source, streamId } of this.#options.inputs) {
      source.durable?.log(this.#journal.stream(streamId))
      if (!source.durable) this.#options.warn(notDurable(source.name))
    }
    if (checkpoint) await this.#goOn(checkpoint, loop)
    else loop.begin()
    const isLeft = this.#options.inputs.some(({ source }) => source.durable && source.pending)
    if (!isLeft) this.#logStart = this.#log.end
    if (loop.isBehind) return
    // What was read again need not be read another time; and there is something to go on from.
    this.#marks.clear()
    const first = await this.#taken(loop.lastTime, loop.zeroTime)
    if (checkpoint) await this.#write(first)
    // Without any checkpoint the log is of no use: nothing may be acknowledged before there is one.
    else await this.#files.write(first)
  }

  async #goOn({ snapshot, inputs, log }: Checkpoint, loop: BatchLoop): Promise<void> {
    const { clock } = this.#options
    this.#checkInputs(inputs)
    await this.#snapshots!.restore(snapshot)
    loop.begin(snapshot)
    if (clock instanceof ManualClock && clock.now() < snapshot.time) clock.advanceTo(snapshot.time)
    for (const [i, { source }] of this.#options.inputs.entries()) {
      source.durable!.restore(inputs[i]!.mark)
    }
    this.#logStart = log
    const done = await this.#doneBatches(log)
    for await (const record of this.#log.read(log)) {
      const entry = entryOf(record)
      if (entry.kind === 'rows') this.#sourceOf(entry.rows.stream).refill(entry.rows)
      if (entry.kind !== 'batch' || entry.batch.time <= loop.lastTime) continue
      await this.#replay(entry.batch, loop, !done.has(entry.batch.time))
    }
    for (const { source } of this.#options.inputs) source.durable!.refilled()
    if (clock instanceof ManualClock && clock.now() < loop.lastTime) clock.advanceTo(loop.lastTime)
  }

  #checkInputs(marks: readonly InputMark[]): void {
    const { inputs } = this.#options
    for (const { source } of inputs) if (!source.durable) throw notRecoverable(source.name)
    const [were, are] = [marks.map(({ name }) => name), inputs.map(({ source }) => source.name)]
    if (were.join() === are.join()) return
    throw new PeltonError(
      `the checkpoint does not fit the program: its inputs were ${were.join(', ') || 'none'}, ` +
        `and are ${are.join(', ') || 'none'}. Run the program that made it, or begin anew in an ` +
        'empty checkpoint directory',
      { code: 'CHECKPOINT_MISMATCH', operator: 'checkpoint' },
    )
  }

  #sourceOf(stream: number) {
    return this.#options.inputs[stream]!.source.durable!
  }

  async #doneBatches(from: Position | undefined): Promise<Set<number>> {
    const done = new Set<number>()
    for await (const record of this.#log.read(from)) {
      const entry = entryOf(record)
      if (entry.kind === 'done') done.add(entry.time)
    }
    return done
  }

  async #replay({ time, inputs }: TakenBatch, loop: BatchLoop, outputs: boolean): Promise<void> {
    const infos = this.#options.inputs.map(({ source, node, streamId }, i) => {
      const { rdd, rows, metadata = {} } = source.durable!.replay(time, inputs[i]!)
      if (rdd && node.persisted) rdd.persisted = true
      node.generated.set(time, Promise.resolve(rdd))
      return { inputStreamId: streamId, numRecords: rows, metadata }
    })
    this.#mark(time)
    await loop.replay(time, infos, outputs)
  }

  #mark(time: number): BatchMark {
    const inputs = this.#options.inputs.map(({ source }) => ({
      name: source.name,
      mark: source.durable?.mark(),
    }))
    const mark = { inputs, log: this.#logStart }
    this.#marks.set(time, mark)
    return mark
  }

  async taken(time: number, allocated: readonly Allocated[]): Promise<void> {
    const mark = this.#mark(time)
    const inputs = allocated.map(({ info, record }) => ({ rows: info.numRecords, record }))
    // Rows that found no room in the arena lie in the log before this batch, and are not of it.
    const isLeft = this.#options.inputs.some(({ source }) => source.durable && source.pending)
    const position = await this.#journal.batch({ time, inputs })
    if (!isLeft) mark.log = this.#logStart = position
  }

  done(time: number): void {
    this.#journal.done(time)
  }

  isDue(time: number): boolean {
    return (
      !this.#isBroken &&
      this.#writing === undefined &&
      this.#marks.has(time) &&
      time - this.#last >= this.#options.checkpointMs
    )
  }

  async checkpoint(time: number, zeroTime: number): Promise<void> {
    try {
      const checkpoint = await this.#taken(time, zeroTime)
      this.#writing = this.#write(checkpoint).finally(() => {
        this.#writing = undefined
      })
    } catch (error) {
      this.#options.warn(`no checkpoint was taken behind the batch at ${time} ms: ${error}`)
    }
  }

  /** What batches have left; it is written while later ones run. */
  async #taken(time: number, zeroTime: number): Promise<Checkpoint> {
    this.#last = time
    const { inputs, log } = this.#marks.get(time) ?? this.#mark(time)
    const snapshot = await this.#snapshots!.take(time, zeroTime)
    for (const at of this.#marks.keys()) if (at <= time) this.#marks.delete(at)
    return { snapshot, inputs, log }
  }

  async #write(checkpoint: Checkpoint): Promise<void> {
    try {
      await this.#files.write(checkpoint)
      const start = this.#files.logStart
      if (start) await this.#log.trim(start)
    } catch (error) {
      // The one before it still counts, and the log goes on from there.
      const { time } = checkpoint.snapshot
      this.#options.warn(
        `the checkpoint behind the batch at ${time} ms was not written: ${error}. The next one ` +
          'is tried when it is due',
      )
    }
  }

  #fail(error: PeltonError): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.#options.failed(error)
  }

  /** Waits for what is being written; what comes after is not durable any more. */
  async close(): Promise<void> {
    await this.#writing
    this.#isBroken = true
    await this.#log.close()
  }
}

function exists(directory: string): PeltonError {
  return new PeltonError(
    `the checkpoint directory ${directory} holds what an earlier run has left. To go on from it, ` +
      'make the context in StreamingContext.getOrCreate(directory, create); to begin anew, name ' +
      'an empty directory',
    { code: 'CHECKPOINT_EXISTS', operator: 'start' },
  )
}

function notDurable(name: string): string {
  return (
    `${name} doesn't support checkpointing. Please don't use ${name} when checkpointing is ` +
    'enabled: the context can’t go on from its checkpoints'
  )
}

function notRecoverable(name: string): PeltonError {
  return new PeltonError(
    `${name} doesn't support checkpointing. Please don't use ${name} when checkpointing is ` +
      'enabled; use files, a socket or a receiver of your own, whose rows can be had again',
    { code: 'CHECKPOINT', operator: name },
  )
}
