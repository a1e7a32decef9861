/** Sums by key through scattered parts, against a Map. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numbers } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

describe.each(places)('radix sums at $place', ({ base }) => {
  test.each([2, 256])('%i parts', parts => {
    const shift = 64 - Math.log2(parts)
    fc.assert(
      fc.property(fc.array(fc.tuple(numbers, numbers)), rows => {
        memory.rewind(base)
        const n = rows.length
        const [keys, values] = [
          memory.putF64(rows.map(r => r[0])),
          memory.putF64(rows.map(r => r[1])),
        ]
        const starts = memory.putU32(new Array(parts).fill(0))
        kernels.countRadix(keys, n, shift, starts)
        expect(kernels.prefixSums(starts, parts)).toBe(n)
        const pairs = memory.alloc(n * 16)
        kernels.scatterRadix(keys, values, n, shift, starts, pairs)
        const sums = new Map<number, number>()
        const ends = memory.readU32(starts, parts)
        const mask = 2 ** Math.ceil(Math.log2(2 * n + 2)) - 1
        const slots = memory.alloc(4 * (mask + 1))
        const [outKeys, outSums] = [memory.alloc(n * 8), memory.alloc(n * 8)]
        ends.forEach((end, part) => {
          const start = ends[part - 1] ?? 0
          const middle = (start + end) >> 1
          memory.u32.fill(0, slots / 4, slots / 4 + mask + 1)
          const half = middle - start
          let count = kernels.sumPairs(pairs + 16 * start, half, slots, mask, outKeys, outSums, 0)
          const rest = end - middle
          const at = pairs + 16 * middle
          count = kernels.sumPairs(at, rest, slots, mask, outKeys, outSums, count)
          const found = memory.readF64(outKeys, count)
          found.forEach((key, i) => {
            expect(sums.has(key)).toBe(false)
            sums.set(key, memory.f64[outSums / 8 + i]!)
            // The first of 0 and -0 is kept.
            expect(key).toBe(rows.find(row => row[0] === key || Object.is(row[0], key))![0])
          })
        })
        const expected = new Map<number, number>()
        for (const [key, value] of rows) {
          const sum = expected.get(key)
          expected.set(key, sum === undefined ? value : sum + value)
        }
        expect(new Map([...sums].sort())).toEqual(new Map([...expected].sort()))
      }),
    )
  })
})
