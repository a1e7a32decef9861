/**
 * States when tasks fail half-way: whatever an attempt has changed is as it was before the next one
 * begins, in the partitions that had ended too, and memory is balanced.
 *
 * What it can't catch: a death of the whole process.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { type DStream, Receiver, type State, StateSpec } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { forcedPlacement } from '../../src/context.ts'
import { LostTaskError } from '../../src/engine/pool.ts'
import { FreshFiles, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
const files = new FreshFiles()
const freshFile = (): string => files.next()

afterEach(() => shared.check())
afterAll(async () => {
  await shared.close()
  files.close()
})

type Pair = [key: number | string, value: number]
type Fail = (key: unknown, time: number) => void
const keys = 500
const partitions = 7
const everyPartition: object = { [forcedPlacement]: 'all' }

/** Sums by key as numbers, texts and objects, and what `fail` does in the middle of it. */
function summing(fail: Fail) {
  return StateSpec.timedFunction(
    (time: number, key: number | string, value: number | undefined, state: State<any>) => {
      if (state.isTimingOut()) return [key, 'out', state.get()]
      const before = state.getOption() ?? 0
      const sum = (typeof before === 'object' ? before.sum : Number(before)) + (value ?? 0)
      if (sum % 11 === 0) {
        state.remove()
        fail(key, time)
        return
      }
      state.update(sum % 3 === 0 ? { sum } : sum % 3 === 1 ? String(sum) : sum)
      fail(key, time)
      return [key, sum]
    },
  )
    .partitions(partitions)
    .timeout(3000)
}

/** Batches that touch most keys, some of them twice, and bring new ones. */
const batches = [0, 1, 2, 3, 4, 5].map(batch =>
  Array.from({ length: keys }, (_, i): Pair => {
    const key = (i * (batch + 1)) % (keys - 40 * batch + batch * batch * 30)
    return [i % 5 === 0 ? `a key that is longer than a view, ${key}` : key, i % 7]
  }),
)

interface Outcome {
  readonly mapped: string[][]
  readonly snapshots: string[][]
  readonly errors: string[]
  readonly failures: number
}

const texts = (rows: unknown[]): string[] => rows.map(row => JSON.stringify(row)).sort()

async function run(fail: Fail, options: object = {}): Promise<Outcome> {
  const { ssc, tick } = shared.rig({ ...everyPartition, ...options })
  const [mapped, snapshots, errors]: [string[][], string[][], string[]] = [[], [], []]
  let failures = 0
  ssc.on('taskFailed', () => failures++)
  ssc.on('error', ({ error }) => errors.push(error.code))
  const stream: DStream<any> = ssc.queueStream([...batches])
  const states = stream.mapWithState(summing(fail) as any)
  states.foreachRDD(async (rdd, time) => {
    mapped[time / 1000 - 1] = texts(await rdd.collect())
  })
  states.stateSnapshots().foreachRDD(async (rdd, time) => {
    snapshots[time / 1000 - 1] = texts(await rdd.collect())
  })
  await ssc.start()
  await tick(batches.length)
  const viewed = texts([...states.stateView()])
  if (errors.length === 0) expect(viewed).toEqual(snapshots.at(-1))
  await ssc.stop()
  return { mapped, snapshots, errors, failures }
}

const sound = await run(() => {})

test('the batches do all that they are to do', () => {
  expect(sound.errors).toEqual([])
  expect(sound.mapped.map(rows => rows.length > 0)).toEqual(batches.map(() => true))
  expect(sound.mapped.flat().some(row => row.includes('out'))).toBe(true)
  expect(sound.snapshots.map(rows => rows.length)).not.toContain(0)
})

const once = (file: string, then: () => void): Fail => {
  return (key, time) => {
    // Somewhere in the middle of a partition, in a batch that finds states.
    if (time !== 3000 || !String(key).endsWith('7')) return
    try {
      writeFileSync(file, '', { flag: 'wx' })
    } catch {
      return
    }
    then()
  }
}

