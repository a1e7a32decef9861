/**
 * Spark's cases about checkpoints and about going on from them. Their programs run here on a
 * directory or on a disk in memory, are ended, and are made again by `getOrCreate`.
 *
 * What it can't catch: what only the death of a real process does.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DStream, PeltonError, type State, StateSpec } from 'pelton'
import { afterAll, expect, vi } from 'vitest'
import { NodeDisk } from '../../src/durable/node-disk.ts'
import { CheckpointFiles } from '../../src/engine/checkpoint-files.ts'
import { ReceiverSource } from '../../src/engine/input.ts'
import { randomNumbers } from '../../src/ops/sample.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import {
  type Build,
  counted,
  crashed,
  freshDirectory,
  pairs,
  Run,
  type RunOptions,
  rejection,
} from '../context/recovery-support.ts'
import { type AnyCase, numbersIn, sparkTest } from './case-test.ts'

const root = mkdtempSync(join(tmpdir(), 'pelton-spark-'))
afterAll(() => rmSync(root, { recursive: true }))

const sum = (a: number, b: number): number => a + b
const pairOf = (row: string): [string, number] => [row, 1]
const sorted = (rows: readonly unknown[]): string[] => rows.map(row => JSON.stringify(row)).sort()

/** Runs a case's batches, some before and the others after a restart from the directory. */
async function restarted({ params, input, expected }: AnyCase, build: Build, more?: RunOptions) {
  const { batchMs, batchesBeforeRestart: before } = params
  const directory = freshDirectory()
  const options = { batchInterval: batchMs, checkpointInterval: batchMs * 2, ...more }
  const first = new Run(directory, build, options)
  await first.start()
  for (const rows of input.slice(0, before)) await first.batch(rows)
  await first.stop()
  const { output: _, ...rest } = options
  const second = new Run(directory, build, rest)
  await second.start()
  for (const rows of input.slice(before)) await second.batch(rows)
  await second.stop()
  const wanted = expected.map(sorted)
  expect([...first.outputs.values()]).toEqual(wanted.slice(0, before))
  // Batches may have been run again, so it is the last ones that count.
  const after = [...second.outputs.values()]
  expect(after).toEqual(wanted.slice(wanted.length - after.length))
  expect(after.length).toBeGreaterThanOrEqual(input.length - before)
  return { first, second }
}

sparkTest('cp-map-reduce', async one => {
  await restarted(one, rows => rows.map(pairOf).reduceByKey(sum))
})

sparkTest('cp-updatestate', async one => {
  const [, , [, interval]] = one.params.pipeline
  await restarted(one, rows =>
    rows
      .map(pairOf)
      .updateStateByKey((values, before: number | undefined) => values.length + (before ?? 0))
      .checkpoint(interval)
      .map(pair => [pair[0], pair[1]]),
  )
})

sparkTest('mws-recovery', async one => {
  const interval = one.params.pipeline.find(([name]: [string]) => name === 'checkpoint')[1]
  const add = (key: string, value: number | undefined, state: State<number>) => {
    state.update((state.getOption() ?? 0) + (value ?? 0))
    return key
  }
  await restarted(one, rows => {
    const counts = rows.map(pairOf).mapWithState(StateSpec.function(add))
    counts.checkpoint(interval)
    return counts.stateSnapshots()
  })
})

sparkTest('cp-save-in-transform', async one => {
  const { batchMs, batchesBeforeRestart: before } = one.params
  const out = mkdtempSync(join(root, 'out-'))
  const build: Build = rows =>
    rows
      .map(pairOf)
      .reduceByKey(sum)
      .transform(async (rdd, time) => {
        await rdd.saveAsTextFile(join(out, `result-${time}`), { overwrite: true })
        return rdd
      })
  // The last batch fails when its files are there already, so that it is run again over them.
  const last = before * batchMs
  const fail = (time: number): void => {
    if (time === last) throw new Error('after its files')
  }
  const { first, second } = await restarted(one, build, { output: fail })
  expect(first.errors).toHaveLength(1)
  expect(second.errors).toEqual([])
  expect(second.outputs.has(last)).toBe(true)
  for (const [i, rows] of one.expected.entries()) {
    const directory = join(out, `result-${(i + 1) * batchMs}`)
    const parts = readdirSync(directory).filter(name => name.startsWith('part-'))
    const text = parts.map(name => readFileSync(join(directory, name), 'utf8')).join('')
    expect(text.split('\n').filter(Boolean)).toHaveLength(rows.length)
  }
})

