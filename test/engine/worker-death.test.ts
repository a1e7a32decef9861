/**
 * Workers that die under a task, or hang: the task is run again elsewhere, nothing is lost or
 * counted
 * twice, and the arena is balanced afterwards.
 *
 * What it can't catch: a crash of V8 that takes the whole process along.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accumulator, type DStream, PeltonError, resource, type State, StateSpec } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { forcedPlacement } from '../../src/context.ts'
import { FreshFiles, gate, rejection, rig, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
const files = new FreshFiles()
const taskAPartition: object = { [forcedPlacement]: 'all' }
const freshFile = (): string => files.next()

afterEach(() => shared.check())
afterAll(async () => {
  await shared.close()
  files.close()
})

interface Outcome {
  readonly results: unknown[][]
  readonly deaths: number
  readonly failures: PeltonError[]
  readonly errors: PeltonError[]
  readonly counted: number
}

/** Two batches through `build`; rows are counted by an accumulator on the way. */
async function run(
  build: (stream: DStream<number>) => DStream<unknown>,
  options: object = {},
): Promise<Outcome> {
  const { ssc, tick } = shared.rig(options)
  const counter = accumulator()
  const results: unknown[][] = []
  const failures: PeltonError[] = []
  const errors: PeltonError[] = []
  let deaths = 0
  ssc.on('taskFailed', ({ error }) => failures.push(error))
  ssc.on('workerExited', () => deaths++)
  ssc.on('error', ({ error }) => errors.push(error))
  const counted = ssc
    .queueStream([
      [1, 2, 3, 4],
      [5, 6],
    ])
    .map(x => {
      counter.add(1)
      return x
    })
  build(counted).foreachRDD(async rdd => results.push(await rdd.collect()))
  await ssc.start()
  await tick(2)
  await ssc.stop()
  return { results, deaths, failures, errors, counted: counter.value }
}

describe('a worker that ends', () => {
  test('by process.exit() once: the batch is done by another one, exactly once', async () => {
    const once = freshFile()
    const outcome = await run(s =>
      s.map(x => {
        if (x === 3 && !existsSync(once)) {
          writeFileSync(once, '')
          process.exit(7)
        }
        return x * 10
      }),
    )
    expect(outcome.results).toEqual([
      [10, 20, 30, 40],
      [50, 60],
    ])
    expect(outcome.counted).toBe(6)
    expect(outcome.failures.map(error => error.code)).toEqual(['WORKER_LOST'])
    expect(outcome.errors).toEqual([])
  })

  test('behind an exchange: the rows of the first half are still there', async () => {
    const once = freshFile()
    const outcome = await run(s =>
      s
        .map(x => [x % 2, x] as [number, number])
        .reduceByKey((a, b) => a + b, 2)
        .mapValues(sum => {
          if (sum === 4 && !existsSync(once)) {
            writeFileSync(once, '')
            process.exit(0)
          }
          return sum
        }),
    )
    expect(outcome.results.map(rows => rows.sort())).toEqual([
      [
        [0, 6],
        [1, 4],
      ],
      [
        [0, 6],
        [1, 5],
      ],
    ])
    expect(outcome.counted).toBe(6)
  })

  test('every time: the job fails with WORKER_LOST, the next batch runs', async () => {
    const outcome = await run(
      s =>
        s.filter(x => {
          if (x === 2) process.exit(9)
          return true
        }),
      { maxTaskFailures: 3, [forcedPlacement]: 'one' },
    )
    expect(outcome.results).toEqual([[5, 6]])
    expect(outcome.failures).toHaveLength(3)
    expect(outcome.errors).toHaveLength(1)
    const [error] = outcome.errors
    expect(error).toMatchObject({ code: 'WORKER_LOST', batchTime: 1000 })
    expect(error!.message).toMatch(/the worker died: .*exit.* 9/)
    expect(error!.message).toContain('tried 3 times')
    expect(error!.message).toMatch(/running map at .*worker-death\.test\.ts:\d+:\d+, filter at /)
    expect(error!.message).toContain('process.exit()')
    expect(outcome.counted).toBe(2)
  })

  test('with one function in the task, the error names it as the operator', async () => {
    const { ssc } = shared.rig({ maxTaskFailures: 1 })
    const error = await rejection(
      ssc
        .parallelize([1])
        .map(() => process.exit(3))
        .collect(),
    )
    expect(error).toBeInstanceOf(PeltonError)
    expect(error).toMatchObject({ code: 'WORKER_LOST', operator: 'map' })
    expect(error.place.file).toContain('worker-death.test.ts')
    await ssc.stop()
  })

  test('by an error that no one caught is replaced before the next task', async () => {
    const { ssc, tick, warnings } = shared.rig()
    const results: number[][] = []
    const died = gate()
    ssc.on('workerExited', () => died.open())
    ssc
      .queueStream([[1], [2]])
      .map(x => {
        if (x === 1) void Promise.reject(new Error('nobody looked'))
        return x
      })
      .foreachRDD(async rdd => results.push(await rdd.collect()))
    await ssc.start()
    await tick()
    await died.opened
    await tick()
    expect(results).toEqual([[1], [2]])
    expect(warnings.join('\n')).toContain('nobody looked')
    await ssc.stop()
  })
})

