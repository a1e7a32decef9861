/** The kernels' hashes equal `hashKey`, so both sides of an exchange place a key alike. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashKey } from '../../src/columnar/keys.ts'
import { numbers, strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

describe.each(places)('hashes at $place', ({ base }) => {
  test('of strings', () => {
    fc.assert(
      fc.property(fc.array(strings, { maxLength: 20 }), texts => {
        memory.rewind(base)
        const views = memory.putViews(texts)
        const out = memory.alloc(texts.length * 4)
        kernels.hashViews(views, texts.length, out)
        expect(memory.readU32(out, texts.length)).toEqual(texts.map(hashKey))
      }),
    )
  })

  test('of numbers', () => {
    fc.assert(
      fc.property(fc.array(numbers), values => {
        memory.rewind(base)
        const out = memory.alloc(values.length * 4)
        kernels.hashF64(memory.putF64(values), values.length, out)
        expect(memory.readU32(out, values.length)).toEqual(values.map(hashKey))
      }),
    )
  })

  test('of dates', () => {
    fc.assert(
      fc.property(fc.array(fc.date({ noInvalidDate: false })), dates => {
        memory.rewind(base)
        const out = memory.alloc(dates.length * 4)
        kernels.hashDates(memory.putF64(dates.map(Number)), dates.length, out)
        expect(memory.readU32(out, dates.length)).toEqual(dates.map(hashKey))
      }),
    )
  })

  test('of bigints', () => {
    const range = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.bigInt(range), fc.bigInt(-3n, 3n))), values => {
        memory.rewind(base)
        const at = memory.alloc(values.length * 8)
        new BigInt64Array(memory.u8.buffer).set(values, at / 8)
        const out = memory.alloc(values.length * 4)
        kernels.hashI64(at, values.length, out)
        expect(memory.readU32(out, values.length)).toEqual(values.map(hashKey))
      }),
    )
  })

  test('of booleans', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), values => {
        memory.rewind(base)
        const bytes = new Uint8Array(values.length / 8 + 1)
        values.forEach((value, i) => {
          bytes[i >> 3]! |= Number(value) << (i & 7)
        })
        const out = memory.alloc(values.length * 4)
        const bits = memory.putBytes(bytes)
        kernels.hashBits(bits, values.length, hashKey(false), hashKey(true), out)
        expect(memory.readU32(out, values.length)).toEqual(values.map(hashKey))
      }),
    )
  })

  test('of tuples', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(strings, numbers)), rows => {
        memory.rewind(base)
        const n = rows.length
        const out = memory.alloc(n * 4)
        const items = memory.alloc(n * 4)
        kernels.startTupleHashes(out, n, 2)
        kernels.hashViews(memory.putViews(rows.map(([text]) => text)), n, items)
        kernels.mixHashes(out, items, n)
        kernels.hashF64(memory.putF64(rows.map(([, value]) => value)), n, items)
        kernels.mixHashes(out, items, n)
        kernels.finishHashes(out, n)
        expect(memory.readU32(out, n)).toEqual(rows.map(hashKey))
      }),
    )
  })
})

test('equal keys of other kinds hash alike, and a kind of its own differs', () => {
  expect(hashKey([null, -0])).toBe(hashKey([undefined, 0]))
  expect(hashKey(2n ** 70n)).toBe(hashKey(2n ** 70n))
  const kinds = [5, 5n, new Date(5), [5], '5', [[5]], ['5']]
  expect(new Set(kinds.map(hashKey)).size).toBe(kinds.length)
})
