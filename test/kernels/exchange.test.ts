/** Rows to partitions, against filters in plain JavaScript. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numbers, strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory
const hashes = fc.integer({ min: 0, max: 2 ** 32 - 1 })

describe.each(places)('exchange at $place', ({ base }) => {
  test('the rows of every partition, in order', () => {
    fc.assert(
      fc.property(
        fc.array(hashes),
        fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 65_536 })),
        (hash, partitions) => {
          memory.rewind(base)
          const n = hash.length
          const parts = memory.alloc(n * 2)
          kernels.partitionOf(memory.putU32(hash), n, partitions, parts)
          const expected = hash.map(h => h % partitions)
          expect(memory.readU16(parts, n)).toEqual(expected)

          const starts = memory.putU32(new Array(partitions).fill(0))
          kernels.countPartitions(parts, n, starts)
          expect(kernels.prefixSums(starts, partitions)).toBe(n)
          const order = memory.alloc(n * 4)
          kernels.orderByPartition(parts, n, starts, order)
          const stable = [...hash.keys()].sort((a, b) => expected[a]! - expected[b]!)
          expect(memory.readU32(order, n)).toEqual(stable)
          const ends = memory.readU32(starts, partitions)
          expect(ends.at(-1)).toBe(n)

          // The same by places, in two vectors.
          const again = memory.putU32(ends.map((_, p) => (p === 0 ? 0 : ends[p - 1]!)))
          const rowPlaces = memory.alloc(n * 4)
          const half = n >> 1
          kernels.placeByPartition(parts, half, again, rowPlaces)
          const behind = rowPlaces + half * 4
          kernels.placeByPartition(parts + half * 2, n - half, again, behind)
          const placed = new Array<number>(n)
          memory.readU32(rowPlaces, n).forEach((place, row) => {
            placed[place] = row
          })
          expect(placed).toEqual(stable)
        },
      ),
    )
  })

  test('gathered columns', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(strings, numbers, hashes), { minLength: 1 }),
        fc.array(fc.nat()),
        (rows, picks) => {
          memory.rewind(base)
          const picked = picks.map(pick => pick % rows.length)
          const n = picked.length
          const order = memory.putU32(picked)
          const out = memory.alloc(n * 16)
          kernels.gatherViews(memory.putViews(rows.map(row => row[0])), order, n, out)
          expect(memory.readViews(out, n)).toEqual(picked.map(i => rows[i]![0]))
          kernels.gatherF64(memory.putF64(rows.map(row => row[1])), order, n, out)
          expect(memory.readF64(out, n)).toEqual(picked.map(i => rows[i]![1]))
          kernels.gatherU32(memory.putU32(rows.map(row => row[2])), order, n, out)
          expect(memory.readU32(out, n)).toEqual(picked.map(i => rows[i]![2]))
          kernels.gatherBytes(memory.putBytes(rows.map(row => row[2] & 255)), order, n, out)
          expect(memory.readU8(out, n)).toEqual(picked.map(i => rows[i]![2] & 255))
        },
      ),
    )
  })

  test('scattered columns', () => {
    const row = fc.record({ text: strings, number: numbers, byte: fc.nat(255), key: fc.nat() })
    fc.assert(
      fc.property(fc.array(row), rows => {
        memory.rewind(base)
        const n = rows.length
        const order = [...rows.keys()].sort((a, b) => rows[a]!.key - rows[b]!.key)
        const place = new Array<number>(n)
        order.forEach((from, to) => {
          place[from] = to
        })
        const sorted = order.map(i => rows[i]!)
        const at = memory.putU32(place)
        const out = memory.alloc(n * 16)
        kernels.scatterViews(memory.putViews(rows.map(r => r.text)), at, n, out)
        expect(memory.readViews(out, n)).toEqual(sorted.map(r => r.text))
        kernels.scatterF64(memory.putF64(rows.map(r => r.number)), at, n, out)
        expect(memory.readF64(out, n)).toEqual(sorted.map(r => r.number))
        kernels.scatterBytes(memory.putBytes(rows.map(r => r.byte)), at, n, out)
        expect(memory.readU8(out, n)).toEqual(sorted.map(r => r.byte))
      }),
    )
  })

  test('long texts copied', () => {
    fc.assert(
      fc.property(fc.array(strings), texts => {
        memory.rewind(base)
        const n = texts.length
        const from = memory.alloc(0)
        const views = memory.putViews(texts)
        const until = memory.alloc(0)
        const bytes = texts.map(text => Buffer.from(text).length)
        const sum = bytes.reduce((all, length) => all + (length > 12 ? length : 0), 0)
        expect(kernels.longBytes(views, n)).toBe(sum)
        const target = memory.alloc(sum)
        expect(kernels.copyLong(views, n, target)).toBe(sum)
        expect(memory.u8[target + sum]).toBe(0xdb)
        // Nothing may still lie where the texts were.
        memory.u8.fill(0xee, from, views)
        memory.u8.fill(0xee, views + 16 * n, until)
        expect(memory.readViews(views, n)).toEqual(texts)
      }),
    )
  })
})

test('sizes above 2 GiB come back unsigned', () => {
  memory.rewind(65_536)
  const views = memory.putU32([0xc000_0000, 0, 65_536, 0])
  expect(kernels.longBytes(views, 1)).toBe(0xc000_0000)
})
