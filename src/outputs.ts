/** Batches on their way to a reader of the host program. */
import { Readable } from 'node:stream'

const batchesMax = 8

/**
 * A bounded queue between a job and an async iterator. `push` resolves when there is room again;
 * when the reader leaves, everything waiting goes on.
 */
export class BatchQueue<T> implements AsyncIterableIterator<T> {
  ended = false
  #begun = false
  #items: T[] = []
  #failure: { error: unknown } | undefined
  #readers: { resolve: (r: IteratorResult<T>) => void; reject: (e: unknown) => void }[] = []
  #writers: (() => void)[] = []

  async push(item: T): Promise<void> {
    if (this.ended) return
    const reader = this.#readers.shift()
    if (reader) {
      reader.resolve({ value: item, done: false })
      return
    }
    this.#items.push(item)
    if (this.#items.length < batchesMax) return
    await new Promise<void>(resolve => {
      this.#writers.push(resolve)
    })
  }

  /** Whether somebody has begun to read and has not left, so that a failure will be seen. */
  get watched(): boolean {
    return this.#begun && !this.ended
  }

  /** No more batches: readers get what is there, then the end. */
  end(): void {
    this.ended = true
    for (const resolve of this.#writers.splice(0)) resolve()
    if (this.#items.length > 0) return
    for (const reader of this.#readers.splice(0)) reader.resolve({ value: undefined, done: true })
  }

  /** The job failed: the reader gets what is there, then the error. */
  fail(error: unknown): void {
    if (this.ended) return
    this.#failure = { error }
    this.ended = true
    for (const resolve of this.#writers.splice(0)) resolve()
    const reader = this.#readers.shift()
    if (!reader) return
    reader.reject(error)
    this.#failure = undefined
    this.end()
  }

  next(): Promise<IteratorResult<T>> {
    this.#begun = true
    const item = this.#items.shift()
    if (item !== undefined) {
      this.#writers.shift()?.()
      return Promise.resolve({ value: item, done: false })
    }
    if (this.#failure) {
      const { error } = this.#failure
      this.#failure = undefined
      return Promise.reject(error)
    }
    if (this.ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject })
    })
  }

  return(): Promise<IteratorResult<T>> {
    this.#items = []
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** The rows of batches, one after the other, as a Node stream in object mode. */
export function rowsOf<T>(batches: AsyncIterable<{ rows: T[] }>): Readable {
  async function* rows(): AsyncGenerator<T> {
    for await (const batch of batches) yield* batch.rows
  }
  return Readable.from(rows(), { objectMode: true })
}
