/**
 * Rows of an async iterable, pulled as fast as they come and there is room for them.
 *
 * @example
 * ssc.from(async function* () { yield 1; yield 2 }())
 */
import { setImmediate } from 'node:timers/promises'
import { Receiver } from '../engine/receiver.ts'

/** Rows between pauses that let the clock and other sources have their turn. */
const rowsPerTurn = 1024

/** Receiver of `ssc.from(asyncIterable)`. */
export class AsyncIterableReceiver<T> extends Receiver<T> {
  #iterable: AsyncIterable<T> | Iterable<T>
  #iterator: AsyncIterator<T> | Iterator<T> | undefined
  #onError: (error: unknown) => void
  #stopped = false

  constructor(iterable: AsyncIterable<T> | Iterable<T>, onError: (error: unknown) => void) {
    super()
    this.#iterable = iterable
    this.#onError = onError
  }

  onStart(): void {
    this.#iterator =
      Symbol.asyncIterator in this.#iterable
        ? this.#iterable[Symbol.asyncIterator]()
        : this.#iterable[Symbol.iterator]()
    void this.#pull()
  }

  onStop(): void {
    this.#stopped = true
    // A generator that waits for its next value finishes later; nobody waits for it here.
    void Promise.resolve(this.#iterator?.return?.()).catch(() => undefined)
  }

  async #pull(): Promise<void> {
    try {
      for (let rows = 1; !this.#stopped; rows++) {
        const { value, done } = await this.#iterator!.next()
        if (this.#stopped) return
        if (done) {
          this.stop('the iterable has ended')
          return
        }
        await this.store([value])
        if (rows % rowsPerTurn === 0) await setImmediate()
      }
    } catch (error) {
      if (this.#stopped) return
      this.#onError(error)
      this.stop('the iterable threw', error)
    }
  }
}
