/**
 * The manifest on a disk that crashes at any operation: a batch counts when `add` has resolved, and
 * none that was withdrawn does.
 *
 * What it can't catch: that the files a batch names are there; file-sink.test.ts looks at those.
 */
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { randomNumbers } from '../../../src/ops/sample.ts'
import {
  committedBatches,
  Manifest,
  type ManifestBatch,
} from '../../../src/sinks/files/manifest.ts'
import { MemoryDisk } from '../../../src/testing/memory-disk.ts'
import { rejection } from '../../engine/support.ts'

const options = { fsync: true, rollBatches: 3 }
const everyFile = async (): Promise<boolean> => true

const batch = (time: number): ManifestBatch => ({
  time,
  files: time % 3 === 0 ? [] : [{ name: `f-${time}`, rows: 1, bytes: time, crc32: 7 }],
})
const withFiles = (times: Iterable<number>): number[] =>
  [...times].filter(time => time % 3 > 0).sort((a, b) => a - b)
const timesWithFiles = (batches: readonly ManifestBatch[]): number[] =>
  withFiles(batches.map(({ time }) => time))

/** What is known of the manifest from outside, over several lives. */
class Ledger {
  readonly sure = new Set<number>()
  readonly maybe = new Set<number>()

  check(found: readonly ManifestBatch[]): void {
    const times = timesWithFiles(found)
    expect(new Set(times).size).toBe(times.length)
    expect(found.map(({ time }) => time)).toEqual(
      found.map(({ time }) => time).sort((a, b) => a - b),
    )
    for (const time of withFiles(this.sure)) expect(times).toContain(time)
    const known = new Set([...this.sure, ...this.maybe])
    for (const time of times) expect(known).toContain(time)
    for (const one of found) expect(one).toEqual(batch(one.time))
    for (const time of this.maybe) if (times.includes(time)) this.sure.add(time)
    this.maybe.clear()
  }
}

async function live(disk: MemoryDisk, ledger: Ledger, random: () => number): Promise<void> {
  try {
    const manifest = await Manifest.open(disk, options)
    ledger.check(await committedBatches(disk))
    const first = Math.max(0, ...ledger.sure)
    for (let time = first; time < first + 8; time++) {
      if (await manifest.has(time)) continue
      // Empty batches come again after they were rolled.
      expect(withFiles(ledger.sure)).not.toContain(time)
      ledger.maybe.add(time)
      try {
        await manifest.add(batch(time))
        ledger.maybe.delete(time)
        ledger.sure.add(time)
      } catch (error) {
        if (disk.isDead) return
        await manifest.withdraw(time)
        ledger.maybe.delete(time)
        if (random() < 0.5) throw error
      }
      if (manifest.isDue) await manifest.roll(everyFile).catch(() => undefined)
    }
    ledger.check(await committedBatches(disk))
  } catch (error) {
    if ((error as { code?: string }).code !== 'DISK') throw error
  }
}

