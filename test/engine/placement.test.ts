/**
 * Where stages run: tiny ones of known functions on the main thread, everything else in workers.
 *
 * What it can't catch: a choice that is slower than another.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type { RDD, StreamingContext } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { forcedPlacement } from '../../src/context.ts'
import { weightOf } from '../../src/engine/block-store.ts'
import type { Step } from '../../src/engine/dag.ts'
import type { Operator } from '../../src/engine/operator.ts'
import {
  busyPartitions,
  cutBy,
  cutLarge,
  dealt,
  isTiny,
  Placing,
} from '../../src/engine/placement.ts'
import { Chain } from '../../src/engine/plan.ts'
import type { Piece } from '../../src/engine/vector.ts'
import { combineByKey, filter, map } from '../../src/ops/index.ts'
import { nextBatch, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
const directory = mkdtempSync(join(tmpdir(), 'pelton-'))
afterEach(() => shared.check())
afterAll(async () => {
  await shared.close()
  rmSync(directory, { recursive: true, force: true })
})

/** The threads that run the tasks of an action, in order; 0 is the main thread. */
async function threadsOf(
  action: (ssc: StreamingContext) => Promise<unknown>,
  options: object = {},
): Promise<number[]> {
  const { ssc } = shared.rig(options)
  const threads: number[] = []
  ssc.on('taskCompleted', ({ worker }) => threads.push(worker))
  await action(ssc)
  await ssc.stop()
  return threads
}

const pairs = (ssc: StreamingContext): RDD<[number, number]> =>
  ssc.parallelize([1, 2, 3, 4]).map(x => [x % 2, x] as [number, number])

describe('a tiny stage', () => {
  test('of known functions runs on the main thread, and its exchange too', async () => {
    const threads = await threadsOf(async ssc => {
      const rows = await pairs(ssc)
        .reduceByKey((a, b) => a + b)
        .collect()
      expect(rows.sort()).toEqual([
        [0, 6],
        [1, 4],
      ])
    })
    expect(threads).toEqual([0, 0])
  })

  test('without functions too', async () => {
    expect(await threadsOf(ssc => ssc.parallelize([1, 2]).glom().collect())).toEqual([0])
  })

  test('with a function that is not known as an expression goes to a worker', async () => {
    const threads = await threadsOf(ssc =>
      ssc
        .parallelize([1])
        .map(x => {
          for (let i = 0; i < 3; i++) x += i
          return x
        })
        .collect(),
    )
    expect(threads).toHaveLength(1)
    expect(threads[0]).toBeGreaterThan(0)
  })

  test('with an operator that writes files goes to a worker', async () => {
    const threads = await threadsOf(ssc =>
      ssc.parallelize([1, 2]).saveAsTextFile(join(directory, 'out')),
    )
    expect(threads.every(worker => worker > 0)).toBe(true)
  })

  test('in the row gear runs in a worker where it has functions: nothing is known', async () => {
    const threads = await threadsOf(ssc => pairs(ssc).collect(), { gear: 'row' })
    expect(threads.every(worker => worker > 0)).toBe(true)
  })

  test('that fails names operator and row, and is tried again', async () => {
    const { ssc } = shared.rig({ maxTaskFailures: 2 })
    const failures: number[] = []
    ssc.on('taskFailed', event => failures.push(event.failures))
    const rows = [{ a: 'x' }, { a: null as unknown as string }]
    const failing = ssc
      .parallelize(rows, 1)
      .map(row => row.a.length)
      .collect()
    await expect(failing).rejects.toThrow(/map at .*failed on the row .*null.*tried 2 times/)
    expect(failures).toEqual([1, 2])
    await ssc.stop()
  })
})

test('a stage of many rows is shared by the workers', async () => {
  const rows = Array.from({ length: 50_000 }, (_, i) => i)
  const threads = await threadsOf(ssc =>
    ssc
      .parallelize(rows)
      .map(x => x + 1)
      .collect(),
  )
  expect(threads.length).toBeGreaterThan(1)
  expect(threads).not.toContain(0)
})

