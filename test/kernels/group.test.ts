/** Group ids against a Map, which has the same idea of equal strings and numbers. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SplitMix64 } from '../../bench/splitmix.ts'
import { numbers, strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

/** Ids and first keys as a Map by key text has them. */
function expectedGroups<K>(rows: readonly K[], textOf: (row: K) => unknown) {
  const ids = new Map<unknown, number>()
  const keys: K[] = []
  const gids = rows.map(row => {
    const text = textOf(row)
    const known = ids.get(text)
    if (known !== undefined) return known
    ids.set(text, ids.size)
    return keys.push(row) - 1
  })
  return { gids, keys }
}

const pairText = ([a, b]: readonly unknown[]): string =>
  JSON.stringify([a, b].map(v => (typeof v === 'number' ? String(v) : `'${escape(String(v))}`)))

interface Table {
  slots: number
  mask: number
  count: number
}

const newTable = (slotCount: number): Table => {
  const slots = memory.putBytes(new Uint8Array(slotCount * 4))
  return { slots, mask: slotCount - 1, count: 0 }
}

const power = (n: number): number => 2 ** Math.ceil(Math.log2(2 * n + 2))

describe.each(places)('groups at $place', ({ base }) => {
  test('of strings, in several vectors with tables that grow', () => {
    fc.assert(
      fc.property(fc.array(fc.array(strings, { maxLength: 30 }), { maxLength: 5 }), vectors => {
        memory.rewind(base)
        const all = vectors.flat()
        const keys = memory.alloc(all.length * 16)
        let table = newTable(2)
        const gids: number[] = []
        for (const vector of vectors) {
          const out = memory.alloc(Math.max(vector.length, table.count) * 4)
          const larger = newTable(power(table.count + vector.length))
          const old = memory.putViews(memory.readViews(keys, table.count))
          const again = kernels.groupViews(
            old,
            table.count,
            larger.slots,
            larger.mask,
            keys,
            0,
            out,
          )
          expect(again).toBe(table.count)
          expect(memory.readU32(out, again)).toEqual([...Array(again).keys()])
          table = { ...larger, count: again }
          const views = memory.putViews(vector)
          const { slots, mask, count } = table
          table.count = kernels.groupViews(views, vector.length, slots, mask, keys, count, out)
          gids.push(...memory.readU32(out, vector.length))
        }
        const expected = expectedGroups(all, text => text)
        expect(gids).toEqual(expected.gids)
        expect(memory.readViews(keys, table.count)).toEqual(expected.keys)
      }),
    )
  })

  test('of numbers; the first of 0 and -0 is kept', () => {
    fc.assert(
      fc.property(fc.array(numbers), values => {
        memory.rewind(base)
        const n = values.length
        const { slots, mask } = newTable(power(n))
        const keys = memory.alloc(n * 8)
        const out = memory.alloc(n * 4)
        const count = kernels.groupF64(memory.putF64(values), n, slots, mask, keys, 0, out)
        const expected = expectedGroups(values, value => value)
        expect(memory.readU32(out, n)).toEqual(expected.gids)
        expect(memory.readF64(keys, count)).toEqual(expected.keys)
        // All entries lie within the slots: searches go round.
        const entries = memory.readU32(slots, mask + 1).filter(entry => entry !== 0)
        expect(entries.toSorted((a, b) => a - b)).toEqual([...Array(count).keys()].map(i => i + 1))
      }),
    )
  })

  const put = {
    Views: (column: unknown[]) => memory.putViews(column as string[]),
    F64: (column: unknown[]) => memory.putF64(column as number[]),
  }
  const read = {
    Views: (at: number, n: number): unknown[] => memory.readViews(at, n),
    F64: (at: number, n: number): unknown[] => memory.readF64(at, n),
  }
  const values = { Views: strings, F64: numbers } as const
  test.each([
    ['Views', 'Views'],
    ['Views', 'F64'],
    ['F64', 'Views'],
    ['F64', 'F64'],
  ] as const)('of pairs of %s and %s', (a, b) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(values[a], values[b])), rows => {
        memory.rewind(base)
        const n = rows.length
        const columns = [put[a](rows.map(row => row[0])), put[b](rows.map(row => row[1]))] as const
        const { slots, mask } = newTable(power(n))
        const [keysA, keysB] = [memory.alloc(n * 16), memory.alloc(n * 16)]
        const out = memory.alloc(n * 4)
        const kernel = kernels[`group${a}${b}`]
        const count = kernel(...columns, n, slots, mask, keysA, keysB, 0, out)
        const expected = expectedGroups(rows as unknown[][], pairText)
        expect(memory.readU32(out, n)).toEqual(expected.gids)
        expect(read[a](keysA, count)).toEqual(expected.keys.map(key => key[0]))
        expect(read[b](keysB, count)).toEqual(expected.keys.map(key => key[1]))
      }),
    )
  })
})

