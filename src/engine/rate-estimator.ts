/**
 * How fast a receiver may bring rows, estimated from the batches that have ended: Spark's
 * controller with a proportional, an integral and a derivative part.
 *
 * ```text
 *   speed  = elements / processingDelay            rows a second this batch was done at
 *   error  = rate − speed                          what comes too fast
 *   past   = schedulingDelay · speed / interval    what waits already, in rows a second
 *   change = (error − last error) / time between the two
 *   rate   = max(rate − Kp·error − Ki·past − Kd·change, minRate)
 * ```
 * With Spark's gains (1, 0.2, 0) the rate is the speed of the last batch, less a fifth of what
 * waits.
 */
import { PeltonError, preview } from '../errors.ts'

/** Gains of the three parts, and the least rate in rows a second. */
export interface PidGains {
  readonly proportional: number
  readonly integral: number
  readonly derivative: number
  readonly minRate: number
}

/** Spark's constants. */
export const usualGains: PidGains = { proportional: 1, integral: 0.2, derivative: 0, minRate: 100 }

/** The estimator of one stream. It knows no clock: times are arguments. */
export class PidRateEstimator {
  readonly #intervalMs: number
  readonly #gains: PidGains
  #isSeeded = false
  #time = -1
  #rate = 0
  #error = 0

  /**
   * Throws PeltonError `OPTION` where a gain is below 0, or minRate or the interval not above 0.
   */
  constructor(intervalMs: number, gains: PidGains) {
    check('batchInterval', intervalMs, intervalMs > 0, 'above 0')
    for (const name of ['proportional', 'integral', 'derivative'] as const) {
      check(`backpressure.${name}`, gains[name], gains[name] >= 0, 'from 0 up')
    }
    check('backpressure.minRate', gains.minRate, gains.minRate > 0, 'above 0, in rows a second')
    this.#intervalMs = intervalMs
    this.#gains = gains
  }

  /**
   * The rate after a batch, in rows a second. Undefined where the batch tells nothing: it has no
   * elements, took no time, or did not end after the one before. The first that tells something is
   * what later ones are compared with, and gives no rate either.
   *
   * @param time when the processing of the batch ended, in milliseconds
   * @param elements rows of the batch
   * @param processingDelay how long it was processed, in milliseconds
   * @param schedulingDelay how long it had waited before, in milliseconds
   */
  compute(
    time: number,
    elements: number,
    processingDelay: number,
    schedulingDelay: number,
  ): number | undefined {
    if (!(time > this.#time && elements > 0 && processingDelay > 0)) return undefined
    const { proportional, integral, derivative, minRate } = this.#gains
    const elapsedSeconds = (time - this.#time) / 1000
    const speed = (elements / processingDelay) * 1000
    this.#time = time
    if (!this.#isSeeded) {
      this.#isSeeded = true
      this.#rate = speed
      return undefined
    }
    const error = this.#rate - speed
    const past = (schedulingDelay * speed) / this.#intervalMs
    const change = (error - this.#error) / elapsedSeconds
    const rate = this.#rate - proportional * error - integral * past - derivative * change
    this.#rate = Math.max(rate, minRate)
    this.#error = error
    return this.#rate
  }
}

function check(name: string, value: unknown, isFit: boolean, rule: string): void {
  if (Number.isFinite(value) && isFit) return
  throw new PeltonError(`${name} is ${preview(value)}; it must be a number ${rule}`, {
    code: 'OPTION',
    operator: 'StreamingContext',
  })
}