describe('half a partition is undone', () => {
  test('where the function throws', async () => {
    const outcome = await run(
      once(freshFile(), () => {
        throw new Error('once')
      }),
    )
    expect(outcome).toEqual({ ...sound, failures: 1 })
  })

  test('where the worker dies', async () => {
    const outcome = await run(once(freshFile(), () => process.exit(3)))
    expect(outcome).toEqual({ ...sound, failures: 1 })
  })

  test('where the task hangs until it is ended', async () => {
    const hang = (): void => {
      for (;;);
    }
    const outcome = await run(once(freshFile(), hang), { taskTimeout: 300 })
    expect(outcome).toEqual({ ...sound, failures: 1 })
  })

  test.each(['one', 'all'])('again and again, placement %s', async placement => {
    const file = freshFile()
    const outcome = await run(
      (key, time) => {
        const marker = `${file}-${time}-${key}`
        // Each key is in one partition, so no other worker is here at the same time.
        if (typeof key !== 'number' || key % 50 !== 7 || existsSync(marker)) return
        writeFileSync(marker, '')
        if (key % 100 === 7) process.exit(1)
        throw new Error('once a key')
      },
      { [forcedPlacement]: placement, maxTaskFailures: 100 },
    )
    expect(outcome.failures).toBeGreaterThan(10)
    expect({ ...outcome, failures: 0 }).toEqual(sound)
  })
})

test('a task that is lost while it reads states leaves what the batch has written', async () => {
  const { pool } = shared.runtime
  const real = pool.run.bind(pool)
  let lost = 0
  const tasks = new Map<string, number>()
  pool.run = (task, options) => {
    const { table, time } = task.parts[0]!
    const number = 1 + (tasks.get(`${table} ${time}`) ?? 0)
    tasks.set(`${table} ${time}`, number)
    // The first task of a table and a batch writes it, the second one reads it.
    if (table === 0 || number !== 2) return real(task, options)
    lost++
    options?.undo?.()
    const result = Promise.reject(new LostTaskError(new Error('its thread has died'), false))
    return { result, ranMs: () => 0, dismiss() {} }
  }
  try {
    const outcome = await run(() => {})
    expect(outcome).toEqual({ ...sound, failures: lost })
    expect(lost).toBeGreaterThan(partitions)
  } finally {
    pool.run = real
  }
})

test('a stage that fails leaves all partitions as they were, and is done again later', async () => {
  const file = freshFile()
  const outcome = await run(
    once(file, () => {
      throw new Error('once')
    }),
    { maxTaskFailures: 1 },
  )
  // The mapped rows of that batch are lost with their job; the snapshot computes the states.
  expect(outcome.errors).toHaveLength(1)
  expect(outcome.snapshots).toEqual(sound.snapshots)
  const mapped = [...sound.mapped]
  delete mapped[2]
  expect(outcome.mapped).toEqual(mapped)
})

test('a function that fails for ever stops the states where they were', async () => {
  const { ssc, tick } = shared.rig({ ...everyPartition, maxTaskFailures: 2 })
  const states = ssc.queueStream([...batches]).mapWithState(
    summing((key, time) => {
      if (time === 3000 && String(key).endsWith('7')) throw new Error('always')
    }) as any,
  )
  states.foreachRDD(async rdd => void (await rdd.count()))
  const view = states.stateView()
  const errors: string[] = []
  ssc.on('error', ({ error }) => errors.push(error.message))
  await ssc.start()
  const seen: unknown[] = []
  for (let i = 0; i < 5; i++) {
    await tick()
    seen.push([view.time, view.size])
  }
  expect(seen.slice(2)).toEqual([seen[1], seen[1], seen[1]])
  expect(texts([...view])).toEqual(sound.snapshots[1])
  expect(errors).toHaveLength(3)
  expect(errors.every(message => message.includes('always'))).toBe(true)
  await ssc.stop()
})

class Pairs extends Receiver<[string, number]> {
  onStart(): void {}
  onStop(): void {}
}

test('what came in while a function failed is there when it does no more', async () => {
  const { ssc, tick } = shared.rig({ maxTaskFailures: 1 })
  const mended = freshFile()
  const pairs = new Pairs()
  const states = ssc.receiverStream(pairs).mapWithState(
    StateSpec.function((key: string, value: number | undefined, state: State<number>) => {
      if (value === 2 && !existsSync(mended)) throw new Error('not yet')
      state.update((state.getOption() ?? 0) + value!)
      return key
    }),
  )
  states.foreachRDD(async rdd => void (await rdd.count()))
  const view = states.stateView()
  await ssc.start()
  for (let i = 1; i <= 6; i++) {
    await pairs.store([
      ['a', i],
      [`b${i}`, i],
    ])
    await tick()

    if (i < 6) expect([view.get('a'), view.size]).toEqual([1, 2])
    if (i === 5) writeFileSync(mended, '')
  }
  expect([view.get('a'), view.size]).toEqual([21, 7])
  await ssc.stop()
})

