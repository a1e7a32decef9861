/**
 * The estimator of rates by itself: its formula in numbers worked out by hand, what it ignores, and
 * where it settles. Spark's own tables are in test/spark/rate-cases.test.ts.
 *
 * What it can't catch: gains that don't suit a program.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PidRateEstimator, usualGains } from '../../src/engine/rate-estimator.ts'
import { PeltonError } from '../../src/index.ts'
import { thrown } from '../engine/support.ts'

const intervalMs = 1000
const estimator = (gains = {}): PidRateEstimator =>
  new PidRateEstimator(intervalMs, { ...usualGains, ...gains })

describe('arguments', () => {
  test.each([
    [{ proportional: -1 }, 'backpressure.proportional is -1; it must be a number from 0 up'],
    [{ integral: -0.01 }, 'backpressure.integral is -0.01; it must be a number from 0 up'],
    [{ derivative: Number.NaN }, 'backpressure.derivative is NaN; it must be a number from 0 up'],
    [{ derivative: '1' }, 'backpressure.derivative is "1"; it must be a number from 0 up'],
    [{ minRate: 0 }, 'backpressure.minRate is 0; it must be a number above 0, in rows a second'],
    [{ minRate: Number.POSITIVE_INFINITY }, 'backpressure.minRate is Infinity; it must be'],
  ])('%j is refused', (gains, message) => {
    const error = thrown(() => estimator(gains))
    expect(error).toBeInstanceOf(PeltonError)
    expect(error.code).toBe('OPTION')
    expect(error.message).toContain(message)
  })

  test.each([0, -1, Number.NaN])('a batch interval of %d is refused', interval => {
    expect(thrown(() => new PidRateEstimator(interval, usualGains)).message).toContain(
      `batchInterval is ${interval}; it must be a number above 0`,
    )
  })
})

describe('the formula', () => {
  test('each part by itself', () => {
    const none = { proportional: 0, integral: 0, derivative: 0, minRate: 1 }
    // 1000 rows in 500 ms: 2000 a second. Then 300 rows in 200 ms: 1500 a second.
    const second = (gains: object, waited = 0): number | undefined => {
      const pid = estimator({ ...none, ...gains })
      expect(pid.compute(1000, 1000, 500, 0)).toBeUndefined()
      return pid.compute(3000, 300, 200, waited)
    }
    expect(second({})).toBe(2000)
    expect(second({ proportional: 0.5 })).toBe(2000 - 0.5 * 500)
    expect(second({ integral: 0.5 }, 400)).toBe(2000 - 0.5 * 0.4 * 1500)
    // The error grew from 0 to 500 in two seconds.
    expect(second({ derivative: 0.5 })).toBe(2000 - 0.5 * 250)
    expect(second({ proportional: 1, integral: 5, minRate: 42 }, 4000)).toBe(42)
  })

  test('the error that is remembered is that of the batch before', () => {
    const pid = estimator({ proportional: 1, integral: 0, derivative: 1, minRate: 1 })
    pid.compute(1000, 1000, 1000, 0)
    expect(pid.compute(2000, 600, 1000, 0)).toBe(600 - 400)
    // Rate 200, speed 600: error −400, after +400 a second before.
    expect(pid.compute(3000, 600, 1000, 0)).toBe(600 + 800)
  })
})

test('batches that tell nothing change nothing', () => {
  const batch = fc.tuple(
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: -3, max: 100 }),
    fc.integer({ min: -3, max: 100 }),
    fc.integer({ min: 0, max: 5000 }),
  )
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 30 }), batches => {
      const all = estimator({ derivative: 0.3 })
      const telling = estimator({ derivative: 0.3 })
      let time = 0
      for (const [elapsed, elements, processing, waited] of batches) {
        time += elapsed
        const rate = all.compute(time, elements, processing, waited)
        if (elements <= 0 || processing <= 0) expect(rate).toBeUndefined()
        else expect(rate).toBe(telling.compute(time, elements, processing, waited))
        expect(all.compute(time, 10, 10, 0)).toBe(
          elements > 0 && processing > 0 ? undefined : telling.compute(time, 10, 10, 0),
        )
        expect(all.compute(time - 1, 10, 10, 0)).toBeUndefined()
      }
    }),
  )
})

test('never below the least rate, and a number', () => {
  const gain = fc.double({ min: 0, max: 10, noNaN: true })
  const batch = fc.tuple(fc.nat({ max: 1e7 }), fc.nat({ max: 1e5 }), fc.nat({ max: 1e6 }))
  fc.assert(
    fc.property(gain, gain, gain, fc.array(batch), (proportional, integral, derivative, all) => {
      const pid = estimator({ proportional, integral, derivative, minRate: 3 })
      for (const [index, [elements, processing, waited]] of all.entries()) {
        const rate = pid.compute(index, elements, processing, waited)
        if (rate === undefined) continue
        expect(rate).toBeGreaterThanOrEqual(3)
        expect(rate).toBeLessThan(Number.POSITIVE_INFINITY)
      }
    }),
  )
})

test('a stream that comes too fast settles at the speed of its batches, and nothing waits', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 1e6 }),
      fc.integer({ min: 1, max: 20 }),
      (speed, times) => {
        const pid = estimator()
        let rate = speed * times
        let free = 0
        let delay = 0
        for (let start = intervalMs; start < 100 * intervalMs; start += intervalMs) {
          const rows = (rate * intervalMs) / 1000
          const began = Math.max(start, free)
          delay = began - start
          free = began + (rows / speed) * 1000
          rate = pid.compute(free, rows, free - began, delay) ?? rate
        }
        expect(rate).toBeGreaterThan(speed * 0.99)
        expect(rate).toBeLessThanOrEqual(speed * 1.0001)
        expect(delay).toBeLessThan(intervalMs * 0.05)
      },
    ),
  )
})