test('many keys: hashes spread over the slots as random ones would', () => {
  memory.rewind(65_536)
  const n = 200_000
  const { slots, mask } = newTable(2 ** 19)
  const keys = memory.alloc(n * 16)
  const otherKeys = memory.alloc(n * 16)
  const out = memory.alloc(n * 4)
  /** How long the runs of slots in use are that searches go through. */
  const runs = (isUsed: (slot: number) => boolean): number => {
    let sum = 0
    let run = 0
    for (let slot = 0; slot <= mask; slot++) {
      run = isUsed(slot) ? run + 1 : 0
      sum += run
    }
    return sum / n
  }
  const random = new Uint8Array(mask + 1)
  const generator = new SplitMix64(1)
  for (let i = 0; i < n; i++) {
    generator.next()
    let slot = generator.low & mask
    while (random[slot]) slot = (slot + 1) & mask
    random[slot] = 1
  }
  const expected = runs(slot => random[slot] === 1)
  const views = (textOf: (i: number) => string): number =>
    memory.putViews(Array.from({ length: n }, (_, i) => textOf(i)))
  const values = (numberOf: (i: number) => number): number =>
    memory.putF64(Array.from({ length: n }, (_, i) => numberOf(i)))
  const { groupViews, groupF64, groupViewsF64, groupF64F64 } = kernels
  // Short ones differ in the first half of their views only.
  const words = views(i => i.toString(36).padStart(4, '0'))
  const long = views(i => `a key of many bytes: ${1_000_000 + i}`)
  const integers = values(i => i)
  const columns = {
    words: () => groupViews(words, n, slots, mask, keys, 0, out),
    long: () => groupViews(long, n, slots, mask, keys, 0, out),
    integers: () => groupF64(integers, n, slots, mask, keys, 0, out),
    large: () =>
      groupF64(
        values(i => i * 1e9),
        n,
        slots,
        mask,
        keys,
        0,
        out,
      ),
    fractions: () =>
      groupF64(
        values(i => i / 1024),
        n,
        slots,
        mask,
        keys,
        0,
        out,
      ),
    first: () =>
      groupViewsF64(
        words,
        values(() => 7),
        n,
        slots,
        mask,
        keys,
        otherKeys,
        0,
        out,
      ),
    second: () =>
      groupViewsF64(
        views(() => 'same'),
        integers,
        n,
        slots,
        mask,
        keys,
        otherKeys,
        0,
        out,
      ),
    both: () => groupF64F64(integers, integers, n, slots, mask, keys, otherKeys, 0, out),
  }
  for (const [name, group] of Object.entries(columns)) {
    memory.u8.fill(0, slots, slots + 4 * (mask + 1))
    expect(group(), name).toBe(n)
    expect(runs(slot => memory.u32[slots / 4 + slot] !== 0) / expected, name).toBeLessThan(1.05)
  }
})
