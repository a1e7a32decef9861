/**
 * Streams of files that go on from a checkpoint: files that came while no process ran, and files
 * that a batch could not take.
 *
 * What it can't catch: directories whose files get older times than they have.
 */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DStream, ManualClock, StreamingContext } from 'pelton'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { checkpointDisk, sharedRuntime } from '../../src/context.ts'
import { Runtime } from '../../src/engine/runtime.ts'
import type { StreamingContextOptions } from '../../src/options.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'

const runtime = new Runtime({ workers: 1, poison: true })
afterAll(() => runtime.close())

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-files-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** A file with a text, as if it had been written at `ms`. */
function put(name: string, text: string, ms: number): void {
  const path = join(directory, name)
  writeFileSync(path, text)
  utimesSync(path, ms / 1000, ms / 1000)
}

const minute = 60_000
const hour = 60 * minute

/** A context whose files, of any kind, are counted by their rows, since ever. */
async function job(disk: MemoryDisk, source: (ssc: StreamingContext) => DStream<any>, now = 0) {
  const clock = new ManualClock(now)
  const errors: string[] = []
  const ssc = new StreamingContext({
    batchInterval: 1000,
    checkpointInterval: 1000,
    // The others are skipped: one batch has all that came meanwhile.
    maxWaitingBatches: 10,
    clock,
    handleSignals: false,
    logger: { warn() {}, error() {} },
    [sharedRuntime]: runtime,
    [checkpointDisk]: disk,
  } as StreamingContextOptions)
  ssc.on('error', ({ error }) => errors.push(error.message))
  let counts: unknown[] = []
  source(ssc)
    .map(row => [String(row), 1] as [string, number])
    .updateStateByKey((values, count: number | undefined) => values.length + (count ?? 0))
    .foreachRDD(async rdd => {
      counts = (await rdd.collect()).sort()
    })
  await ssc.start()
  const tick = async (): Promise<unknown[]> => {
    clock.advance(1000)
    await ssc.whenIdle()
    return counts
  }
  return { ssc, clock, errors, tick }
}

const lines = (ssc: StreamingContext): DStream<string> => ssc.textFileStream(directory)

test('files of all the time in which no process ran are new', async () => {
  const disk = new MemoryDisk()
  const first = await job(disk, lines)
  put('a', 'a\n', 500)
  expect(await first.tick()).toEqual([['a', 1]])
  await first.ssc.stop()
  put('b', 'b\n', 10 * minute)
  put('c', 'c\n', hour - 500)
  const second = await job(disk, lines, hour)
  expect(await second.tick()).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ])
  // Once they are taken, they are remembered for as long as ever.
  second.clock.advance(1000)
  expect(await second.tick()).toHaveLength(3)
  await second.ssc.stop()
  expect([...first.errors, ...second.errors]).toEqual([])
})

test('ticks that are skipped leave out no files', async () => {
  const { ssc, clock, tick } = await job(new MemoryDisk(), lines)
  await tick()
  put('a', 'a\n', 10 * minute)
  clock.advance(hour)
  await ssc.whenIdle()
  expect(await tick()).toEqual([['a', 1]])
  await ssc.stop()
})

test('files that a batch could not take are found by the next one', async () => {
  const disk = new MemoryDisk()
  const records = (ssc: StreamingContext): DStream<number> =>
    ssc.binaryRecordsStream(directory, 2).map(bytes => bytes.length)
  const first = await job(disk, records)
  await first.tick()
  put('a', 'abc', 1500)
  await first.tick()
  expect(first.errors).toEqual([expect.stringContaining('Partial record')])
  await first.ssc.stop()
  put('a', 'abcd', 1500)
  const second = await job(disk, records)
  expect(await second.tick()).toEqual([['2', 2]])
  expect(second.errors).toEqual([])
  await second.ssc.stop()
})
