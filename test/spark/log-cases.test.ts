/**
 * Spark's cases about write-ahead logs. Spark names files by times and cleans by a time; here files
 * are numbered and a place in the log says what is not needed any more, so the times of the cases
 * become the clock's and the places of records.
 *
 * What it can't catch: what goes beyond Spark's cases; that is in `test/durable`.
 */
import { expect } from 'vitest'
import type { Position, WriteAheadLog } from '../../src/durable/log.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { append, failure, numbersOf, opened, range } from '../durable/support.ts'
import { numbersIn, sparkTest } from './case-test.ts'

/** A log whose files are as old as Spark's may become, and a clock that a test moves. */
async function rolling(disk: MemoryDisk, rollingIntervalMs = 1000) {
  const clock = { time: 0 }
  const now = () => clock.time
  return { clock, ...(await opened(disk, { now, rollingIntervalMs })) }
}

/** Writes records, half an interval apart, and returns their places. */
async function writeRolling(log: WriteAheadLog, clock: { time: number }, numbers: number[]) {
  const places: Position[] = []
  for (const number of numbers) {
    const [result] = await append(log, [number])
    places.push((result as PromiseFulfilledResult<Position>).value)
    clock.time += 500
  }
  return places
}

sparkTest('wal-order', async () => {
  const disk = new MemoryDisk()
  const { log, clock } = await rolling(disk)
  await writeRolling(log, clock, range(0, 19))
  expect((await disk.list()).length).toBeGreaterThan(5)
  expect(await numbersOf(log.read())).toEqual(range(0, 19))
  await log.close()
  expect(await numbersOf((await opened(disk)).log.read())).toEqual(range(0, 19))
})

sparkTest('wal-roll', async ({ expected }) => {
  const [seconds] = numbersIn(expected.property) as [number]
  const disk = new MemoryDisk()
  const { log, clock } = await rolling(disk, seconds * 1000)
  await writeRolling(log, clock, range(0, 9))
  // Two records a file: the clock moves by half an interval.
  expect(await disk.list()).toEqual(range(1, 5).map(number => `log-0000000${number}`))
  expect(await numbersOf(log.read())).toEqual(range(0, 9))
})

sparkTest('wal-clean', async () => {
  const disk = new MemoryDisk()
  const { log, clock } = await rolling(disk)
  const places = await writeRolling(log, clock, range(0, 9))
  const names = await disk.list()
  // The threshold is within the third file: that one and those after it are kept.
  await log.trim(places[5]!)
  expect(await disk.list()).toEqual(names.slice(2))
  expect(await numbersOf(log.read())).toEqual(range(4, 9))
})

sparkTest('wal-retry', async () => {
  const disk = new MemoryDisk()
  for (const life of range(0, 2)) {
    const { log, clock } = await rolling(disk)
    expect(await numbersOf(log.read())).toEqual(range(0, life * 4 - 1))
    await writeRolling(log, clock, range(life * 4, life * 4 + 3))
    await log.close()
  }
  // A file that is gone from the beginning is one that was cleaned. In Spark that holds for any;
  // here one that is missing between others is an error, since nobody has said that it may be lost.
  const [first, second] = (await disk.list()) as [string, string]
  await disk.remove(first)
  expect(await numbersOf((await opened(disk)).log.read())).toEqual(range(2, 11))
  await disk.remove((await disk.list())[2]!)
  const error = await failure(numbersOf((await opened(disk)).log.read()))
  expect(error.code).toBe('LOG_DAMAGED')
  expect(second).not.toBe((await disk.list())[2])

  const maxFailures = 5
  const { log, warnings } = await opened(disk, { maxFailures })
  disk.crash({ seed: 1 })
  const [result] = await append(log, [0])
  expect((result as PromiseRejectedResult).reason.code).toBe('LOG')
  expect(warnings).toHaveLength(maxFailures)
})

sparkTest('wal-batched-order', async ({ expected }) => {
  const [first, ...rest] = numbersIn(expected.property).slice(0, 5) as [number, ...number[]]
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: gate, resolve: release } = Promise.withResolvers<void>()
  let writes = 0
  const disk = new MemoryDisk({
    before: what => {
      if (what !== 'append') return
      writes++
      begin()
      return gate
    },
  })
  const { log } = await opened(disk)
  const blocked = append(log, [first])
  await begun
  const waiting = append(log, rest)
  expect(writes).toBe(1)
  release()
  await Promise.all([blocked, waiting])
  expect(writes).toBe(2)
  // Their order is that in which they came; the times say nothing.
  expect(await numbersOf(log.read())).toEqual([first, ...rest])
})

sparkTest('wal-batched-close', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: gate, resolve: release } = Promise.withResolvers<void>()
  let closed = 0
  class Watched extends MemoryDisk {
    override async create(name: string) {
      const file = await super.create(name)
      const close = async () => {
        closed++
        await file.close()
      }
      return { ...file, size: 0, close }
    }
  }
  const disk = new Watched({
    before: what => {
      if (what !== 'append') return
      begin()
      return gate
    },
  })
  const { log } = await opened(disk)
  const blocked = append(log, [0])
  await begun
  const queued = append(log, [1, 2])
  const closing = [log.close(), log.close()]
  expect((await failure(log.append(1, []))).message).toContain('is closed')
  // The disk goes away meanwhile: what is queued fails, as in Spark. With a disk it is written.
  disk.crash({ seed: 1 })
  release()
  await Promise.all(closing)
  const states = [...(await blocked), ...(await queued)].map(({ status }) => status)
  expect(states).toEqual(['rejected', 'rejected', 'rejected'])
  expect(closed).toBe(1)
})
