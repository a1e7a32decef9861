/** Pieces into partitions: nothing lost, order kept, cuts between rows and lines, even weights. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { weightOf } from '../../src/engine/block-store.ts'
import { divide } from '../../src/engine/divide.ts'
import type { Piece } from '../../src/engine/vector.ts'

const block = (ptr: number, from: number, to: number): Piece => ({ kind: 'block', ptr, from, to })

/** Neighbouring ranges of one block, or of one text, as one again. */
function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = []
  for (const piece of pieces) {
    const last = result.at(-1)
    const isNext =
      last?.kind === piece.kind &&
      last.to === piece.from &&
      (piece.kind !== 'block' || last.kind !== 'block' || piece.ptr === last.ptr)
    if (isNext) result[result.length - 1] = { ...last, to: piece.to }
    else result.push(piece)
  }
  return result
}

test('blocks', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 20 })
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 20 }), (rows, partitions) => {
      const pieces = rows.map((count, i) => block((i + 1) * 2048, 0, count))
      const groups = divide(Buffer.alloc(0), pieces, partitions)
      expect(joined(groups.flat())).toEqual(pieces)
      expect(groups.length).toBeLessThanOrEqual(partitions)
      const total = weightOf(pieces)
      if (total >= 4096 * partitions) expect(groups).toHaveLength(partitions)
      for (const group of groups) {
        expect(Math.abs(weightOf(group) - total / groups.length)).toBeLessThanOrEqual(2)
      }
    }),
  )
})

test('texts, with lines longer than a partition', () => {
  const lengths = fc.array(fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 900_000 })), {
    minLength: 1,
    maxLength: 60,
  })
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 20 }), (lines, partitions) => {
      const bytes = Buffer.from(lines.map(length => `${'x'.repeat(length)}\n`).join(''))
      const pieces: Piece[] = [{ kind: 'text', from: 0, to: bytes.length }]
      const groups = divide(bytes, pieces, partitions)
      expect(joined(groups.flat())).toEqual(pieces)
      expect(groups.length).toBeLessThanOrEqual(partitions)
      const longest = weightOf([{ kind: 'text', from: 0, to: Math.max(...lines) + 1 }])
      for (const group of groups) {
        for (const { to } of group) expect(bytes[to - 1]).toBe(10)
        expect(weightOf(group)).toBeLessThanOrEqual(
          Math.max(4096 * 2, weightOf(pieces) / partitions) + longest + 1,
        )
      }
    }),
    { numRuns: 50 },
  )
})

test('little is not divided, and nothing is nothing', () => {
  const pieces = [block(1, 0, 4000), block(2, 10, 4000)]
  expect(divide(Buffer.alloc(0), pieces, 16)).toEqual([pieces])
  expect(divide(Buffer.alloc(0), [], 16)).toEqual([])
})
