/** Ids, and what is known by id, against plain JavaScript. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numbers } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory
const idsMax = 9
const ids = fc.array(fc.nat(idsMax), { maxLength: 50 })
const idList = (at: number, n: number): number[] => [...memory.u32.subarray(at / 4, at / 4 + n)]
const different = (list: readonly number[]): number[] => [...new Set(list)]

describe.each(places)('at $place', ({ base }) => {
  test('masks by id, and the ids that have no answer yet', () => {
    const states = fc.array(fc.constantFrom(0, 2, 3), { minLength: 10, maxLength: 10 })
    fc.assert(
      fc.property(ids, states, (rows, given) => {
        memory.rewind(base)
        const at = memory.putU32(rows)
        const known = memory.putBytes(given)
        const mask = memory.alloc(rows.length)
        const missing = memory.alloc(rows.length * 4)
        const expected = different(rows.filter(id => given[id] === 0))
        const count = kernels.masksById(at, rows.length, known, mask, missing)
        expect(idList(missing, count)).toEqual(expected)
        expect(kernels.masksById(at, rows.length, known, mask, missing)).toBe(0)
        for (const id of expected) memory.u8[known + id] = 3
        kernels.masksById(at, rows.length, known, mask, missing)
        const yes = rows.map(id => (given[id] === 2 ? 0 : 1))
        expect([...memory.u8.subarray(mask, mask + rows.length)]).toEqual(yes)
      }),
    )
  })

  test('new ids by id, and the ids that have none yet', () => {
    const targets = fc.array(fc.constantFrom(0, 2, 3, 7, 2 ** 32 - 1), {
      minLength: 10,
      maxLength: 10,
    })
    fc.assert(
      fc.property(ids, targets, (rows, given) => {
        memory.rewind(base)
        const at = memory.putU32(rows)
        const known = memory.putU32(given)
        const out = memory.alloc(rows.length * 4)
        const missing = memory.alloc(rows.length * 4)
        const expected = different(rows.filter(id => given[id] === 0))
        const count = kernels.idsById(at, rows.length, known, out, missing)
        expect(idList(missing, count)).toEqual(expected)
        expect(kernels.idsById(at, rows.length, known, out, missing)).toBe(0)
        for (const id of expected) memory.u32[known / 4 + id] = 44
        kernels.idsById(at, rows.length, known, out, missing)
        expect(idList(out, rows.length)).toEqual(rows.map(id => (given[id] || 44) - 2))
      }),
    )
  })

  test('ids numbered anew in order of first appearance, in several vectors', () => {
    fc.assert(
      fc.property(fc.array(ids, { maxLength: 4 }), vectors => {
        memory.rewind(base)
        const locals = memory.putU32(new Uint32Array(idsMax + 1))
        const order = memory.alloc((idsMax + 1) * 4)
        let count = 0
        const found = vectors.flatMap(rows => {
          const out = memory.alloc(rows.length * 4)
          const at = memory.putU32(rows)
          count = kernels.localIds(at, rows.length, locals, count, order, out)
          return idList(out, rows.length)
        })
        const all = vectors.flat()
        const seen = different(all)
        expect(idList(order, count)).toEqual(seen)
        expect(found).toEqual(all.map(id => seen.indexOf(id)))
      }),
    )
  })

  test('ids picked by a mask', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 50 }), rows => {
        memory.rewind(base)
        const at = memory.putU32(rows.map(([id]) => id))
        const mask = memory.putBytes(rows.map(([, isIn]) => (isIn ? 1 : 0)))
        const out = memory.alloc(rows.length * 4)
        const count = kernels.filterIds(at, mask, rows.length, out)
        expect(idList(out, count)).toEqual(rows.filter(([, isIn]) => isIn).map(([id]) => id))
      }),
    )
  })

  test('ids joined to 64 bits', () => {
    const words = fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1)
    fc.assert(
      fc.property(fc.array(fc.tuple(words, words), { maxLength: 20 }), rows => {
        memory.rewind(base)
        const first = memory.putU32(rows.map(row => row[0]))
        const second = memory.putU32(rows.map(row => row[1]))
        const out = memory.alloc(rows.length * 8)
        kernels.pairIds(first, second, rows.length, out)
        expect(idList(out, rows.length * 2)).toEqual(rows.flat())
      }),
    )
  })

  test('groups of values with the same bits: 0 is not -0', () => {
    fc.assert(
      fc.property(fc.array(numbers, { maxLength: 60 }), values => {
        memory.rewind(base)
        // Each NaN has bits of its own here.
        const at = memory.putF64(values)
        const slots = memory.putU32(new Uint32Array(512))
        const keys = memory.alloc(values.length * 8)
        const gids = memory.alloc(values.length * 4)
        const count = kernels.groupBits(at, values.length, slots, 511, keys, 0, gids)
        const bits = values.map((_, i) =>
          [memory.u32[at / 4 + 2 * i], memory.u32[at / 4 + 2 * i + 1]].join(),
        )
        const seen = [...new Set(bits)]
        expect(count).toBe(seen.length)
        expect(idList(gids, values.length)).toEqual(bits.map(one => seen.indexOf(one)))
        const first = values.filter((_, i) => bits.indexOf(bits[i]!) === i)
        expect([...memory.f64.subarray(keys / 8, keys / 8 + count)]).toEqual(first)
      }),
    )
  })
})
