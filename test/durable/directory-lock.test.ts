/**
 * Locks of directories against everyone who may want one: this process again, a live one, one that
 * was killed, one whose pid has come again, and many at once.
 *
 * What it can't catch: processes of other machines and containers, which look dead from here.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { DirectoryLock } from '../../src/durable/directory-lock.ts'
import { failure, range } from './support.ts'

const root = mkdtempSync(join(tmpdir(), 'pelton-lock-'))
afterAll(() => rmSync(root, { recursive: true }))
let directory = ''
let lockFile = ''
let directories = 0
beforeEach(() => {
  directory = join(root, `${++directories}`)
  lockFile = join(directory, 'lock')
})

const id = (digit: number): string => `${digit}`.repeat(8) + '-0000-0000-0000-000000000000'
const dead = { pid: 2 ** 22 + 1, started: '1', id: id(1) }

function leave(holder: object | string, name = 'lock'): void {
  mkdirSync(directory, { recursive: true })
  const text = typeof holder === 'string' ? holder : JSON.stringify(holder)
  writeFileSync(join(directory, name), text)
}
const holder = (): { pid: number; started: string; id: string } =>
  JSON.parse(readFileSync(lockFile, 'utf8'))

/** A process that takes the lock, says whether it has, and waits to be told to end. */
function other() {
  const source = new URL('../../src/durable/directory-lock.ts', import.meta.url).href
  const program = `
    import { DirectoryLock } from '${source}'
    process.stdin.once('data', async () => {
      const said = await DirectoryLock.take(${JSON.stringify(directory)}).then(
        () => 'taken', error => error.code)
      console.log(said)
    })
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => (await lines.next()).value ?? 'ended'
  return {
    pid: child.pid!,
    line,
    go: () => child.stdin.write('go\n'),
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('the lock is a file for its user alone that says who has it', async () => {
  const lock = await DirectoryLock.take(directory)
  expect(lock.directory).toBe(directory)
  expect(statSync(lockFile).mode & 0o777).toBe(0o600)
  expect(holder()).toEqual({
    pid: process.pid,
    started: expect.any(String),
    id: expect.stringMatching(/^[\da-f-]{36}$/),
  })
  expect(readdirSync(directory)).toEqual(['lock'])
  await lock.release()
  await lock.release()
  expect(readdirSync(directory)).toEqual([])
  await using again = await DirectoryLock.take(directory)
  expect(existsSync(join(again.directory, 'lock'))).toBe(true)
})

test('the same process is refused as well, by any path', async () => {
  await using _ = await DirectoryLock.take(directory)
  for (const path of [directory, `${directory}/`, join(directory, '..', `${directories}`)]) {
    const error = await failure(DirectoryLock.take(path))
    expect(error.code).toBe('DIRECTORY_IN_USE')
    expect(error.message).toContain(`${directory} is in use by process ${process.pid}, this very`)
  }
})

test('a live process is named; a killed one loses the lock', async () => {
  const child = other()
  await child.line()
  child.go()
  expect(await child.line()).toBe('taken')
  const error = await failure(DirectoryLock.take(directory))
  expect([error.code, error.message]).toEqual([
    'DIRECTORY_IN_USE',
    expect.stringContaining(`${directory} is in use by process ${child.pid}. One context`),
  ])
  await child.kill()
  await using _ = await DirectoryLock.take(directory)
  expect(holder().pid).toBe(process.pid)
  expect(readdirSync(directory)).toEqual(['lock'])
})

describe('a dead lock is taken over', () => {
  test.each([
    ['of a pid that nobody has', dead],
    ['of a pid that has come again', { ...dead, pid: process.pid }],
    ['of a pid that a child of someone’s had', { ...dead, pid: process.ppid }],
  ])('%s', async (_, found) => {
    leave(found)
    await using _lock = await DirectoryLock.take(directory)
    expect(holder().id).not.toBe(dead.id)
    expect(readdirSync(directory)).toEqual(['lock'])
  })

  test('also where the one who took it over died on the way, twice', async () => {
    leave(dead)
    leave({ ...dead, id: id(2) }, `.lock-${dead.id}`)
    leave({ ...dead, id: id(3) }, `.lock-${id(2)}`)
    await using _ = await DirectoryLock.take(directory)
    expect(readdirSync(directory)).toEqual(['lock'])
  })

  test('not while a live process is about to', async () => {
    const child = other()
    await child.line()
    leave(dead)
    leave({ pid: child.pid, started: '', id: id(2) }, `.lock-${dead.id}`)
    const error = await failure(DirectoryLock.take(directory))
    expect(error.message).toContain(`process ${child.pid}`)
    expect(holder()).toEqual(dead)
    await child.kill()
  })

  test('by one of many in a process, whatever way they meet', async () => {
    for (const round of range(1, 60)) {
      leave(dead)
      const all = await Promise.allSettled(range(1, 12).map(() => DirectoryLock.take(directory)))
      const taken = all.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
      expect(taken, `round ${round}`).toHaveLength(1)
      for (const one of all) {
        if (one.status === 'rejected') expect(one.reason.code).toBe('DIRECTORY_IN_USE')
      }
      expect(readdirSync(directory)).toEqual(['lock'])
      await taken[0]!.release()
    }
  })

  test('by one of several processes at once', async () => {
    const children = range(1, 4).map(other)
    for (const child of children) await child.line()
    leave(dead)
    for (const child of children) child.go()
    const said = await Promise.all(children.map(child => child.line()))
    expect(said.sort()).toEqual([...Array(3).fill('DIRECTORY_IN_USE'), 'taken'])
    for (const child of children) await child.kill()
  })
})

test('a lock that is someone else’s by now stays', async () => {
  const lock = await DirectoryLock.take(directory)
  leave({ ...dead, id: id(5) })
  await lock.release()
  expect(holder().id).toBe(id(5))
})

test.each(['', 'words', '{}', '{"pid":1,"started":"","id":"../../x"}', '[1]', 'null'])(
  'a file that is no lock is not touched: %j',
  async text => {
    leave(text)
    const error = await failure(DirectoryLock.take(directory))
    expect(error.code).toBe('DIRECTORY_IN_USE')
    expect(error.message).toContain(`${lockFile} is no lock of Pelton's`)
    expect(readFileSync(lockFile, 'utf8')).toBe(text)
    expect(readdirSync(directory)).toEqual(['lock'])
  },
)

test('a directory that can’t be used is told as such', async () => {
  writeFileSync(directory, 'a file')
  expect((await failure(DirectoryLock.take(directory))).code).toBe('DISK')
})
