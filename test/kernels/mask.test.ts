/** Masks and selections against plain arrays. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numbers, strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

/** Masks that are mixed, and ones with long runs. */
const masks = fc.oneof(
  fc.array(fc.nat(1), { maxLength: 100 }),
  // All rows but one.
  fc.nat(40).map(at => Array.from({ length: 41 }, (_, i) => Number(i !== at))),
  fc
    .array(fc.tuple(fc.nat(1), fc.nat(40)), { maxLength: 5 })
    .map(runs => runs.flatMap(([bit, length]) => new Array<number>(length).fill(bit))),
)

describe.each(places)('masks at $place', ({ base }) => {
  test('and, or, not, count, rows, bits', () => {
    fc.assert(
      fc.property(masks, masks, (first, second) => {
        memory.rewind(base)
        const n = Math.min(first.length, second.length)
        const [as, bs] = [first.slice(0, n), second.slice(0, n)]
        const [a, b, out] = [memory.putBytes(as), memory.putBytes(bs), memory.alloc(n * 4)]
        kernels.andMasks(a, b, n, out)
        expect(memory.readU8(out, n + 1)).toEqual([...as.map((x, i) => x & bs[i]!), 0xdb])
        kernels.orMasks(a, b, n, out)
        expect(memory.readU8(out, n)).toEqual(as.map((x, i) => x | bs[i]!))
        kernels.notMask(a, n, out)
        expect(memory.readU8(out, n)).toEqual(as.map(x => 1 - x))
        const rows = [...as.keys()].filter(i => as[i] === 1)
        expect(kernels.countMask(a, n)).toBe(rows.length)
        expect(kernels.maskToRows(a, n, out)).toBe(rows.length)
        expect(memory.readU32(out, rows.length)).toEqual(rows)
        expect(memory.u32[out / 4 + n]).toBe(0xdbdbdbdb)

        const bits = memory.alloc(n)
        kernels.maskToBits(a, n, bits)
        const bytes = Array.from({ length: Math.ceil(n / 8) }, (_, byte) =>
          as.slice(8 * byte, 8 * byte + 8).reduce((all, bit, i) => all | (bit << i), 0),
        )
        expect(memory.readU8(bits, bytes.length)).toEqual(bytes)
        kernels.bitsToMask(bits, n, out)
        expect(memory.readU8(out, n)).toEqual(as)
      }),
    )
  })

  test('filtered numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(numbers, fc.nat(1))), rows => {
        memory.rewind(base)
        const n = rows.length
        const values = memory.putF64(rows.map(row => row[0]))
        const mask = memory.putBytes(rows.map(row => row[1]))
        const out = memory.alloc(n * 8)
        const expected = rows.filter(row => row[1] === 1).map(row => row[0])
        expect(kernels.filterF64(values, mask, n, out)).toBe(expected.length)
        expect(memory.readF64(out, expected.length)).toEqual(expected)
        expect(memory.u32[out / 4 + 2 * n]).toBe(0xdbdbdbdb)
      }),
    )
  })

  test('picked rows', () => {
    const rows = fc.array(fc.tuple(fc.nat(1), numbers, numbers, strings, strings))
    fc.assert(
      fc.property(rows, column => {
        memory.rewind(base)
        const n = column.length
        const mask = memory.putBytes(column.map(row => row[0]))
        const out = memory.alloc(n * 16)
        const [a, b] = [1, 2].map(i => memory.putF64(column.map(row => row[i as 1 | 2])))
        kernels.pickF64(mask, a!, b!, n, out)
        expect(memory.readF64(out, n)).toEqual(column.map(row => (row[0] ? row[1] : row[2])))
        const [x, y] = [3, 4].map(i => memory.putViews(column.map(row => row[i as 3 | 4])))
        kernels.pickViews(mask, x!, y!, n, out)
        expect(memory.readViews(out, n)).toEqual(column.map(row => (row[0] ? row[3] : row[4])))
      }),
    )
  })
})