test('a death costs the task at hand, and none that the worker had not taken up', async () => {
  const once = freshFile()
  const { ssc } = shared.rig({ maxTaskFailures: 2, ...taskAPartition })
  const failures: PeltonError[] = []
  ssc.on('taskFailed', ({ error }) => failures.push(error))
  const rows = Array.from({ length: 400 }, (_, i) => i)
  const counter = accumulator()
  const result = await ssc
    .parallelize(rows, 400)
    .map(x => {
      counter.add(1)
      if (x === 3 && !existsSync(once)) {
        writeFileSync(once, '')
        process.exit(7)
      }
      return x
    })
    .collect()
  expect(result).toEqual(rows)
  expect(failures).toHaveLength(1)
  expect(counter.value).toBe(400)
  await ssc.stop()
})

test('results stay exact while workers die again and again', async () => {
  const died = mkdtempSync(join(files.directory, 'died-'))
  const { ssc, clock } = shared.rig({ concurrentJobs: 2 })
  const batches = 8
  const rows = Array.from({ length: 3000 }, (_, i) => i)
  const queue = Array.from({ length: batches }, (_, b) => rows.map(x => x + b))
  const sum = (b: number): number => rows.reduce((all, x) => all + x + b, 0)
  const seen = accumulator()
  const sums: number[] = []
  const windows: number[] = []
  let deaths = 0
  ssc.on('workerExited', () => deaths++)
  const reduced = ssc
    .queueStream([...queue], { partitions: 6 })
    .map(x => {
      seen.add(1)
      // In each batch the first worker to meet this row dies of it.
      const marker = `${died}/${x}`
      if (x >= 2992 && x % 2 === 0 && !existsSync(marker)) {
        writeFileSync(marker, '')
        process.exit(1)
      }
      return [x % 10, x] as [number, number]
    })
    .reduceByKey((a, b) => a + b, 5)
  const total = (pairs: [number, number][]): number => pairs.reduce((all, [, n]) => all + n, 0)
  reduced.foreachRDD(async (rdd, time) => {
    sums[time / 1000 - 1] = total(await rdd.collect())
  })
  reduced.window(3000).foreachRDD(async (rdd, time) => {
    windows[time / 1000 - 1] = total(await rdd.collect())
  })
  await ssc.start()
  clock.advance(batches * 1000)
  await ssc.whenIdle()
  const expected = queue.map((_, b) => sum(b))
  expect(sums).toEqual(expected)
  expect(windows).toEqual(
    expected.map((n, b) => n + (expected[b - 1] ?? 0) + (expected[b - 2] ?? 0)),
  )
  expect(deaths).toBeGreaterThanOrEqual(4)
  expect(seen.value).toBe(batches * rows.length)
  await ssc.stop()
})

