/**
 * Spark's cases about what receivers have stored and a write-ahead log keeps: its tracker of blocks
 * and its handler of them. Here a receiver's rows are records of one log, and batches say how many
 * they have taken.
 *
 * What it can't catch: what goes beyond Spark's cases; that is in `test/engine/recovery*`.
 */
import { expect } from 'vitest'
import { WriteAheadLog } from '../../src/durable/log.ts'
import type { LogOptions } from '../../src/durable/log-options.ts'
import { entryOf, Journal, type JournalEntry } from '../../src/engine/journal.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { type Build, crashed, Run, rejection } from '../context/recovery-support.ts'
import { numbersIn, sparkTest } from './case-test.ts'

const same: Build = rows => rows.map(row => row)

/** A log and what is noted in it; its files are a second old at most, as the cases have them. */
async function tracker(disk: MemoryDisk, options: Partial<LogOptions> = {}) {
  const clock = { time: 0 }
  const now = (): number => clock.time
  const all = { now, rollingIntervalMs: 1000, endsOnFailure: true, ...options }
  const log = await WriteAheadLog.open(disk, all)
  const journal = new Journal(log, () => undefined)
  return { log, journal, clock, stream: journal.stream(1) }
}

/** What the log says, in order: rows as numbers of their stream, batches as their times. */
async function saidBy(log: WriteAheadLog): Promise<JournalEntry[]> {
  return (await Array.fromAsync(log.read())).map(entryOf)
}

const kinds = (entries: readonly JournalEntry[]): string =>
  entries.map(({ kind }) => kind[0]).join('')

const logFiles = async (disk: MemoryDisk): Promise<string[]> =>
  (await disk.list()).filter(name => name.startsWith('log-'))

sparkTest('rbt-many', async ({ params, expected }) => {
  const [blocks, , , , files] = numbersIn(expected.property)
  expect(blocks).toBe(params.blocks)
  const disk = new MemoryDisk()
  const { log, journal, stream } = await tracker(disk)
  for (let block = 0; block < params.blocks; block++) stream.rows([block])
  await journal.batch({ time: 1, inputs: [{ rows: 0 }, { rows: params.blocks }] })
  const entries = await saidBy(log)
  expect(entries).toHaveLength(params.blocks + 1)
  for (const [block, entry] of entries.slice(0, -1).entries()) {
    if (entry.kind !== 'rows') throw new Error(`${block} is no addition`)
    if (entry.rows.first !== block || entry.rows.data[0] !== block) throw new Error(`${block}`)
  }
  expect(entries.at(-1)).toMatchObject({ kind: 'batch', batch: { time: 1 } })
  expect(await logFiles(disk)).toHaveLength(files!)
})

sparkTest('rbt-notloose', async () => {
  let fails = false
  const disk = new MemoryDisk({
    before: (what, name) => {
      if (fails && what === 'append' && name.startsWith('log-')) throw new Error('no room')
    },
  })
  const run = new Run(disk, same)
  await run.start()
  const ended = rejection(run.ssc.awaitTermination())
  await run.receiver.store(['a', 'b'])
  fails = true
  await run.tick()
  // The batch is absent, and the context ends, so that nothing comes behind it.
  expect(await ended).toMatchObject({ name: 'PeltonError', code: 'LOG' })
  expect(run.outputs.size).toBe(0)
  await run.stop()
  const again = new Run(disk.crash({ seed: 1 }), same)
  await again.start()
  expect(again.outputs.size).toBe(0)
  await again.batch(['c'])
  expect([...again.outputs]).toEqual([[1000, ['"a"', '"b"', '"c"']]])
  await again.stop()
})

sparkTest('rbt-recovery', async ({ params }) => {
  const disk = new MemoryDisk()
  const five = [1, 2, 3, 4, 5]
  const add = async ({ stream }: Awaited<ReturnType<typeof tracker>>): Promise<void> => {
    for (const row of five) stream.rows([row])
    await stream.stored()
  }
  const options = { rollingIntervalMs: params.rollingIntervalSecs * 1000 }
  const first = await tracker(disk, options)
  await add(first)
  expect(kinds(await saidBy(first.log))).toBe('rrrrr')
  expect(await logFiles(disk)).toHaveLength(1)
  await first.log.close()

  // Another tracker finds them, and no batch that has taken them.
  const second = await tracker(disk, options)
  expect(kinds(await saidBy(second.log))).toBe('rrrrr')
  second.stream.next = five.length
  const taken = (time: number) => ({ time, inputs: [{ rows: 0 }, { rows: five.length }] })
  const behindFirst = await second.journal.batch(taken(1))
  second.clock.time += params.clockStepMs
  await add(second)
  const atSecond = await second.journal.batch(taken(2))
  expect(kinds(await saidBy(second.log))).toBe('rrrrrbrrrrrb')
  await second.log.close()

  const third = await tracker(disk, options)
  const entries = await saidBy(third.log)
  const times = entries.flatMap(entry => (entry.kind === 'batch' ? [entry.batch.time] : []))
  expect(times).toEqual([1, 2])
  // Cleaned up to the second batch: files that lie wholly before it go, the oldest first.
  const before = await logFiles(disk)
  expect(atSecond.segment).toBeGreaterThan(behindFirst.segment)
  await third.log.trim(atSecond)
  expect(await logFiles(disk)).toEqual(before.filter((_, i) => i >= atSecond.segment - 1))
  await third.log.close()

  const fourth = await tracker(disk, options)
  const left = (await saidBy(fourth.log)).filter(({ kind }) => kind === 'batch')
  expect(left).toMatchObject([{ batch: taken(2) }])
  await fourth.log.close()
})

