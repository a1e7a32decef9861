/**
 * zipPartitions against arrays cut alike.
 *
 * What it can't catch: partitions so large that their rows don't fit into a worker's heap.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sliceBounds } from '../../src/engine/collection.ts'
import { inContext } from '../context/rdd-support.ts'

const slices = <T>(rows: readonly T[], partitions: number): T[][] => {
  const bounds = sliceBounds(rows.length, partitions)
  return bounds.slice(1).map((to, i) => rows.slice(bounds[i]!, to))
}

test('zipPartitions gives the rows of partitions with the same number', async () => {
  await inContext(async ssc => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer()),
        fc.array(fc.string()),
        fc.constantFrom(1, 2, 7),
        async (left, right, partitions) => {
          const [a, b] = [ssc.parallelize(left, partitions), ssc.parallelize(right, partitions)]
          const zipped = a.zipPartitions(b, (ns, texts) => [[[...ns], [...texts]] as const])
          const [ns, texts] = [slices(left, partitions), slices(right, partitions)]
          expect(await zipped.collect()).toEqual(ns.map((part, i) => [part, texts[i]]))
        },
      ),
      { numRuns: 20 },
    )
  })
})

test('each side may have come a long way, and partitions may be empty', async () => {
  await inContext(async ssc => {
    const counts = ssc
      .parallelize(['b', 'a', 'b'], 2)
      .map(word => [word, 1] as const)
      .reduceByKey((a, b) => a + b, 3)
    const texts = ssc.parallelize({ text: Buffer.from('x\ny\nz\n') }, 1).repartition(3)
    const zipped = counts.persist().zipPartitions(texts, (pairs, lines) => {
      return [...pairs.map(([word, n]) => `${word}${n}`), ...lines]
    })
    expect((await zipped.collect()).sort()).toEqual(['a1', 'b2', 'x', 'y', 'z'])
    expect((await zipped.map(text => text.length).collect()).length).toBe(5)
    const none = ssc.parallelize([] as number[], 3)
    expect(await none.zipPartitions(none, (a, b) => [a.length + b.length]).collect()).toEqual([
      0, 0, 0,
    ])
    expect(zipped.getNumPartitions()).toBe(3)
    expect(await zipped.zipPartitions(zipped, a => [a.length]).collect()).toHaveLength(3)
  })
})

test('unequal numbers of partitions are an error that names both', async () => {
  await inContext(async ssc => {
    const a = ssc.parallelize([1, 2], 2).setName('prices')
    const b = ssc.parallelize([1, 2], 3)
    expect(() => a.zipPartitions(b, () => [])).toThrow(
      "Can't zip RDDs with unequal numbers of partitions: the RDD prices has 2, an RDD has 3",
    )
    expect(() => a.zipPartitions([1] as never, () => [])).toThrow('zipPartitions needs an RDD')
    const wrong = a.zipPartitions(a, (() => 5) as never)
    await expect(wrong.collect()).rejects.toThrow('zipPartitions needs a function that returns')
  })
})
