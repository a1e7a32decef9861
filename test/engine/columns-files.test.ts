/** Lines of files over columns against the row loop: the same rows, in the same order. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { ManualClock, StreamingContext } from 'pelton'
import { afterAll, beforeAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'pelton-columns-files-'))
const path = join(folder, 'lines.txt')
const contexts = new Map<string, StreamingContext>()

beforeAll(() => {
  for (const gear of ['auto', 'row'] as const) {
    const clock = new ManualClock(0)
    const ssc = new StreamingContext({ batchInterval: 1000, clock, workers: 1, gear })
    contexts.set(gear, ssc)
  }
})
afterAll(async () => {
  for (const ssc of contexts.values()) await ssc.stop()
  rmSync(folder, { recursive: true })
})

async function results(gear: string, bytes: Uint8Array, partitions: number): Promise<unknown[]> {
  writeFileSync(path, bytes)
  const lines = contexts.get(gear)!.textFile(path, partitions)
  const words = lines.flatMap(line => line.split(' '))
  return [
    await lines.map(line => line.length).collect(),
    await words.collect(),
    await words
      .map(word => [word, 1] as [string, number])
      .reduceByKey((a, b) => a + b, 3)
      .collect(),
    await words.take(3),
  ]
}

async function isEqual(bytes: Uint8Array, partitions: number): Promise<void> {
  const columns = await results('auto', bytes, partitions)
  expect(columns).toEqual(await results('row', bytes, partitions))
}

const texts = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'bc', ' ', ' ', '\n', '\n', '\r\n', 'äöü', '😀'),
      fc.constantFrom('a word of more than twelve bytes', 'x'.repeat(40)),
    ),
    { maxLength: 60 },
  )
  .map(parts => parts.join(''))

test('random texts in random parts', async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 5 }), (text, partitions) =>
      isEqual(Buffer.from(text), partitions),
    ),
    { numRuns: 60 },
  )
})

test.each<[string, Uint8Array]>([
  ['nothing', Buffer.from('')],
  ['a byte order mark', Buffer.from('\ufeffa b\nc')],
  ['bytes that are no UTF-8', Buffer.from([97, 32, 0xff, 10, 0xc3, 10, 98])],
  [
    'no UTF-8 behind much that is',
    Buffer.concat([Buffer.alloc(600_000, 'ab c\n'), Buffer.of(0xff)]),
  ],
  ['a line longer than what is read at once', Buffer.from(`${'long '.repeat(120_000)}\nb`)],
  [
    'long words, all different, over several reads',
    Buffer.from(
      Array.from({ length: 30_000 }, (_, i) => `word-number-${i}-of-many ${i % 7}`).join('\n'),
    ),
  ],
])('%s', async (_, bytes) => {
  await isEqual(bytes, 1)
  await isEqual(bytes, 3)
})

test('columns are what reads them', async () => {
  const ssc = contexts.get('auto')!
  writeFileSync(path, 'a b\nc\n')
  const before = ssc.metrics().columnRows
  await ssc
    .textFile(path, 1)
    .flatMap(line => line.split(' '))
    .collect()
  expect(ssc.metrics().columnRows - before).toBe(2)
})
