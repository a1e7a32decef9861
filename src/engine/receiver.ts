/** The contract of receivers, and the supervisor that starts, restarts and stops them. */
import { setImmediate } from 'node:timers/promises'
import { PeltonError, preview } from '../errors.ts'
import { type Cancel, type Clock, watchdog } from './clock.ts'
import type { EventBus, ReceiverInfo } from './events.ts'
import type { Intake } from './intake.ts'

/** Rows of an iterator that are stored together. */
const iteratorRowsMax = 16_384
const defaultStopMs = 10_000

/** What a receiver reaches through its methods once it is attached to a context. */
export interface ReceiverHost {
  readonly streamId: number
  /** The promise, where there is one, resolves when there is room for more. */
  store(row: unknown): Promise<void> | undefined
  storeAll(rows: Iterable<unknown>): Promise<void> | undefined
  storeText(bytes: Uint8Array): Promise<void> | undefined
  reportError(message: string, error?: unknown): void
  restart(message: string, error?: unknown, delayMs?: number): void
  stop(message: string, error?: unknown): void
  readonly state: 'started' | 'stopped'
  /** False once the receiver has stopped for good: what it stores then is dropped. */
  readonly isOpen: boolean
  readonly clock: Clock
}

/**
 * A source that pushes. Subclasses implement `onStart` (begin, without blocking) and `onStop`
 * (end everything begun), and hand rows over with `store`. Either may be async: nobody waits for
 * `onStart`, so it may also run for as long as rows come; `stop()` and `restart()` wait for
 * `onStop`.
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
   * for more: awaiting it is how a receiver is slowed down. It rejects where a row is no plain data
   * (code `VALUE`); then nothing of an array is stored, and of an iterator only whole runs of
   * 16,384
   * rows that came before. After the receiver has stopped, rows are dropped.
   *
   * @example await this.store(['a', 'b']) // two rows; one row that is an array: store([['a',
   * 'b']])
   */
  async store(rows: T | readonly T[] | Iterator<T>): Promise<void> {
    const host = this.#attached()
    if (Array.isArray(rows)) await host.storeAll(rows)
    else if (isIterator(rows)) await drain(host, rows as Iterator<unknown>)
    else await host.store(rows)
  }

  /**
   * Stores one row, even an array; a promise where the receiver has to wait before the next one.
   */
  protected storeRow(row: T): Promise<void> | undefined {
    return this.#attached().store(row)
  }

  /**
   * Stores whole lines of UTF-8, each ended by a newline, without making strings of them. A promise
   * where the receiver has to wait before it stores more.
   */
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
    if (this.#host && this.#host !== host && this.isStarted()) {
      throw new PeltonError(
        `this ${this.constructor.name} runs as stream ${this.#host.streamId} already; ` +
          'make a receiver of its own for each stream',
        { code: 'RECEIVER' },
      )
    }
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

/** Stores an iterator's rows as there is room for them. */
async function drain(host: ReceiverHost, iterator: Iterator<unknown>): Promise<void> {
  try {
    for (let isDone = false; !isDone && host.isOpen; ) {
      const rows: unknown[] = []
      while (!isDone && rows.length < iteratorRowsMax) {
        const { value, done } = iterator.next()
        if (done) isDone = true
        else rows.push(value)
      }
      await host.storeAll(rows)
      if (isDone) return
      // Between runs the clock and other sources have their turn.
      await setImmediate()
    }
  } catch (error) {
    iterator.return?.()
    throw error
  }
  iterator.return?.()
}

export interface SupervisorOptions {
  readonly streamId: number
  readonly name: string
  readonly restartDelayMs: number
  readonly clock: Clock
  readonly events: EventBus
  /** Real milliseconds that a stop waits for `onStop`. */
  readonly stopTimeoutMs?: number
}