test.each([2, 4])('with %i jobs at once, each batch reads its own states', async concurrentJobs => {
  const outcome = await run(() => {}, { concurrentJobs })
  expect(outcome).toEqual(sound)
  const { ssc, clock } = shared.rig({ concurrentJobs, partitions: 16 })
  const sizes = [1, 5, 0, 20_000, 0, 200, 20_000, 1, 0, 5]
  const rows = sizes.map(size =>
    Array.from({ length: size }, (_, i): [string, number] => [`k${i}`, 1]),
  )
  const states = ssc.queueStream(rows).mapWithState(
    StateSpec.function((_: string, value: number | undefined, state: State<number>) => {
      state.update((state.getOption() ?? 0) + value!)
    }),
  )
  const sums: number[] = []
  states.foreachRDD(async rdd => void (await rdd.count()))
  states.stateSnapshots().foreachRDD(async (rdd, time) => {
    sums[time / 1000 - 1] = await rdd.map(pair => pair[1]).fold(0, (a, b) => a + b)
  })
  await ssc.start()
  // All at once: batches wait for each other.
  clock.advance(sizes.length * 1000)
  await ssc.whenIdle()
  let sum = 0
  expect(sums).toEqual(sizes.map(size => (sum += size)))
  await ssc.stop()
})

test('views read while batches write never see half of one', async () => {
  const { ssc, clock } = shared.rig({ maxTaskFailures: 10 })
  const rows = Array.from({ length: 20_000 }, (_, i): [number, number] => [i, 1])
  const batches = 25
  const file = freshFile()
  const states = ssc.queueStream(Array.from({ length: batches }, () => rows)).mapWithState(
    StateSpec.timedFunction(
      (time: number, key: number, value: number | undefined, state: State<string | number>) => {
        const sum = Number(state.getOption() ?? 0) + value!
        state.update(key % 2 === 0 ? sum : `${sum}`)
        // Some attempts are undone at their end.
        const marker = `${file}-${time}`
        if (key !== 19_999 || time % 3000 !== 0 || existsSync(marker)) return
        writeFileSync(marker, '')
        throw new Error('once')
      },
    ).partitions(1),
  )
  states.foreachRDD(async rdd => void (await rdd.count()))
  const view = states.stateView()
  await ssc.start()
  for (let batch = 1; batch <= batches; batch++) {
    clock.advance(1000)
    let isRunning = true
    void ssc.whenIdle().then(() => {
      isRunning = false
    })
    while (isRunning) {
      const [time = 0, one, other] = [view.time, view.get(19_998), view.get(1)]
      if (time > 0) expect([Number(one), Number(other)]).toEqual([time / 1000, time / 1000])
      const sums = new Set([...view].map(([, sum]) => Number(sum)))
      if (time > 0) expect([...sums]).toEqual([time / 1000])
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  expect(view.get(1)).toBe(`${batches}`)
  await ssc.stop()
})

test('a state may be undefined, and must be plain data', async () => {
  const { ssc, tick } = shared.rig({ maxTaskFailures: 1 })
  const states = ssc.queueStream([[[1, 0]], [[2, 1]]] as [number, number][][]).mapWithState(
    StateSpec.function((_: number, value: number | undefined, state: State<unknown>) => {
      state.update(value === 1 ? () => 1 : undefined)
    }),
  )
  states.foreachRDD(async rdd => void (await rdd.count()))
  const errors: string[] = []
  ssc.on('error', ({ error }) => errors.push(error.message))
  await ssc.start()
  await tick(2)
  const view = states.stateView()
  expect([view.has(1), view.get(1), view.size, view.has(2)]).toEqual([true, undefined, 1, false])
  expect(errors[0]).toContain("the state of key 2 can't be kept: A row can't hold a function")
  await ssc.stop()
})
