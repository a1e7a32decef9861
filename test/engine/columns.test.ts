/** What kernels run against what the row loop runs: the same rows, in the same order. */
import fc from 'fast-check'
import { accumulator, ManualClock, StreamingContext } from 'pelton'
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

/** What a program gives in both gears, over one context each. */
async function inBothGears(program: (ssc: StreamingContext) => Promise<unknown>) {
  return await Promise.all(
    gears.map(async gear => {
      const clock = new ManualClock(0)
      await using ssc = new StreamingContext({ batchInterval: 1000, clock, workers: 2, gear })
      return await program(ssc)
    }),
  )
}

test('keys that hardly repeat pass the first half as they are', async () => {
  const pairs = Array.from({ length: 40_000 }, (_, i): [number, number] => [
    (i * 7919) % 30_011,
    i % 7 === 0 ? 0.1 : i,
  ])
  // One partition whose first rows repeat, one whose rows do not, one too small to tell.
  pairs.splice(0, 20_000, ...pairs.slice(0, 20_000).map(([k, v]): [number, number] => [k % 50, v]))
  const [columns, rows] = await inBothGears(ssc =>
    ssc
      .parallelize(pairs, 2)
      .union(ssc.parallelize(pairs.slice(0, 10), 1))
      .filter(([key]) => key !== 77)
      .reduceByKey((a, b) => a + b, 3)
      .collect(),
  )
  expect(columns).toEqual(rows)
  const [least, leastByRows] = await inBothGears(ssc =>
    ssc
      .parallelize(pairs.toReversed(), 3)
      .reduceByKey((a, b) => Math.min(a, b), 3)
      .map(([k, v]) => k + v)
      .reduce((a, b) => a + b),
  )
  expect(least).toBe(leastByRows)
})

test('chains without an aggregate: out as columns, cut short, or on in the row loop', async () => {
  const rows = Array.from({ length: 9000 }, (_, i) => i / 4)
  const programs: ((ssc: StreamingContext) => Promise<unknown>)[] = [
    ssc =>
      ssc
        .parallelize(rows, 2)
        .filter(x => x % 1 === 0)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 3)
        .map(x => [x, x * 2, 'text', true, [x]])
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 3)
        .map(x => x > 100)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 3)
        .map(x => ['a text of more than twelve bytes', x])
        .take(5000),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .filter(x => x > 10)
        .map(x => `<${String(x).length}>`)
        .take(4500),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .filter(x => x > 1e9)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .map(x => [x % 7, x] as const)
        .groupByKey(3)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .map(x => ['key', x] as const)
        .groupByKey(3)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .map(x => [[x % 3, 'k'], x] as const)
        .groupByKey(3)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .map(x => [x > 5, x] as const)
        .groupByKey(3)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .map(x => x + 1)
        .repartition(3)
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 2)
        .map(x => -x)
        .glom()
        .collect(),
    ssc =>
      ssc
        .parallelize(rows, 4)
        .map(x => x * 2)
        .reduce((a, b) => Math.max(a, b)),
    ssc =>
      ssc
        .parallelize([] as number[], 4)
        .map(x => x * 2)
        .count(),
  ]
  for (const program of programs) {
    const [columns, byRows] = await inBothGears(program)
    expect(columns).toEqual(byRows)
  }
})

test('reduced rows go on through columns', async () => {
  const text = Buffer.from(
    Array.from({ length: 5000 }, (_, i) => `w${i % 900} long-${i % 31}-word`).join('\n'),
  )
  const [columns, rows] = await inBothGears(ssc =>
    ssc
      .parallelize({ text }, 3)
      .flatMap(line => line.split(' '))
      .map(word => [word, 1] as [string, number])
      .reduceByKey((a, b) => a + b, 4)
      .map(([word, n]) => [n, word] as [number, string])
      .filter(([n]) => n > 3)
      .map(([n]) => [n, 1] as [number, number])
      .reduceByKey((a, b) => a + b, 2)
      .collect(),
  )
  expect(columns).toEqual(rows)
})

test('keys of two columns', async () => {
  const rows = Array.from({ length: 6000 }, (_, i) => [`a${i % 50}`, i % 7, i] as const)
  const [columns, byRows] = await inBothGears(async ssc => {
    const data = ssc.parallelize(rows, 3)
    return [
      await data
        .map(([a, b, n]) => [[a, b], n] as const)
        .reduceByKey((x, y) => x + y, 3)
        .collect(),
      await data
        .map(([a, b, n]) => [[b, a], n] as const)
        .reduceByKey((x, y) => x + y, 3)
        .collect(),
      await data
        .map(([a, , n]) => [[a, a], n] as const)
        .reduceByKey((x, y) => x + y, 3)
        .collect(),
      await data
        .map(([, b, n]) => [[b, n], n] as const)
        .reduceByKey((x, y) => x + y, 3)
        .collect(),
    ]
  })
  expect(columns).toEqual(byRows)
})

