/**
 * How long one receiver has to wait, so that it brings no more rows a second than it may.
 *
 * Rows are taken first and paid for by waiting afterwards, so none is ever refused. What was not
 * used lasts for a short while only, else a receiver that had paused would flood the next batch:
 *
 * ```text
 *   rows  given ─────────────╮ store of 8                allowed grows by the rate …
 *          │             ╭───╯····· wait ·····╱
 *          │ ············│               ╱ ─────────────  … as far as the slack above given
 *   allowed ╱            │          ╱
 *          ╱─────────────╯     ╱                          time ─▶
 * ```
 * So in any time T a receiver that waits brings rate × (T + slack) rows at most, and one store.
 */
import type { Cancel, Clock } from './clock.ts'

/** Share of a batch interval for which an unused rate lasts. */
const slackShare = 1 / 20
/** Timers are late by about as much. */
const slackMsMin = 1
/** Sums of fractions of rows are exact to this much. */
const rowError = 1e-6
/** Stores that may wait at once; more come from a receiver that waits for none of them. */
const waitingMax = 16_384

export interface RateLimits {
  /** Rows a second that no update exceeds; default: no limit. */
  readonly maxRate?: number
  /** Rows a second before the first update; default and at most: `maxRate`. */
  readonly initialRate?: number
  /** Milliseconds between batches. */
  readonly intervalMs?: number
}

/**
 * The rate of one receiver. Lives on the main thread; its time is that of the engine's clock.
 *
 * Obligation of who takes: when `paid()` gives a promise, wait for it before taking more.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #maxRate: number
  readonly #slackMs: number
  #rate: number
  /** Rows taken so far. */
  #given = 0
  /** Rows that could have been taken by `#at`; above `#given`, it is credit. */
  #allowed = 0
  #at: number
  #waiting: { readonly given: number; readonly resolve: () => void }[] = []
  #cancel: Cancel | undefined

  constructor(clock: Clock, limits: RateLimits = {}) {
    const { maxRate = Number.POSITIVE_INFINITY, initialRate = maxRate, intervalMs = 0 } = limits
    this.#clock = clock
    this.#maxRate = maxRate
    this.#rate = Math.min(initialRate, maxRate)
    this.#slackMs = Math.max(slackMsMin, intervalMs * slackShare)
    this.#at = clock.now()
  }

  /** Rows a second; Infinity where there is no limit. */
  get rate(): number {
    return this.#rate
  }

  /** How many rows taken at once hardly show in a batch: for those who can choose. At least 1. */
  get portion(): number {
    return Math.max(1, Math.floor((this.#rate * this.#slackMs) / 1000))
  }

  /** Sets the rate, for those too who wait already; one that is not above 0 is ignored. */
  update(rate: number): void {
    if (!(rate > 0)) return
    this.#earn()
    this.#rate = Math.min(rate, this.#maxRate)
    // Once more, as the credit that may be kept has changed.
    this.#earn()
    this.#serve()
  }

  /** Counts rows that have been accepted. */
  take(rows: number): void {
    if (this.#rate === Number.POSITIVE_INFINITY) return
    this.#earn()
    this.#given += rows
  }

  /**
   * Resolves when all that was taken so far is paid for, in the order of the calls; undefined when
   * it is now.
   */
  paid(): Promise<void> | undefined {
    if (this.#isPaid(this.#given)) return undefined
    // Nobody listens to that many promises. They would fill the memory.
    if (this.#waiting.length >= waitingMax) return undefined
    return new Promise(resolve => {
      this.#waiting.push({ given: this.#given, resolve })
      if (!this.#cancel) this.#arm()
    })
  }

  /** Lets everyone go on who waits. What they owe is paid for by the next store that waits. */
  release(): void {
    this.#cancel?.()
    this.#cancel = undefined
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  #isPaid(given: number): boolean {
    return given - this.#allowed <= rowError
  }

  #earn(): void {
    const now = this.#clock.now()
    const elapsed = now - this.#at
    this.#at = now
    if (this.#rate === Number.POSITIVE_INFINITY) {
      this.#allowed = this.#given
      return
    }
    const perMs = this.#rate / 1000
    const most = this.#given + this.#slackMs * perMs
    this.#allowed = Math.min(this.#allowed + elapsed * perMs, most)
  }

  /** Lets those go on who have paid, and sets the timer for the next. */
  #serve(): void {
    const left = this.#waiting.findIndex(({ given }) => !this.#isPaid(given))
    const count = left < 0 ? this.#waiting.length : left
    for (const { resolve } of this.#waiting.splice(0, count)) resolve()
    this.#arm()
  }

  #arm(): void {
    this.#cancel?.()
    this.#cancel = undefined
    const first = this.#waiting[0]
    if (!first) return
    const ms = ((first.given - this.#allowed - rowError) / this.#rate) * 1000
    this.#cancel = this.#clock.at(this.#at + Math.ceil(ms), () => {
      this.#earn()
      this.#serve()
    })
  }
}
