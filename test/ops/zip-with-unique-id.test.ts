import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'

test('zipWithUniqueId gives partition k the numbers k, n + k, 2n + k and so on', async () => {
  await inContext(async ssc => {
    const five = ssc.parallelize(['a', 'b', 'c', 'd', 'e'], 3)
    expect(await five.zipWithUniqueId().collect()).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 4],
      ['d', 2],
      ['e', 5],
    ])
    expect(await ssc.parallelize([], 2).zipWithUniqueId().collect()).toEqual([])
  })
})

test('no number comes twice, wherever the rows are read', async () => {
  await inContext(async ssc => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer()), fc.constantFrom(1, 7), async (rows, partitions) => {
        const rdd = ssc.parallelize(rows, partitions)
        const numbered = rdd.union(rdd).zipWithUniqueId()
        const behind = ssc.parallelize([['x', -1]] as [any, number][], 2).union(numbered)
        const ids = (await behind.collect()).map(([, id]) => id).filter(id => id >= 0)
        expect(new Set(ids).size).toBe(2 * rows.length)
        expect(behind.getNumPartitions()).toBe(2 + 2 * partitions)
        expect(await numbered.keys().collect()).toEqual([...rows, ...rows])
      }),
      { numRuns: 20 },
    )
  })
})
