/**
 * Results of past batches, read by the program itself. Spark also computes batches to come, which
 * have no rows here.
 *
 * What it can't catch: a result that is forgotten while it is being read by another batch's job.
 */
import type { DStream, StreamingContext } from 'pelton'
import { afterAll, afterEach, expect, test } from 'vitest'
import { sparkTest } from '../spark/case-test.ts'
import { nextBatch, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
afterEach(() => shared.check())
afterAll(() => shared.close())

/** A started context that remembers all its batches, of which so many have ended. */
async function ran(
  batches: number[][],
  build: (stream: DStream<number>) => DStream<any> = stream => stream,
  { remember = 60_000, ticks = batches.length } = {},
): Promise<{ ssc: StreamingContext; stream: DStream<any>; tick: () => Promise<void> }> {
  const { ssc, clock } = shared.rig()
  const stream = build(ssc.queueStream(batches))
  stream.foreachRDD(() => {})
  if (remember > 0) ssc.remember(remember)
  await ssc.start()
  const tick = async (): Promise<void> => {
    const done = nextBatch(ssc)
    clock.advance(1000)
    await done
  }
  for (let i = 0; i < ticks; i++) await tick()
  return { ssc, stream, tick }
}

const rowsOf = async (stream: DStream<any>, from: number, to: number): Promise<unknown[][]> =>
  await Promise.all((await stream.slice(from, to)).map(rdd => rdd.collect()))

sparkTest('basic-slice', async ({ input, params, expected }) => {
  const { ssc, stream } = await ran(input)
  for (const [i, [from, to]] of params.queries.entries()) {
    expect((await rowsOf(stream, from, to)).flat()).toEqual(expected[i])
  }
  await ssc.stop()
})

sparkTest('basic-slice-uninit', async ({ params, expectedError }) => {
  const { ssc } = shared.rig()
  const stream = ssc.queueStream([[1]])
  stream.foreachRDD(() => {})
  const [from, to] = params.query
  await expect(stream.slice(from, to)).rejects.toThrow(expectedError.messageContains)
  await ssc.start()
  await ssc.stop()
})

test('times between results count as the one before, and batches to come have none', async () => {
  const { ssc, stream } = await ran([[1], [2], [3]])
  expect(await rowsOf(stream, 1999, 2999)).toEqual([[1], [2]])
  expect(await rowsOf(stream, 3000, 99_000)).toEqual([[3]])
  expect(await rowsOf(stream, 9000, 99_000)).toEqual([])
  await ssc.stop()
})

test('of a window there is one result a slide', async () => {
  const { ssc, stream } = await ran([[1], [2], [3], [4]], input => input.window(3000, 2000))
  expect(await rowsOf(stream, 0, 4000)).toEqual([
    [1, 2],
    [2, 3, 4],
  ])
  await ssc.stop()
})

test('an RDD of a slice can be worked on', async () => {
  const { ssc, stream } = await ran([[1, 2], [3]])
  const [first, second] = await stream.slice(1000, 2000)
  expect(
    await first!
      .union(second!)
      .map(x => x * 10)
      .collect(),
  ).toEqual([10, 20, 30])
  await ssc.stop()
})

test('what is not remembered is an error, not an empty result', async () => {
  const { ssc, stream } = await ran([[1], [2], [3], [4]], undefined, { remember: 0 })
  await expect(stream.slice(1000, 4000)).rejects.toThrow(
    /at 1000 ms has been forgotten; ssc.remember/,
  )
  await ssc.stop()
})

test('a stream without an output has no results', async () => {
  const { ssc, clock } = shared.rig()
  const input = ssc.queueStream([[1]])
  const unread = input.map(x => x + 1)
  input.foreachRDD(() => {})
  await ssc.start()
  const done = nextBatch(ssc)
  clock.advance(1000)
  await done
  await expect(unread.slice(1000, 1000)).rejects.toThrow(/read by no output/)
  await ssc.stop()
})
