/** The contract of receivers: what the user's own implement, and what they may ask for. */
import { setImmediate } from 'node:timers/promises'
import { PeltonError } from '../errors.ts'
import type { Clock } from './clock.ts'

/** Rows of an iterator that are stored together. */
const iteratorRowsMax = 16_384

/** What a receiver reaches through its methods once it is attached to a context. */
export interface ReceiverHost {
  readonly streamId: number
  /** The promise, where there is one, resolves when more may come: by the rate, and by the room. */
  store(row: unknown, position?: unknown): Promise<void> | undefined
  storeAll(rows: Iterable<unknown>, position?: unknown): Promise<void> | undefined
  /** The last position that was stored, be it by a process before this one. */
  readonly position: unknown
  storeText(bytes: Uint8Array): Promise<void> | undefined
  /** Resolves when all that was stored is in the log; undefined where there is none. */
  stored(): Promise<void> | undefined
  reportError(message: string, error?: unknown): void
  restart(message: string, error?: unknown, delayMs?: number): void
  stop(message: string, error?: unknown): void
  readonly state: 'started' | 'stopped'
  /** False once the receiver has stopped for good: what it stores then is dropped. */
  readonly isOpen: boolean
  /** Bytes of the largest row, or line, that is accepted. */
  readonly rowBytesMax: number
  /** Rows to store at once, for those who can choose, so that the rate is kept evenly. */
  readonly rowsAtOnce: number
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
   * Stores one row, or every row of an array or iterator. The promise resolves when the next store
   * may come: when the rate (`maxRate`, `backpressure`) allows it and there is room for more.
   * Awaiting it is how a receiver is slowed down. Rows of one that doesn't are taken all the same,
   * whatever the rate. A stop wakes whoever waits. With a checkpoint directory it resolves when the
   * rows are in the log too, so that the source may be told that they have come: they outlast the
   * process.
   *
   * It rejects where a row is no plain data (code `VALUE`); then nothing of an array is stored, and
   * of an iterator only whole runs that came before, of 16,384 rows or, with a rate, of what it
   * allows in a twentieth of a batch interval. After the receiver has stopped, rows are dropped;
   * with a checkpoint directory it rejects then, and where the log can't be written (code `LOG`).
   *
   * `position`, plain data, says where the source is behind these rows. It is kept with them, and
   * `this.position` gives the last one that was, also after a crash: a source that goes on from
   * there has each row counted exactly once.
   *
   * @example await this.store(['a', 'b']) // two rows; one row that is an array: store([['a',
   * 'b']])
   */
  store(rows: T | readonly T[] | Iterator<T>, position?: unknown): Promise<void> {
    const outcome = this.#store(rows, position)
    const stored = outcome.then(failure => {
      if (failure) throw failure
    })
    // The context tells of that itself: a receiver that does not wait must not end the process.
    outcome.then(
      failure => failure && stored.catch(() => undefined),
      () => undefined,
    )
    return stored
  }

  /** Resolves to what kept the rows out of the log; rejects where they can't be stored at all. */
  async #store(rows: T | readonly T[] | Iterator<T>, position: unknown): Promise<unknown> {
    const host = this.#attached()
    if (Array.isArray(rows)) await host.storeAll(rows, position)
    else if (isIterator(rows)) await drain(host, rows as Iterator<unknown>, position)
    else await host.store(rows, position)
    try {
      await host.stored()
    } catch (error) {
      return error
    }
    return undefined
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

  /**
   * The position that was given with the last rows that were stored, be it to a process before this
   * one; undefined where none was. Ask for it in `onStart`. Without a checkpoint directory there is
   * none.
   */
  protected get position(): unknown {
    return this.#attached().position
  }

  /** Whether the receiver runs: from just before `onStart` to just before `onStop`. */
  isStarted(): boolean {
    return this.#host?.state === 'started'
  }

  /** Whether the receiver has been stopped, be it for a restart; false before the first start. */
  isStopped(): boolean {
    return this.#host?.state === 'stopped'
  }

  /** Number of the stream in its context, from 0. */
  get streamId(): number {
    return this.#attached().streamId
  }

  /** The engine's clock, for receivers that need time. */
  protected get clock(): Clock {
    return this.#attached().clock
  }

  /** Bytes of the largest row, or line, that `store` accepts. */
  protected get rowBytesMax(): number {
    return this.#attached().rowBytesMax
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
      'A ReceiverSupervisor has not been attached to the receiver yet: ' +
        `${this.constructor.name} was ` +
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
async function drain(
  host: ReceiverHost,
  iterator: Iterator<unknown>,
  position: unknown,
): Promise<void> {
  try {
    for (let isDone = false; !isDone && host.isOpen; ) {
      const rows: unknown[] = []
      const rowsMax = Math.min(iteratorRowsMax, host.rowsAtOnce)
      while (!isDone && rows.length < rowsMax) {
        const { value, done } = iterator.next()
        if (done) isDone = true
        else rows.push(value)
      }
      await (isDone ? host.storeAll(rows, position) : host.storeAll(rows))
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
