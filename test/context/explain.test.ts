/**
 * What explain() says, with times replaced. The figures come from the workers' counters, so a gear
 * that is said here has run. Can't catch: a wrong time.
 */
import { ManualClock, StreamingContext, type StreamingContextOptions } from 'pelton'
import { expect, test } from 'vitest'

const text = Buffer.from('to be or not to be\nthat is the question\n')

async function afterBatches(
  define: (ssc: StreamingContext) => void,
  batches: number,
  options: Partial<StreamingContextOptions> = {},
): Promise<StreamingContext> {
  const clock = new ManualClock(0)
  const ssc = new StreamingContext({ batchInterval: 1000, clock, workers: 1, ...options })
  ssc.write = () => {}
  define(ssc)
  await ssc.start()
  for (let i = 0; i < batches; i++) {
    clock.advance(1000)
    await ssc.whenIdle()
  }
  return ssc
}

function wordCount(ssc: StreamingContext): void {
  const lines = ssc.parallelize<string>({ text }, 1)
  ssc
    .queueStream([lines, lines, lines])
    .flatMap(line => line.split(' '))
    .map(word => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b, 2)
    .foreachRDD(async rdd => void (await rdd.collect()))
}

/** Times and chunk sizes are the machine's. */
const replaced = (words: string): string =>
  words
    .replace(/\S+ ns a row/g, 'T ns a row')
    .replace(/\(\S+ k?B\)/g, '(B)')
    .replace(/explain\.test\.ts:\d+/g, 'x.ts')

test('before the start: what each operator can get', () => {
  const ssc = new StreamingContext({ batchInterval: 1000, clock: new ManualClock(0), workers: 1 })
  wordCount(ssc)
  expect(replaced(ssc.explain())).toBe(`foreachRDD (x.ts)
└═ reduceByKey (x.ts): exchanged by key into 2 partitions, kernels at best, not run yet
   └─ reduceByKey (x.ts): within each partition, kernels at best, not run yet
      └─ map (x.ts): kernels at best, not run yet
         └─ flatMap (x.ts): kernels at best, not run yet
            └─ queueStream (x.ts)
`)
  return ssc.stop()
})

test('gears, kernels, rows, and tasks of what has run', async () => {
  await using ssc = await afterBatches(wordCount, 3)
  const words = replaced(ssc.explain())
  expect(words).toContain(`foreachRDD (x.ts)
└═ reduceByKey (x.ts): exchanged by key into 2 partitions, kernels
   └─ reduceByKey (x.ts): within each partition, kernels
      └─ map (x.ts): kernels
         └─ flatMap (x.ts): kernels
            └─ queueStream (x.ts)
`)
  // Two lines a batch, ten words, eight of them distinct.
  const stages = words.slice(words.indexOf('stage 1')).split('\n')
  expect(stages[0]).toBe(
    'stage 1: flatMap (x.ts), map (x.ts), reduceByKey (x.ts), then by key into 2 partitions',
  )
  expect(stages[1]).toMatch(
    /^ {3}last 3 runs: T ns a row, 6 rows \(B\) in, 24 rows \(B\) out, 3 tasks(, \d of them .*)?$/,
  )
  expect(stages).toContain('   flatMap: kernels: splitText 3')
  expect(words).toMatch(/\n {3}reduceByKey: kernels: .*countByGid 3/)
  expect(words).toMatch(/\nstage 2: reduceByKey \(x\.ts\)\n.* 24 rows \(B\) in, 24 rows/)
})

test('the row loop, and why', async () => {
  const odd = new Map([['a', 1]])
  await using ssc = await afterBatches(ssc => {
    ssc
      .queueStream([['a', 'b', 'c']])
      .map(word => `${word}${Math.random()}`)
      .filter(word => word.length > 1)
      .map(word => odd.get(word))
      .print()
  }, 1)
  const words = replaced(ssc.explain())
  expect(words).toMatch(
    /─ map \(x\.ts\): row loop because the function calls Math\.random, .*\(line \d+\)/,
  )
  expect(words).toMatch(
    /─ filter \(x\.ts\): row loop because it comes behind map in the row loop\n/,
  )
  expect(words).toMatch(/─ map \(x\.ts\): row loop because the function .*odd\.get/)
})

