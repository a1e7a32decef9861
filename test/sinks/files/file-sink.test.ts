/**
 * A sink of files whose process dies, or whose disk fails, at every single operation: batches are
 * in the manifest whole, once or not at all, and the next process leaves nothing lying about.
 *
 * What it can't catch: what a machine that stops takes along, beyond the order of syncs; and
 * operations of workers, for which killed.test.ts kills whole processes.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { committedFiles, type FileSinkOptions, textFiles } from 'pelton/sinks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PartRows, SavedPart } from '../../../src/engine/sink.ts'
import { rejection } from '../../engine/support.ts'
import { unwatchFiles, watchFiles } from '../watched-files.ts'

let home: string
let directory: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pelton-test-'))
  directory = join(home, 'out')
})
afterEach(async () => {
  await unwatchFiles()
  rmSync(home, { recursive: true })
})

/** Rows of a batch, which a real RDD would write in workers. */
function rowsOf(time: number): PartRows & { readonly lines: string[] } {
  const count = (time / 1000) % 4
  const lines = Array.from({ length: count }, (_, i) => `${time} ${i}`)
  return {
    lines,
    async saveParts(to) {
      return lines.map((line, partition): SavedPart => {
        const name = `part-${time}-0000${partition}`
        const bytes = Buffer.from(`${line}\n`)
        writeFileSync(join(to, name), bytes)
        return { name, rows: 1, bytes: bytes.length, crc32: crc32(bytes) }
      })
    },
  }
}

const times = [1000, 2000, 3000, 4000, 5000, 6000, 7000]
const info = { name: 'test', output: 0, warn() {} }
const options: FileSinkOptions = { rollBatches: 3 }

/** Runs all batches, as a program does that has begun anew or again; gives those that were told. */
async function run(committed: number[] = []): Promise<number[]> {
  const sink = textFiles(directory, options)
  await sink.open!(info)
  try {
    for (const time of times) {
      const batch = { time, token: `test/0/${time}` }
      try {
        const written = await sink.write(rowsOf(time), batch)
        await sink.commit!(written, batch)
        committed.push(time)
      } catch (error) {
        expect((error as { code?: string }).code).toBe('DISK')
      }
    }
  } finally {
    await sink.close!()
  }
  return committed
}

/** Lines by batch, after a look at each file that they are in. */
async function read(): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>()
  if (!existsSync(join(directory, '_manifest'))) return found
  let last = 0
  for (const { path, time, ...sums } of await committedFiles(directory)) {
    expect(time).toBeGreaterThanOrEqual(last)
    last = time
    const bytes = readFileSync(path)
    const lines = bytes.toString().split('\n').slice(0, -1)
    expect(sums).toEqual({ rows: lines.length, bytes: bytes.length, crc32: crc32(bytes) })
    found.set(time, [...(found.get(time) ?? []), ...lines])
  }
  return found
}

const expected = new Map(
  times.map(time => [time, rowsOf(time).lines] as const).filter(([, lines]) => lines.length > 0),
)

/** Whole batches and no others; all of `committed`. */
function checkWhole(found: Map<number, string[]>, committed: readonly number[]): void {
  for (const [time, lines] of found) expect(lines).toEqual(expected.get(time))
  const must = committed.filter(time => expected.has(time))
  expect([...found.keys()].filter(time => must.includes(time))).toEqual(must)
}

/** A lock of this very process, which is dead only as far as the test goes. */
function unlock(): void {
  for (const name of existsSync(join(directory, '_manifest'))
    ? readdirSync(join(directory, '_manifest'))
    : []) {
    if (/lock/.test(name)) rmSync(join(directory, '_manifest', name))
  }
}

/** What lies in the directory is what the manifest names, and what was there before. */
async function checkNothingLeft(): Promise<void> {
  const paths = (await committedFiles(directory)).map(({ path }) => path)
  const others = ['_manifest', 'part-9000-00000-12345678.txt', 'part-9000-00000.txt']
  const all = [...paths, ...others.map(name => join(directory, name))].sort()
  expect(
    readdirSync(directory, { recursive: false })
      .map(name => join(directory, `${name}`))
      .sort(),
  ).toEqual(all)
  expect(readFileSync(join(directory, others[1]!), 'utf8')).toBe('of somebody else\n')
  for (const name of readdirSync(join(directory, '_manifest'))) {
    expect(name).toMatch(/^(format|\d+|\d+-\d+)\.json$/)
  }
}

