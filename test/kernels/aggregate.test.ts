/** Folds by group id against the same folds in plain JavaScript. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numbers } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

type Kernel = (gids: number, values: number, n: number, accumulators: number, seen: number) => void
const folds: Record<
  string,
  { start: number; kernel: Kernel; fold: (a: number, b: number) => number }
> = {
  sum: { start: -0, kernel: kernels.sumByGid, fold: (a, b) => a + b },
  min: { start: Number.POSITIVE_INFINITY, kernel: kernels.minByGid, fold: Math.min },
  max: { start: Number.NEGATIVE_INFINITY, kernel: kernels.maxByGid, fold: Math.max },
  first: { start: 99, kernel: kernels.firstByGid, fold: a => a },
  last: { start: 99, kernel: kernels.lastByGid, fold: (_, b) => b },
}

const vectors = fc.array(fc.array(fc.tuple(fc.nat(5), numbers), { maxLength: 20 }), {
  maxLength: 4,
})

describe.each(places)('folds at $place', ({ base }) => {
  test.each(Object.entries(folds))('%s', (_, { start, kernel, fold }) => {
    fc.assert(
      fc.property(vectors, rows => {
        memory.rewind(base)
        const accumulators = memory.alloc(6 * 8)
        const ids = new Map<number, number>()
        const expected: number[] = []
        for (const vector of rows) {
          const seen = ids.size
          const gids = vector.map(([key]) => {
            if (!ids.has(key)) ids.set(key, ids.size)
            return ids.get(key)!
          })
          vector.forEach(([, value], i) => {
            const gid = gids[i]!
            expected[gid] = gid in expected ? fold(expected[gid]!, value) : value
          })
          kernels.fillF64(accumulators + 8 * seen, ids.size - seen, start)
          const values = memory.putF64(vector.map(([, value]) => value))
          kernel(memory.putU32(gids), values, vector.length, accumulators, seen)
        }
        expect(memory.readF64(accumulators, ids.size)).toEqual(expected)
      }),
    )
  })

  test('of a whole column', () => {
    fc.assert(
      fc.property(fc.array(numbers), numbers, (values, start) => {
        memory.rewind(base)
        const [at, n] = [memory.putF64(values), values.length]
        expect(kernels.sumF64(at, n, start)).toBe(values.reduce((a, b) => a + b, start))
        expect(kernels.leastF64(at, n, start)).toBe(Math.min(start, ...values))
        expect(kernels.greatestF64(at, n, start)).toBe(Math.max(start, ...values))
      }),
    )
  })

  test('count', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5)), gids => {
        memory.rewind(base)
        const counts = memory.putF64(new Array(6).fill(0))
        kernels.countByGid(memory.putU32(gids), gids.length, counts)
        const expected = [0, 1, 2, 3, 4, 5].map(gid => gids.filter(each => each === gid).length)
        expect(memory.readF64(counts, 6)).toEqual(expected)
      }),
    )
  })
})
