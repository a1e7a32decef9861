/**
 * How long results are kept: what a window looks back on stays, and what that was made of goes when
 * it is there.
 *
 * What it can't catch: results kept too long by less than a page.
 */
import { type DStream, ManualClock, Receiver, StreamingContext } from 'pelton'
import { expect, test } from 'vitest'

class Told extends Receiver<string> {
  onStart() {}
  onStop() {}
}

const rowsPerBatch = 20_000
/** Some 2 MiB. */
const rows = Array.from({ length: rowsPerBatch }, (_, i) => `key ${i % 10} ${'x'.repeat(80)}`)
const sum = (a: number, b: number): number => a + b

/** Bytes of the arena in use when each batch has ended, and what it gave. */
async function bytesOf(
  build: (rows: DStream<string>) => DStream<unknown>,
): Promise<{ bytes: number[]; last: unknown[] }> {
  const clock = new ManualClock(0)
  const receiver = new Told()
  await using ssc = new StreamingContext({ batchInterval: 1000, clock, workers: 2 })
  let last: unknown[] = []
  build(ssc.receiverStream(receiver)).foreachRDD(async rdd => {
    last = await rdd.collect()
  })
  await ssc.start()
  const bytes: number[] = []
  for (let batch = 0; batch < 12; batch++) {
    await receiver.store(rows)
    clock.advance(1000)
    await ssc.whenIdle()
    bytes.push(ssc.metrics().arenaBytes)
  }
  return { bytes, last }
}

const pairs = (stream: DStream<string>): DStream<[string, number]> =>
  stream.map(row => [row.slice(0, 5), 1] as [string, number]).reduceByKey(sum)

const mib = 2 ** 20

test.each<[string, (rows: DStream<string>) => DStream<unknown>]>([
  ['a window of sums', stream => pairs(stream).window(10_000).reduceByKey(sum)],
  [
    'an inverse window',
    stream => pairs(stream).reduceByKeyAndWindow(sum, (a, b) => a - b, 10_000, 1000),
  ],
  [
    'a window of states',
    stream =>
      pairs(stream)
        .updateStateByKey((values, state: number = 0) => state + values.reduce(sum, 0))
        .window(10_000),
  ],
])('%s keeps no row that it has summed', async (_, build) => {
  const { bytes, last } = await bytesOf(build)
  expect(last.length).toBeGreaterThan(0)
  expect(Math.max(...bytes.slice(2)) - bytes[1]!).toBeLessThan(2 * mib)
})

test('rows that a slow window will ask for stay until it has', async () => {
  const build = (stream: DStream<string>) => pairs(stream).window(6000, 6000).reduceByKey(sum)
  const { bytes, last } = await bytesOf(build)
  expect(bytes[4]! - bytes[0]!).toBeGreaterThan(4 * mib)
  expect(bytes[5]! - bytes[0]!).toBeLessThan(2 * mib)
  expect(new Map(last as [string, number][]).get('key 3')).toBe((6 * rowsPerBatch) / 10)
})
