/**
 * RDDs of a context: how collections are cut, what actions give, what persist keeps.
 *
 * What it can't catch: orders that an action leaves open.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { accumulator, type RDD, type StreamingContext } from 'pelton'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rejection, SharedWorkers, thrown } from '../engine/support.ts'

const shared = new SharedWorkers()
let ssc: StreamingContext
let directory: string

beforeEach(() => {
  ssc = shared.rig().ssc
  directory = mkdtempSync(join(tmpdir(), 'pelton-'))
})
afterEach(async () => {
  await ssc.stop()
  rmSync(directory, { recursive: true, force: true })
  await shared.check()
})
afterAll(() => shared.close())

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const slices = <T>(rdd: RDD<T>): Promise<T[][]> => rdd.glom().collect()

describe('parallelize', () => {
  test.each([
    [10, 3],
    [3, 10],
    [0, 4],
    [1, 1],
    [7, 7],
    [100, 16],
  ])('cuts %d rows into %d slices, slice j from floor(j·n/p)', async (n, p) => {
    const rows = upTo(n)
    const expected = upTo(p).map(j =>
      rows.slice(Math.floor((j * n) / p), Math.floor(((j + 1) * n) / p)),
    )
    expect(await slices(ssc.parallelize(rows, p))).toEqual(expected)
    const numbers = ssc.parallelize<number>(new Float64Array(rows), p)
    expect(await slices(numbers)).toEqual(expected)
  })

  test('has 16 slices unless told otherwise', async () => {
    expect(await slices(ssc.parallelize(upTo(5)))).toHaveLength(16)
    const { ssc: four } = shared.rig({ partitions: 4 })
    expect(await slices(four.parallelize(upTo(5)))).toHaveLength(4)
    await four.stop()
  })

  test('takes pairs of numbers', async () => {
    const keys = Float64Array.of(1, 2, 1, 3)
    const values = Float64Array.of(10, 20, 30, -0)
    const pairs = ssc.parallelize<[number, number]>({ pairs: [keys, values] }, 2)
    expect(await pairs.collect()).toEqual([
      [1, 10],
      [2, 20],
      [1, 30],
      [3, -0],
    ])
    const sums = await pairs.reduceByKey((a, b) => a + b).collect()
    expect(sums.sort(([a], [b]) => a - b)).toEqual([
      [1, 40],
      [2, 20],
      [3, -0],
    ])
  })

  test('takes the bytes of a text, a row a line, each line whole', async () => {
    const lines = ['one', '', 'größer', 'a '.repeat(50), 'ends without newline']
    const text = new TextEncoder().encode(lines.join('\n'))
    for (const p of [1, 2, 3, 7, 200]) {
      const parts = await slices(ssc.parallelize<string>({ text }, p))
      expect(parts).toHaveLength(p)
      expect(parts.flat()).toEqual(lines)
    }
    const crlf = ssc.parallelize<string>({ text: new TextEncoder().encode('a\r\nb\r\n') }, 1)
    expect(await crlf.collect()).toEqual(['a', 'b'])
  })

  test('any array comes back as it was, from any number of slices', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.double(), fc.boolean()),
          {
            maxLength: 50,
          },
        ),
        fc.integer({ min: 1, max: 20 }),
        async (rows, p) => {
          const rdd = ssc.parallelize(rows, p)
          expect(await rdd.collect()).toEqual(rows)
          expect(await rdd.count()).toBe(rows.length)
          expect(await rdd.take(3)).toEqual(rows.slice(0, 3))
          expect((await slices(rdd)).flat()).toEqual(rows)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('copies: changes that come later are not seen', async () => {
    const rows = [1, 2, 3]
    const rdd = ssc.parallelize(rows).persist()
    expect(await rdd.collect()).toEqual([1, 2, 3])
    rows[0] = 99
    expect(await rdd.collect()).toEqual([1, 2, 3])
  })
})

describe('actions', () => {
  test('of a collection', async () => {
    const rdd = ssc.parallelize([5, 3, 8, 3, 1], 3)
    expect(await rdd.collect()).toEqual([5, 3, 8, 3, 1])
    expect(await rdd.count()).toBe(5)
    expect(await rdd.first()).toBe(5)
    expect(await rdd.take(2)).toEqual([5, 3])
    expect(await rdd.take(0)).toEqual([])
    expect(await rdd.take(100)).toEqual([5, 3, 8, 3, 1])
    expect(await rdd.isEmpty()).toBe(false)
    expect(await rdd.reduce((a, b) => a + b)).toBe(20)
    expect([...(await rdd.countByValue())].sort()).toEqual([
      [1, 1],
      [3, 2],
      [5, 1],
      [8, 1],
    ])
  })

  test('of an empty collection', async () => {
    for (const rdd of [
      ssc.emptyRDD<number>(),
      ssc.parallelize<number>([]),
      ssc.parallelize([1]).filter(() => false),
    ]) {
      expect(await rdd.collect()).toEqual([])
      expect(await rdd.count()).toBe(0)
      expect(await rdd.take(1)).toEqual([])
      expect(await rdd.isEmpty()).toBe(true)
      expect(await rdd.countByValue()).toEqual(new Map())
      const first = await rejection(rdd.first())
      expect(first).toMatchObject({ code: 'EMPTY', operator: 'first' })
      expect(first.message).toContain(
        'empty collection: first() of an RDD without rows; use take(1)',
      )
      const reduced = await rejection(rdd.reduce((a, b) => a + b))
      expect(reduced).toMatchObject({ code: 'EMPTY', operator: 'reduce' })
      expect(reduced.message).toContain('check isEmpty() first')
    }
    expect(await slices(ssc.emptyRDD())).toEqual([[]])
  })

  test('of rows that are null or undefined', async () => {
    const rdd = ssc.parallelize([null, undefined, null], 2)
    expect(await rdd.collect()).toEqual([null, undefined, null])
    expect(await rdd.count()).toBe(3)
    expect(await rdd.first()).toBe(null)
    expect(await rdd.isEmpty()).toBe(false)
  })

  test.each([-1, 1.5, Number.NaN, '3', undefined])('take(%j) is refused', async n => {
    const error = await rejection(ssc.parallelize([1]).take(n as never))
    expect(error).toMatchObject({ code: 'OPTION', operator: 'take' })
    expect(error.message).toContain('must be a whole number from 0 up')
  })

  test('reduce goes through the rows in order, from left to right in each partition', async () => {
    const rdd = ssc.parallelize(['a', 'b', 'c', 'd'], 2)
    expect(await rdd.reduce((a, b) => `(${a}${b})`)).toBe('((ab)(cd))')
    expect(await ssc.parallelize(['x'], 3).reduce(() => 'never')).toBe('x')
  })

  test('take computes no more of a partition than it needs', async () => {
    const calls = accumulator()
    const rdd = ssc.parallelize(upTo(100_000), 1).map(x => {
      calls.add(1)
      return x
    })
    expect(await rdd.take(3)).toEqual([0, 1, 2])
    expect(calls.value).toBeLessThan(10_000)
  })

  test('foreach and foreachPartition run in the workers, on every row once', async () => {
    const rows = accumulator()
    const partitions = accumulator<[number, number], [number, number][]>({
      zero: () => [],
      add: (all, one) => [...all, one],
      merge: (a, b) => [...a, ...b],
    })
    const rdd = ssc.parallelize(upTo(10), 4)
    expect(await rdd.foreach(x => rows.add(x))).toBeUndefined()
    expect(rows.value).toBe(45)
    await rdd.foreachPartition((part, index) => {
      let n = 0
      for (const _ of part) n++
      partitions.add([index, n])
    })
    expect(partitions.value.toSorted()).toEqual([
      [0, 2],
      [1, 3],
      [2, 2],
      [3, 3],
    ])
  })

  test('of a chain of everything', async () => {
    const words = ssc.parallelize(['a b a', '', 'b c'], 2).flatMap(line => line.split(' '))
    const counts = await words
      .filter(word => word !== '')
      .map(word => [word, 1] as [string, number])
      .reduceByKey((a, b) => a + b, 3)
      .mapValues(n => n * 10)
      .collect()
    expect(counts.sort()).toEqual([
      ['a', 20],
      ['b', 20],
      ['c', 10],
    ])
    const grouped = await words
      .map(word => [word.length, word] as [number, string])
      .groupByKey()
      .collect()
    expect(grouped.sort(([a], [b]) => a - b)).toEqual([
      [0, ['']],
      [1, ['a', 'b', 'a', 'b', 'c']],
    ])
  })

  test('two at once on one RDD do not disturb each other', async () => {
    const rdd = ssc.parallelize(upTo(1000), 8).map(x => x % 7)
    const [sum, count, all] = await Promise.all([
      rdd.reduce((a, b) => a + b),
      rdd.count(),
      rdd.collect(),
    ])
    expect(count).toBe(1000)
    expect(sum).toBe(all.reduce((a, b) => a + b))
  })
})

describe('persist', () => {
  test('computes once, unpersist gives the bytes back', async () => {
    const calls = accumulator()
    const before = ssc.metrics().arenaBytes
    const rdd = ssc.parallelize(upTo(10_000), 4).map(x => {
      calls.add(1)
      return x * 2
    })
    expect(await rdd.count()).toBe(10_000)
    expect(await rdd.count()).toBe(10_000)
    expect(calls.value).toBe(20_000)
    const unkept = ssc.metrics().arenaBytes
    rdd.persist()
    expect(calls.value).toBe(20_000)
    expect((await rdd.collect()).length).toBe(10_000)
    expect(await rdd.count()).toBe(10_000)
    expect(await rdd.first()).toBe(0)
    expect(calls.value).toBe(30_000)
    expect(ssc.metrics().arenaBytes - unkept).toBeGreaterThan(50_000)
    rdd.unpersist()
    await new Promise(resolve => setImmediate(resolve))
    expect(ssc.metrics().arenaBytes - unkept).toBeLessThan(50_000)
    expect(await rdd.count()).toBe(10_000)
    expect(calls.value).toBe(40_000)
    expect(before).toBeLessThanOrEqual(unkept)
  })

  test('materialize() computes at once', async () => {
    const calls = accumulator()
    const rdd = await ssc
      .parallelize([1, 2, 3])
      .map(x => {
        calls.add(1)
        return x
      })
      .materialize()
    expect(calls.value).toBe(3)
    expect(await rdd.collect()).toEqual([1, 2, 3])
    expect(calls.value).toBe(3)
  })

  test('of a source keeps its rows through unpersist()', async () => {
    const rdd = ssc.parallelize([1, 2, 3]).persist()
    await rdd.count()
    rdd.unpersist()
    expect(await rdd.collect()).toEqual([1, 2, 3])
  })

  test('a failure is not kept: the next action tries again', async () => {
    const once = join(directory, 'once')
    const { ssc: strict } = shared.rig({ maxTaskFailures: 1 })
    const rdd = strict
      .parallelize([1, 2])
      .map(x => {
        if (!existsSync(once)) {
          writeFileSync(once, '')
          throw new Error('first time')
        }
        return x
      })
      .persist()
    expect((await rejection(rdd.count())).message).toContain('first time')
    expect(await rdd.count()).toBe(2)
    await strict.stop()
  })
})

describe('textFile', () => {
  const file = (name: string, text: string): string => {
    const path = join(directory, name)
    writeFileSync(path, text)
    return path
  }

  test('reads a file, a directory, a pattern', async () => {
    const a = file('a.txt', 'one\ntwo\n')
    file('b.txt', 'three')
    file('c.log', 'log\n')
    file('.hidden', 'no')
    file('_SUCCESS', '')
    mkdirSync(join(directory, 'inner'))
    writeFileSync(join(directory, 'inner', 'd.txt'), 'not listed\n')
    expect(await ssc.textFile(a).collect()).toEqual(['one', 'two'])
    expect(await ssc.textFile(directory).collect()).toEqual(['one', 'two', 'three', 'log'])
    expect(await ssc.textFile(join(directory, '*.txt')).collect()).toEqual(['one', 'two', 'three'])
    expect(await ssc.textFile(join(directory, '{b,c}*')).count()).toBe(2)
  })

  test('of an empty file or directory has no rows', async () => {
    expect(await ssc.textFile(file('empty', '')).collect()).toEqual([])
    mkdirSync(join(directory, 'none'))
    expect(await ssc.textFile(join(directory, 'none')).count()).toBe(0)
  })

  test('of a missing path says which', async () => {
    const path = join(directory, 'nowhere')
    const error = await rejection(ssc.textFile(path).collect())
    expect(error).toMatchObject({ code: 'INPUT_MISSING', operator: 'textFile' })
    expect(error.message).toContain('Input path does not exist: ')
    expect(error.message).toContain('nowhere')
  })

  test('of a pattern without files says so', async () => {
    const error = await rejection(ssc.textFile(join(directory, '*.csv')).collect())
    expect(error).toMatchObject({ code: 'INPUT_MISSING', operator: 'textFile' })
    expect(error.message).toContain('*.csv')
  })

  test.each([5, '', undefined])('of %j is refused', async path => {
    const use = async (): Promise<unknown> => ssc.textFile(path as never).collect()
    const error = await rejection(use())
    expect(error.operator).toBe('textFile')
    expect(error.message).toMatch(/path/)
  })

  test('cuts a large file between its lines, whatever the number of partitions', async () => {
    const lines = upTo(60_000).map(i => `${i} ${'x'.repeat(i % 50)}`)
    const path = file('large.txt', lines.join('\n'))
    for (const p of [1, 3, 16]) {
      const parts = await slices(ssc.textFile(path, p))
      expect(parts.flat()).toEqual(lines)
    }
  })
})

describe('saveAsTextFile', () => {
  test('writes a file a partition and says when it is whole', async () => {
    const out = join(directory, 'out')
    await ssc.parallelize(['a', 'b', 'ä'], 2).saveAsTextFile(out)
    expect(readdirSync(out).sort()).toEqual(['_SUCCESS', 'part-00000', 'part-00001'])
    expect(readFileSync(join(out, 'part-00001'), 'utf8')).toBe('b\nä\n')
    expect(await ssc.textFile(out).collect()).toEqual(['a', 'b', 'ä'])
    expect(readdirSync(directory)).toEqual(['out'])
  })

  test('refuses a directory that exists, unless told to overwrite it', async () => {
    const out = join(directory, 'out')
    await ssc.parallelize(['old'], 2).saveAsTextFile(out)
    const error = await rejection(ssc.parallelize(['new'], 1).saveAsTextFile(out))
    expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', operator: 'saveAsTextFile' })
    expect(error.message).toContain(`Output directory ${out} already exists`)
    expect(error.message).toContain('{ overwrite: true }')
    expect(await ssc.textFile(out).collect()).toEqual(['old'])
    await ssc.parallelize(['new'], 1).saveAsTextFile(out, { overwrite: true })
    expect(await ssc.textFile(out).collect()).toEqual(['new'])
  })

  test('leaves nothing of a job that failed', async () => {
    const out = join(directory, 'out')
    const rdd = ssc.parallelize([1, 2, 3], 3).map(x => {
      if (x === 3) throw new Error('half way')
      return x
    })
    expect((await rejection(rdd.saveAsTextFile(out))).message).toContain('half way')
    expect(readdirSync(directory)).toEqual([])
  })

  test.each([5, '', undefined])('to %j is refused', async path => {
    const error = await rejection(ssc.parallelize([1]).saveAsTextFile(path as never))
    expect(error).toMatchObject({ code: 'OPTION', operator: 'saveAsTextFile' })
    expect(error.message).toMatch(/director/)
  })
})

describe('rows that are no data', () => {
  class Point {
    x = 1
  }
  test.each<[string, unknown, RegExp]>([
    ['a class instance', new Point(), /Point.*plain/s],
    ['a function', () => 1, /function/],
    ['a symbol', Symbol('s'), /symbol/i],
    ['a promise', Promise.resolve(1), /Promise/],
  ])('%s is refused', async (_, row, message) => {
    const use = async (): Promise<unknown> => ssc.parallelize([row]).collect()
    const error = await rejection(use())
    expect(error.code).toBe('VALUE')
    expect(error.message).toMatch(message)
  })

  test('actions on an RDD of another context are refused', async () => {
    const { ssc: other } = shared.rig()
    const error = thrown(() => ssc.parallelize([1]).union(other.parallelize([1])))
    expect(error.code).toBe('OPTION')
    await other.stop()
  })
})
