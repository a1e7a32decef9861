import { expect, test } from 'vitest'
import { hashKey } from '../../src/columnar/keys.ts'
import { inContext } from '../context/rdd-support.ts'

test('partitionBy puts pairs where their keys belong, and they stay there', async () => {
  const pairs = Array.from({ length: 50 }, (_, i): [string, number] => [`key ${i % 9}`, i])
  await inContext(async ssc => {
    const placed = ssc.parallelize(pairs, 3).partitionBy(4)
    const partitions = await placed.glom().collect()
    const expected = [0, 1, 2, 3].map(p => pairs.filter(([key]) => hashKey(key) % 4 === p))
    expect(partitions).toEqual(expected)
    const sums = await placed
      .reduceByKey((a, b) => a + b, 4)
      .glom()
      .collect()
    expect(sums.map(rows => rows.map(([key]) => hashKey(key) % 4))).toEqual(
      sums.map((rows, p) => rows.map(() => p)),
    )
  })
})
