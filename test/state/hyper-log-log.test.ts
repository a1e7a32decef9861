/**
 * Estimates against true numbers, by fixed values, so that a run is like the one before. Bounds are
 * those of the law: the deviation promised, no bias, none of hundreds of results beyond five.
 *
 * What it can't catch: values that someone chose so that their hashes collide.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { estimated, joinedSketch, registersFor, sketched } from '../../src/state/hyper-log-log.ts'

const sketchOf = (values: Iterable<unknown>, registers: number): Uint8Array => {
  const sketch = new Uint8Array(registers)
  for (const value of values) sketched(sketch, value)
  return sketch
}

test('as many registers as the deviation asks for', () => {
  expect([0.9, 0.05, 0.01, 0.0021].map(registersFor)).toEqual([16, 512, 16_384, 262_144])
})

test.each([
  { kind: 'numbers', value: (i: number): unknown => i },
  { kind: 'texts', value: (i: number): unknown => `user-${i}` },
  { kind: 'pairs', value: (i: number): unknown => [i, 'x'] },
])('errors of $kind are as large as promised', ({ value }) => {
  for (const relativeSd of [0.1, 0.05]) {
    for (const size of [1, 10, 100, 1000, 10_000]) {
      const registers = registersFor(relativeSd)
      const deviation = 1.04 / Math.sqrt(registers)
      const errors = Array.from({ length: 40 }, (_, run) => {
        const values = Array.from({ length: size }, (_, i) => value(run * 1_000_003 + i))
        return estimated(sketchOf(values, registers)) / size - 1
      })
      const mean = errors.reduce((a, b) => a + b, 0) / errors.length
      const spread = Math.sqrt(errors.reduce((a, b) => a + b * b, 0) / errors.length)
      // Rounding to whole numbers is an error of its own while there are few.
      const rounding = 0.5 / size
      expect(Math.max(...errors.map(Math.abs))).toBeLessThan(5 * deviation + rounding)
      expect(Math.abs(mean)).toBeLessThan(0.7 * deviation + rounding)
      expect(spread).toBeLessThan(1.4 * deviation + rounding)
    }
  }
})

test('a million values, within four deviations of one percent', () => {
  const sketch = new Uint8Array(registersFor(0.01))
  for (let i = 0; i < 1_000_000; i++) sketched(sketch, i * 7)
  expect(Math.abs(estimated(sketch) / 1_000_000 - 1)).toBeLessThan(0.04)
})

test('order, repetition and cutting make no difference, equal keys count once', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer(), fc.string())), fc.nat(), (values, at) => {
      const whole = sketchOf(values, 64)
      const [a, b] = [values.slice(0, at % 20), values.slice(at % 20)]
      expect(joinedSketch(sketchOf(a, 64), sketchOf(b, 64))).toEqual(whole)
      expect(sketchOf([...values.toReversed(), ...values], 64)).toEqual(whole)
    }),
  )
  expect(estimated(sketchOf([], 512))).toBe(0)
  expect(estimated(sketchOf([0, -0], 512))).toBe(1)
  expect(estimated(sketchOf([null, undefined, Number.NaN, Number.NaN], 512))).toBe(2)
  expect(
    estimated(
      sketchOf(
        [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
        512,
      ),
    ),
  ).toBe(1)
})

test('full registers are no end', () => {
  expect(estimated(new Uint8Array(16).fill(61))).toBe(Number.POSITIVE_INFINITY)
  expect(estimated(new Uint8Array(16).fill(60))).toBeGreaterThan(1e18)
})