test('what is lifted, but has no type', async () => {
  await using ssc = await afterBatches(ssc => {
    ssc
      .queueStream<number | string>([[1, 'a', 2]], { partitions: 1 })
      .map(x => [x, `${x}`])
      .print()
  }, 1)
  expect(replaced(ssc.explain())).toMatch(
    /─ map \(x\.ts\): row loop because map has no kernel for .*, as .* holds mixed values, /,
  )
})

test('calls for equal rows, and how many', async () => {
  const stop = new Set(['to', 'the'])
  await using ssc = await afterBatches(ssc => {
    const lines = ssc.parallelize<string>(
      { text: Buffer.from('to be or not to be\n'.repeat(50)) },
      1,
    )
    ssc
      .queueStream([lines])
      .flatMap(line => line.split(' '))
      .filter(word => !stop.has(word))
      .countByValue()
      .print()
  }, 1)
  // Four different words.
  expect(replaced(ssc.explain())).toMatch(
    /─ filter \(x\.ts\): called once for equal rows: 4 calls because the function .*stop\.has/,
  )
})

test("gear 'row' says that it was asked for", async () => {
  await using ssc = await afterBatches(wordCount, 1, { gear: 'row' })
  const { outputs, stages } = ssc.explain({ format: 'json' })
  const [reduce] = outputs[0]!.inputs
  expect(reduce).toMatchObject({
    operator: 'reduceByKey',
    exchanged: true,
    gear: 'row',
    hasRun: true,
    loopShare: 1,
    reason: "the function runs in the gear that was asked for, 'row'",
  })
  expect(stages[0]).toMatchObject({ rowsIn: 2, rowsOut: 8, runs: 1, output: {} })
  expect(stages[0]!.operators.map(({ kernels }) => kernels)).toEqual([{}, {}, {}])
  expect(stages[0]!.bytesIn).toBe(text.length)
  expect(stages[0]!.nsPerRow).toBeGreaterThan(0)
})

test('what a function of foreachRDD makes anew for every batch is one stage', async () => {
  await using ssc = await afterBatches(ssc => {
    const numbers = [1, 2, 3, 4]
    ssc.queueStream([numbers, numbers, numbers]).foreachRDD(async rdd => {
      await rdd.filter(x => x % 2 === 0).count()
    })
  }, 3)
  const { stages } = ssc.explain({ format: 'json' })
  const [filtering] = stages.filter(({ operators }) => operators[0]?.operator === 'filter')
  expect(filtering).toMatchObject({ runs: 3, rowsIn: 12 })
  expect(filtering!.operators[0]).toMatchObject({ gear: 'lifted', hasRun: true, loopShare: 0 })
})

test('rows of text are its lines, in every gear', async () => {
  for (const gear of ['auto', 'row'] as const) {
    for (const lines of ['', 'a', 'a\n', '\n\n', 'a b\nc\r\n\nd']) {
      await using ssc = new StreamingContext({
        batchInterval: 1000,
        clock: new ManualClock(0),
        workers: 1,
        gear,
      })
      await ssc
        .parallelize<string>({ text: Buffer.from(lines) })
        .flatMap(line => line.split(' '))
        .collect()
      const expected = lines === '' ? 0 : lines.replace(/\n$/, '').split('\n').length
      const { rowsByWorker, rowsOnMainThread } = ssc.metrics()
      const rows = rowsByWorker.reduce((a, b) => a + b, rowsOnMainThread)
      expect([gear, lines, rows]).toEqual([gear, lines, expected])
    }
  }
})
