/**
 * sampleByKey by fixed seeds: bounds are four standard deviations and more.
 *
 * What it can't catch: a bias smaller than those.
 */
import { expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'

const pairs = Array.from({ length: 30_000 }, (_, i): [string, number] => ['abc'[i % 3]!, i])

const counts = (rows: readonly (readonly [string, number])[]): Record<string, number> => {
  const all: Record<string, number> = { a: 0, b: 0, c: 0 }
  for (const [key] of rows) all[key]!++
  return all
}

test.each([1, 7])('sampleByKey takes each key by its fraction, partitions: %i', async n => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(pairs, n)
    const taken = await rdd.sampleByKey(false, { a: 0.1, b: 1, c: 0 }, 3).collect()
    const { a, b, c } = counts(taken)
    expect(Math.abs(a! - 1000)).toBeLessThan(125)
    expect([b, c]).toEqual([10_000, 0])
    expect(new Set(taken.map(([, id]) => id)).size).toBe(taken.length)
    const fractions = new Map(Object.entries({ a: 0.1, b: 1, c: 0 }))
    expect(await rdd.sampleByKey(false, fractions, 3).collect()).toEqual(taken)
    expect(await rdd.sampleByKey(false, fractions, 4).collect()).not.toEqual(taken)
    const often = counts(await rdd.sampleByKey(true, { a: 2, b: 0.5, c: 0 }, 3).collect())
    expect(Math.abs(often.a! - 20_000)).toBeLessThan(600)
    expect(Math.abs(often.b! - 5000)).toBeLessThan(300)
    expect(often.c).toBe(0)
  })
})

test('keys may be whatever keys are', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize([[[1, 'x'], 1] as const, [[2, 'y'], 2] as const], 2)
    const fractions = new Map<any, number>([
      [[1, 'x'], 1],
      [[2, 'y'], 0],
    ])
    expect(await rdd.sampleByKey(false, fractions).values().collect()).toEqual([1])
    expect(
      await ssc
        .parallelize([] as [string, 1][])
        .sampleByKey(true, {})
        .collect(),
    ).toEqual([])
  })
})

test('a sample with replacement may take a pair a thousand times', async () => {
  await inContext(async ssc => {
    const often = await ssc
      .parallelize([['a', 1] as const], 1)
      .sampleByKey(true, { a: 2000 }, 1)
      .collect()
    expect(Math.abs(often.length - 2000)).toBeLessThan(200)
  })
})

test('what makes no sense is refused by its value', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize([['a', 1] as const])
    expect(() => rdd.sampleByKey(false, { a: 1.5 })).toThrow('got 1.5 for the key "a"')
    expect(() => rdd.sampleByKey(true, { a: -1 })).toThrow('needs fractions from 0 up; got -1')
    expect(() => rdd.sampleByKey(false, 0.5 as never)).toThrow('needs a Map or an object')
    await expect(rdd.sampleByKey(false, { b: 1 }).collect()).rejects.toThrow(
      'no fraction for the key "a"',
    )
    const numbers = ssc.parallelize([1]) as never as typeof rdd
    await expect(numbers.sampleByKey(false, {}).collect()).rejects.toThrow('not a [key, value]')
  })
})