sparkTest('cp-restore-once', async ({ params, expected }) => {
  const build: Build = (rows, ssc) => {
    for (let i = 1; i < params.outputOps; i++) rows.foreachRDD(() => undefined)
    return counted(rows, ssc)
  }
  const disk = await crashed(build, [['a'], ['a'], ['a']])
  const restore = vi.spyOn(ReceiverSource.prototype, 'restore')
  const run = new Run(disk, build, { start: 3000 })
  await run.start()
  expect(restore).toHaveBeenCalledTimes(expected.restoreCallsOnSharedInput)
  restore.mockRestore()
  await run.batch(['a'])
  expect(run.last).toEqual(pairs({ a: 4 }))
  await run.stop()
})

sparkTest('cp-two-checkpoints', async ({ expected }) => {
  const released = Promise.withResolvers<void>()
  let isSlow = false
  let begun = 0
  const disk = new MemoryDisk({
    before: (what, name) => {
      if (!isSlow || what !== 'create' || !name.startsWith('checkpoint-')) return
      begun++
      return released.promise
    },
  })
  const run = new Run(disk, counted, { checkpointInterval: 1000 })
  await run.start()
  isSlow = true
  // The first is still being written when others are due: they wait, and none is overtaken.
  for (let i = 0; i < 3; i++) await run.batch(['a'])
  expect(begun).toBe(1)
  released.resolve()
  await run.batch(['a'])
  await run.stop()
  expect(begun).toBeGreaterThan(1)
  const names = [...disk.files().keys()].filter(name => name.startsWith('checkpoint-'))
  expect(names).toHaveLength(expected.files)
  const newest = await new CheckpointFiles(disk, () => undefined).newest()
  expect(newest!.snapshot.time).toBe(4000)
  await disk.remove(names.at(-1)!)
  const other = await new CheckpointFiles(disk, () => undefined).newest()
  expect(other!.snapshot.time).toBeLessThan(4000)
})

sparkTest('cp-listfiles', async ({ params, expected }) => {
  const directory = join(root, params.dir)
  const files = new CheckpointFiles(await NodeDisk.open(directory), () => undefined)
  const found = async (): Promise<number> => ((await files.any()) ? 1 : 0)
  expect(await found()).toBe(expected.found)
  for (const what of params.then) {
    const [kind, name] = what.split(' ')
    if (kind === 'directory') mkdirSync(join(directory, name))
    else writeFileSync(join(directory, name), '')
  }
  expect(await found()).toBe(expected.found)
  expect(await files.newest()).toBeUndefined()
})

sparkTest('fail-map', async ({ params, expected }) => {
  const { batchMs } = params
  const [, count] = numbersIn(expected.property) as [number, number]
  const epoch = Date.UTC(2024, 5, 1)
  for (const seed of [1, 2, 3]) {
    const random = randomNumbers(seed)
    const between = (from: number, to: number) => from + Math.floor(random() * (to - from + 1))
    const directory = mkdtempSync(join(root, 'in-'))
    const aside = join(root, 'aside')
    const build: Build = (_, ssc) => ssc.textFileStream(directory).map(Number)
    let [now, moved] = [epoch, 0]
    /** Moves the next file in, in the middle of a batch. */
    const move = (): void => {
      if (moved === count) return
      writeFileSync(aside, `${++moved}\n`)
      utimesSync(aside, (now + batchMs / 2) / 1000, (now + batchMs / 2) / 1000)
      renameSync(aside, join(directory, `${moved}`))
    }
    const outputs = new Map<number, string[]>()
    let disk = new MemoryDisk()
    for (let life = 0; ; life++) {
      const run = new Run(disk, build, { start: now, batchInterval: batchMs })
      await run.start()
      run.clock.advance(0)
      const batches = life === 0 ? between(5, 15) : between(2, 12)
      for (let i = 0; i < batches; i++) {
        move()
        now += batchMs
        run.clock.advance(batchMs)
        // The last one may be killed at any place.
        if (i < batches - 1) await run.ssc.whenIdle()
        else for (let turns = between(0, 40); turns > 0; turns--) await undefined
      }
      const isOver = moved === count && between(0, 1) === 1
      if (isOver) await run.tick(2)
      disk = disk.crash({ seed: seed + life })
      await run.stop()
      for (const [time, rows] of run.outputs) {
        // Whatever is put out again is the same.
        if (outputs.has(time)) expect(rows).toEqual(outputs.get(time))
        outputs.set(time, rows)
      }
      if (isOver) break
      for (let waited = between(0, 10); waited > 0; waited--) {
        move()
        now += batchMs
      }
    }
    const numbers = [...outputs.values()].flat().map(Number)
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  }
})

