/**
 * Lives of a log on a disk that crashes at any operation and fails at some: whatever was
 * acknowledged is there, in order, and what follows is a beginning of what was under way.
 *
 * What it can't catch: what a real disk does beyond losing what was not synced, sector by sector.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Position, WriteAheadLog } from '../../src/durable/log.ts'
import { randomNumbers } from '../../src/ops/sample.ts'
import { MemoryDisk, type MemoryDiskOptions } from '../../src/testing/memory-disk.ts'
import { all, numberIn, opened, payloadOf } from './support.ts'

interface Written {
  readonly number: number
  state: 'waiting' | 'acknowledged' | 'rejected'
  position?: Position
}

/** What is known of a log from outside. */
class Ledger {
  /** Numbers that must be in the log, in order. */
  known: number[] = []
  /** What this life has appended, in order. */
  written: Written[] = []
  /** Numbers below this one may have been trimmed. */
  trimmedBelow = 0
  next = 0

  /** Compares the log with what must be in it, and begins a new life. */
  check(found: readonly number[]): void {
    const acknowledged = this.written.filter(one => one.state === 'acknowledged')
    const must = [...this.known, ...acknowledged.map(({ number }) => number)]
    const first = found[0] ?? must.length
    const gone = must.findIndex(number => number >= first)
    const skipped = gone < 0 ? must : must.slice(0, gone)
    for (const number of skipped) expect(number).toBeLessThan(this.trimmedBelow)
    const kept = must.slice(skipped.length)
    expect(found.slice(0, kept.length)).toEqual(kept)
    const last = must.at(-1) ?? -1
    const rest = found.slice(kept.length)
    // Without rejections nothing is left out; rejected ones may be there or not, as one run.
    const begun = this.written.filter(({ number }) => number > last)
    const rejected = begun.some(one => one.state === 'rejected')
    const from = rejected ? begun.findIndex(({ number }) => number === rest[0]) : 0
    const run = begun.slice(from, from + rest.length).map(({ number }) => number)
    if (rest.length > 0) expect(rest).toEqual(run)
    // What was trimmed may come back, as long as its removal is not synced.
    this.known = [...skipped, ...found]
    this.written = []
  }
}

/** One life: opens the log, compares, writes and trims until the process dies or has had enough. */
async function live(disk: MemoryDisk, ledger: Ledger, random: () => number): Promise<void> {
  let log: WriteAheadLog
  try {
    log = (await opened(disk, { segmentBytesMax: 100 + Math.floor(random() * 3000) })).log
    ledger.check((await all(log.read())).map(({ payload }) => numberIn(payload)))
  } catch (error) {
    // A fault of the disk is no damage; the next process tries again.
    if ((error as { code?: string }).code === 'DISK') return
    throw error
  }
  const settled: Promise<unknown>[] = []
  for (let step = 0; step < 12 && !disk.isDead; step++) {
    const one: Written = { number: ledger.next++, state: 'waiting' }
    ledger.written.push(one)
    const bytes = Math.floor(random() ** 4 * 3000)
    const appended = log.append(1, [payloadOf(one.number, bytes)]).then(
      position => Object.assign(one, { state: 'acknowledged', position }),
      () => Object.assign(one, { state: 'rejected' }),
    )
    settled.push(appended)
    if (random() < 0.4) await appended
    if (random() < 0.1 && one.position) {
      ledger.trimmedBelow = one.number
      await log.trim(one.position).catch(() => undefined)
    }
  }
  if (random() < 0.5) await log.close()
  await Promise.all(settled)
}

