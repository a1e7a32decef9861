/**
 * A Node stream: one row an object in object mode, one row a line of text otherwise. Lines are as
 * in
 * `socketTextStream`; one of more than 16 MiB is reported and left out.
 *
 * @example
 * ssc.from(process.stdin)
 */
import type { Readable } from 'node:stream'
import { LineFeed } from '../engine/lines.ts'
import { Receiver } from '../engine/receiver.ts'

/** Receiver of `ssc.from(readable)`. */
export class ReadableReceiver extends Receiver<unknown> {
  readonly #stream: Readable
  readonly #onError: (error: unknown) => void
  readonly #listeners: [string, (...args: never[]) => void][] = []

  constructor(stream: Readable, onError: (error: unknown) => void) {
    super()
    this.#stream = stream
    this.#onError = onError
    // An error that nobody listens to would end the process, before the start and after the end
    // too.
    stream.on('error', () => undefined)
  }

  onStart(): void {
    const stream = this.#stream
    if (stream.errored) {
      this.#fail(stream.errored)
      return
    }
    if (stream.readableEnded || stream.destroyed) {
      this.stop('the stream had ended before it was read')
      return
    }
    const isObjects = stream.readableObjectMode
    const { rowBytesMax } = this
    const report = (message: string): void => this.reportError(message)
    const feed = new LineFeed({ rowBytesMax, from: 'a stream', report })
    this.#listen('data', (data: unknown) => {
      try {
        this.#wait(isObjects ? this.storeRow(data) : this.#lines(feed, data as Buffer | string))
      } catch (error) {
        this.#fail(error)
      }
    })
    this.#listen('end', () => {
      for (const line of feed.end()) void this.storeText(line)
      this.stop('the stream has ended')
    })
    this.#listen('error', (error: Error) => this.#fail(error))
    this.#listen('close', () => {
      this.stop('the stream ended', new Error('it was closed before its end'))
    })
  }

  onStop(): void {
    for (const [event, listener] of this.#listeners) this.#stream.off(event, listener as () => void)
    this.#stream.destroy()
  }

  #listen(event: string, listener: (...args: never[]) => void): void {
    this.#listeners.push([event, listener])
    this.#stream.on(event, listener as () => void)
  }

  #fail(error: unknown): void {
    this.#onError(error)
    this.stop('the stream failed', error)
  }

  #wait(room: Promise<void> | undefined): void {
    if (!room) return
    this.#stream.pause()
    void room.then(() => {
      if (!this.isStopped()) this.#stream.resume()
    })
  }

  #lines(feed: LineFeed, data: Buffer | string): Promise<void> | undefined {
    let room: Promise<void> | undefined
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    for (const lines of feed.push(bytes)) room = this.storeText(lines)
    return room
  }
}