test('where stages go can be forced', async () => {
  const count = async (placement: string): Promise<number[]> =>
    await threadsOf(ssc => pairs(ssc).repartition(5).collect(), { [forcedPlacement]: placement })
  expect(await count('inline')).toEqual([0])
  expect(await count('one')).toHaveLength(1)
  expect(await count('all')).toHaveLength(4)
})

test('chains that a batch makes anew share the program of those before', async () => {
  const { ssc, clock } = shared.rig()
  const results: number[][] = []
  ssc.queueStream([[1], [2], [3], [4]]).foreachRDD(async rdd => {
    results.push(await rdd.map(x => x * 3).collect())
  })
  await ssc.start()
  const bytes: number[] = []
  for (let i = 0; i < 4; i++) {
    const done = nextBatch(ssc)
    clock.advance(1000)
    await done
    bytes.push(shared.runtime.programs.bytes)
  }
  await ssc.stop()
  expect(results).toEqual([[3], [6], [9], [12]])
  expect(new Set(bytes).size).toBe(1)
})

describe('a partition far larger than others', () => {
  const step = (operator: Operator): Step => ({ operator }) as Step
  const rowWise = new Chain().extend(step(map)).extend(step(filter))
  const folding = rowWise.extend(step(combineByKey))
  const block = (from: number, to: number) => ({ kind: 'block' as const, ptr: 16 + from, from, to })

  test('is cut into ranges of its rows, in order, where each row goes its own way', () => {
    const sizes = fc.array(fc.array(fc.nat({ max: 50 }), { maxLength: 5 }), { maxLength: 8 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 40 }), (partitions, target) => {
        const placed = partitions.map(pieces => ({
          chain: rowWise,
          pieces: pieces.filter(n => n > 0).map(n => block(7, 7 + n)),
        }))
        const cut = cutBy(placed, target)
        const isLarge = (i: number): boolean => weightOf(placed[i]!.pieces) >= 2 * target
        if (!cut) {
          expect(placed.some((_, i) => isLarge(i))).toBe(false)
          return
        }
        expect(cut.origins.toSorted((a, b) => a - b)).toEqual(cut.origins)
        const rowsOf = (pieces: readonly Piece[]): string[] =>
          pieces.flatMap(p => Array.from({ length: p.to - p.from }, (_, k) => `${p.from + k}`))
        for (const [i, one] of placed.entries()) {
          const parts = cut.placed.filter((_, k) => cut.origins[k] === i)
          expect(parts.flatMap(part => rowsOf(part.pieces))).toEqual(rowsOf(one.pieces))
          if (!isLarge(i)) expect(parts).toEqual([one])
          else for (const part of parts) expect(weightOf(part.pieces)).toBeLessThanOrEqual(target)
        }
      }),
    )
  })

  test('is left whole where its rows are folded, or lie in a file', () => {
    expect(cutBy([{ chain: folding, pieces: [block(0, 1000)] }], 10)).toBeUndefined()
    const file = { kind: 'lines' as const, path: 'a', from: 0, to: 1e6, length: 1e6 }
    expect(cutBy([{ chain: rowWise, pieces: [file] }], 10)).toBeUndefined()
  })

  test('is cut by what it costs; of what has never run, many rows are needed', () => {
    const placed = [{ chain: rowWise, pieces: [block(0, 2000)] }]
    const estimate = { weight: 2000, milliseconds: 100, isMeasured: true, isNew: false }
    expect(cutLarge(placed, estimate, 2)?.placed).toHaveLength(16)
    expect(cutLarge(placed, { ...estimate, milliseconds: 0.1 }, 2)).toBeUndefined()
    expect(cutLarge(placed, { ...estimate, isNew: true }, 2)).toBeUndefined()
  })

  test('is shared by the workers; its rows come out as before', async () => {
    const { ssc } = shared.rig()
    const tasks: number[] = []
    ssc.on('taskCompleted', ({ rowsIn }) => tasks.push(rowsIn))
    const rows = Array.from({ length: 20_000 }, (_, i) => i)
    const slow = (x: number): string => {
      let sum = x
      for (let i = 0; i < 100; i++) sum = (sum * 31 + x) % 1_000_003
      return `${x} ${sum > 1e9}`
    }
    const skewed = ssc.parallelize(rows, 1).map(slow)
    expect(await skewed.collect()).toEqual(rows.map(x => `${x} false`))
    expect(tasks).toHaveLength(5)
    const parts = await skewed.glom().collect()
    expect(parts).toHaveLength(1)
    expect(parts[0]).toHaveLength(20_000)
    const pairs = skewed.map(text => [text.length, text] as [number, string])
    const grouped = await pairs.partitionBy(3).collect()
    expect(grouped.map(([, text]) => text)).toEqual(
      await pairs
        .partitionBy(3)
        .mapPartitions(all => [...all].map(([, text]) => text))
        .collect(),
    )
    expect(await skewed.take(5)).toHaveLength(5)
    await ssc.stop()
  })
})

