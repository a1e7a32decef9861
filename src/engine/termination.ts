/** Who waits for the end of a context, and the first error, which all of them must hear. */
import type { PeltonError } from '../errors.ts'
import type { Cancel, Clock } from './clock.ts'

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** The end of one context: it comes once; an error may come before it, and then stays. */
export class Termination {
  #failure: PeltonError | undefined
  #ended = false
  #waiters: Waiter[] = []

  /** Whether somebody waits who would hear of an error. */
  get awaited(): boolean {
    return this.#waiters.length > 0
  }

  /** Notes an error and tells those who wait. Only the first one is kept for who asks later. */
  fail(error: PeltonError): void {
    this.#failure ??= error
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** The context has stopped. */
  end(): void {
    this.#ended = true
    for (const waiter of this.#waiters.splice(0)) waiter.resolve()
  }

  /** True when the context has stopped, false after `timeoutMs`; rejects with the first error. */
  async wait(clock: Clock, timeoutMs?: number): Promise<boolean> {
    if (this.#failure) throw this.#failure
    if (this.#ended) return true
    return await new Promise<boolean>((resolve, reject) => {
      let cancel: Cancel | undefined
      const waiter: Waiter = {
        resolve: () => {
          cancel?.()
          resolve(true)
        },
        reject: error => {
          cancel?.()
          reject(error)
        },
      }
      this.#waiters.push(waiter)
      if (timeoutMs === undefined) return
      cancel = clock.at(clock.now() + timeoutMs, () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        resolve(false)
      })
    })
  }
}
