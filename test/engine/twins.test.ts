/**
 * Twins of tasks that take too long: who gets one, whose result counts, and that the other attempt
 * leaves nothing behind. Gates are files, which threads wait for; workers that are held come free
 * only by what a test does.
 *
 * What it can't catch: whether twins are worth their cost on a machine that is busy.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { accumulator, type BatchContextOptions, type RDD, resource, StateSpec } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { forcedPlacement } from '../../src/context.ts'
import type { PeltonError } from '../../src/errors.ts'
import { FreshFiles, type Rig, rejection, rig, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
const files = new FreshFiles()
const forced = { [forcedPlacement]: 'all', speculation: { minRuntime: 20 } }

afterEach(() => shared.check())
afterAll(async () => {
  await shared.close()
  files.close()
})

/** Functions of tests may block: a worker waits here until the file is there. */
function waitFor(path: string): void {
  while (!existsSync(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
}

/** Whether this is the first call with that path, of all threads. */
function isFirst(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch {
    return false
  }
}

interface Run extends Rig {
  readonly speculated: number[]
  readonly failures: PeltonError[]
}

function start(options: BatchContextOptions & object = {}): Run {
  const made = shared.rig({ ...forced, ...options } as object)
  const speculated: number[] = []
  const failures: PeltonError[] = []
  made.ssc.on('taskSpeculated', ({ partitions }) => speculated.push(partitions))
  made.ssc.on('taskFailed', ({ error }) => failures.push(error))
  return { ...made, speculated, failures }
}

const rows = Array.from({ length: 800 }, (_, i) => i)

describe('a twin', () => {
  test('wins over a task that is held up; rows keep their order and count once', async () => {
    const { ssc, speculated, failures } = start()
    const once = files.next()
    const gate = files.next()
    const counted = accumulator()
    const slow = (x: number): [number, string] => {
      counted.add(1)
      // The first attempt goes on only when the result is known.
      if (x === 350 && isFirst(once)) waitFor(gate)
      return [x, `row ${x} of many, too long to lie inline`]
    }
    const result = await ssc.parallelize(rows, 8).map(slow).collect()
    writeFileSync(gate, '')
    expect(result).toEqual(rows.map(x => [x, `row ${x} of many, too long to lie inline`]))
    expect(counted.value).toBe(800)
    expect(speculated).toEqual([1])
    expect(failures).toEqual([])
    const { speculatedTasks, speculatedTasksWon, tasks } = ssc.metrics()
    expect({ speculatedTasks, speculatedTasksWon, tasks }).toEqual({
      speculatedTasks: 1,
      speculatedTasksWon: 1,
      tasks: 8,
    })
    await ssc.stop()
  })

  test('that is slower is let go of, and its rows are given back', async () => {
    const { ssc, speculated } = start()
    const [once, began, gate] = [files.next(), files.next(), files.next()]
    const slow = (x: number): string => {
      if (x === 350) {
        if (isFirst(once)) waitFor(began)
        else {
          writeFileSync(began, '')
          waitFor(gate)
        }
      }
      return `row ${x} of many, too long to lie inline`
    }
    const result = await ssc.parallelize(rows, 8).map(slow).collect()
    expect(result).toHaveLength(800)
    writeFileSync(gate, '')
    expect(speculated).toEqual([1])
    expect(ssc.metrics()).toMatchObject({ speculatedTasks: 1, speculatedTasksWon: 0 })
    await ssc.stop()
  })

  test('reads its input behind an exchange while the batch is over', async () => {
    const { ssc, tick } = start()
    const once = files.next()
    const gate = files.next()
    const sums: unknown[] = []
    ssc
      .queueStream([rows, rows.slice(0, 10)], { partitions: 4 })
      .map(x => [x % 50, `value ${x}, too long to lie inline`] as [number, string])
      .groupByKey(8)
      .flatMap(([key, values]) => {
        if (key === 7 && isFirst(once)) waitFor(gate)
        return values.map(value => value.length)
      })
      .foreachRDD(async rdd => {
        sums.push((await rdd.collect()).length)
      })
    await ssc.start()
    await tick(2)
    expect(sums).toEqual([800, 10])
    expect(ssc.metrics().speculatedTasksWon).toBe(1)
    // The loser is still held, and so is what it reads.
    expect(shared.runtime.bytesInUse).toBeGreaterThan(shared.runtime.programs.bytes)
    writeFileSync(gate, '')
    await ssc.stop()
  })

  test('that fails is ignored', async () => {
    const { ssc, speculated, failures } = start()
    const once = files.next()
    const failed = files.next()
    const result = await ssc
      .parallelize(rows, 8)
      .map(x => {
        if (x === 350) {
          if (isFirst(once)) waitFor(failed)
          else {
            writeFileSync(failed, '')
            throw new Error('the twin fails')
          }
        }
        return x
      })
      .collect()
    expect(result).toEqual(rows)
    expect(speculated).toEqual([1])
    expect(failures).toEqual([])
    await ssc.stop()
  })

  test('goes on alone where the first attempt fails, or dies', async () => {
    for (const end of ['throw', 'exit']) {
      const { ssc, speculated, failures } = start()
      const [once, began, died] = [files.next(), files.next(), files.next()]
      ssc.on('workerExited', () => writeFileSync(died, ''))
      const result = await ssc
        .parallelize(rows, 8)
        .map(x => {
          if (x === 350) {
            if (isFirst(once)) {
              waitFor(began)
              if (end === 'exit') process.exit(1)
              writeFileSync(died, '')
              throw new Error('the first one fails')
            }
            writeFileSync(began, '')
            waitFor(died)
          }
          return x
        })
        .collect()
      expect(result).toEqual(rows)
      expect(speculated).toEqual([1])
      expect(failures).toEqual([])
      await ssc.stop()
    }
  })

  test('and its task that fail both are one failure', async () => {
    const { ssc, speculated, failures } = start({ maxTaskFailures: 2 })
    const log = files.next()
    mkdirSync(log)
    const tries = `${log}/try-`
    const first = Array.from({ length: 8 }, (_, i) => `${tries}${i}`)
    const error = await rejection(
      ssc
        .parallelize(rows, 8)
        .map(x => {
          if (x === 350) {
            const mine = first.findIndex(path => isFirst(path))
            // Both of a pair are there before one of them fails.
            if (mine % 2 === 0) waitFor(first[mine + 1]!)
            throw new Error(`attempt ${mine}`)
          }
          return x
        })
        .collect(),
    )
    expect(error.message).toContain('tried 2 times')
    expect(failures).toHaveLength(2)
    expect(speculated).toEqual([1, 1])
    expect(readdirSync(log)).toHaveLength(4)
    await ssc.stop()
  })
})

describe('no twin', () => {
  /** Runs `build`, one of whose partitions takes long, and counts the attempts that there were. */
  async function attempts(
    build: (rdd: RDD<number>, slow: (x: number) => number) => Promise<unknown>,
    options: object = {},
  ): Promise<number> {
    const { ssc, speculated } = start(options)
    const slow = (x: number): number => {
      if (x === 350) for (const end = Date.now() + 300; Date.now() < end; );
      return x
    }
    await build(ssc.parallelize(rows, 8), slow)
    await ssc.stop()
    return 1 + speculated.length
  }

  test('for a control: the same with a map has one', async () => {
    expect(await attempts((rdd, slow) => rdd.map(slow).collect())).toBe(2)
  })

  test('where the option says so', async () => {
    expect(await attempts((rdd, slow) => rdd.map(slow).collect(), { speculation: false })).toBe(1)
    const late = { speculation: { minRuntime: 60_000 } }
    expect(await attempts((rdd, slow) => rdd.map(slow).collect(), late)).toBe(1)
  })

  test.each<[string, (rdd: RDD<number>, slow: (x: number) => number) => Promise<unknown>]>([
    ['foreachPartition', (rdd, slow) => rdd.foreachPartition(all => void [...all].map(slow))],
    ['foreach', (rdd, slow) => rdd.foreach(x => void slow(x))],
    ['mapAsync', (rdd, slow) => rdd.mapAsync(async x => slow(x)).collect()],
    ['pipe', (rdd, slow) => rdd.map(slow).pipe(['cat']).collect()],
    ['saveAsTextFile', (rdd, slow) => rdd.map(slow).saveAsTextFile(files.next())],
  ])('for what acts outside: %s', async (_, build) => {
    expect(await attempts(build)).toBe(1)
  })

  test('for a task that uses a resource', async () => {
    const handle = resource(() => ({ factor: 2 }))
    const build = (rdd: RDD<number>, slow: (x: number) => number) =>
      rdd.map(x => slow(x) * handle.get().factor).collect()
    expect(await attempts(build)).toBe(1)
  })

  test('for a task that writes states', async () => {
    const { ssc, tick, speculated } = start()
    const seen: number[] = []
    ssc
      .queueStream([rows], { partitions: 4 })
      .map(x => [x % 40, x] as [number, number])
      .mapWithState(
        StateSpec.function((_key: number, value: number | undefined) => {
          if (value === 350) for (const end = Date.now() + 300; Date.now() < end; );
          return value
        }),
      )
      .foreachRDD(async rdd => {
        seen.push(await rdd.count())
      })
    await ssc.start()
    await tick()
    expect(seen).toEqual([800])
    expect(speculated).toEqual([])
    await ssc.stop()
  })

  test('for a task that is as late as it has more rows', async () => {
    const { ssc, speculated } = start({ speculation: { minRuntime: 20, multiplier: 5 } })
    // Partition 7 of the exchange has 20 times the rows of another, and takes as much longer.
    const skewed = Array.from({ length: 270 }, (_, i) => (i < 70 ? i % 7 : 7))
    const slow = (x: number): number => {
      for (const end = performance.now() + 0.5; performance.now() < end; );
      return x
    }
    const parts = await ssc
      .parallelize(
        skewed.map(x => [x, x] as [number, number]),
        1,
      )
      .partitionBy(64)
      .mapValues(slow)
      .collect()
    expect(parts).toHaveLength(270)
    expect(speculated).toEqual([])
    await ssc.stop()
  })
})

describe('a loser that hangs', () => {
  const hung = (once: string) => (x: number) => {
    if (x === 350 && isFirst(once)) for (;;);
    return x
  }

  test('is ended by stop(), which leaves nothing', async () => {
    const { ssc } = start()
    let deaths = 0
    shared.runtime.events.on('workerExited', () => deaths++)
    expect(await ssc.parallelize(rows, 8).map(hung(files.next())).collect()).toEqual(rows)
    expect(deaths).toBe(0)
    await ssc.stop()
    expect(deaths).toBe(1)
  })

  test('is ended with the workers of a context of its own', async () => {
    const { ssc } = rig({ workers: 2, ...forced })
    expect(await ssc.parallelize(rows, 8).map(hung(files.next())).collect()).toEqual(rows)
    await ssc.stop()
    expect(ssc.metrics().arenaBytes).toBe(0)
  })

  test('is ended by taskTimeout as ever, and that is no failure', async () => {
    const { ssc, failures } = start({ taskTimeout: 200, maxTaskFailures: 1 })
    const died = new Promise(resolve => ssc.on('workerExited', resolve))
    expect(await ssc.parallelize(rows, 8).map(hung(files.next())).collect()).toEqual(rows)
    await died
    expect(failures).toEqual([])
    await ssc.stop()
  })
})

test('a loser ends before its next vector of rows', async () => {
  const { ssc } = start()
  const [once, gate, log] = [files.next(), files.next(), files.next()]
  const many = Array.from({ length: 8 * 20_000 }, (_, i) => i)
  const counted = await ssc
    .parallelize(many, 8)
    .map(x => {
      if (x === 50_000 && isFirst(once)) {
        waitFor(gate)
        writeFileSync(log, 'began again')
      }
      // The last row of that partition.
      if (x === 59_999 && existsSync(log)) writeFileSync(log, 'came to its end')
      return x
    })
    .count()
  expect(counted).toBe(160_000)
  writeFileSync(gate, '')
  await ssc.stop()
  expect(readFileSync(log, 'utf8')).toBe('began again')
})