describe('tasks', () => {
  const chain = new Chain()
  const partition = (rows: number) => ({
    chain,
    pieces: rows === 0 ? [] : [{ kind: 'block' as const, ptr: 16, from: 0, to: rows }],
  })

  test('hold every partition that has rows, once, neighbours together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 5000 }), { maxLength: 40 }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        fc.integer({ min: 1, max: 8 }),
        (rows, milliseconds, workers) => {
          const placed = rows.map(partition)
          const busy = busyPartitions(placed)
          expect(busy).toEqual(rows.flatMap((n, i) => (n > 0 ? [i] : [])))
          const weight = rows.reduce((a, b) => a + b, 0)
          const tasks = dealt(
            placed,
            busy,
            { weight, milliseconds, isMeasured: true, isNew: false },
            workers,
          )
          // One that weighs far more than others comes before them.
          expect(tasks.flat().toSorted((a, b) => a - b)).toEqual(busy)
          for (const task of tasks) expect(task).toEqual(task.toSorted((a, b) => a - b))
          expect(tasks.length).toBeLessThanOrEqual(Math.max(1, workers * 8))
        },
      ),
    )
  })

  test('are as many as their measured cost is worth', () => {
    const placing = new Placing()
    const program = { id: 1, ptr: 16, bytes: 1 }
    const placed = Array.from({ length: 16 }, () => partition(1000))
    const busy = busyPartitions(placed)
    const estimate = () => placing.estimate(placed, busy, new Map([[chain, program]]))
    // The first task of a program compiles it: it tells nothing.
    placing.note(program, 1, 1000, 500)
    expect(estimate().milliseconds).toBeCloseTo(1.6)
    for (let i = 0; i < 50; i++) placing.note(program, 16, 16_000, 160)
    expect(estimate().milliseconds).toBeGreaterThan(100)
    expect(isTiny(estimate())).toBe(false)
    expect(dealt(placed, busy, estimate(), 2)).toHaveLength(16)
    for (const weight of [16_000, 160]) {
      for (let i = 0; i < 50; i++) placing.note(program, 16, weight, 0.01)
    }
    expect(isTiny({ ...estimate(), weight: 1000 })).toBe(true)
    expect(dealt(placed, busy, estimate(), 2)).toHaveLength(1)
  })

  test('a large partition stays on the main thread only where its cost is known', () => {
    const placing = new Placing()
    const program = { id: 1, ptr: 16, bytes: 1 }
    const placed = [partition(100_000)]
    const estimate = () => placing.estimate(placed, [0], new Map([[chain, program]]))
    // One task to compile, and one fewer than are believed; small partitions tell nothing of rows.
    for (let i = 0; i < 4; i++) placing.note(program, 1, 100_000, 0.1)
    for (let i = 0; i < 8; i++) placing.note(program, 1, 10, 0.01)
    expect(estimate().isMeasured).toBe(false)
    placing.note(program, 1, 100_000, 0.1)
    expect(estimate().isMeasured).toBe(true)

    const cheap = { weight: 100_000, milliseconds: 0.1 }
    expect(isTiny({ ...cheap, isMeasured: false, isNew: false })).toBe(false)
    expect(isTiny({ ...cheap, isMeasured: true, isNew: false })).toBe(true)
    expect(isTiny({ weight: 8192, milliseconds: 0.6, isMeasured: false, isNew: false })).toBe(true)
  })
})
