/**
 * Rows of an iterable, async or not, pulled as fast as they come and there is room for them.
 *
 * @example
 * ssc.from(async function* () { yield 1; yield 2 }())
 */
import { setImmediate } from 'node:timers/promises'
import { Receiver } from '../engine/receiver.ts'

/** Rows between pauses that let the clock and other sources have their turn. */
const rowsPerTurn = 1024

/** Receiver of `ssc.from(iterable)`. */
export class AsyncIterableReceiver<T> extends Receiver<T> {
  readonly #iterable: AsyncIterable<T> | Iterable<T>
  readonly #onError: (error: unknown) => void
  #iterator: AsyncIterator<T> | Iterator<T> | undefined
  #isStopped = false
  /** True while the iterable is asked for its next row. */
  #isPulling = false

  constructor(iterable: AsyncIterable<T> | Iterable<T>, onError: (error: unknown) => void) {
    super()
    this.#iterable = iterable
    this.#onError = onError
  }

  onStart(): void {
    void this.#run()
  }

  /** Ends the iterable with its `return`, as a `for` loop does that is left early. */
  async onStop(): Promise<void> {
    this.#isStopped = true
    const ended = this.#iterator?.return?.()
    this.#iterator = undefined
    if (!this.#isPulling) await ended
    // A generator at work on its next row finishes when that has come; nobody waits for it here.
    else Promise.resolve(ended).catch(() => undefined)
  }

  async #run(): Promise<void> {
    try {
      await this.#pull()
      if (!this.#isStopped) this.stop('the iterable has ended')
    } catch (error) {
      if (this.#isStopped) return
      this.#onError(error)
      this.stop('the iterable failed', error)
    }
  }

  async #pull(): Promise<void> {
    const iterator =
      Symbol.asyncIterator in this.#iterable
        ? this.#iterable[Symbol.asyncIterator]()
        : this.#iterable[Symbol.iterator]()
    this.#iterator = iterator
    for (let rows = 1; !this.#isStopped; rows++) {
      const { value, done } = await this.#next(iterator)
      if (this.#isStopped) return
      if (done) {
        this.#iterator = undefined
        return
      }
      const room = this.storeRow(value)
      if (room) await room
      if (rows % rowsPerTurn === 0) await setImmediate()
    }
  }

  async #next(iterator: AsyncIterator<T> | Iterator<T>): Promise<IteratorResult<T>> {
    this.#isPulling = true
    try {
      return await iterator.next()
    } catch (error) {
      // An iterable that threw has ended by itself.
      this.#iterator = undefined
      throw error
    } finally {
      this.#isPulling = false
    }
  }
}
