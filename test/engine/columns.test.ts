/** What kernels run against what the row loop runs: the same rows, in the same order. */
import fc from 'fast-check'
import { ManualClock, StreamingContext } from 'pelton'
import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'

const gears = ['auto', 'row'] as const

/** Word counts of a text, in the order in which they come out. */
async function wordCount(text: Buffer, gear: (typeof gears)[number], memory = '128MiB') {
  await using ssc = new StreamingContext({
    batchInterval: 1000,
    clock: new ManualClock(0),
    workers: 1,
    memory,
    gear,
  })
  return await ssc
    .parallelize({ text }, 3)
    .flatMap(line => line.split(' '))
    .map(word => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b, 4)
    .collect()
}

const texts = [
  '',
  '\n',
  ' \n  a b \n\nb a',
  'a\r\nb\r\n\r\nc\r',
  'a word of more than twelve bytes\nand a word of more than twelve bytes',
  'ÿ é 日本語 😀 é\n😀 a',
  'last line without its newline',
]

test.each(texts)('words of %j', async text => {
  const [columns, rows] = await Promise.all(gears.map(gear => wordCount(Buffer.from(text), gear)))
  expect(columns).toEqual(rows)
})

test('bytes that are no UTF-8', async () => {
  const text = Buffer.from([97, 32, 0xff, 32, 0xc3, 10, 0xff, 32, 97])
  const [columns, rows] = await Promise.all(gears.map(gear => wordCount(text, gear)))
  expect(columns).toEqual(rows)
})

test('more groups than the arena holds go through the row loop', async () => {
  const words = Array.from({ length: 300_000 }, (_, i) => `word-number-${i}`)
  const counts = await wordCount(Buffer.from(words.join(' ')), 'auto', '64MiB')
  expect(counts.length).toBe(words.length)
  expect(counts.every(([, count]) => count === 1)).toBe(true)
})

const numbers = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)

test('sums, least and greatest of random numbers by random keys', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(numbers, numbers), { maxLength: 200 }), async pairs => {
      for (const reducer of [
        (a: number, b: number) => a + b,
        (a: number, b: number) => Math.min(a, b),
        (a: number, b: number) => Math.max(a, b),
      ]) {
        const results = await Promise.all(
          gears.map(gear =>
            runStream({ input: [pairs], gear, build: s => s.reduceByKey(reducer, 3) }),
          ),
        )
        expect(results[0]).toEqual(results[1])
      }
    }),
    { numRuns: 20 },
  )
})

test('arithmetic and comparisons of random numbers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(numbers, { maxLength: 300 }), async rows => {
      const results = await Promise.all(
        gears.map(gear =>
          runStream({
            input: [rows],
            gear,
            build: s =>
              s
                .filter(x => x % 2 === 0 || x > 100)
                .map(x => x * 3 + 1)
                .filter(y => y % 5 < 3 && !(y <= -7))
                .map(y => [Math.floor(y / 10), -y] as [number, number])
                .reduceByKey((a, b) => a + b),
          }),
        ),
      )
      expect(results[0]).toEqual(results[1])
    }),
    { numRuns: 30 },
  )
})