/** Several lives; the disk's options for each follow from the seed. */
async function history(seed: number, faulty: boolean): Promise<Ledger> {
  const random = randomNumbers(seed)
  const ledger = new Ledger()
  const upTo = (max: number): number => Math.floor(random() * max)
  const plan = (): MemoryDiskOptions => {
    const faults = faulty
      ? Object.fromEntries(
          Array.from({ length: upTo(8) }, () => [1 + upTo(60), random() < 0.5 ? 'ENOSPC' : 'EIO']),
        )
      : {}
    return { seed: upTo(2 ** 31), faults, ...(random() < 0.8 && { diesAt: 1 + upTo(50) }) }
  }
  let disk = new MemoryDisk(plan())
  for (let life = 0; life < 4; life++) {
    await live(disk, ledger, random)
    const loses = random() < 0.5 ? 'nothing' : 'unsynced'
    disk = disk.crash({ seed: upTo(2 ** 31), loses, options: life < 3 ? plan() : {} })
  }
  await live(disk, ledger, random)
  return ledger
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })

describe('lives of a log', () => {
  test('that end with crashes', async () => {
    let records = 0
    const lives = async (seed: number): Promise<void> => {
      records += (await history(seed, false)).known.length
    }
    await fc.assert(fc.asyncProperty(seeds, lives), { numRuns: 1500 })
    // Most seeds come to something.
    expect(records).toBeGreaterThan(1500 * 3)
  })

  test('with a disk that fails, too', async () => {
    let records = 0
    const lives = async (seed: number): Promise<void> => {
      records += (await history(seed, true)).known.length
    }
    await fc.assert(fc.asyncProperty(seeds, lives), { numRuns: 1500 })
    expect(records).toBeGreaterThan(1500 * 3)
  })
})

describe('one life, ended at each operation', () => {
  const life = async (disk: MemoryDisk, ledger: Ledger): Promise<void> =>
    live(disk, ledger, randomNumbers(5))

  test('leaves what was acknowledged, whatever the crash takes', async () => {
    const whole = new MemoryDisk()
    await life(whole, new Ledger())
    expect(whole.operations).toBeGreaterThan(30)
    for (let diesAt = 1; diesAt <= whole.operations; diesAt++) {
      for (let seed = 0; seed < 30; seed++) {
        const ledger = new Ledger()
        const disk = new MemoryDisk({ seed, diesAt })
        await life(disk, ledger)
        const loses = seed % 3 === 0 ? 'nothing' : 'unsynced'
        const after = disk.crash({ seed, loses })
        const { log } = await opened(after)
        ledger.check((await all(log.read())).map(({ payload }) => numberIn(payload)))
        // And what has been read once is there again after the next crash.
        const later = await opened(after.crash({ seed: seed + 1 }))
        ledger.check((await all(later.log.read())).map(({ payload }) => numberIn(payload)))
      }
    }
  })
})

test('a log whose first writes fail is found as a new one, or with them', async () => {
  for (let diesAt = 3; diesAt < 24; diesAt++) {
    for (let seed = 0; seed < 200; seed++) {
      // Nearly everything fails.
      const random = randomNumbers(seed)
      const failing = Array.from({ length: 30 }, (_, i) => i).filter(i => i > 1 && random() < 0.6)
      const faults = Object.fromEntries(failing.map(i => [i, 'EIO']))
      const disk = new MemoryDisk({ seed, diesAt, faults })
      const ledger = new Ledger()
      await live(disk, ledger, random)
      const { log } = await opened(disk.crash({ seed }))
      ledger.check((await all(log.read())).map(({ payload }) => numberIn(payload)))
    }
  }
})

test('a ledger that is wrong is found out', () => {
  const ledger = (): Ledger => {
    const one = new Ledger()
    one.known = [0, 1]
    one.written = [2, 3, 4].map(number => ({ number, state: 'waiting' }))
    one.written[0]!.state = 'acknowledged'
    return one
  }
  for (const good of [
    [0, 1, 2],
    [0, 1, 2, 3],
    [0, 1, 2, 3, 4],
  ]) {
    ledger().check(good)
  }
  for (const bad of [[], [0, 1], [1, 2], [0, 2], [0, 1, 2, 4], [0, 1, 2, 4, 3], [0, 1, 2, 3, 3]]) {
    expect(() => ledger().check(bad), `${bad}`).toThrow()
  }
})
