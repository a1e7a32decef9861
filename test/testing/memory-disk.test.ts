/**
 * What a disk in memory does beside its duty: crashes, faults, deaths, all repeated from a seed.
 * Its duty is in `test/durable/node-disk.test.ts`. What it can't catch: ways in which real disks
 * are worse.
 */
import { describe, expect, test } from 'vitest'
import { MemoryDisk, type MemoryDiskOptions } from '../../src/testing/memory-disk.ts'

const seeds = Array.from({ length: 300 }, (_, i) => i)
const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('latin1')

/** A synced file of 1000 bytes, with 3000 more that are not synced. */
async function halfSynced(options?: MemoryDiskOptions): Promise<MemoryDisk> {
  const disk = new MemoryDisk(options)
  const file = await disk.create('a')
  await disk.syncNames()
  await file.append([Buffer.alloc(1000, 'a')])
  await file.sync()
  await file.append([Buffer.alloc(3000, 'b')])
  return disk
}

async function failed(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing',
    error => (error as Error).message,
  )
}

describe('a machine that stops', () => {
  test('keeps what was synced, and any part of the rest, in whole sectors', async () => {
    const disk = await halfSynced()
    const left = seeds.map(seed => text(disk.crash({ seed }).files().get('a'))!)
    for (const one of left) expect(one).toMatch(/^a{1000}[b\0]{0,3000}$/)
    expect(left.some(one => one.length === 1000)).toBe(true)
    expect(left.some(one => one === 'a'.repeat(1000) + 'b'.repeat(3000))).toBe(true)
    expect(left.some(one => /^a+b{1,2999}$/.test(one))).toBe(true)
    // A sector that is missing before one that is there.
    expect(left.some(one => /\0b/.test(one))).toBe(true)
    for (const one of left) {
      for (const run of one.matchAll(/\0+/g)) {
        const begin = run.index
        expect(begin === 1000 || begin % 512 === 0).toBe(true)
      }
    }
  })

  test('does the same again from the same seed', async () => {
    for (const seed of seeds.slice(0, 50)) {
      const [one, two] = [await halfSynced(), await halfSynced()]
      expect(one.crash({ seed }).files()).toEqual(two.crash({ seed }).files())
    }
  })

  test('loses names that were not synced, or not', async () => {
    const outcomes = new Set<string>()
    for (const seed of seeds) {
      const renamed = async (): Promise<MemoryDisk> => {
        const disk = new MemoryDisk()
        disk.put('a', Buffer.from('a'))
        disk.put('b', Buffer.from('b'))
        await disk.rename('a', 'c')
        await disk.remove('b')
        await disk.create('d')
        return disk
      }
      outcomes.add((await (await renamed()).crash({ seed }).list()).join(''))
      const synced = await renamed()
      await synced.syncNames()
      expect(await synced.crash({ seed }).list()).toEqual(['c', 'd'])
    }
    expect([...outcomes].sort()).toEqual(['ab', 'abd', 'a', 'ad', 'bc', 'bcd', 'c', 'cd'].sort())
  })
})

test('a process that is killed leaves what was written, not synced', async () => {
  const disk = await halfSynced()
  await disk.create('b')
  const after = disk.crash({ seed: 1, loses: 'nothing' })
  expect(await after.list()).toEqual(['a', 'b'])
  expect(await after.size('a')).toBe(4000)
  const later = seeds.map(seed => after.crash({ seed }).files())
  expect(later.some(files => files.get('a')!.length < 4000)).toBe(true)
  expect(later.some(files => !files.has('b'))).toBe(true)
  const synced = disk.crash({ seed: 1, loses: 'nothing' })
  await synced.sync('a')
  await synced.syncNames()
  for (const seed of seeds) {
    expect(text(synced.crash({ seed }).files().get('a'))).toBe('a'.repeat(1000) + 'b'.repeat(3000))
  }
})

describe('faults', () => {
  test('an operation fails by its number, after some of it was done', async () => {
    const lengths = new Set<number>()
    for (const seed of seeds) {
      const disk = new MemoryDisk({ seed, faults: { 2: 'ENOSPC' } })
      const file = await disk.create('a')
      expect(await failed(file.append([Buffer.alloc(100)]))).toContain('the disk is full (ENOSPC)')
      lengths.add(file.size)
      await file.append([Buffer.alloc(1)])
    }
    expect(lengths.size).toBeGreaterThan(50)
  })

  test('a sync that failed has lost sectors, although a later one resolves', async () => {
    let lost = 0
    for (const seed of seeds) {
      const disk = new MemoryDisk({ seed, faults: { 3: 'EIO' } })
      const file = await disk.create('a')
      await file.append([Buffer.alloc(2000, 'b')])
      expect(await failed(file.sync())).toContain('(EIO)')
      await file.sync()
      await disk.syncNames()
      expect(text(await disk.read('a'))).toBe('b'.repeat(2000))
      const after = text(disk.crash({ seed }).files().get('a'))!
      expect(after).toHaveLength(2000)
      if (after.includes('\0')) lost++
    }
    expect(lost).toBeGreaterThan(100)
  })

  test('a process dies in an operation: it and all later ones fail', async () => {
    const disk = await halfSynced({ diesAt: 4 }).catch(error => error as Error)
    expect((disk as Error).message).toContain('the process has died')
    const dying = new MemoryDisk({ diesAt: 2 })
    const file = await dying.create('a')
    expect(dying.isDead).toBe(false)
    expect(await failed(file.append([Buffer.from('x')]))).toContain('has died')
    expect(dying.isDead).toBe(true)
    expect(await failed(dying.list())).toContain('has died')
    expect(dying.operations).toBe(3)
  })

  test('a crash ends the disk itself', async () => {
    const disk = await halfSynced()
    disk.crash({ seed: 1 })
    expect(await failed(disk.read('a'))).toContain('has died')
  })
})
