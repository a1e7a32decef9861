/**
 * Quantiles by digests against sorted arrays, for numbers drawn by fixed seeds: exact while there
 * are few, and ranks within the bounds that the digest's header names beyond that.
 *
 * What it can't catch: numbers that someone ordered so that centroids overlap the most.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomNumbers } from '../../src/ops/sample.ts'
import {
  type Digest,
  digested,
  emptyDigest,
  joinedDigest,
  quantilesOf,
} from '../../src/state/t-digest.ts'

const qs = [0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1]

const digestOf = (values: Iterable<number>, compression = 100): Digest => {
  const digest = emptyDigest(compression)
  for (const value of values) digested(digest, value)
  return digest
}

/** Definition 7 of Hyndman and Fan on a plain array. */
function quantile(sorted: readonly number[], q: number): number {
  const place = q * (sorted.length - 1)
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return low === high ? low : low + (high - low) * (place - Math.floor(place))
}

/** How far the rank of a value is from `q`, in parts of all; equal values have a range of ranks. */
function rankError(sorted: readonly number[], value: number, q: number): number {
  const below = sorted.filter(other => other < value).length / sorted.length
  const upTo = sorted.filter(other => other <= value).length / sorted.length
  return Math.max(0, below - q, q - upTo)
}

/** Of all ranks, those that a centroid may cover which begins at `q`. */
const width = (q: number, compression: number): number => {
  const half = Math.PI / compression
  return 2 * half * Math.sqrt(q * (1 - q)) + half ** 2
}

const random = randomNumbers(7)
const n = 20_000
const draw = (f: (x: number, i: number) => number): number[] =>
  Array.from({ length: n }, (_, i) => f(random(), i))
const kinds: Record<string, number[]> = {
  uniform: draw(x => x),
  exponential: draw(x => -Math.log(1 - x)),
  'heavy-tailed': draw(x => (1 - x) ** -2),
  'of few values': draw(x => Math.floor(x * 5)),
  rising: draw((_, i) => i),
  falling: draw((_, i) => -i),
}

describe.each(Object.entries(kinds))('numbers that are %s', (_, values) => {
  const sorted = values.toSorted((a, b) => a - b)

  test.each([20, 100, 500])('ranks are within their bounds, compression %i', compression => {
    const whole = digestOf(values, compression)
    const parts = Array.from({ length: 16 }, (_, p) =>
      digestOf(
        values.filter((_, i) => i % 16 === p),
        compression,
      ),
    )
    const ranges = Array.from({ length: 16 }, (_, p) =>
      digestOf(values.slice((p * n) / 16, ((p + 1) * n) / 16), compression),
    )
    const digests = [whole, parts.reduce(joinedDigest), ranges.reduce(joinedDigest)]
    for (const digest of digests) {
      expect(digest.means.length).toBeLessThanOrEqual(5 * compression)
      expect(digest.weights.reduce((a, b) => a + b)).toBe(n)
      const found = quantilesOf(digest, qs)
      expect(found[0]).toBe(sorted[0])
      expect(found.at(-1)).toBe(sorted.at(-1))
      for (const [i, q] of qs.entries()) {
        const error = rankError(sorted, found[i]!, q)
        // Joined digests that are coarse overlap most.
        const widths = compression === 20 ? 2 : 1
        const bound = widths * width(q, compression) + 1 / n
        expect(error, `q = ${q}`).toBeLessThanOrEqual(bound)
      }
    }
  })
})

test('few numbers are exact, however they are cut', () => {
  const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 })
  fc.assert(
    fc.property(
      numbers,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      fc.nat(),
      (...of) => {
        const [values, parts, at] = of
        const sorted = values.toSorted((a, b) => a - b)
        const exact = parts.map(q => quantile(sorted, q))
        const [a, b] = [values.slice(0, at % 50), values.slice(at % 50)].map(some => digestOf(some))
        for (const digest of [digestOf(values), joinedDigest(a!, b!)]) {
          const found = quantilesOf(digest, parts)
          for (const [i, value] of exact.entries()) expect(found[i]).toBeCloseTo(value, 8)
        }
      },
    ),
  )
})

test('none, NaN and infinite numbers', () => {
  expect(quantilesOf(emptyDigest(100), [0, 1])).toEqual([Number.NaN, Number.NaN])
  expect(quantilesOf(digestOf([Number.NaN, 3]), [0, 0.5, 1])).toEqual([3, 3, 3])
  const infinite = digestOf([...new Array<number>(2000).fill(Infinity), -Infinity, 0])
  expect(quantilesOf(infinite, [0, 0.5, 1])).toEqual([-Infinity, Infinity, Infinity])
})

test('a digest that was merged stays as it is', () => {
  const other = digestOf([1, 2])
  const before = structuredClone(other)
  const digest = joinedDigest(emptyDigest(100), other)
  digested(digest, 3)
  expect(other).toEqual(before)
})