/** Runs one receiver: errors at start stop it, `restart` brings it back after the delay. */
export class Supervisor implements ReceiverHost {
  readonly streamId: number
  readonly clock: Clock
  state: 'started' | 'stopped' = 'stopped'
  isOpen = true
  readonly #receiver: Receiver<never>
  readonly #intake: Intake
  readonly #options: SupervisorOptions
  #lastError: Partial<ReceiverInfo> = {}
  #starts = 0
  #cancelStart: Cancel | undefined
  /** True from a restart's or stop's begin: what the receiver asks for meanwhile is moot. */
  #isHalting = false
  #isClosing = false
  #halted: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(receiver: Receiver<never>, intake: Intake, options: SupervisorOptions) {
    this.#receiver = receiver
    this.#intake = intake
    this.#options = options
    this.streamId = options.streamId
    this.clock = options.clock
  }

  get info(): ReceiverInfo {
    const { streamId, name } = this.#options
    const active = this.state === 'started'
    return { streamId, name: `${name}-${streamId}`, active, ...this.#lastError }
  }

  /** Starts the receiver; what goes wrong is reported and stops it. */
  start(): void {
    void this.#start(++this.#starts)
  }

  async #start(start: number): Promise<void> {
    try {
      this.#receiver.attach(this)
      this.state = 'started'
      const started = this.#receiver.onStart()
      if (this.state === 'started') this.#options.events.emit('receiverStarted', this.info)
      await started
    } catch (error) {
      // What fails because it was stopped is no failure to start.
      if (start !== this.#starts || this.#isHalting || this.#isClosing) return
      this.stop(`Error starting receiver ${this.streamId}`, error)
    }
  }

  store(row: unknown): Promise<void> | undefined {
    if (!this.isOpen) return undefined
    this.#intake.add(row)
    return this.#intake.room()
  }

  storeAll(rows: Iterable<unknown>): Promise<void> | undefined {
    if (!this.isOpen) return undefined
    this.#intake.addAll(rows)
    return this.#intake.room()
  }

  storeText(bytes: Uint8Array): Promise<void> | undefined {
    if (!this.isOpen) return undefined
    this.#intake.addText(bytes)
    return this.#intake.room()
  }

  reportError(message: string, error?: unknown): void {
    this.#note(message, error)
    this.#options.events.emit('receiverError', this.info)
  }

  #note(message: string, error: unknown): void {
    const lastErrorMessage = error === undefined ? message : `${message}: ${errorText(error)}`
    this.#lastError = { lastErrorMessage, lastError: error, lastErrorTime: this.clock.now() }
  }

  restart(message: string, error?: unknown, delayMs = this.#options.restartDelayMs): void {
    if (this.#isClosing || this.#isHalting || this.#cancelStart) return
    this.#isHalting = true
    this.reportError(`Restarting receiver with delay ${delayMs} ms: ${message}`, error)
    this.#halted = this.#halt().then(() => {
      this.#isHalting = false
      if (this.#isClosing) return
      this.#cancelStart = this.clock.at(this.clock.now() + delayMs, () => {
        this.#cancelStart = undefined
        this.start()
      })
    })
  }

  /** Ends the receiver for good; with an error, the error is reported. */
  stop(message: string, error?: unknown): void {
    if (this.#isClosing) return
    if (error === undefined) this.#note(message, error)
    else this.reportError(message, error)
    void this.close()
  }

  /** Ends the receiver and waits for its `onStop`; what that stores is accepted. */
  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      this.#closed = this.#close()
    }
    return this.#closed!
  }

  async #close(): Promise<void> {
    this.#cancelStart?.()
    if (this.state === 'started') await this.#halt()
    else await this.#halted
    this.isOpen = false
    this.#options.events.emit('receiverStopped', this.info)
  }

  async #halt(): Promise<void> {
    this.state = 'stopped'
    const { stopTimeoutMs = defaultStopMs } = this.#options
    let cancel: Cancel | undefined
    const timeout = new Promise<'late'>(resolve => {
      cancel = watchdog(stopTimeoutMs, () => resolve('late'))
    })
    try {
      const result = await Promise.race([this.#receiver.onStop(), timeout])
      if (result !== 'late') return
      this.reportError(
        `onStop of receiver ${this.streamId} has not ended after ${stopTimeoutMs} ms; ` +
          'nobody waits for it any longer',
      )
    } catch (error) {
      this.reportError(`onStop of receiver ${this.streamId} failed`, error)
    } finally {
      cancel?.()
    }
  }
}

/** A message for any error: those of several attempts at once have none of their own. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return preview(error)
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) return error.errors.map(errorText).join('; ')
  return (error as NodeJS.ErrnoException).code ?? error.name
}