test('closures over group ids give what the row loop gives', async () => {
  const keyOf = fc.constantFrom('a', 'b', '', 'a key of more than twelve bytes', 'é', '😀')
  const factor = 3
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(keyOf, numbers, fc.string()), { maxLength: 200 }),
      async rows => {
        const [columns, byRows] = await inBothGears(async ssc => {
          const data = ssc.parallelize(rows, 3)
          const numeric = data.map(([key, n]) => [key, n] as const)
          const text = data.map(([key, , s]) => [key, s] as const)
          const byNumber = data.map(([key, n]) => [n, key] as const)
          return [
            await numeric.reduceByKey((a, b) => (a > b ? a : b * factor), 3).collect(),
            await numeric.reduceByKey((a, b) => a * b, 2).collect(),
            await numeric.reduceByKey((a, b) => (b > 100 ? ('large' as never) : a), 2).collect(),
            await numeric.groupByKey(3).collect(),
            await text
              .groupByKey(3)
              .mapValues(list => list.join())
              .collect(),
            await text.reduceByKey((a, b) => (a < b ? b : `${a}${b}`), 2).collect(),
            await byNumber.reduceByKey((a, b) => `${a}/${b}`).collect(),
            await text
              .combineByKey(
                s => [s],
                (list, s) => [...list, s],
                (a, b) => [...a, ...b],
                3,
              )
              .collect(),
            await numeric
              .combineByKey(
                n => n,
                (sum, n) => sum + n,
                (a, b) => a + b,
                3,
              )
              .collect(),
            await data
              .map(([key]) => key)
              .distinct(2)
              .collect(),
            [...(await data.map(([, n]) => n).countByValue())],
            await data
              .map(([key, n]) => [key, n])
              .distinct(2)
              .collect(),
            await numeric.mapValues(n => n / 2).collect(),
          ]
        })
        expect(columns).toEqual(byRows)
      },
    ),
    { numRuns: 10 },
  )
})

test('a closure that fails over group ids is reported as in the row loop', async () => {
  const failures = await inBothGears(async ssc => {
    const pairs = ssc.parallelize(
      [1, 2, 3, 4].map(n => ['k', n] as [string, number]),
      1,
    )
    const failing = (a: number, b: number): number => {
      if (b === 3) throw new RangeError(`no ${b}`)
      return a + b
    }
    const errors: unknown[] = []
    for (const job of [pairs.reduceByKey(failing), pairs.combineByKey(n => n, failing, failing)]) {
      errors.push(await job.collect().catch(error => [error.message, error.operator, error.code]))
    }
    return errors
  })
  expect(failures[0]).toEqual(failures[1])
  expect(JSON.stringify(failures[0])).toContain('no 3')
})

test('an accumulator in a reducer counts each call once', async () => {
  const [columns, byRows] = await inBothGears(async ssc => {
    const calls = accumulator(0)
    const pairs = ssc.parallelize(
      [1, 2, 300, 4].map(n => ['k', n] as [string, number]),
      1,
    )
    const reduced = pairs.reduceByKey((a, b) => {
      calls.add(1)
      return b > 100 ? ('large' as never) : a
    })
    return [await reduced.collect(), calls.value]
  })
  expect(columns).toEqual(byRows)
  expect(columns).toEqual([[['k', 'large']], 3])
})

test('rows that fit into the arena once, but not twice, go through the row loop', async () => {
  const rows = new Float64Array(2_950_000).map((_, i) => i)
  await using ssc = new StreamingContext({
    batchInterval: 1000,
    clock: new ManualClock(0),
    workers: 1,
    memory: '64MiB',
  })
  const doubled = ssc.parallelize<number>(rows, 1).map(x => x * 2)
  const kept = await doubled.persist().materialize()
  expect(await kept.count()).toBe(rows.length)
  expect((await kept.take(3)).concat(await kept.filter(x => x > 5_899_996).collect())).toEqual([
    0, 2, 4, 5_899_998,
  ])
})

test('what a sort keeps goes back with its task', async () => {
  await using ssc = new StreamingContext({
    batchInterval: 1000,
    clock: new ManualClock(0),
    workers: 1,
  })
  const rows = Float64Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 300_007)
  const sorted = ssc.parallelize<number>(rows).sortBy(x => x)
  expect(await sorted.count()).toBe(rows.length)
  // A worker has 1 MiB of scratch memory, and a heap begins with as much; the rows took 15.
  expect(ssc.session.runtime.pool.workerBytes).toBeLessThanOrEqual(2 * 2 ** 20)
})
