/** Starts, restarts and stops a receiver, and takes what it stores. */
import { PeltonError, preview } from '../errors.ts'
import { type Cancel, type Clock, watchdog } from './clock.ts'
import type { EventBus, ReceiverInfo } from './events.ts'
import type { Intake } from './intake.ts'
import { copyOf, type StreamJournal } from './journal.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { Receiver, ReceiverHost } from './receiver.ts'

/** Real milliseconds that a stop waits for a receiver's `onStop`, unless it is told of more. */
export const receiverStopMs = 10_000

export interface SupervisorOptions {
  readonly streamId: number
  readonly name: string
  readonly restartDelayMs: number
  readonly clock: Clock
  readonly events: EventBus
  /** How fast the receiver may store; default: as fast as there is room. */
  readonly limiter?: RateLimiter
  /** Real milliseconds that a stop waits for `onStop`. */
  readonly stopTimeoutMs?: number
}

/** Runs one receiver: errors at start stop it, `restart` brings it back after the delay. */
export class Supervisor implements ReceiverHost {
  readonly streamId: number
  readonly clock: Clock
  state: 'started' | 'stopped' = 'stopped'
  isOpen = true
  /** Where what is stored is noted as well. */
  journal: StreamJournal | undefined
  readonly #receiver: Receiver<never>
  readonly #intake: Intake
  readonly #limiter: RateLimiter
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
    this.#limiter = options.limiter ?? new RateLimiter(options.clock)
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
    const failed = (error: unknown): void =>
      this.stop(`Error starting receiver ${this.streamId}`, error)
    try {
      this.#receiver.attach(this)
    } catch (error) {
      failed(error)
      return
    }
    this.state = 'started'
    try {
      const started = this.#receiver.onStart()
      if (this.state === 'started') this.#options.events.emit('receiverStarted', this.info)
      await started
    } catch (error) {
      // What fails because it was stopped is no failure to start.
      if (start === this.#starts && this.state === 'started') failed(error)
    }
  }

  get rowBytesMax(): number {
    return this.#intake.rowBytesMax
  }

  get rowsAtOnce(): number {
    return this.#limiter.portion
  }

  store(row: unknown, position?: unknown): Promise<void> | undefined {
    if (!this.isOpen) return undefined
    const to = this.#placed(position)
    this.#intake.add(row)
    this.journal?.row(row, to)
    return this.#next(1)
  }

  storeAll(rows: Iterable<unknown>, position?: unknown): Promise<void> | undefined {
    if (!this.isOpen) return undefined
    const all = this.journal && !Array.isArray(rows) ? [...rows] : rows
    const to = this.#placed(position)
    const before = this.#intake.rows
    this.#intake.addAll(all)
    this.journal?.rows(all as readonly unknown[], to)
    return this.#next(this.#intake.rows - before)
  }

  /** What can't be kept is refused before its rows are taken. */
  #placed(position: unknown): unknown {
    return this.journal && copyOf(position)
  }

  storeText(bytes: Uint8Array): Promise<void> | undefined {
    if (!this.isOpen) return undefined
    const before = this.#intake.rows
    this.#intake.addText(bytes)
    const lines = this.#intake.rows - before
    this.journal?.text(bytes, lines)
    return this.#next(lines)
  }

  /** Resolves when the next store may come: what came is within the rate, and there is room. */
  #next(rows: number): Promise<void> | undefined {
    this.#limiter.take(rows)
    // One that is being stopped brings what it still has, as fast as it can.
    const paid = this.#isEnding() ? undefined : this.#limiter.paid()
    if (!paid) return this.#room()
    // Whoever a stop has woken must not begin to wait again: an onStop may wait for it.
    return paid.then(() => (this.#isEnding() ? undefined : this.#room()))
  }

  /** Resolves when there is room for more, in memory and on the way to the log. */
  #room(): Promise<void> | undefined {
    const [room, log] = [this.#intake.room(), this.journal?.room()]
    return room && log ? Promise.all([room, log]).then(() => undefined) : (room ?? log)
  }

  #isEnding(): boolean {
    return this.#isHalting || this.#isClosing
  }

  get position(): unknown {
    return copyOf(this.journal?.position)
  }

  stored(): Promise<void> | undefined {
    if (this.journal && !this.isOpen) return Promise.reject(stoppedBefore(this.#options.name))
    return this.journal?.stored()
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
    if (this.#isEnding() || this.#cancelStart) return
    this.#isHalting = true
    // An onStop that waits for the receiver's own loop must not wait for the rate.
    this.#limiter.release()
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

  /**
   * Ends the receiver and waits for its `onStop`, `timeoutMs` of real time at most; what that
   * stores is accepted.
   */
  close(timeoutMs?: number): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      this.#limiter.release()
      this.#closed = this.#close(timeoutMs)
    }
    return this.#closed!
  }

  async #close(timeoutMs?: number): Promise<void> {
    this.#cancelStart?.()
    if (this.state === 'started') await this.#halt(timeoutMs)
    else await this.#halted
    this.isOpen = false
    this.#options.events.emit('receiverStopped', this.info)
  }

  async #halt(timeoutMs?: number): Promise<void> {
    this.state = 'stopped'
    const stopTimeoutMs = timeoutMs ?? this.#options.stopTimeoutMs ?? receiverStopMs
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

function stoppedBefore(name: string): PeltonError {
  return new PeltonError(
    `${name} has been stopped: what it stored since is not in the log, and must be sent again`,
    { code: 'STATE', operator: name },
  )
}

/** A message for any error: those of several attempts at once have none of their own. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return preview(error)
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) return error.errors.map(errorText).join('; ')
  return (error as NodeJS.ErrnoException).code ?? error.name
}
