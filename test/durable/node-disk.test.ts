/**
 * Both disks, the machine's and the one in memory, by one table of what a disk must do; then what
 * each has of its own: modes and errors of the file system, crashes and faults by plan.
 *
 * What it can't catch: whether the machine's disk keeps what it has synced.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Disk } from '../../src/durable/disk.ts'
import { NodeDisk, withoutFirst } from '../../src/durable/node-disk.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { failure, range } from './support.ts'

const root = mkdtempSync(join(tmpdir(), 'pelton-disk-'))
afterAll(() => rmSync(root, { recursive: true }))
let directories = 0
const newDirectory = (): string => join(root, `${++directories}`)

const disks: Record<string, () => Promise<Disk>> = {
  NodeDisk: async () => NodeDisk.open(newDirectory()),
  MemoryDisk: async () => new MemoryDisk(),
}

async function write(disk: Disk, name: string, text: string): Promise<void> {
  const file = await disk.create(name)
  await file.append([Buffer.from(text)])
  await file.sync()
  await file.close()
}
const read = async (disk: Disk, name: string, from?: number, to?: number): Promise<string> =>
  Buffer.from(await disk.read(name, from, to)).toString()

describe.each(Object.entries(disks))('%s', (_, open) => {
  test('a file is appended to in parts, and read whole or in part', async () => {
    const disk = await open()
    const file = await disk.create('a')
    expect(file.size).toBe(0)
    await file.append([Buffer.from('one'), new Uint8Array(), Buffer.from('two')])
    await file.append([])
    await file.append([Buffer.from('three')])
    await file.sync()
    expect(file.size).toBe(11)
    await file.close()
    expect(await disk.size('a')).toBe(11)
    expect(await read(disk, 'a')).toBe('onetwothree')
    expect(await read(disk, 'a', 3)).toBe('twothree')
    expect(await read(disk, 'a', 3, 6)).toBe('two')
    expect(await read(disk, 'a', 9, 10 ** 12)).toBe('ee')
    expect(await read(disk, 'a', 20, 30)).toBe('')
    await disk.sync('a')
  })

  test('many and large parts arrive in order', async () => {
    const disk = await open()
    const file = await disk.create('a')
    const small = range(0, 4999).map(i => Buffer.from(`${i},`))
    const large = range(1, 5).map(i => Buffer.alloc(200_000, i))
    await file.append(small)
    await file.append([...large, ...small])
    const expected = Buffer.concat([...small, ...large, ...small])
    expect(expected.equals(await disk.read('a'))).toBe(true)
    await file.close()
  })

  test('names: in order, moved, replaced and removed', async () => {
    const disk = await open()
    for (const name of ['b', 'c', 'a']) await write(disk, name, name)
    expect(await disk.list()).toEqual(['a', 'b', 'c'])
    await disk.rename('a', 'd')
    await disk.rename('b', 'c')
    await disk.syncNames()
    expect(await disk.list()).toEqual(['c', 'd'])
    expect([await read(disk, 'c'), await read(disk, 'd')]).toEqual(['b', 'a'])
    await disk.remove('c')
    expect(await disk.list()).toEqual(['d'])
  })

  test('nothing is overwritten, and what is missing is missed', async () => {
    const disk = await open()
    await write(disk, 'a', 'first')
    expect((await failure(disk.create('a'))).message).toContain('exists already (EEXIST)')
    expect(await read(disk, 'a')).toBe('first')
    const missing = [
      () => disk.read('b'),
      () => disk.size('b'),
      () => disk.sync('b'),
      () => disk.remove('b'),
      () => disk.rename('b', 'a'),
    ]
    for (const one of missing) {
      const error = await failure(one())
      expect(error.code).toBe('DISK')
      expect(error.message).toMatch(/\/b: it does not exist \(ENOENT\)/)
    }
    expect(await read(disk, 'a')).toBe('first')
  })

  test.each(['', '.', '..', '.a', 'a/b', '../a', 'a\\b', 'a\0', '/a', 'ä', 'x'.repeat(201)])(
    'no file can be called %j',
    async name => {
      const disk = await open()
      await write(disk, 'a', 'a')
      const calls = [
        () => disk.create(name),
        () => disk.read(name),
        () => disk.size(name),
        () => disk.sync(name),
        () => disk.remove(name),
        () => disk.rename(name, 'b'),
        () => disk.rename('a', name),
      ]
      for (const call of calls) expect((await failure(call())).message).toContain('is no name')
      expect(await disk.list()).toEqual(['a'])
    },
  )

  test('a closed file takes no more', async () => {
    const disk = await open()
    const file = await disk.create('a')
    await file.close()
    expect((await failure(file.append([Buffer.from('a')]))).code).toBe('DISK')
    expect(await read(disk, 'a')).toBe('')
  })
})

describe('a directory of the machine', () => {
  test('is made for its user alone, and so are its files', async () => {
    const path = join(newDirectory(), 'in', 'there')
    const disk = await NodeDisk.open(path)
    expect(disk.name).toBe(path)
    await write(disk, 'a', 'a')
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(statSync(join(path, 'a')).mode & 0o777).toBe(0o600)
  })

  test('that exists keeps its mode and what others have in it', async () => {
    const path = newDirectory()
    mkdirSync(join(path, 'folder'), { recursive: true })
    chmodSync(path, 0o755)
    writeFileSync(join(path, '.hidden'), 'theirs')
    writeFileSync(join(path, 'with space'), 'theirs')
    const disk = await NodeDisk.open(path)
    await write(disk, 'a', 'a')
    expect(await disk.list()).toEqual(['a'])
    expect(statSync(path).mode & 0o777).toBe(0o755)
    expect(readFileSync(join(path, '.hidden'), 'utf8')).toBe('theirs')
  })

  test('a link is not followed where a file is made', async () => {
    const path = newDirectory()
    const disk = await NodeDisk.open(path)
    symlinkSync(join(root, 'elsewhere'), join(path, 'a'))
    expect((await failure(disk.create('a'))).message).toContain('EEXIST')
  })

  test('that is a file, or lies in one, is told as such', async () => {
    const file = newDirectory()
    writeFileSync(file, 'a file')
    for (const path of [file, join(file, 'below')]) {
      const error = await failure(NodeDisk.open(path))
      expect(error.code).toBe('DISK')
      expect(error.message).toContain(
        `Can't use the directory ${path}: a part of the path is a file (ENOTDIR). Remedy: `,
      )
    }
    expect(readFileSync(file, 'utf8')).toBe('a file')
  })

  test.skipIf(process.getuid?.() === 0)('that must not be written is told as such', async () => {
    const path = newDirectory()
    mkdirSync(path, { mode: 0o500 })
    for (const one of [path, join(path, 'below')]) {
      expect((await failure(NodeDisk.open(one))).message).toContain('permission is denied (EACCES)')
    }
  })

  test('what a system has not written in one go follows', () => {
    const parts = ['ab', '', 'cde', 'f'].map(text => Buffer.from(text))
    for (const count of range(0, 6)) {
      const rest = Buffer.concat(withoutFirst(parts, count)).toString()
      expect(rest).toBe('abcdef'.slice(count))
    }
  })
})
