/** `split` over columns against the row loop: lines that are not cut yet, and rows of text. */
import fc from 'fast-check'
import { ManualClock, StreamingContext } from 'pelton'
import { describe, expect, test } from 'vitest'

type Build = (rows: any) => any

const context = (gear: 'auto' | 'row') =>
  new StreamingContext({
    batchInterval: 1000,
    clock: new ManualClock(0),
    workers: 1,
    memory: '256MiB',
    gear,
  })

const builds: [string, Build][] = [
  ['one ASCII character', s => s.flatMap((l: string) => l.split(' '))],
  ['several characters', s => s.flatMap((l: string) => l.split(', '))],
  ['a character of several bytes', s => s.flatMap((l: string) => l.split('日'))],
  ['half of a character', s => s.flatMap((l: string) => l.split('\ud83d'))],
  ['a separator that meets itself', s => s.flatMap((l: string) => l.split('aa'))],
  ['white space', s => s.flatMap((l: string) => l.split(/\s+/))],
  ['trimmed', s => s.flatMap((l: string) => l.trim().split(' '))],
  [
    'a value with a name',
    s =>
      s.flatMap((l: string) => {
        const tidy = l.trim().toLowerCase()
        return tidy.split(/\s+/)
      }),
  ],
  [
    'selected lines',
    s => s.filter((l: string) => l.includes('a')).flatMap((l: string) => l.split(' ')),
  ],
  [
    'selected lines and words',
    s =>
      s
        .filter((l: string) => l.length > 1 && !l.startsWith('b'))
        .flatMap((l: string) => l.split(' '))
        .filter((w: string) => w),
  ],
  ['parts of the list', s => s.flatMap((l: string) => l.split(' ').slice(1))],
  ['every unit', s => s.flatMap((l: string) => l.split(''))],
  ['tuples', s => s.flatMap((l: string) => [l, l.trim()])],
  ['lines as they are', s => s.map((l: string) => l.length)],
  ['words by line', s => s.map((l: string) => [l.split(' ').length, l.indexOf(' ')])],
]

async function both(source: (ssc: StreamingContext) => any, build: Build): Promise<void> {
  const results: unknown[] = []
  for (const gear of ['auto', 'row'] as const) {
    await using ssc = context(gear)
    const rows = build(source(ssc))
    results.push(await rows.collect(), await rows.count())
    const counts = rows.map((one: unknown) => [one, 1]).reduceByKey((a: number, b: number) => a + b)
    results.push(await counts.collect())
  }
  expect(results.slice(0, 3)).toEqual(results.slice(3))
}

const pieces = fc.constantFrom(
  ' ',
  '  ',
  '\t',
  ',',
  ', ',
  'a',
  'aa',
  'b',
  'B',
  '日',
  '日本',
  '😀',
  '\ufeff',
  '\u00a0',
  '\u2003',
  'a word of more than twelve bytes',
)
const line = fc.array(pieces, { maxLength: 12 }).map(parts => parts.join(''))
const lines = fc.sample(line, { numRuns: 400, seed: 20261121 })

describe('lines that are not cut yet', () => {
  const text = Buffer.from(`${lines.join('\n')}\r\n\r\nlast`)
  test.each(builds)('%s', (_, build) => both(ssc => ssc.parallelize({ text } as any, 3), build))

  test('in several parts', () => {
    const large = Buffer.from(`${lines.join('\n')}\n`.repeat(60))
    return both(
      ssc => ssc.parallelize({ text: large } as any, 2),
      s => s.filter((l: string) => l.endsWith('a')).flatMap((l: string) => l.split(' ')),
    )
  })

  test('no line at all', () =>
    both(ssc => ssc.parallelize({ text: Buffer.alloc(0) } as any, 2), builds[6]![1]))
})

describe('rows of text', () => {
  const halves = ['\ud83d', '\ude00', 'a\ud83d \ude00', '\ud83d😀']
  const rows = [...lines, ...halves, ...lines]
  test.each(builds)('%s', (_, build) => both(ssc => ssc.parallelize(rows, 3), build))

  test('more parts than a vector holds', () => {
    const many = ['a b', ' x'.repeat(10_000), 'c', `\u00a0${' y'.repeat(10_000)}`, '']
    return both(
      ssc => ssc.parallelize(many, 1),
      s => s.flatMap((l: string) => l.split(/\s+/)),
    ).then(() =>
      both(
        ssc => ssc.parallelize(many, 1),
        s => s.flatMap((l: string) => l.split(' ')),
      ),
    )
  })
})
