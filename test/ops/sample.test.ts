import type { DStream } from 'pelton'
import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'

const rows = Array.from({ length: 20_000 }, (_, i) => i)

test('sample takes about the fraction asked for, the same for the same seed', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(rows, 4)
    const tenth = await rdd.sample(false, 0.1, 1).collect()
    expect(Math.abs(tenth.length - 2000)).toBeLessThan(300)
    expect(new Set(tenth).size).toBe(tenth.length)
    expect(await rdd.sample(false, 0.1, 1).collect()).toEqual(tenth)
    expect(await rdd.sample(false, 0.1, 2).collect()).not.toEqual(tenth)
    expect(await rdd.sample(false, 1, 1).collect()).toEqual(rows)
    expect(await rdd.sample(false, 0, 1).collect()).toEqual([])
    const twice = await rdd.sample(true, 2, 1).collect()
    expect(Math.abs(twice.length - 40_000)).toBeLessThan(1500)
    expect(new Set(twice).size).toBeLessThan(rows.length)
  })
})

test('of a stream, each batch has numbers of its own, and the same in every run', async () => {
  const input = [rows.slice(0, 2000), rows.slice(0, 2000)]
  const run = (seed?: number): Promise<unknown[][]> =>
    runStream({ input, build: (stream: DStream<number>) => stream.sample(false, 0.3, seed) })
  const [first, second] = await run()
  expect(Math.abs(first!.length - 600)).toBeLessThan(120)
  expect(Math.abs(second!.length - 600)).toBeLessThan(120)
  expect(second).not.toEqual(first)
  expect(await run()).toEqual([first, second])
  expect(await run(1)).not.toEqual([first, second])
  const build = (stream: DStream<number>) => stream.sample(false, 1.5)
  await expect(runStream({ input, build })).rejects.toThrow('sample: the fraction is 1.5')
})

test('randomSplit deals every row out once', async () => {
  await inContext(async ssc => {
    const parts = ssc.parallelize(rows, 3).randomSplit([7, 2, 1], 5)
    const dealt = await Promise.all(parts.map(part => part.collect()))
    expect(dealt.flat().sort((a, b) => a - b)).toEqual(rows)
    expect(Math.abs(dealt[0]!.length - 14_000)).toBeLessThan(500)
  })
})

test('takeSample takes so many rows, each at most once', async () => {
  await inContext(async ssc => {
    const taken = await ssc.parallelize(rows, 3).takeSample(100, 3)
    expect(new Set(taken).size).toBe(100)
    expect(await ssc.parallelize([1, 2]).takeSample(5)).toHaveLength(2)
  })
})

test('what makes no sense is refused by its value', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize([1])
    expect(() => rdd.sample(false, 1.5)).toThrow('sample: the fraction is 1.5')
    expect(() => rdd.randomSplit([0, 0])).toThrow('randomSplit: the weights are')
  })
})
