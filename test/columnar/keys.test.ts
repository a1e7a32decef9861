import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalKey, hashKey, KeyTable, sameKey } from '../../src/columnar/keys.ts'

/** Keys that are equal in pairs, and keys that differ from all others. */
const equal: [unknown, unknown][] = [
  [0, -0],
  [Number.NaN, Number.NaN],
  [null, undefined],
  [
    ['a', 1],
    ['a', 1],
  ],
  [
    { a: 1, b: 2 },
    { b: 2, a: 1 },
  ],
  [new Date(5), new Date(5)],
  [10n, 10n],
  [new Map([['a', 1]]), new Map([['a', 1]])],
  [new Set([1, 2]), new Set([2, 1])],
]
const different = [
  1,
  '1',
  1n,
  true,
  [1],
  ['1'],
  [[1]],
  ['a', 1],
  ['a,1'],
  ['a', '1'],
  { a: 1 },
  { a: '1' },
  { a: undefined },
  {},
  [],
  '',
  'n1;',
  '\ud800',
  '\ud801',
  new Date(1),
  null,
  Number.NaN,
  '(a,1)',
]

describe('keys', () => {
  test.each(equal)('%o equals %o', (a, b) => {
    expect(sameKey(a, b)).toBe(true)
    expect(hashKey(a)).toBe(hashKey(b))
    const table = new KeyTable()
    expect(table.idOf(a)).toBe(table.idOf(b))
  })

  test('different keys get different ids and texts', () => {
    const table = new KeyTable()
    for (const [i, key] of different.entries()) expect(table.idOf(key)).toBe(i)
    expect(new Set(different.map(canonicalKey)).size).toBe(different.length)
    for (const [i, key] of different.entries()) expect(table.idOf(key)).toBe(i)
  })

  test('ids follow first appearance and agree with a Map, for numbers and strings', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -5, max: 5 }), fc.string()),
        ),
        keys => {
          const table = new KeyTable()
          const map = new Map<unknown, number>()
          for (const key of keys) {
            // A Map has the same idea of equality: 0 and -0 are one key.
            if (!map.has(key)) map.set(key, map.size)
            expect(table.idOf(key)).toBe(map.get(key))
          }
          expect(table.size).toBe(map.size)
        },
      ),
    )
  })

  test('a table grows to many numbers', () => {
    const table = new KeyTable()
    for (let i = 0; i < 50_000; i++) expect(table.idOf(i * 1.5)).toBe(i)
    for (let i = 0; i < 50_000; i++) expect(table.idOf(i * 1.5)).toBe(i)
  })

  test('hashes spread', () => {
    const counts = new Array<number>(16).fill(0)
    for (let i = 0; i < 16_000; i++) counts[hashKey(i) % 16]!++
    for (let i = 0; i < 16_000; i++) counts[hashKey(`key ${i}`) % 16]!++
    for (const count of counts) expect(count).toBeGreaterThan(1600)
    for (const count of counts) expect(count).toBeLessThan(2400)
  })
})
