/**
 * What functions in workers share with the program: captured values, broadcasts, accumulators and
 * resources, end to end.
 *
 * What it can't catch: values that only some machines can't clone.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accumulator, broadcast, resource, using } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { rejection, rig, SharedWorkers, thrown } from './support.ts'

const shared = new SharedWorkers()
const directory = mkdtempSync(join(tmpdir(), 'pelton-'))
let files = 0

function freshLog(): { path: string; lines: () => string[] } {
  const path = join(directory, `log-${files++}`)
  writeFileSync(path, '')
  return { path, lines: () => readFileSync(path, 'utf8').split('\n').filter(Boolean) }
}

afterEach(() => shared.check())
afterAll(async () => {
  await shared.close()
  rmSync(directory, { recursive: true, force: true })
})

describe('captured values', () => {
  test('are those at start(), not those at the definition', async () => {
    const { ssc, tick } = shared.rig()
    let factor = 2
    const limits = { most: 5 }
    const seen: number[][] = []
    ssc
      .queueStream([[1, 2, 3], [3]])
      .map(x => x * factor)
      .filter(x => x < limits.most)
      .foreachRDD(async rdd => seen.push(await rdd.collect()))
    factor = 10
    limits.most = 25
    await ssc.start()
    await tick()
    // From here on the program's own changes stay with the program.
    factor = 1
    limits.most = 0
    await tick()
    expect(seen).toEqual([[10, 20], []])
    await ssc.stop()
  })

  test('of functions inside transform are those of each batch', async () => {
    const { ssc, tick } = shared.rig()
    const seen: number[][] = []
    let offset = 0
    ssc
      .queueStream([[1], [1], [1]])
      .transform(rdd => {
        offset += 100
        return rdd.map(x => x + offset)
      })
      .foreachRDD(async rdd => seen.push(await rdd.collect()))
    await ssc.start()
    await tick(3)
    expect(seen).toEqual([[101], [201], [301]])
    await ssc.stop()
  })

  test('given by hand are read at start() too', async () => {
    const { ssc, tick } = shared.rig()
    const seen: number[][] = []
    const values = { factor: 2 }
    ssc
      .queueStream([[1]])
      .map(using(values, (x: number) => x * values.factor))
      .foreachRDD(async rdd => seen.push(await rdd.collect()))
    values.factor = 7
    await ssc.start()
    await tick()
    expect(seen).toEqual([[7]])
    await ssc.stop()
  })

  test('that a function would change are refused at the call', () => {
    const { ssc } = shared.rig()
    const seen = new Set<number>()
    const error = thrown(() =>
      ssc.queueStream([[1]]).map(x => {
        seen.add(x)
        return x
      }),
    )
    expect(error).toMatchObject({ code: 'CAPTURE', operator: 'map' })
    expect(error.message).toContain('seen')
    expect(error.message).toMatch(/accumulator|resource/)
    return ssc.stop()
  })
})

describe('broadcast', () => {
  test('is the same value in every function, and frozen', async () => {
    const { ssc } = shared.rig()
    const table = broadcast(new Map([['a', { weight: 1 }]]))
    const rdd = ssc.parallelize(['a', 'b', 'a'], 3)
    expect(
      await rdd
        .filter(key => table.value.has(key))
        .map(key => table.value.get(key)!.weight)
        .collect(),
    ).toEqual([1, 1])
    const error = await rejection(
      rdd
        .map(key => {
          const entry = table.value.get(key)
          if (entry) entry.weight = 2
          return key
        })
        .collect(),
    )
    expect(error.message).toMatch(/weight|frozen|read.only/i)
    await ssc.stop()
  })

  test('is stored once, however many functions use it, and given back by stop()', async () => {
    const big = broadcast({ text: 'x'.repeat(1_000_000) })
    const { ssc } = rig({ workers: 2 })
    const rdd = ssc.parallelize([1, 2, 3, 4], 4)
    await rdd.map(x => x + big.value.text.length).collect()
    const one = ssc.metrics().arenaBytes
    expect(one).toBeGreaterThan(1_000_000)
    for (let i = 0; i < 3; i++) {
      expect(await rdd.map(x => x * i + big.value.text.length).take(1)).toEqual([i + 1_000_000])
    }
    expect(ssc.metrics().arenaBytes).toBeLessThan(one + 500_000)
    await ssc.stop()
    expect(ssc.metrics().arenaBytes).toBe(0)
  })
})

describe('accumulator', () => {
  test('sums what tasks of all workers add, and what the program adds itself', async () => {
    const { ssc, tick } = shared.rig()
    const bad = accumulator()
    ssc
      .queueStream([Array.from({ length: 10_000 }, (_, i) => i), [1, 2]], { partitions: 7 })
      .filter(x => {
        if (x % 2) bad.add(1)
        return true
      })
      .foreachRDD(rdd => rdd.collect())
    bad.add(1000)
    await ssc.start()
    await tick()
    expect(bad.value).toBe(6000)
    await tick()
    expect(bad.value).toBe(6001)
    await ssc.stop()
  })

  test('gathers anything with zero, add and merge', async () => {
    const { ssc } = shared.rig()
    const words = accumulator<string, string[]>({
      zero: () => [],
      add: (all, word) => [...all, word],
      merge: (a, b) => [...a, ...b],
    })
    const longest = accumulator(0, Math.max)
    await ssc.parallelize(['a', 'bbb', 'cc'], 3).foreach(word => {
      words.add(word)
      longest.add(word.length)
    })
    expect(words.value.toSorted()).toEqual(['a', 'bbb', 'cc'])
    expect(longest.value).toBe(3)
    await ssc.stop()
  })

  test('can’t be read in a worker', async () => {
    const { ssc } = shared.rig()
    const total = accumulator()
    const error = await rejection(
      ssc
        .parallelize([1])
        .map(x => x + total.value)
        .collect(),
    )
    expect(error.message).toContain('its value can be read on the main thread only')
    await ssc.stop()
  })

  test('whose merge function throws fails the job, and the arena is balanced', async () => {
    const { ssc } = shared.rig({ maxTaskFailures: 2 })
    const parts = accumulator<number, number>({
      zero: 0,
      add: (a, b) => a + b,
      merge: () => {
        throw new RangeError('no room')
      },
    })
    const error = await rejection(
      ssc
        .parallelize([1, 2])
        .map(x => {
          parts.add(x)
          return x
        })
        .collect(),
    )
    expect(error.message).toContain('no room')
    await ssc.stop()
  })

  test('whose parts can’t travel fails the job with a sentence about it', async () => {
    const { ssc } = shared.rig({ maxTaskFailures: 2 })
    const parts = accumulator<number, any>({
      zero: 0,
      add: () => () => 1,
      merge: a => a,
    })
    const error = await rejection(
      ssc
        .parallelize([1, 2])
        .map(x => {
          parts.add(x)
          return x
        })
        .collect(),
    )
    expect(error.message).toMatch(/could not be cloned/)
    expect(await ssc.parallelize([1]).collect()).toEqual([1])
    await ssc.stop()
  })
})

describe('resource', () => {
  test('is opened once in each worker that needs it, and closed at stop()', async () => {
    const log = freshLog()
    const { path } = log
    const { ssc, tick } = rig({ workers: 2 })
    const handle = resource(
      async () => {
        await Promise.resolve()
        writeFileSync(path, 'open\n', { flag: 'a' })
        return { add: 5 }
      },
      async opened => {
        await Promise.resolve()
        writeFileSync(path, `close ${opened.add}\n`, { flag: 'a' })
      },
    )
    const rows = Array.from({ length: 40_000 }, (_, i) => i)
    const sums: number[] = []
    ssc
      .queueStream([rows, rows, rows], { partitions: 8 })
      .map(x => x + handle.get().add)
      .foreachRDD(async rdd => sums.push(await rdd.reduce((a, b) => a + b)))
    await ssc.start()
    await tick(3)
    const expected = rows.reduce((a, b) => a + b + 5, 0)
    expect(sums).toEqual([expected, expected, expected])
    const opened = log.lines().length
    expect(log.lines()).toEqual(new Array(opened).fill('open'))
    expect(opened).toBeGreaterThanOrEqual(1)
    expect(opened).toBeLessThanOrEqual(2)
    await ssc.stop()
    expect(log.lines().slice(opened)).toEqual(new Array(opened).fill('close 5'))
  })

  test('that can’t be opened fails the task, which is tried again', async () => {
    const log = freshLog()
    const { path } = log
    const { ssc } = rig()
    const flaky = resource(() => {
      writeFileSync(path, 'try\n', { flag: 'a' })
      if (readFileSync(path, 'utf8').split('\n').length < 4) throw new Error('no connection')
      return { ready: true }
    })
    const failures: string[] = []
    ssc.on('taskFailed', ({ error }) => failures.push(error.message))
    expect(
      await ssc
        .parallelize([1])
        .map(() => flaky.get().ready)
        .collect(),
    ).toEqual([true])
    expect(failures).toHaveLength(2)
    expect(failures[0]).toContain('resource: its function that opens it failed: no connection')
    expect(log.lines()).toHaveLength(3)
    await ssc.stop()
  })

  test('all are closed, though closing one fails: that is a warning', async () => {
    const log = freshLog()
    const { path } = log
    const { ssc, warnings } = rig()
    const bad = resource(
      () => 1,
      () => {
        throw new Error('will not close')
      },
    )
    const good = resource(
      () => 2,
      () => writeFileSync(path, 'closed\n', { flag: 'a' }),
    )
    await ssc.parallelize([1]).foreach(x => x + bad.get() + good.get())
    await ssc.stop()
    expect(log.lines()).toEqual(['closed'])
    expect(warnings.join('\n')).toContain('will not close')
  })

  test('is not there on the main thread', () => {
    const handle = resource(() => 1)
    expect(thrown(() => handle.get()).message).toContain(
      'works only in functions that run in workers',
    )
  })
})