function putOthers(): void {
  mkdirSync(directory)
  writeFileSync(join(directory, 'part-9000-00000-12345678.txt'), 'of somebody else\n')
  writeFileSync(join(directory, 'part-9000-00000.txt'), 'of somebody else\n')
}

describe('at every operation', () => {
  test('a process that dies', async () => {
    let deaths = 0
    for (let at = 1; ; at++) {
      rmSync(directory, { recursive: true, force: true })
      putOthers()
      const died = Promise.withResolvers<void>()
      let operations = 0
      await watchFiles(async () => {
        if (++operations < at) return
        died.resolve()
        await new Promise(() => undefined)
      })
      const committed: number[] = []
      const isDead = await Promise.race([
        died.promise.then(() => true),
        run(committed).then(() => false),
      ])
      await unwatchFiles()
      checkWhole(await read(), committed)
      unlock()
      // The next process may have nothing to write.
      const next = textFiles(directory, options)
      await next.open!(info)
      await next.close!()
      await checkNothingLeft()
      checkWhole(await read(), committed)
      await run()
      expect(await read(), `a death before operation ${at}`).toEqual(expected)
      await checkNothingLeft()
      if (!isDead) break
      deaths++
    }
    expect(deaths).toBeGreaterThan(80)
  })

  test('a disk that is full', async () => {
    let failures = 0
    for (let at = 1; ; at++) {
      rmSync(directory, { recursive: true, force: true })
      putOthers()
      let operations = 0
      await watchFiles((operation, path) => {
        if (++operations === at) throw systemError('ENOSPC', operation, path)
      })
      const committed: number[] = []
      const error = await run(committed).then(
        () => undefined,
        error => error,
      )
      await unwatchFiles()
      if (error) expect(error, error).toMatchObject({ name: 'PeltonError' })
      const found = await read()
      checkWhole(found, committed)
      unlock()
      await run()
      expect(await read(), `a failure of operation ${at}`).toEqual(expected)
      await checkNothingLeft()
      if (operations < at) break
      failures++
    }
    expect(failures).toBeGreaterThan(80)
  })

  test('a reader beside it', async () => {
    // The reader's own operations are not watched by itself.
    let isReading = false
    let looks = 0
    let last = 0
    await watchFiles(async () => {
      if (isReading || looks % 3 !== 0) return void looks++
      looks++
      isReading = true
      const found = await read()
      checkWhole(found, [])
      const count = found.size
      expect(count).toBeGreaterThanOrEqual(last)
      expect([...found.keys()]).toEqual([...expected.keys()].slice(0, count))
      last = count
      isReading = false
    })
    await run()
    expect(last).toBeGreaterThan(3)
  })
})

test('everything is on the disk before the manifest names it', async () => {
  const seen: string[] = []
  putOthers()
  await watchFiles((operation, path) => {
    const name = path.startsWith(home) ? path.slice(home.length + 1) : path
    const shown = name.replace(/-[\da-f]{8}(?=\.)/, '-ID').replace(/parts-\w+/, 'parts')
    if (['rename', 'sync'].includes(operation)) seen.push(`${operation} ${shown}`)
  })
  const sink = textFiles(directory)
  await sink.open!(info)
  seen.length = 0
  const batch = { time: 1000, token: '' }
  await sink.commit!(await sink.write(rowsOf(1000), batch), batch)
  await sink.close!()
  expect(seen).toEqual([
    'rename out/part-1000-00000-ID.txt',
    'sync out',
    'sync out/_manifest/new-1',
    'rename out/_manifest/1000.json',
    'sync out/_manifest',
  ])
})

test('without fsync nothing is synced but the lock', async () => {
  const synced: string[] = []
  await watchFiles((operation, path) => {
    if (operation === 'sync' && !path.includes('lock')) synced.push(path)
  })
  const sink = textFiles(directory, { fsync: false, rollBatches: 1 })
  await sink.open!(info)
  for (const time of times) {
    const batch = { time, token: '' }
    await sink.commit!(await sink.write(rowsOf(time), batch), batch)
  }
  await sink.close!()
  expect(synced).toEqual([])
  await unwatchFiles()
  expect(await read()).toEqual(expected)
})