test('what was added counts after any crash, once, and nothing else', async () => {
  const life = fc.record({
    diesAt: fc.integer({ min: 1, max: 90 }),
    faultAt: fc.integer({ min: 1, max: 90 }),
    seed: fc.nat(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async lives => {
      const ledger = new Ledger()
      let disk = new MemoryDisk()
      for (const { diesAt, faultAt, seed } of lives) {
        disk = disk.crash({ seed, options: { diesAt, faults: { [faultAt]: 'ENOSPC' }, seed } })
        await live(disk, ledger, randomNumbers(seed))
      }
      disk = disk.crash({ seed: 1 })
      ledger.check(await committedBatches(disk))
      const manifest = await Manifest.open(disk, options)
      for (const time of withFiles(ledger.sure)) expect(await manifest.has(time)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('a reader beside a writer sees whole beginnings', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const disk = new MemoryDisk({ seed })
    const manifest = await Manifest.open(disk, options)
    let written = 0
    let isDone = false
    const writing = (async () => {
      for (let time = 1; time <= 20; time++) {
        await manifest.add(batch(time))
        written = time
        if (manifest.isDue) await manifest.roll(everyFile)
      }
      isDone = true
    })()
    let reads = 0
    while (!isDone) {
      const before = written
      const times = timesWithFiles(await committedBatches(disk))
      const last = times.at(-1) ?? 0
      expect(last).toBeGreaterThanOrEqual(withFiles([before, before - 1]).at(-1) ?? 0)
      expect(times).toEqual(withFiles(Array.from({ length: last }, (_, i) => i + 1)))
      reads++
    }
    await writing
    expect(reads).toBeGreaterThan(1)
  }
})

test('a reader whose list shows neither what was rolled nor what it was rolled into', async () => {
  const disk = new MemoryDisk()
  const manifest = await Manifest.open(disk, options)
  for (const time of [1, 2]) await manifest.add(batch(time))
  // As a list does that passed one name before it came, and another one after it had gone.
  let lists = 0
  const list = async () => (lists++ === 0 ? ['format.json'] : await disk.list())
  await manifest.roll(everyFile)
  const read = (name: string) => disk.read(name)
  expect(await committedBatches({ name: 'memory', list, read })).toEqual([batch(1), batch(2)])
})

test('a roll that fails on the way loses nothing, and the next one neither', async () => {
  for (const failing of [1, 2, 3]) {
    let removals = 0
    const before = (operation: string) => {
      if (operation === 'remove' && ++removals === failing) throw new Error('planned')
    }
    const disk = new MemoryDisk({ before })
    const manifest = await Manifest.open(disk, options)
    for (const time of [10, 8, 11]) await manifest.add(batch(time))
    expect((await rejection(manifest.roll(everyFile))).message).toBe('planned')
    for (const time of [12, 15, 18]) await manifest.add(batch(time))
    await manifest.roll(everyFile)
    expect(timesWithFiles(await committedBatches(disk))).toEqual([8, 10, 11])
    await Manifest.open(disk, options)
    expect(timesWithFiles(await committedBatches(disk))).toEqual([8, 10, 11])
  }
})

test('is as long as what lies in the directory', async () => {
  const disk = new MemoryDisk()
  const manifest = await Manifest.open(disk, options)
  let removedBelow = 0
  const exists = async (name: string) => Number(name.slice(2)) >= removedBelow
  for (let time = 1; time <= 3000; time++) {
    removedBelow = time - 20
    await manifest.add(batch(time))
    if (manifest.isDue) await manifest.roll(exists)
  }
  expect((await disk.list()).length).toBeLessThan(20)
  const times = timesWithFiles(await committedBatches(disk))
  expect(times).toEqual(
    withFiles(Array.from({ length: times.length * 2 }, (_, i) => 3000 - i)).slice(-times.length),
  )
  expect(await manifest.has(2999)).toBe(true)
  expect(await manifest.has(10)).toBe(false)
})

test('one that somebody has changed is an error that says which file', async () => {
  const disk = new MemoryDisk()
  const manifest = await Manifest.open(disk, options)
  for (const time of [1, 2]) await manifest.add(batch(time))
  for (const [name, bytes] of disk.files()) {
    const text = Buffer.from(bytes).toString()
    const changes = [
      text.replace(/\d/, d => String((Number(d) + 1) % 10)),
      text.slice(0, 9),
      'null',
    ]
    for (const changed of changes) {
      disk.put(name, Buffer.from(changed))
      for (const read of [committedBatches, (on: MemoryDisk) => Manifest.open(on, options)]) {
        const error = await rejection(read(disk))
        expect(error.code).toBe('MANIFEST')
        expect(error.message).toContain(`memory/${name} is damaged`)
      }
    }
    disk.put(name, bytes)
  }
  expect(await committedBatches(disk)).toEqual([batch(1), batch(2)])
})

test('one of a later version is refused', async () => {
  const disk = new MemoryDisk()
  await Manifest.open(disk, options)
  const of = { format: 'pelton files', version: 2, id: '0123abcd' }
  disk.put('format.json', Buffer.from(JSON.stringify({ of, sum: crc32(JSON.stringify(of)) })))
  expect((await rejection(committedBatches(disk))).code).toBe('FORMAT')
  expect((await rejection(Manifest.open(disk, options))).message).toContain('version 2')
})