test('workers killed 20 times in 60 batches: no batch is lost, and none comes twice', async () => {
  const { ssc, tick } = shared.rig(taskAPartition)
  const [batches, kills] = [60, 20]
  const rows = Array.from({ length: 80 }, (_, i) => i)
  const seen = accumulator()
  const sums: [number, number][] = []
  const states = new Map<number, number>()
  let batch = 0
  let killed = 0
  let deaths = 0
  ssc.on('workerExited', () => deaths++)
  ssc.on('batchStarted', () => batch++)
  // Behind the first task of a stage others run: one of their workers dies, in every second batch
  // at first.
  ssc.on('taskCompleted', () => {
    if (killed > deaths || killed >= Math.min(kills, batch / 2)) return
    if (ssc.session.runtime.pool.endWorker()) killed++
  })
  const pairs = ssc
    .queueStream(
      Array.from({ length: batches }, (_, b) => rows.map(x => x + b)),
      { partitions: 8 },
    )
    .map(x => {
      seen.add(1)
      for (const end = performance.now() + 0.2; performance.now() < end; );
      return [x % 4, x] as [number, number]
    })
  pairs
    .reduceByKey((a, b) => a + b, 4)
    .foreachRDD(async (rdd, time) => {
      const sum = (await rdd.collect()).reduce((all, [, n]) => all + n, 0)
      sums.push([time, sum])
    })
  pairs
    .mapWithState(
      StateSpec.function((key: number, value: number | undefined, state: State<number>) => {
        state.update((state.getOption() ?? 0) + value!)
        return [key, state.get()] as [number, number]
      }),
    )
    .foreachRDD(async rdd => {
      for (const [key, sum] of await rdd.collect()) states.set(key, sum)
    })
  await ssc.start()
  await tick(batches)
  const expected = Array.from({ length: batches }, (_, b) => 3160 + 80 * b)
  expect(sums).toEqual(expected.map((sum, b) => [1000 * (b + 1), sum]))
  // Each batch adds its sum once to the states.
  const all = expected.reduce((a, b) => a + b, 0)
  expect([...states.values()].reduce((a, b) => a + b, 0)).toBe(all)
  expect(killed).toBe(kills)
  expect(deaths).toBe(kills)
  await ssc.stop()
  expect(seen.value).toBe(2 * batches * rows.length)
}, 60_000)

describe('taskTimeout', () => {
  test('ends a task that never ends, and the next try succeeds', async () => {
    const once = freshFile()
    const outcome = await run(
      s =>
        s.map(x => {
          if (x === 4 && !existsSync(once)) {
            writeFileSync(once, '')
            while (true) {
              // Only the end of the thread ends this.
            }
          }
          return x
        }),
      { taskTimeout: 300, speculation: false },
    )
    expect(outcome.results).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ])
    expect(outcome.failures[0]!.message).toContain('longer than taskTimeout, 300 ms')
    expect(outcome.counted).toBe(6)
  })

  test('a task that always hangs fails its job with the option’s name', async () => {
    const outcome = await run(
      s =>
        s.map(x => {
          while (x === 1) {
            // Only the end of the thread ends this.
          }
          return x
        }),
      { taskTimeout: 200, maxTaskFailures: 2 },
    )
    expect(outcome.results).toEqual([[5, 6]])
    expect(outcome.errors).toHaveLength(1)
    expect(outcome.errors[0]!.code).toBe('WORKER_LOST')
    expect(outcome.errors[0]!.message).toMatch(
      /taskTimeout, 200 ms.*tried 2 times.*raise taskTimeout/,
    )
  })

  test('does not count the time a task waits for a free worker', async () => {
    // Six tasks of 150 ms on two workers: the last ones begin after 300 ms.
    const { ssc } = shared.rig({ taskTimeout: 400, maxTaskFailures: 1 })
    const busy = (x: number): number => {
      const end = performance.now() + 150
      while (performance.now() < end) {
        // Busy on purpose.
      }
      return x
    }
    const actions = Array.from({ length: 6 }, (_, i) => ssc.parallelize([i], 1).map(busy).collect())
    expect(await Promise.all(actions)).toEqual([[0], [1], [2], [3], [4], [5]])
    await ssc.stop()
  })
})

test('workers that die at their start fail the action; it does not wait for ever', () => {
  const fixture = fileURLToPath(new URL('fixtures/workers-fail.ts', import.meta.url))
  const failing =
    "import { isMainThread } from 'node:worker_threads'; if (!isMainThread) throw new Error('no')"
  const url = `data:text/javascript,${encodeURIComponent(failing)}`
  const child = spawnSync(process.execPath, ['--import', url, fixture], { encoding: 'utf8' })
  expect(child.stderr).toBe('')
  expect(JSON.parse(child.stdout)).toEqual({ failed: 'WORKER_START', arenaBytes: 0 })
})