describe('says what is wrong with the directory', () => {
  const opened = () => rejection(Promise.resolve(textFiles(directory).open!(info)))

  test('a file', async () => {
    writeFileSync(directory, 'x')
    const error = await opened()
    expect(error.code).toBe('DISK')
    expect(error.message).toContain(`Can't use the directory ${directory}: a part of the path`)
  })

  test('below a file', async () => {
    writeFileSync(directory, 'x')
    const error = await rejection(Promise.resolve(textFiles(join(directory, 'a')).open!(info)))
    expect(error.message).toContain(`Can't use the directory ${directory}/a`)
  })

  test('not writable', async () => {
    await watchFiles((operation, path) => {
      if (operation === 'mkdir') throw systemError('EACCES', operation, path)
    })
    const error = await opened()
    expect(error.code).toBe('DISK')
    expect(error.message).toContain(`${directory}: permission is denied (EACCES)`)
    expect(error.message).toContain('Remedy: let the user of this process')
  })

  test('its manifest is a link to elsewhere', async () => {
    mkdirSync(directory)
    mkdirSync(join(home, 'elsewhere'))
    symlinkSync(join(home, 'elsewhere'), join(directory, '_manifest'))
    expect((await opened()).message).toContain('_manifest: a part of the path is a file')
    expect(readdirSync(join(home, 'elsewhere'))).toEqual([])
  })

  test('another sink has it', async () => {
    const first = textFiles(directory)
    await first.open!(info)
    const error = await opened()
    expect(error.code).toBe('DIRECTORY_IN_USE')
    expect(error.message).toContain(directory)
    await first.close!()
    const second = textFiles(directory)
    await second.open!(info)
    await second.close!()
  })

  test('no room for a file: the batch, and what to do', async () => {
    const sink = textFiles(directory)
    await sink.open!(info)
    await watchFiles((operation, path) => {
      if (operation === 'rename') throw systemError('EDQUOT', operation, path)
    })
    const batch = { time: 1000, token: '' }
    const written = await sink.write(rowsOf(1000), batch)
    const error = await rejection(Promise.resolve(sink.commit!(written, batch)))
    expect(error.message).toMatch(/Can't create .*part-1000-00000-\w+\.txt: .*quota.*Remedy: /)
    await unwatchFiles()
    await sink.close!()
  })
})

describe('committedFiles', () => {
  test('of a directory without a manifest is an error', async () => {
    expect((await rejection(committedFiles(directory))).code).toBe('INPUT_MISSING')
    mkdirSync(directory)
    const error = await rejection(committedFiles(directory))
    expect(error.message).toContain(`there is no manifest ${directory}/_manifest`)
    for (const bad of ['', undefined, 5]) {
      expect((await rejection(committedFiles(bad as string))).code).toBe('OPTION')
    }
  })

  test('leaves out what was removed', async () => {
    await run()
    const [first, ...rest] = await committedFiles(directory)
    rmSync(first!.path)
    expect(await committedFiles(directory)).toEqual(rest)
  })

  test('only reads', async () => {
    await run()
    const operations = new Set<string>()
    await watchFiles(operation => void operations.add(operation))
    await committedFiles(directory)
    expect([...operations].sort()).toEqual(['open', 'read', 'readdir', 'stat'])
  })
})

test('a batch without rows is named by the manifest, or not at all', async () => {
  const batch = { time: 4000, token: '' }
  for (const emptyBatches of [true, false]) {
    const sink = textFiles(join(directory, `${emptyBatches}`), { emptyBatches })
    await sink.open!(info)
    await sink.commit!(await sink.write(rowsOf(4000), batch), batch)
    await sink.close!()
    const names = readdirSync(join(directory, `${emptyBatches}`, '_manifest'))
    expect(names.includes('4000.json')).toBe(emptyBatches)
    expect(await committedFiles(join(directory, `${emptyBatches}`))).toEqual([])
  }
})

function systemError(code: string, syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: planned, ${syscall} '${path}'`), { code, syscall, path })
}
