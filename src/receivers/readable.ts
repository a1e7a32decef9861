/**
 * A Node stream: one row an object in object mode, one row a line of text otherwise.
 *
 * @example
 * ssc.from(process.stdin)
 */
import type { Readable } from 'node:stream'
import { Receiver } from '../engine/receiver.ts'

const newline = 10

/** Receiver of `ssc.from(readable)`. */
export class ReadableReceiver extends Receiver<unknown> {
  #stream: Readable
  #onError: (error: unknown) => void
  #carry: Buffer[] = []
  #listeners: [string, (...args: never[]) => void][] = []

  constructor(stream: Readable, onError: (error: unknown) => void) {
    super()
    this.#stream = stream
    this.#onError = onError
  }

  onStart(): void {
    const objects = this.#stream.readableObjectMode
    this.#listen('data', (data: unknown) => {
      const room = objects ? this.store([data]) : this.#lines(data as Buffer | string)
      if (!room) return
      this.#stream.pause()
      void room.then(() => {
        if (!this.isStopped()) this.#stream.resume()
      })
    })
    this.#listen('end', () => {
      this.#flush()
      this.stop('the stream has ended')
    })
    this.#listen('error', (error: Error) => {
      this.#onError(error)
      this.stop('the stream failed', error)
    })
  }

  onStop(): void {
    for (const [event, listener] of this.#listeners) this.#stream.off(event, listener as () => void)
    this.#listeners = []
    this.#flush()
    this.#stream.destroy()
  }

  #listen(event: string, listener: (...args: never[]) => void): void {
    this.#listeners.push([event, listener])
    this.#stream.on(event, listener as () => void)
  }

  #lines(data: Buffer | string): Promise<void> | undefined {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    const end = bytes.lastIndexOf(newline) + 1
    if (end === 0) {
      this.#carry.push(bytes)
      return undefined
    }
    const lines = Buffer.concat([...this.#carry, bytes.subarray(0, end)])
    this.#carry = end < bytes.length ? [bytes.subarray(end)] : []
    return this.storeText(lines)
  }

  #flush(): void {
    if (this.#carry.length === 0) return
    const line = Buffer.concat([...this.#carry, Buffer.of(newline)])
    this.#carry = []
    void this.storeText(line)
  }
}
