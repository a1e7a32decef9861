/**
 * Partitions of RDDs: their numbers, their order, and what is done to whole ones; counts that need
 * not be exact; lineages that end.
 *
 * What it can't catch: how long a count takes beyond its timeout.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashKey } from '../../src/columnar/keys.ts'
import { inContext } from './rdd-support.ts'

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

test('a partition keeps its number where its rows are read behind others', async () => {
  await inContext(async ssc => {
    const first = ssc.parallelize([[9, 9]], 3)
    const numbered = ssc.parallelize([1, 2, 3, 4], 2).mapPartitions((rows, partition) => {
      return [...rows].map(row => [partition, row])
    })
    const own = [
      [0, 1],
      [0, 2],
      [1, 3],
      [1, 4],
    ]
    expect(await numbered.collect()).toEqual(own)
    expect(await first.union(numbered).collect()).toEqual([[9, 9], ...own])
    expect(await first.union(numbered.map(row => row)).collect()).toEqual([[9, 9], ...own])
    const again = first.union(numbered).mapPartitions((rows, partition) => {
      return [...rows].map(row => [partition, ...row])
    })
    const both = [[2, 9, 9], ...own.map(([p, row]) => [3 + p!, p!, row!])]
    expect(await again.collect()).toEqual(both)
    expect(await again.count()).toBe(5)
    const pairs = numbered.map(([partition, row]) => [row!, partition!] as const)
    const joined = ssc.parallelize([[4, 'x'] as const], 5).join(pairs)
    expect(await joined.collect()).toEqual([[4, ['x', 1]]])
  })
})

test('getNumPartitions follows from the plan', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize([3, 1, 2], 7)
    const pairs = rdd.map(x => [x, x] as const)
    expect(rdd.getNumPartitions()).toBe(7)
    expect(
      rdd
        .map(x => x)
        .union(rdd)
        .getNumPartitions(),
    ).toBe(14)
    expect(rdd.repartition(3).getNumPartitions()).toBe(3)
    expect(pairs.reduceByKey((a, b) => a + b, 5).getNumPartitions()).toBe(5)
    expect(pairs.join(pairs, 4).getNumPartitions()).toBe(4)
    expect(rdd.sortBy(x => x).getNumPartitions()).toBe(1)
    expect(ssc.emptyRDD().getNumPartitions()).toBe(1)
    expect((await rdd.repartition(3).glom().collect()).length).toBe(3)
  })
})

test.each([1, 7])('repartitionAndSortWithinPartitions, from %i partitions', async partitions => {
  await inContext(async ssc => {
    const row = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.nat())
    await fc.assert(
      fc.asyncProperty(fc.array(row), async rows => {
        const sorted = ssc.parallelize(rows, partitions).repartitionAndSortWithinPartitions(3)
        const expected = upTo(3).map(p =>
          rows.filter(([key]) => hashKey(key) % 3 === p).sort(([a], [b]) => a - b),
        )
        expect(await sorted.glom().collect()).toEqual(expected)
      }),
      { numRuns: 15 },
    )
    const rdd = ssc.parallelize([[2, 'b'] as const, [1, 'a'] as const], partitions)
    expect(() => rdd.repartitionAndSortWithinPartitions(0)).toThrow('number of partitions is 0')
    // What was put in place once needs no exchange: equal keys are where they were.
    const grouped = rdd.repartitionAndSortWithinPartitions(2).groupByKey(2)
    expect((await grouped.collect()).length).toBe(2)
  })
})

test.each([1, 7])('filterByRange, %i partitions', async partitions => {
  await inContext(async ssc => {
    const row = fc.tuple(fc.integer({ min: -9, max: 9 }), fc.nat())
    const bound = fc.integer({ min: -9, max: 9 })
    await fc.assert(
      fc.asyncProperty(fc.array(row), bound, bound, async (rows, lower, upper) => {
        const within = ssc.parallelize(rows, partitions).filterByRange(lower, upper)
        expect(await within.collect()).toEqual(rows.filter(([k]) => k >= lower && k <= upper))
      }),
      { numRuns: 15 },
    )
    const texts = ssc.parallelize([['b', 1] as const, ['d', 2] as const], partitions)
    expect(await texts.filterByRange('a', 'c').collect()).toEqual([['b', 1]])
    expect(() => texts.filterByRange('a', undefined as never)).toThrow(
      'filterByRange needs two keys; its upper one is undefined',
    )
  })
})

test.each([1, 7])('groupWith brings up to four together, %i partitions', async n => {
  await inContext(async ssc => {
    const a = ssc.parallelize([['x', 1] as const, ['y', 2] as const, ['x', 3] as const], n)
    const b = ssc.parallelize([['x', 'b'] as const], 2)
    const c = ssc.parallelize([] as [string, boolean][], 3)
    const d = ssc.parallelize([['z', 4n] as const], n)
    const two = new Map(await a.groupWith(b).collect())
    expect(two).toEqual(new Map(await a.cogroup(b).collect()))
    expect(new Map(await a.groupWith(b, c).collect()).get('x')).toEqual([[1, 3], ['b'], []])
    expect(new Map(await a.groupWith(b, c, d).collect())).toEqual(
      new Map<string, unknown>([
        ['x', [[1, 3], ['b'], [], []]],
        ['y', [[2], [], [], []]],
        ['z', [[], [], [], [4n]]],
      ]),
    )
    const any = a as any
    expect(() => any.groupWith()).toThrow('groupWith takes one to three RDDs; got 0')
    expect(() => any.groupWith(a, a, a, a)).toThrow('groupWith takes one to three RDDs; got 4')
    expect(() => any.groupWith(a, [])).toThrow('groupWith needs an RDD; got []')
  })
})

test.each([1, 7])('collect of a function leaves out what is undefined, %i partitions', async n => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(['id=a', 'x', 'id=b'], n)
    expect(await rdd.collect(line => /^id=(.*)/.exec(line)?.[1]).collect()).toEqual(['a', 'b'])
    expect(await rdd.collect(line => (line === 'x' ? undefined : null)).collect()).toEqual([
      null,
      null,
    ])
    const even = ssc.parallelize(upTo(9), n).collect(x => (x % 2 === 0 ? x * 10 : undefined))
    expect(await even.collect()).toEqual([0, 20, 40, 60, 80])
    expect(
      await ssc
        .parallelize([] as number[], n)
        .collect(x => x)
        .collect(),
    ).toEqual([])
    expect(() => rdd.collect(5 as never)).toThrow('collect: expected a function, got 5')
  })
})

test('a name is what messages call an RDD', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize([] as number[], 1)
    expect(rdd.name).toBeUndefined()
    expect(rdd.setName('clicks').name).toBe('clicks')
    await expect(rdd.first()).rejects.toThrow('first() of the RDD clicks without rows')
    await expect(rdd.reduce((a, b) => a + b)).rejects.toThrow('reduce() of the RDD clicks')
    expect(() => rdd.setName('')).toThrow('setName needs a text that is not empty; got ""')
  })
})

test.each([1, 7])('countApprox counts all rows when there is time, %i partitions', async n => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(upTo(100), n)
    const all = { count: 50, isFinal: true }
    expect(await rdd.filter(x => x % 2 === 0).countApprox(60_000)).toEqual(all)
    expect(await rdd.persist().countApprox(60_000)).toEqual({ count: 100, isFinal: true })
    expect(await ssc.parallelize([], n).countApprox(60_000)).toEqual({ count: 0, isFinal: true })
    await expect(rdd.countApprox(-1)).rejects.toThrow('countApprox needs a number of millisec')
    const failing = rdd.map((): number => {
      throw new Error('no row')
    })
    await expect(failing.countApprox(60_000)).rejects.toThrow('no row')
  })
})

test('countApprox gives what is known when the time is over', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
  const go = join(directory, 'go')
  try {
    await inContext(async ssc => {
      const held = ssc.parallelize(upTo(100_000), 7).mapPartitions((rows, partition) => {
        while (partition === 6 && !existsSync(go));
        return rows
      })
      const { count, isFinal } = await held.countApprox(100)
      expect(isFinal).toBe(false)
      expect(count).toBeLessThan(100_000)
      writeFileSync(go, '')
      expect(await held.countApprox(60_000)).toEqual({ count: 100_000, isFinal: true })
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.each([1, 7])('countApproxDistinct is about right, %i partitions', async n => {
  await inContext(async ssc => {
    const rows = upTo(30_000).map(i => `user ${i % 10_000}`)
    const rdd = ssc.parallelize(rows, n)
    expect(Math.abs((await rdd.countApproxDistinct()) / 10_000 - 1)).toBeLessThan(0.15)
    const close = await rdd.countApproxDistinct(0.01)
    expect(Math.abs(close / 10_000 - 1)).toBeLessThan(0.03)
    expect(await rdd.repartition(3).countApproxDistinct(0.01)).toBe(close)
    expect(await ssc.parallelize([], n).countApproxDistinct()).toBe(0)
    const visits = rdd.map(user => [user.endsWith('7') ? 'a' : 'b', user] as const)
    const byKey = new Map(await visits.countApproxDistinctByKey(0.02).collect())
    expect(Math.abs(byKey.get('a')! / 1000 - 1)).toBeLessThan(0.06)
    expect(Math.abs(byKey.get('b')! / 9000 - 1)).toBeLessThan(0.06)
    expect(
      await visits
        .filter(() => false)
        .countApproxDistinctByKey()
        .collect(),
    ).toEqual([])
    await expect(rdd.countApproxDistinct(0)).rejects.toThrow('less than 1; got 0')
    await expect(rdd.countApproxDistinct(1)).rejects.toThrow('from 0.0021 to less than 1; got 1')
    expect(() => visits.countApproxDistinctByKey(2)).toThrow('countApproxDistinctByKey needs')
  })
})

test.each([1, 7])('a checkpoint ends the lineage, %i partitions', async n => {
  await inContext(async ssc => {
    let rdd = ssc.parallelize(upTo(20), n)
    for (let i = 0; i < 5; i++) {
      rdd = rdd.map(x => x + 1)[i % 2 === 0 ? 'localCheckpoint' : 'checkpoint']()
      expect(rdd.node.inputs).toHaveLength(1)
      expect(await rdd.count()).toBe(20)
      expect(rdd.node.inputs).toHaveLength(0)
    }
    expect(await rdd.collect()).toEqual(upTo(20).map(x => x + 5))
    expect(rdd.getNumPartitions()).toBe(n)
    expect(() => rdd.setName('ranks').unpersist()).toThrow(
      'unpersist() of the RDD ranks that was checkpointed',
    )
    expect(await rdd.collect()).toHaveLength(20)
    const kept = await rdd.map(x => -x).materialize()
    expect(kept.node.inputs).toHaveLength(1)
    expect(await kept.localCheckpoint().collect()).toHaveLength(20)
    expect(kept.node.inputs).toHaveLength(0)
    const failing = rdd.map((x): number => {
      throw new Error(`no row ${x}`)
    })
    await expect(failing.localCheckpoint().collect()).rejects.toThrow('no row')
    expect(failing.node.inputs).toHaveLength(1)
  })
})
