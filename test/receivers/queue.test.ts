/** queueStream: one entry a batch or all that wait, arrays and RDDs, null for no RDD at all. */
import { describe, expect, test } from 'vitest'
import { PeltonError, type RDD } from '../../src/index.ts'
import { benches } from './harness.ts'

const bench = benches()

class Unfit {}

/** Batches of a queue that is read to its end and `more` batches on. */
async function batchesOf(
  queue: unknown[],
  options: { oneAtATime?: boolean; partitions?: number } = {},
  batches = queue.length + 1,
): Promise<unknown[][]> {
  const b = bench()
  const out = b.collect(b.ssc.queueStream(queue as unknown[][], options))
  await b.ssc.start()
  await b.tick(batches)
  await b.stop()
  return out
}

describe('entries', () => {
  test('one a batch, then empty RDDs', async () => {
    expect(await batchesOf([[1, 2], [], [3]], {}, 5)).toEqual([[1, 2], [], [3], [], []])
  })

  test('null is a batch without an RDD: no output runs', async () => {
    expect(await batchesOf([[1], null, [2], null], {}, 4)).toEqual([[1], [2]])
  })

  test('all that wait, in order', async () => {
    const queue = [[1, 2], [3], [], [4]]
    expect(await batchesOf(queue, { oneAtATime: false }, 2)).toEqual([[1, 2, 3, 4], []])
    expect(queue).toEqual([])
  })

  test('all that wait: null adds nothing; only null is no RDD', async () => {
    const drain = { oneAtATime: false }
    expect(await batchesOf([null, [1], null, [2]], drain, 2)).toEqual([[1, 2], []])
    expect(await batchesOf([null, null], drain, 2)).toEqual([[]])
  })

  test('the queue may grow while it is read', async () => {
    const b = bench()
    const queue: (string[] | RDD<string>)[] = []
    const batches = b.collect(b.ssc.queueStream(queue))
    await b.ssc.start()
    await b.tick()
    queue.push(['a'])
    queue.push(['b'], ['c'])
    await b.tick(2)
    queue.push(b.ssc.parallelize(['d', 'e']))
    await b.tick(3)
    expect(batches).toEqual([[], ['a'], ['b'], ['c'], ['d', 'e'], []])
    await b.stop()
  })

  test.each([true, false])('RDDs among arrays, one of them twice; oneAtATime %j', async one => {
    const b = bench()
    const rdd = b.ssc
      .parallelize([1, 2, 3])
      .map(x => x * 10)
      .persist()
    const queue: (number[] | RDD<number> | null)[] = [rdd, null, [4], rdd, b.ssc.emptyRDD<number>()]
    const out = b.collect(b.ssc.queueStream(queue, { oneAtATime: one }))
    await b.ssc.start()
    await b.tick(6)
    const all = [[10, 20, 30], [4], [10, 20, 30], [], []]
    expect(out).toEqual(one ? all : [[10, 20, 30, 4, 10, 20, 30], [], [], [], [], []])
    // The queue did not own it, so nobody has let go of its rows.
    expect(rdd.node.holdings.dataset).toBeDefined()
    expect(await rdd.collect()).toEqual([10, 20, 30])
    await b.stop()
  })

  test('slices as Spark’s parallelize cuts them', async () => {
    const b = bench()
    const queue = [[1, 2, 3, 4, 5], [6]]
    const out = b.collect(b.ssc.queueStream(queue, { partitions: 3 }).glom())
    await b.ssc.start()
    await b.tick(2)
    expect(out).toEqual([
      [[1], [2, 3], [4, 5]],
      [[], [], [6]],
    ])
    await b.stop()
  })

  test('counts the rows of arrays', async () => {
    const b = bench()
    const queue = [[1, 2, 3], null, [4]]
    const records: number[] = []
    b.collect(b.ssc.queueStream(queue, { oneAtATime: false }))
    b.ssc.on('batchCompleted', batch => records.push(batch.numRecords))
    await b.ssc.start()
    await b.tick(2)
    expect(records).toEqual([4, 0])
    expect(b.ssc.metrics().rows).toBe(4)
    await b.stop()
  })

  test('a window keeps what it needs of entries that were drained together', async () => {
    const b = bench()
    const queue: (number[] | null)[] = [null, [1], [2]]
    const out = b.collect(b.ssc.queueStream(queue, { oneAtATime: false }).window(3000))
    await b.ssc.start()
    await b.tick()
    queue.push([3])
    await b.tick(4)
    expect(out).toEqual([[1, 2], [1, 2, 3], [1, 2, 3], [3], []])
    await b.stop()
  })
})

describe('what is no batch', () => {
  test.each([
    [{ a: 1 }, /needs an array of batches.*got \{"a":1\}/],
    [undefined, /needs an array of batches.*got undefined/],
    [[1, 2, 3], /the entry\[0\] 1 is no batch; each entry must be an array of rows, an RDD, or/],
    [[[1], 'two'], /the entry\[1\] "two" is no batch/],
    [[[1], undefined], /the entry\[1\] undefined is no batch/],
    [[{ node: 1 }], /the entry\[0\] \{"node":1\} is no batch/],
  ])('%j is refused at once', (queue, message) => {
    const b = bench()
    expect(() => b.ssc.queueStream(queue as never)).toThrow(message)
    expect(() => b.ssc.queueStream(queue as never)).toThrow(PeltonError)
  })

  test.each([true, false])('pushed later it fails its batch; oneAtATime %j', async one => {
    const b = bench()
    const queue: unknown[] = [[1]]
    const out = b.collect(b.ssc.queueStream(queue as never, { oneAtATime: one }))
    await b.ssc.start()
    await b.tick()
    queue.push('bad', [2], [3])
    await b.tick(3)
    expect(out).toEqual(one ? [[1], [2], [3]] : [[1], [2, 3], []])
    expect(b.errors.splice(0)).toEqual([
      expect.objectContaining({ message: expect.stringContaining('the entry "bad" is no batch') }),
    ])
    await b.stop()
  })

  test('a row that is no data fails its batch', async () => {
    const b = bench()
    const out = b.collect(b.ssc.queueStream([[1], [2, new Unfit(), 3], [4]]))
    await b.ssc.start()
    await b.tick(3)
    expect(out).toEqual([[1], [4]])
    expect(b.errors.splice(0)).toEqual([
      expect.objectContaining({ message: expect.stringContaining('instance of class Unfit') }),
    ])
    await b.stop()
  })

  test.each([0, -1, 2.5, '3'])('partitions %j is refused', partitions => {
    const b = bench()
    expect(() => b.ssc.queueStream([], { partitions: partitions as never })).toThrow(
      /partitions is .*; give a whole number from 1 up/,
    )
  })
})