sparkTest('rbt-nodir', async ({ params, expected }) => {
  expect([params.checkpointDir, expected.walEnabled]).toEqual([false, false])
  const run = new Run(undefined, same)
  await run.start()
  await run.batch(['a'], 1)
  expect(run.last).toEqual(['"a"'])
  // A position is kept in the log; without one there is none.
  expect(run.receiver.at).toBeUndefined()
  await run.stop()
})

/** Rows of each record of the log that a program has written. */
async function logged(disk: MemoryDisk): Promise<unknown[][]> {
  const { log } = await tracker(disk)
  const entries = await saidBy(log)
  await log.close()
  return entries.flatMap(entry => {
    if (entry.kind !== 'rows') return []
    const { data } = entry.rows
    if (!(data instanceof Uint8Array)) return [[...data]]
    return [Buffer.from(data).toString().split('\n').slice(0, -1)]
  })
}

sparkTest('rbh-wal-store', async () => {
  const disk = new MemoryDisk()
  const run = new Run(disk, same)
  await run.start()
  const array = Array.from({ length: 100 }, (_, i) => `a${i}`)
  const iterated = Array.from({ length: 100 }, (_, i) => ({ i }))
  await run.receiver.store(array)
  await run.receiver.store(iterated.values())
  run.receiver.lines('x\ny\n')
  await run.tick()
  await run.stop()
  expect(await logged(disk.crash({ seed: 1 }))).toEqual([array, iterated, ['x', 'y']])
  expect(run.last).toHaveLength(202)
})

sparkTest('rbh-wal-clean', async () => {
  const disk = new MemoryDisk()
  // A file of the log is a minute old at most, so each batch has one.
  const run = new Run(disk, same, { batchInterval: 60_000, checkpointInterval: 300_000 })
  await run.start()
  for (let i = 0; i < 4; i++) await run.batch([i])
  const names = await logFiles(disk)
  expect(names.length).toBeGreaterThan(3)
  // Two checkpoints are kept, and the log from the older one on.
  for (let i = 4; i < 11; i++) await run.batch([i])
  await run.stop()
  const left = await logFiles(disk)
  for (const name of names) expect(left).not.toContain(name)
  const again = new Run(disk.crash({ seed: 1 }), same, {
    batchInterval: 60_000,
    checkpointInterval: 300_000,
    start: 660_000,
  })
  await again.start()
  await again.batch(['z'])
  expect(again.last).toEqual(['"z"'])
  await again.stop()
})

sparkTest('rid-wal-all', async ({ params }) => {
  const [blocks] = numbersIn(params.blockInfos) as [number]
  const disk = new MemoryDisk()
  const run = new Run(disk, same)
  await run.start()
  const stores = Array.from({ length: blocks }, (_, i) => [`${i}a`, `${i}b`])
  for (const rows of stores) await run.receiver.store(rows)
  await run.tick()
  await run.stop()
  // The batch is made of what the log has, in its order: the program that goes on has the same.
  expect(await logged(disk)).toEqual(stores)
  const rows: string[][] = []
  const inOrder: Build = all => {
    all.foreachRDD(async rdd => {
      rows.push(await rdd.collect())
    })
    return all
  }
  const unfinished = await withoutEnds(disk)
  const again = new Run(unfinished, inOrder)
  await again.start()
  expect(rows).toEqual([stores.flat()])
  await again.stop()
})

/** The same log, as if no batch had ended. */
async function withoutEnds(disk: MemoryDisk): Promise<MemoryDisk> {
  const { log } = await tracker(disk)
  const records = await Array.fromAsync(log.read())
  const copy = new MemoryDisk()
  for (const [name, bytes] of disk.files()) if (!name.startsWith('log-')) copy.put(name, bytes)
  const written = await WriteAheadLog.open(copy, { now: () => 0 })
  for (const record of records) {
    if (entryOf(record).kind !== 'done') await written.append(record.kind, [record.payload])
  }
  await written.close()
  return copy
}

/** Stores rows in five batches, in a window over them all, and ends behind them. */
async function fiveBatches(checkpointInterval: number): Promise<Run> {
  const build: Build = rows => rows.window(6000, 1000)
  const input = Array.from({ length: 5 }, (_, i) => [`row ${i}`])
  const disk = await crashed(build, input, { checkpointInterval })
  const run = new Run(disk, build, { start: 5000, checkpointInterval })
  await run.start()
  await run.tick()
  return run
}

const five = Array.from({ length: 5 }, (_, i) => `"row ${i}"`)

sparkTest('walrdd-walonly', async ({ params }) => {
  expect([params.partitions, params.inBlockStore, params.inWal]).toEqual([5, 0, 5])
  // The only checkpoint is older than the batches: all five come from the log.
  const run = await fiveBatches(60_000)
  expect(run.last).toEqual(five)
  await run.stop()
})

sparkTest('walrdd-mixed', async ({ params }) => {
  expect([params.partitions, params.inBlockStore, params.inWal]).toEqual([5, 3, 2])
  // The checkpoint behind the third batch has those; the others come from the log.
  const run = await fiveBatches(3000)
  expect(run.last).toEqual(five)
  await run.stop()
})
