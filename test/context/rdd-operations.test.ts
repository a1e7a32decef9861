/** Operations of RDDs against the same over arrays. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inContext } from './rdd-support.ts'

const pairs: [string, number][] = [
  ['a', 1],
  ['b', 2],
  ['a', 3],
  ['c', 4],
]
const others: [string, string][] = [
  ['a', 'x'],
  ['d', 'y'],
]

test('joins', async () => {
  await inContext(async ssc => {
    const [left, right] = [ssc.parallelize(pairs, 3), ssc.parallelize(others, 2)]
    const sorted = async (rdd: { collect(): Promise<unknown[]> }): Promise<string[]> =>
      (await rdd.collect()).map(row => JSON.stringify(row)).sort()
    expect(await sorted(left.join(right))).toEqual(['["a",[1,"x"]]', '["a",[3,"x"]]'])
    expect(await sorted(left.leftOuterJoin(right))).toEqual([
      '["a",[1,"x"]]',
      '["a",[3,"x"]]',
      '["b",[2,null]]',
      '["c",[4,null]]',
    ])
    expect(await sorted(left.rightOuterJoin(right))).toEqual([
      '["a",[1,"x"]]',
      '["a",[3,"x"]]',
      '["d",[null,"y"]]',
    ])
    expect((await sorted(left.fullOuterJoin(right))).length).toBe(5)
    expect(await sorted(left.cogroup(right))).toContain('["a",[[1,3],["x"]]]')
    expect(await sorted(left.subtractByKey(right))).toEqual(['["b",2]', '["c",4]'])
    expect(() => left.join(pairs as never)).toThrow('join needs an RDD')
  })
})

test('by key', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(pairs, 3)
    expect(await rdd.keys().collect()).toEqual(['a', 'b', 'a', 'c'])
    expect(await rdd.values().collect()).toEqual([1, 2, 3, 4])
    const lengths = rdd.aggregateByKey(
      [] as number[],
      (list, n) => [...list, n],
      (a, b) => [...a, ...b],
    )
    expect(new Map(await lengths.collect()).get('a')).toEqual([1, 3])
    expect(new Map(await rdd.foldByKey(0, (a, b) => a + b).collect()).get('a')).toBe(4)
    expect((await rdd.sortByKey(false).collect()).map(([key]) => key)).toEqual(['c', 'b', 'a', 'a'])
    expect(await rdd.countByKey()).toEqual(
      new Map([
        ['a', 2],
        ['b', 1],
        ['c', 1],
      ]),
    )
    expect(await rdd.lookup('a')).toEqual([1, 3])
    expect(await rdd.collectAsMap()).toEqual(new Map(pairs))
    expect((await rdd.reduceByKeyLocally((a, b) => a + b)).get('a')).toBe(4)
  })
})

test('sets, products and groups', async () => {
  await inContext(async ssc => {
    const [a, b] = [ssc.parallelize([1, 2, 2, 3, 4], 2), ssc.parallelize([2, 4, 5], 3)]
    const sorted = async (rdd: { collect(): Promise<number[]> }): Promise<number[]> =>
      (await rdd.collect()).sort((x, y) => x - y)
    expect(await sorted(a.intersection(b))).toEqual([2, 4])
    expect(await sorted(a.subtract(b))).toEqual([1, 3])
    expect((await a.cartesian(b).collect()).length).toBe(15)
    expect((await a.coalesce(1).glom().collect()).length).toBe(1)
    const byParity = new Map(await a.groupBy(x => x % 2).collect())
    expect(byParity.get(0)).toEqual([2, 2, 4])
    const numbered = a.mapPartitionsWithIndex((p, rows) => [...rows].map(x => [p, x]))
    expect(await numbered.collect()).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
      [1, 3],
      [1, 4],
    ])
  })
})

test('order and numbers, against arrays', async () => {
  await inContext(async ssc => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -1000, max: 1000 })),
        fc.integer({ min: 1, max: 5 }),
        async (rows, partitions) => {
          const rdd = ssc.parallelize(rows, partitions)
          const ascending = rows.toSorted((a, b) => a - b)
          expect(await rdd.sortBy(x => x).collect()).toEqual(ascending)
          expect(await rdd.takeOrdered(4)).toEqual(ascending.slice(0, 4))
          expect(await rdd.top(3)).toEqual(ascending.toReversed().slice(0, 3))
          const sum = rows.reduce((a, b) => a + b, 0)
          expect(await rdd.sum()).toBe(sum)
          expect(await rdd.fold(0, (a, b) => a + b)).toBe(sum)
          const most = rdd.aggregate(
            [] as number[],
            (list, x) => [...list, x],
            (a, b) => [...a, ...b],
          )
          expect(await most).toEqual(rows)
          const stats = await rdd.stats()
          expect([stats.count, stats.sum]).toEqual([rows.length, sum])
          if (rows.length === 0) return
          expect([stats.min, stats.max]).toEqual([ascending[0], ascending.at(-1)])
          expect([await rdd.min(), await rdd.max()]).toEqual([ascending[0], ascending.at(-1)])
          const mean = sum / rows.length
          const variance = rows.reduce((all, x) => all + (x - mean) ** 2, 0) / rows.length
          expect(stats.mean).toBeCloseTo(mean, 9)
          expect(stats.variance).toBeCloseTo(variance, 6)
          expect(await rdd.stdev()).toBeCloseTo(Math.sqrt(variance), 6)
          const edges = [-1000, -10, 0, 500, 1000]
          const counts = edges.slice(1).map((to, i) => {
            const isLast = i === edges.length - 2
            return rows.filter(x => x >= edges[i]! && (x < to || (isLast && x === to))).length
          })
          expect(await rdd.histogram(edges)).toEqual(counts)
        },
      ),
      { numRuns: 15 },
    )
    const none = ssc.parallelize([] as number[], 2)
    await expect(none.max()).rejects.toThrow('empty collection')
    expect(await none.mean()).toBeNaN()
    await expect(none.histogram([1])).rejects.toThrow('at least two numbers')
    const seen: number[] = []
    for await (const x of ssc.parallelize([1, 2, 3], 2).toLocalIterator()) seen.push(x)
    expect(seen).toEqual([1, 2, 3])
  })
})
