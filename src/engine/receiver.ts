/** The contract of receivers, and the supervisor that starts, restarts and stops them. */
import { PeltonError, preview } from '../errors.ts'
import type { Cancel, Clock } from './clock.ts'
import type { EventBus, ReceiverInfo } from './events.ts'
import type { Intake } from './intake.ts'

/** What a receiver reaches through its methods once it is attached to a context. */
export interface ReceiverHost {
  readonly streamId: number
  store(rows: Iterable<unknown>): Promise<void> | undefined
  storeText(bytes: Uint8Array): Promise<void> | undefined
  reportError(message: string, error?: unknown): void
  restart(message: string, error?: unknown, delayMs?: number): void
  stop(message: string, error?: unknown): void
  readonly state: 'started' | 'stopped'
  readonly clock: Clock
}

/**
 * A source that pushes. Subclasses implement `onStart` (begin, without blocking) and `onStop`
 * (end everything begun), and hand rows over with `store`.
 *
 * @example
 * class Ticks extends Receiver<number> {
 *   #timer?: NodeJS.Timeout
 *   onStart() { this.#timer = setInterval(() => this.store(1), 100) }
 *   onStop() { clearInterval(this.#timer) }
 * }
 * ssc.receiverStream(new Ticks())
 */
export abstract class Receiver<T> {
  #host: ReceiverHost | undefined

  abstract onStart(): void | Promise<void>
  abstract onStop(): void | Promise<void>

  /**
   * Stores one row, or every row of an array or iterator. The promise resolves when there is room
   * for more: awaiting it is how a receiver is slowed down.
   */
  async store(rows: T | readonly T[] | Iterator<T>): Promise<void> {
    const host = this.#attached()
    if (Array.isArray(rows)) await host.store(rows)
    else if (isIterator(rows)) await host.store(Iterator.from(rows as Iterator<unknown>))
    else await host.store([rows])
  }

  /** Stores whole lines of UTF-8, each ended by a newline, without making strings of them. */
  protected storeText(bytes: Uint8Array): Promise<void> | undefined {
    return this.#attached().storeText(bytes)
  }

  /** Tells listeners of a trouble that the receiver can live with. */
  reportError(message: string, error?: unknown): void {
    this.#attached().reportError(message, error)
  }

  /** Stops and, after `delayMs` (default 2000), starts the receiver again. */
  restart(message: string, error?: unknown, delayMs?: number): void {
    this.#attached().restart(message, error, delayMs)
  }

  /** Stops the receiver for good. */
  stop(message: string, error?: unknown): void {
    this.#attached().stop(message, error)
  }

  isStarted(): boolean {
    return this.#host?.state === 'started'
  }

  isStopped(): boolean {
    return this.#host?.state === 'stopped'
  }

  get streamId(): number {
    return this.#attached().streamId
  }

  /** The engine's clock, for receivers that need time. */
  protected get clock(): Clock {
    return this.#attached().clock
  }

  /** Called by the engine. */
  attach(host: ReceiverHost): void {
    this.#host = host
  }

  #attached(): ReceiverHost {
    if (this.#host) return this.#host
    throw new PeltonError(
      `A ReceiverSupervisor has not been attached to the receiver yet: ${this.constructor.name} was ` +
        'used before onStart. Pass it to ssc.receiverStream(…) and store rows from onStart on',
      { code: 'RECEIVER' },
    )
  }
}

function isIterator(rows: unknown): boolean {
  return (
    typeof rows === 'object' &&
    rows !== null &&
    typeof (rows as Iterator<unknown>).next === 'function'
  )
}

export interface SupervisorOptions {
  readonly streamId: number
  readonly name: string
  readonly restartDelayMs: number
  readonly clock: Clock
  readonly events: EventBus
}

/** Runs one receiver: errors at start stop it, `restart` brings it back after the delay. */
export class Supervisor implements ReceiverHost {
  readonly streamId: number
  readonly clock: Clock
  state: 'started' | 'stopped' = 'stopped'
  #receiver: Receiver<never>
  #intake: Intake
  #options: SupervisorOptions
  #lastError: Partial<ReceiverInfo> = {}
  #pending: Cancel | undefined
  #stopping: Promise<void> | undefined
  #ended = false

  constructor(receiver: Receiver<never>, intake: Intake, options: SupervisorOptions) {
    this.#receiver = receiver
    this.#intake = intake
    this.#options = options
    this.streamId = options.streamId
    this.clock = options.clock
  }

  get info(): ReceiverInfo {
    const { streamId, name } = this.#options
    return {
      streamId,
      name: `${name}-${streamId}`,
      active: this.state === 'started',
      ...this.#lastError,
    }
  }

  async start(): Promise<void> {
    this.#receiver.attach(this)
    this.state = 'started'
    try {
      await this.#receiver.onStart()
      if (this.state === 'started') this.#options.events.emit('receiverStarted', this.info)
    } catch (error) {
      await this.#end(`Error starting receiver ${this.streamId}`, error)
    }
  }

  store(rows: Iterable<unknown>): Promise<void> | undefined {
    if (this.#ended) return undefined
    for (const row of rows) this.#intake.add(row)
    return this.#intake.room()
  }

  storeText(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#ended) return undefined
    this.#intake.addText(bytes)
    return this.#intake.room()
  }

  reportError(message: string, error?: unknown): void {
    this.#lastError = {
      lastErrorMessage: message,
      lastError: error,
      lastErrorTime: this.clock.now(),
    }
    this.#options.events.emit('receiverError', this.info)
  }

  restart(message: string, error?: unknown, delayMs = this.#options.restartDelayMs): void {
    if (this.#ended || this.#pending || this.#stopping) return
    const text = error === undefined ? message : `${message}: ${errorText(error)}`
    this.reportError(`Restarting receiver with delay ${delayMs} ms: ${text}`, error)
    this.#stopping = this.#halt()
    void this.#stopping.then(() => {
      this.#stopping = undefined
      if (this.#ended) return
      this.#pending = this.clock.at(this.clock.now() + delayMs, () => {
        this.#pending = undefined
        void this.start()
      })
    })
  }

  stop(message: string, error?: unknown): void {
    void this.#end(message, error)
  }

  /** Ends the receiver and waits for its `onStop`. */
  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#pending?.()
    await this.#stopping
    if (this.state === 'started') await this.#halt()
    this.#options.events.emit('receiverStopped', this.info)
  }

  async #end(message: string, error: unknown): Promise<void> {
    this.reportError(error === undefined ? message : `${message}: ${errorText(error)}`, error)
    await this.close()
  }

  async #halt(): Promise<void> {
    this.state = 'stopped'
    try {
      await this.#receiver.onStop()
    } catch (error) {
      this.reportError(`onStop of receiver ${this.streamId} failed: ${errorText(error)}`, error)
    }
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : preview(error)
}
