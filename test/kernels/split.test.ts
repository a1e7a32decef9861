/** Columns of strings split into parts, against `split`. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { strings } from './arbitraries.ts'
import { KernelMemory, MEMORY_END, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

const separators = [
  ' ',
  ',',
  'a',
  'aa',
  ', ',
  'aba',
  'ä',
  '😀',
  'a separator of many bytes',
] as const
const rows = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: strings },
    {
      weight: 4,
      arbitrary: fc
        .array(
          fc.constantFrom('a', 'b', ' ', ',', 'ä', '😀', 'word', 'x'.repeat(20), ...separators),
        )
        .map(parts => parts.join('')),
    },
  ),
)

const spaced = fc
  .array(
    fc.constantFrom(
      'a',
      'word',
      'ä',
      ' ',
      '  ',
      '\t',
      '\n',
      '\r\n',
      '\v',
      '\f',
      '\x1f',
      'longer than twelve',
    ),
  )
  .map(parts => parts.join(''))
const wide = fc.constantFrom(
  'a\u00a0b',
  '\u1680',
  'x\u2003y',
  '\u2028',
  '\u202f',
  '\u3000',
  'a\ufeff',
)

type Split = (row: number, left: number, out: number, cap: number, counts: number) => number

/** Splits `texts` with room for `cap` parts a call, as the engine does. */
function collect(
  texts: readonly string[],
  cap: number,
  inJs: (text: string) => string[],
  run: Split,
) {
  const state = 65_536 - 64
  const found: string[][] = []
  let inKernel = 0
  let row = 0
  while (row < texts.length) {
    // A kernel that does not move on must not fill the machine's memory.
    if (found.length > texts.length) throw new Error('more rows than there are')
    const counts = memory.alloc(texts.length * 4)
    const out = memory.alloc(cap * 16)
    const parts = run(row, texts.length - row, out, cap, counts)
    expect(memory.u32[(out + 16 * cap) / 4]).toBe(0xdbdbdbdb)
    const [done, reason, room] = memory.readU32(state, 3) as [number, number, number]
    const values = memory.readViews(out, parts)
    for (const count of memory.readU32(counts, done)) found.push(values.splice(0, count))
    expect(values.length).toBe(0)
    row += done
    inKernel += done
    if (reason === 2) found.push(inJs(texts[row++]!))
    if (reason === 1 && done === 0) cap = room
    if (reason === 0) expect(row).toBe(texts.length)
  }
  return { found, inKernel }
}

describe.each(places)('split at $place', ({ base }) => {
  test.each(separators)('by "%s"', separator => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 40 }), (texts, cap) => {
        memory.rewind(base)
        const views = memory.putViews(texts)
        const bytes = Buffer.from(separator)
        const at = memory.putBytes(bytes)
        const inJs = (text: string): string[] => text.split(separator)
        const { found } = collect(texts, cap, inJs, (row, n, out, room, counts) =>
          kernels.splitViews(views + 16 * row, n, at, bytes.length, out, room, counts, 65_536 - 64),
        )
        expect(found).toEqual(texts.map(inJs))
      }),
    )
  })

  test('by white space', () => {
    let [all, inKernel] = [0, 0]
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 6, arbitrary: spaced }, strings, wide)),
        fc.integer({ min: 1, max: 40 }),
        (texts, cap) => {
          memory.rewind(base)
          const views = memory.putViews(texts)
          const inJs = (text: string): string[] => text.split(/\s+/)
          const result = collect(texts, cap, inJs, (row, n, out, room, counts) =>
            kernels.splitWhitespace(views + 16 * row, n, out, room, counts, 65_536 - 64),
          )
          expect(result.found).toEqual(texts.map(inJs))
          all += texts.length
          inKernel += result.inKernel
        },
      ),
    )
    // Most of these rows hold no byte that white space outside of ASCII begins with.
    expect(inKernel / all).toBeGreaterThan(0.6)
  })
})

test('a separator that is complete only behind the text', () => {
  memory.rewind(65_536)
  const text = 'aabaab and a first half: a'
  const views = memory.putViews([text])
  memory.u8.fill(97, memory.u32[views / 4 + 2]! + text.length, memory.alloc(0))
  const at = memory.putBytes(Buffer.from('aa'))
  const [out, counts, state] = [memory.alloc(160), memory.alloc(4), memory.alloc(12)]
  const parts = kernels.splitViews(views, 1, at, 2, out, 10, counts, state)
  expect(memory.readViews(out, parts)).toEqual(text.split('aa'))
})

test('a row whose text ends where the memory ends', () => {
  memory.rewind(65_536)
  const text = 'a text, of more than, twelve bytes'
  memory.u8.set(Buffer.from(text), MEMORY_END - text.length)
  const views = memory.putViews([text])
  memory.u32[views / 4 + 2] = MEMORY_END - text.length
  const at = memory.putBytes(Buffer.from(', '))
  const [out, counts, state] = [memory.alloc(160), memory.alloc(4), memory.alloc(12)]
  const byComma = kernels.splitViews(views, 1, at, 2, out, 10, counts, state)
  expect(memory.readViews(out, byComma)).toEqual(text.split(', '))
  const bySpace = kernels.splitWhitespace(views, 1, out, 10, counts, state)
  expect(memory.readViews(out, bySpace)).toEqual(text.split(/\s+/))
})

describe.each(places)('one part at $place', ({ base }) => {
  test.each(separators)('by "%s"', separator => {
    fc.assert(
      fc.property(rows, fc.nat(4), (texts, place) => {
        memory.rewind(base)
        const whole = texts.map(text => text.toWellFormed())
        const n = whole.length
        const bytes = Buffer.from(separator)
        const [views, by] = [memory.putViews(whole), memory.putBytes(bytes)]
        const [out, missing, counts] = [memory.alloc(n * 16), memory.alloc(n), memory.alloc(n * 8)]
        kernels.partViews(views, n, by, bytes.length, place, out, missing)
        kernels.countParts(views, n, by, bytes.length, counts)
        const lists = whole.map(text => text.split(separator))
        expect(memory.readViews(out, n)).toEqual(lists.map(list => list[place] ?? ''))
        expect(memory.readU8(missing, n)).toEqual(lists.map(list => Number(list.length <= place)))
        expect(memory.readF64(counts, n)).toEqual(lists.map(list => list.length))
        expect(memory.u8[missing + n]).toBe(0xdb)
        expect(memory.u8[counts + n * 8]).toBe(0xdb)
      }),
      { numRuns: 100 },
    )
  })
})
