/** The contract of input sources, and the source that a receiver is. */
import type { Arena } from '../columnar/arena.ts'
import type { Dataset } from './block-store.ts'
import type { Clock } from './clock.ts'
import { RddNode, type Step } from './dag.ts'
import type { EventBus } from './events.ts'
import { Intake } from './intake.ts'
import type { Receiver } from './receiver.ts'
import { Supervisor } from './supervisor.ts'

/** What a source reaches of its context. Lives on the main thread. */
export interface InputHost {
  readonly streamId: number
  readonly arena: Arena
  readonly partitions: number
  readonly clock: Clock
  readonly events: EventBus
  readonly intervalMs: number
  readonly restartDelayMs: number
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
  wake(): void
  /** Drops what is still held. */
  close(): void
}

/** A leaf with rows that are there already. */
export function leaf(step: Step, dataset: Dataset): RddNode {
  return new RddNode({ step, inputs: [], dataset })
}

/** A receiver, its supervisor, and the rows on their way in. */
export class ReceiverSource implements InputSource {
  readonly name: string
  #receiver: Receiver<never>
  #host: InputHost | undefined
  #intake: Intake | undefined
  #supervisor: Supervisor | undefined
  /** Whether it has been said that rows wait for a full arena. */
  #warned = false

  constructor(receiver: Receiver<never>) {
    this.#receiver = receiver
    this.name = receiver.constructor.name
  }

  attach(host: InputHost): void {
    this.#host = host
    this.#intake = new Intake(host.arena)
    this.#supervisor = new Supervisor(this.#receiver, this.#intake, { ...host, name: this.name })
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
    return { rdd: leaf(this.#host!.step, dataset), rows }
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

  wake(): void {
    this.#intake!.wake()
  }

  close(): void {
    this.#intake?.close()
  }
}