describe('workerHeap', () => {
  test('a task that needs more is reported, and the next batch runs', async () => {
    const { ssc, tick } = rig({ workerHeap: 64, maxTaskFailures: 2 })
    const results: number[][] = []
    const errors: PeltonError[] = []
    ssc.on('error', ({ error }) => errors.push(error))
    ssc
      .queueStream([[1], [2]])
      .map(x => {
        const held: number[][] = []
        while (x === 1) held.push(new Array(10_000).fill(x))
        return x + held.length
      })
      .foreachRDD(async rdd => results.push(await rdd.collect()))
    await ssc.start()
    await tick(2)
    expect(results).toEqual([[2]])
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ code: 'WORKER_LOST', operator: 'map' })
    expect(errors[0]!.message).toMatch(/memory.*tried 2 times.*raise workerHeap/)
    await ssc.stop()
    expect(ssc.metrics().arenaBytes).toBe(0)
  })
})

describe('stop()', () => {
  test('ends a task that never ends, after gracefulStopTimeout', async () => {
    const begun = freshFile()
    const { ssc, clock, warnings, errors } = rig({ gracefulStopTimeout: 50 })
    ssc
      .queueStream([[1]])
      .map(x => {
        writeFileSync(begun, '')
        while (x === 1) {
          // Only the end of the thread ends this.
        }
        return x
      })
      .foreachRDD(rdd => rdd.collect())
    await ssc.start()
    clock.advance(1000)
    await ssc.stop()
    expect(warnings.join('\n')).toMatch(
      /batch at 1000 ms still runs after gracefulStopTimeout, 50 ms/,
    )
    expect(errors).toEqual([])
    expect(ssc.getState()).toBe('STOPPED')
    expect(ssc.metrics().arenaBytes).toBe(0)
  })

  test('does not wait for a function of foreachRDD that never settles', async () => {
    const { ssc, clock, errors } = rig({ gracefulStopTimeout: 20 })
    ssc.queueStream([[1]]).foreachRDD(() => new Promise(() => undefined))
    await ssc.start()
    clock.advance(1000)
    await ssc.stop()
    expect(ssc.getState()).toBe('STOPPED')
    expect(ssc.metrics().arenaBytes).toBe(0)
    expect(errors).toEqual([])
  })

  test('rejects actions under way with a sentence that says so', async () => {
    const begun = freshFile()
    const { ssc } = rig()
    const action = rejection(
      ssc
        .parallelize([1])
        .map(x => {
          writeFileSync(begun, '')
          while (x === 1) {
            // Only the end of the thread ends this.
          }
          return x
        })
        .collect(),
    )
    await ssc.stop()
    const error = await action
    expect(error.code).toBe('STATE')
    expect(error.message).toContain('Await your actions before stop()')
    expect(ssc.metrics().arenaBytes).toBe(0)
  })
})

describe('resources', () => {
  test('keep their timers and sockets while tasks follow one another', async () => {
    const { ssc } = rig(taskAPartition)
    const handle = resource(
      () => {
        const state = { ticks: 0, timer: setInterval(() => state.ticks++, 1) }
        return state
      },
      state => clearInterval(state.timer),
    )
    const ticks = await ssc
      .parallelize(
        Array.from({ length: 20 }, (_, i) => i),
        20,
      )
      .map(() => {
        const end = performance.now() + 4
        while (performance.now() < end) {
          // Busy on purpose.
        }
        return handle.get().ticks
      })
      .collect()
    expect(ticks.at(-1)).toBeGreaterThan(0)
    await ssc.stop()
  })

  test('a worker that replaces another opens its own', async () => {
    const log = freshFile()
    const once = freshFile()
    writeFileSync(log, '')
    const { ssc, tick } = rig()
    const handle = resource(
      () => {
        writeFileSync(log, 'open\n', { flag: 'a' })
        return { factor: 10 }
      },
      () => writeFileSync(log, 'close\n', { flag: 'a' }),
    )
    const results: number[][] = []
    ssc
      .queueStream([[1], [2]])
      .map(x => {
        if (!existsSync(once)) {
          writeFileSync(once, '')
          process.exit(1)
        }
        return x * handle.get().factor
      })
      .foreachRDD(async rdd => results.push(await rdd.collect()))
    await ssc.start()
    await tick(2)
    await ssc.stop()
    expect(results).toEqual([[10], [20]])
    // The first one died with its thread.
    expect(readFileSync(log, 'utf8')).toBe('open\nopen\nclose\n')
  })
})
