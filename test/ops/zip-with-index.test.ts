import { expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'

test('zipWithIndex numbers the rows in their order', async () => {
  const rows = Array.from({ length: 9000 }, (_, i) => `row ${i}`)
  await inContext(async ssc => {
    const numbered = await ssc.parallelize(rows, 5).zipWithIndex().collect()
    expect(numbered).toEqual(rows.map((row, i) => [row, i]))
    expect(await ssc.parallelize([], 2).zipWithIndex().collect()).toEqual([])
  })
})

test('zip pairs the rows of two RDDs, however they are cut', async () => {
  await inContext(async ssc => {
    const zipped = ssc.parallelize([1, 2, 3, 4], 3).zip(ssc.parallelize(['a', 'b', 'c', 'd'], 2))
    expect(await zipped.collect()).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ])
  })
})
