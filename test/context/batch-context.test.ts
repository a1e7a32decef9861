/**
 * RDDs without streams: what a BatchContext makes, what it refuses, what is left after its end.
 *
 * What it can't catch: wrong results of operations, which the tests of RDDs compare.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BatchContext, PeltonError, type RDD } from 'pelton'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forcedPlacement, sharedRuntime } from '../../src/context/base.ts'
import { rejection, SharedWorkers, thrown } from '../engine/support.ts'
import type { Left } from './fixtures/batch-contexts.ts'

const shared = new SharedWorkers()
const make = (options: object = {}): BatchContext =>
  new BatchContext({ ...options, [sharedRuntime]: shared.runtime } as object)
let bc: BatchContext

beforeEach(() => {
  bc = make({ [forcedPlacement]: 'all' })
})
afterEach(async () => {
  await bc.stop()
  await shared.check()
})
afterAll(() => shared.close())

const program = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

describe('its RDDs', () => {
  test('come from collections, in 16 partitions or as many as the option says', async () => {
    const rows = Array.from({ length: 100 }, (_, i) => i)
    expect(await bc.parallelize(rows).collect()).toEqual(rows)
    expect(await bc.parallelize(rows).glom().count()).toBe(16)
    expect(await bc.parallelize(new Float64Array(rows), 3).glom().count()).toBe(3)
    const four = make({ partitions: 4 })
    expect(four.partitions).toBe(4)
    expect(await four.parallelize(rows).glom().count()).toBe(4)
    await four.stop()
  })

  test('come from files', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pelton-'))
    try {
      writeFileSync(join(directory, 'a.txt'), 'a b\na\n')
      writeFileSync(join(directory, 'b.txt'), 'b\n')
      const lines = bc.union([bc.textFile(join(directory, 'b.txt')), bc.textFile(directory)])
      expect(await lines.collect()).toEqual(['b', 'a b', 'a', 'b'])
      const counts = await lines.flatMap(line => line.split(' ')).countByValue()
      expect(new Map(counts)).toEqual(
        new Map([
          ['a', 2],
          ['b', 3],
        ]),
      )
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  test('may be empty', async () => {
    expect(await bc.emptyRDD().collect()).toEqual([])
    expect(await bc.union([]).collect()).toEqual([])
    expect(await bc.union([bc.emptyRDD<number>(), bc.parallelize([1])]).collect()).toEqual([1])
  })

  test('work in every kind of operation', async () => {
    const pairs = bc.parallelize(
      [
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ] as [string, number][],
      2,
    )
    const sums = pairs.reduceByKey((a, b) => a + b)
    expect(new Map(await sums.collect())).toEqual(
      new Map([
        ['a', 4],
        ['b', 2],
      ]),
    )
    expect((await pairs.join(sums).collect()).toSorted()).toEqual([
      ['a', [1, 4]],
      ['a', [3, 4]],
      ['b', [2, 2]],
    ])
    const numbers = pairs.map(([, n]) => n).persist()
    expect([await numbers.sum(), await numbers.reduce(Math.max)]).toEqual([6, 3])
    expect(await numbers.sortBy(n => -n).collect()).toEqual([3, 2, 1])
    const both = bc.union([numbers, numbers, bc.parallelize([9], 1)])
    expect(await both.collect()).toEqual([1, 2, 3, 1, 2, 3, 9])
    expect(await both.glom().count()).toBe(5)
  })

  test('of another context are refused, in both directions', async () => {
    const { ssc } = shared.rig()
    const other = make()
    const mine = bc.parallelize([1])
    const uses: (() => unknown)[] = [
      () => mine.union(ssc.parallelize([1])),
      () => ssc.parallelize([1]).union(mine),
      () => mine.union(other.parallelize([1])),
      () => bc.union([mine, other.parallelize([1])]),
    ]
    for (const use of uses) {
      const error = thrown(use)
      expect(error).toMatchObject({ code: 'OPTION', operator: 'union' })
      expect(error.message).toContain('different contexts')
    }
    await other.stop()
    await ssc.stop()
  })

  test.each([
    [undefined, 'an array of RDDs; got undefined'],
    [[1], 'needs RDDs; got 1'],
    [[null], 'needs RDDs; got null'],
  ])('union(%j) is refused', (rdds, message) => {
    const error = thrown(() => bc.union(rdds as unknown as RDD<number>[]))
    expect(error).toMatchObject({ code: 'OPTION', operator: 'union' })
    expect(error.place.file).toContain('batch-context.test.ts')
    expect(error.message).toContain(message)
  })
})

test.each([
  [null, 'options is null'],
  [1000, 'options is 1000'],
  [{ workers: 0 }, 'workers is 0'],
  [{ partitions: 1.5 }, 'partitions is 1.5'],
  [{ memory: 'lots' }, 'memory is "lots"'],
  [{ workerHeap: 8 }, 'workerHeap is 8'],
  [{ gear: 'fast' }, 'gear is "fast"'],
  [{ logger: {} }, 'logger is {}'],
  [{ signal: true }, 'signal is true'],
  [{ maxTaskFailures: 0 }, 'maxTaskFailures is 0'],
  [{ taskTimeout: 0 }, 'taskTimeout is 0'],
])('new BatchContext(%j) is refused', (options, message) => {
  const error = thrown(() => new BatchContext(options as object))
  expect(error).toBeInstanceOf(PeltonError)
  expect(error).toMatchObject({ code: 'OPTION', operator: 'BatchContext' })
  expect(error.message).toContain(message)
})

test('options are those of every context', async () => {
  const warnings: string[] = []
  const logger = { warn: (text: string) => warnings.push(text), error: () => undefined }
  const named = make({ name: 'night', gear: 'row', logger, maxTaskFailures: 2 })
  expect(named.name).toBe('night')
  shared.runtime.events.emit('warning', { message: 'from a worker' })
  expect(warnings).toEqual([])
  const error = await rejection(
    named
      .parallelize([1, 2], 1)
      .map((n): number => {
        throw new Error(`no ${n}`)
      })
      .collect(),
  )
  expect(error).toMatchObject({ code: 'TASK_FAILED', operator: 'map' })
  expect(error.message).toContain('no 1')
  shared.runtime.events.emit('warning', { message: 'from a worker' })
  await named.stop()
  shared.runtime.events.emit('warning', { message: 'too late' })
  expect(warnings).toEqual(['from a worker'])
})

test('metrics() count what was done', async () => {
  const own = make()
  expect(own.metrics()).toMatchObject({ workers: 0, tasks: 0, batches: 0, arenaBytes: 0 })
  await own
    .parallelize([1, 2, 3], 1)
    .map(n => n + 1)
    .collect()
  expect(own.metrics()).toMatchObject({ workers: 2, tasks: 1, batches: 0, rows: 0 })
  await own.stop()
  expect(own.metrics().tasks).toBe(1)
})

describe('stop()', () => {
  test('ends the context and its RDDs, and once more is no error', async () => {
    const rdd = bc.parallelize([1, 2]).persist()
    await rdd.count()
    const [first, second] = [bc.stop(), bc.stop()]
    expect(second).toBe(first)
    await first
    const makers = [() => bc.parallelize([1]), () => bc.emptyRDD(), () => bc.union([rdd])]
    for (const use of [...makers, () => bc.textFile('a')]) {
      const error = thrown(use)
      expect(error).toMatchObject({ code: 'STATE', operator: 'BatchContext' })
      expect(error.message).toContain('BatchContext has already been stopped; make a new one')
    }
    const error = await rejection(rdd.collect())
    expect(error.code).toBe('RDD_EXPIRED')
    expect(error.message).toContain('a BatchContext that was stopped')
  })

  test('of one that made nothing begins nothing', async () => {
    const before = process.getActiveResourcesInfo().length
    const unused = new BatchContext()
    await unused.stop()
    expect(process.getActiveResourcesInfo()).toHaveLength(before)
    expect(thrown(() => unused.emptyRDD()).code).toBe('STATE')
  })

  test('comes at the end of a block, and with a signal', async () => {
    let ended: BatchContext
    {
      await using inner = make()
      ended = inner
      expect(await inner.parallelize([1]).count()).toBe(1)
    }
    expect(thrown(() => ended.emptyRDD()).code).toBe('STATE')
    const controller = new AbortController()
    const signalled = make({ signal: controller.signal })
    expect(await signalled.parallelize([1]).count()).toBe(1)
    controller.abort()
    expect(thrown(() => signalled.emptyRDD()).code).toBe('STATE')
    await signalled.stop()
    const late = make({ signal: controller.signal })
    expect(thrown(() => late.emptyRDD()).code).toBe('STATE')
  })

  test('leaves no thread, no byte and no listener behind, however it ended', async () => {
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, [program('batch-contexts.ts')])
    const seen = JSON.parse(stdout) as Left[]
    expect(seen).toHaveLength(12)
    const [first] = seen as [Left]
    expect(first.peakBytes).toBeGreaterThan(0)
    for (const [round, { threads, peakBytes, ...rest }] of seen.entries()) {
      expect(rest, `round ${round}`).toEqual({ resources: [], arenaBytes: 0, aborts: 0 })
      expect(threads, `threads after round ${round}`).toBeLessThanOrEqual(first.threads)
    }
  })

  test('is not needed for a process to end, which waits for what is pending', async () => {
    const run = promisify(execFile)
    const { stdout, stderr } = await run(process.execPath, [program('batch-unstopped.ts')], {
      timeout: 30_000,
    })
    expect(stdout).toBe('25000\n0 1 2 3 4 5 6 7 8 9\n')
    expect(stderr).toBe('')
  })

  test('rejects an action that runs', async () => {
    const own = new BatchContext({ workers: 1 })
    const rows = Array.from({ length: 50_000 }, (_, i) => i)
    const running = rejection(
      own
        .parallelize(rows)
        .map(n => new Map([[n, n]]))
        .distinct()
        .count(),
    )
    await own.stop()
    expect(await running).toMatchObject({ code: expect.stringMatching(/^(STATE|RDD_EXPIRED)$/) })
    expect(own.metrics().arenaBytes).toBe(0)
  })
})