sparkTest('ssc-cp-conf', async ({ expected }) => {
  expect(expected.property).toContain('checkpointDir')
  const directory = freshDirectory()
  const run = new Run(undefined, counted, { checkpointDir: directory })
  await run.start()
  await run.batch(['a'])
  await run.stop()
  expect(readdirSync(directory).some(name => name.startsWith('checkpoint-'))).toBe(true)
})

sparkTest('ssc-queue-cp', async ({ expectedError }) => {
  const build: Build = (_, ssc) => ssc.queueStream([[1]])
  const disk = new MemoryDisk()
  const first = new Run(disk, build)
  await first.start()
  await first.tick()
  expect(first.last).toEqual(['1'])
  expect(first.warnings.join()).toContain('queueStream')
  await first.stop()
  const error = await rejection(new Run(disk.crash({ seed: 1 }), build).start())
  expect(error.message).toContain(expectedError.causeMessageContains.replace(/\.$/, ''))
})

sparkTest('ssc-nonserializable', async ({ expectedError }) => {
  expect(expectedError.when).toContain('start()')
  const socket = new Socket()
  const run = new Run(new MemoryDisk(), rows => rows.map(row => [row, socket.bytesRead]))
  const error = await rejection(run.start())
  expect(error).toBeInstanceOf(PeltonError)
  expect(error.message).toContain('socket')
  expect(run.ssc.getState()).not.toBe('ACTIVE')
})

sparkTest('basic-cleanup-state', async ({ params, input, expected }) => {
  const [, , [, interval]] = params.pipeline
  let states: DStream<unknown> | undefined
  const build: Build = (rows, ssc) => (states = counted(rows, ssc).checkpoint(interval))
  const run = new Run(freshDirectory(), build, { batchInterval: params.batchMs })
  await run.start()
  for (const rows of input) await run.batch(rows)
  // Spark remembers for two checkpoint intervals; here what the next batch needs is kept.
  const times = [...states!.node.generated.keys()]
  expect(times).toEqual(expect.arrayContaining(expected.has))
  for (const time of expected.hasNot) expect(times).not.toContain(time)
  expect(await states!.slice(expected.has[0], expected.has[0])).toHaveLength(1)
  const gone = await rejection(states!.slice(expected.hasNot[0], expected.hasNot[0]))
  expect(gone.code).toBe('FORGOTTEN')
  await run.stop()
})

sparkTest('mws-checkpoint-durations', async ({ expected }) => {
  const add = StateSpec.function((key: string, _: number | undefined, state: State<number>) => {
    state.update((state.getOption() ?? 0) + 1)
    return key
  })
  for (const { batchMs, explicitMs, expectMs } of expected) {
    const times: number[] = []
    const build: Build = rows => {
      const mapped = rows.map(pairOf).mapWithState(add)
      return explicitMs === null ? mapped : mapped.checkpoint(explicitMs)
    }
    const noting: MemoryDisk = new MemoryDisk({
      before: (what, name) => {
        if (what === 'create' && name.startsWith('checkpoint-')) times.push(run.clock.now())
      },
    })
    const options = { batchInterval: batchMs, checkpointInterval: undefined } as RunOptions
    const run: Run = new Run(noting, build, options)
    await run.start()
    // One checkpoint holds everything, so its interval is that of the context: ten seconds, where
    // a stream does not ask for more. In Spark it is ten batches here.
    const everyMs = explicitMs === null ? 10_000 : Math.min(expectMs, 10_000)
    while (times.length < 3) await run.batch(['a'])
    expect(times).toEqual([0, everyMs, 2 * everyMs])
    await run.stop()
  }
})

sparkTest('mwsrdd-checkpoint', async ({ expected }) => {
  expect(numbersIn(expected.property)).toEqual([10])
  const add = StateSpec.function((key: string, value: number | undefined, state: State<number>) => {
    state.update((state.getOption() ?? 0) + (value ?? 0))
    return key
  }).numPartitions(10)
  let mapped: DStream<unknown> | undefined
  const build: Build = rows => {
    const states = rows.map(pairOf).mapWithState(add)
    mapped = states
    return states.stateSnapshots()
  }
  for (const input of [
    [['a'], ['a', 'b']],
    [[], []],
  ]) {
    const disk = new MemoryDisk()
    const first = new Run(disk, build)
    await first.start()
    for (const rows of input) await first.batch(rows)
    // Its rows are there, and nothing that they were made of.
    const rdd = await mapped!.node.generated.get(2000)
    expect(rdd!.inputs).toEqual([])
    await first.stop()
    const second = new Run(disk.crash({ seed: 1 }), build, { start: 2000 })
    await second.start()
    await second.tick()
    expect(second.last).toEqual(first.last)
    await second.stop()
  }
})
