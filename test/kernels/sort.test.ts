/** Orders of rows against stable sorts in JavaScript. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asciiStrings, numbers, strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

/** Strings whose order differs between UTF-8 and UTF-16: halves, pairs, and what lies above. */
const unruly = fc.string({
  unit: fc.constantFrom(
    '\ud800',
    '\udbff',
    '\udc00',
    '\udfff',
    '😀',
    '\ue000',
    '\uffff',
    '\0',
    'z',
    '\ud7ff',
  ),
  maxLength: 5,
})

/** Strings that are ordered by their first 8 bytes, and ones that go on after those. */
const plain = fc.oneof(
  asciiStrings,
  fc.constantFrom('', 'a', 'a\0', 'ä', '\ud7ff'),
  fc.tuple(fc.nat(11), fc.constantFrom('x', 'y', '')).map(([n, c]) => 'w'.repeat(n) + c),
)

describe.each(places)('orders at $place', ({ base }) => {
  test('of numbers', () => {
    fc.assert(
      fc.property(fc.array(numbers, { size: 'medium' }), fc.boolean(), (values, backwards) => {
        memory.rewind(base)
        const n = values.length
        const order = memory.alloc(n * 4)
        kernels.firstRows(order, n)
        const rows = [...values.keys()]
        expect(memory.readU32(order, n)).toEqual(rows)
        if (backwards) memory.u32.set(rows.reverse(), order / 4)
        const scratch = memory.alloc(8192 + 24 * n)
        kernels.orderF64(memory.putF64(values), n, order, scratch)
        expect(memory.u32[scratch / 4 + 2048 + 6 * n]).toBe(0xdbdbdbdb)
        const last = (value: number): number => Number(Number.isNaN(value))
        const compare = (a: number, b: number): number =>
          last(a) - last(b) || (last(a) ? 0 : Math.sign(a < b ? -1 : Number(a > b)))
        const expected = rows.toSorted((i, j) => compare(values[i]!, values[j]!))
        expect(memory.readU32(order, n)).toEqual(expected)
      }),
    )
  })

  test('of strings', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(fc.oneof(strings, unruly), { size: 'medium' }),
          fc.array(plain, { size: 'medium' }),
        ),
        fc.boolean(),
        (texts, backwards) => {
          memory.rewind(base)
          const n = texts.length
          const rows = [...texts.keys()]
          if (backwards) rows.reverse()
          const order = memory.putU32(rows)
          const scratch = memory.alloc(8192 + 24 * n)
          kernels.orderViews(memory.putViews(texts), n, order, scratch)
          expect(memory.u32[scratch / 4 + 2048 + 6 * n]).toBe(0xdbdbdbdb)
          const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
          const expected = rows.toSorted((i, j) => compare(texts[i]!, texts[j]!))
          expect(memory.readU32(order, n)).toEqual(expected)
        },
      ),
      { numRuns: 300 },
    )
  })
})
