/**
 * The log as its users see it: order, places, groups, files, failures, closing, trimming; and once
 * in a directory of the machine, with a process that is killed.
 *
 * What it can't catch: a disk that says it has synced and has not.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from 'vitest'
import { FRAME_BYTES_MAX } from '../../src/durable/frames.ts'
import { type LogOptions, type Position, WriteAheadLog } from '../../src/durable/log.ts'
import { NodeDisk } from '../../src/durable/node-disk.ts'
import { type DiskOperation, MemoryDisk } from '../../src/testing/memory-disk.ts'
import { all, append, failure, numbersOf, opened, payloadOf, range } from './support.ts'

/** The same log, opened again after everything was written. */
async function again(disk: MemoryDisk, options: Partial<LogOptions> = {}) {
  return opened(disk, options)
}

/** Values of promises that have all been fulfilled. */
function values<T>(results: PromiseSettledResult<T>[]): T[] {
  return results.map(result => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

describe('what is appended', () => {
  test('is read in order, with kind and place, also by the next process', async () => {
    const disk = new MemoryDisk()
    const { log } = await opened(disk)
    const places = [
      await log.append(1, [Buffer.from('a'), Buffer.from('b')]),
      await log.append(254, []),
      await log.append(7, [Buffer.alloc(100_000, 7)]),
    ]
    const expected = [
      { kind: 1, payload: 'ab', position: places[0] },
      { kind: 254, payload: '', position: places[1] },
      { kind: 7, payload: '\x07'.repeat(100_000), position: places[2] },
    ]
    for (const reader of [log, (await again(disk)).log]) {
      const found = await all(reader.read())
      expect(
        found.map(({ payload, ...rest }) => ({ ...rest, payload: `${Buffer.from(payload)}` })),
      ).toEqual(expected)
    }
  })

  test('can be read from every place, and from the end', async () => {
    const disk = new MemoryDisk()
    const places: Position[] = []
    for (const life of range(0, 2)) {
      const { log } = await opened(disk, { segmentBytesMax: 200 })
      for (const number of range(life * 10, life * 10 + 9)) {
        places.push(log.end, ...values(await append(log, [number])))
      }
      await log.close()
    }
    const { log } = await again(disk)
    expect((await disk.list()).length).toBeGreaterThan(5)
    for (const [i, place] of places.entries()) {
      expect(await numbersOf(log.read(place))).toEqual(range(Math.floor(i / 2), 29))
    }
    expect(await numbersOf(log.read(log.end))).toEqual([])
    expect(await numbersOf(log.read({ segment: 0, offset: 0 }))).toEqual(range(0, 29))
  })

  test('can’t be read from where no record begins, nor behind the end', async () => {
    const { log } = await opened(new MemoryDisk())
    const [first, second] = values(await append(log, [1, 2])) as [Position, Position]
    const wrong = [first.offset + 1, second.offset - 1, second.offset + 1, log.end.offset + 1]
    for (const offset of wrong) {
      const error = await failure(all(log.read({ segment: 1, offset })))
      expect(error.code).toBe('LOG_DAMAGED')
    }
    const error = await failure(all(log.read({ segment: 2, offset: 0 })))
    expect(error.message).toContain('the log ends before this place')
  })

  test('is read as far as it was durable when reading began', async () => {
    const { log } = await opened(new MemoryDisk(), { segmentBytesMax: 150 })
    await append(log, range(0, 9))
    const reading = log.read()
    const seen = [(await reading.next()).value!]
    const later = append(log, range(10, 19))
    seen.push(...(await all(reading)))
    expect(seen).toHaveLength(10)
    await later
    expect(await numbersOf(log.read())).toEqual(range(0, 19))
  })

  test('is read in pieces', async () => {
    class Metered extends MemoryDisk {
      most = 0
      override async read(name: string, from?: number, to?: number): Promise<Uint8Array> {
        const bytes = await super.read(name, from, to)
        this.most = Math.max(this.most, bytes.length)
        return bytes
      }
    }
    const disk = new Metered()
    const { log } = await opened(disk)
    const lengths = Array.from({ length: 40 }, (_, i) => 100_000 + i)
    await Promise.all(lengths.map(length => log.append(1, [Buffer.alloc(length)])))
    expect((await all(log.read())).map(({ payload }) => payload.length)).toEqual(lengths)
    expect(disk.most).toBe(1024 * 1024)
  })
})

/** A disk whose first operation of a kind waits until it is told to go on. */
function held(operation: DiskOperation) {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: gate, resolve: release } = Promise.withResolvers<void>()
  const counts: Record<string, number> = {}
  const disk = new MemoryDisk({
    before: what => {
      counts[what] = (counts[what] ?? 0) + 1
      if (what !== operation || counts[what] > 1) return
      begin()
      return gate
    },
  })
  return { disk, begun, release, counts }
}

describe('groups', () => {
  test.each(['append', 'sync', 'syncNames'] as const)(
    'what comes while %s is under way goes into the next write',
    async operation => {
      const { disk, begun, release, counts } = held(operation)
      const { log } = await opened(disk)
      const first = append(log, [0])
      await begun
      const rest = append(log, range(1, 100))
      release()
      await Promise.all([first, rest])
      expect(counts).toMatchObject({ append: 2, sync: 2, create: 1 })
      expect(await numbersOf(log.read())).toEqual(range(0, 100))
    },
  )

  test('nothing resolves before its sync', async () => {
    const { disk, begun, release } = held('sync')
    const { log } = await opened(disk)
    let resolved = false
    const appended = append(log, [0]).then(() => (resolved = true))
    await begun
    expect(resolved).toBe(false)
    expect(await numbersOf(log.read())).toEqual([])
    release()
    await appended
  })

  test('pending and flushed bytes say what is under way and what was done', async () => {
    const { disk, begun, release } = held('append')
    const { log } = await opened(disk)
    const first = log.append(1, [Buffer.alloc(100)])
    await begun
    const second = log.append(1, [Buffer.alloc(1000)])
    expect([log.pendingBytes, log.flushedBytes]).toEqual([1100 + 2 * 17, 0])
    release()
    await first
    expect([log.pendingBytes, log.flushedBytes]).toEqual([1000 + 17, 100 + 17])
    await second
    expect([log.pendingBytes, log.flushedBytes]).toEqual([0, 1100 + 2 * 17])
  })
})

describe('files', () => {
  test('a full file is followed by a new one, and none is larger than allowed', async () => {
    const disk = new MemoryDisk()
    const { log } = await opened(disk, { segmentBytesMax: 1000 })
    for (const number of range(0, 99)) await append(log, [number])
    await append(log, range(100, 199))
    const sizes = [...disk.files().values()].map(bytes => bytes.length)
    expect(sizes.length).toBeGreaterThan(5)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1000 + 52)
    expect(await numbersOf(log.read())).toEqual(range(0, 199))
  })

  test('an old file is followed by a new one when something is written', async () => {
    const disk = new MemoryDisk()
    let time = 0
    const { log } = await opened(disk, { now: () => time, rollingIntervalMs: 10 })
    for (time of [0, 5, 9, 10, 19, 30, 25]) await append(log, [time])
    expect([...disk.files().keys()]).toEqual(['log-00000001', 'log-00000002', 'log-00000003'])
    const segments = (await all(log.read())).map(({ position }) => position.segment)
    expect(segments).toEqual([1, 1, 1, 2, 2, 3, 3])
  })

  test('a log that is opened again begins a new file, with its first record', async () => {
    const disk = new MemoryDisk()
    for (const number of range(0, 2)) {
      const { log } = await opened(disk)
      expect(await numbersOf(log.read())).toEqual(range(0, number - 1))
      expect((await disk.list()).length).toBe(number)
      await append(log, [number])
      await log.close()
    }
  })

  test('files of others are left alone', async () => {
    const disk = new MemoryDisk()
    const others = ['lock', 'log-1', 'log-00000001.txt', 'log-000000001', 'state-00000007']
    for (const name of others) disk.put(name, Buffer.from('theirs'))
    const { log } = await opened(disk)
    await append(log, [1])
    await log.trim(log.end)
    expect(await disk.list()).toEqual([...others, 'log-00000001'].sort())
  })

  test('trim removes whole files before a place, never the newest', async () => {
    const disk = new MemoryDisk()
    const { log } = await opened(disk, { segmentBytesMax: 1 })
    const places = values(await append(log, range(0, 9)))
    await log.trim(places[4]!)
    expect(await numbersOf(log.read())).toEqual(range(4, 9))
    expect(await numbersOf(log.read(places[4]))).toEqual(range(4, 9))
    const error = await failure(all(log.read(places[3])))
    expect([error.code, error.message]).toEqual(['LOG', expect.stringContaining('trimmed')])
    await log.trim({ segment: 99, offset: 0 })
    expect(await numbersOf(log.read())).toEqual([9])
    await log.close()
    // Positions keep their meaning, also when all but the newest file are gone.
    const next = (await again(disk)).log
    await next.trim(next.end)
    const [place] = values(await append(next, [10]))
    expect(place!.segment).toBe(11)
    expect(await numbersOf(next.read(places[9]))).toEqual([9, 10])
  })
})

/** The number of the n-th operation of a kind while a log is opened and appends 0, then 1. */
async function operationNumber(operation: DiskOperation, nth: number): Promise<number> {
  const operations: DiskOperation[] = []
  const disk = new MemoryDisk({ before: what => void operations.push(what) })
  const { log } = await opened(disk)
  await append(log, [0])
  await append(log, [1])
  const found = operations.flatMap((what, i) => (what === operation ? [i + 1] : []))
  return found[nth - 1]!
}

describe('failures', () => {
  const cases: [DiskOperation, number][] = [
    ['list', 2],
    ['create', 1],
    ['syncNames', 1],
    ['append', 1],
    ['sync', 1],
    ['append', 2],
    ['sync', 2],
  ]
  test.each(cases)('%s number %i fails once: the records are written anew', async (what, nth) => {
    const at = await operationNumber(what, nth)
    for (const seed of range(0, 20)) {
      const disk = new MemoryDisk({ seed, faults: { [at]: 'EIO' } })
      const { log, warnings } = await opened(disk)
      values(await append(log, [0]))
      values(await append(log, [1]))
      values(await append(log, [2, 3]))
      expect(warnings).toEqual([expect.stringContaining('attempt 1 of 3')])
      expect(await numbersOf(log.read())).toEqual(range(0, 3))
      await log.close()
      expect(await numbersOf((await again(disk)).log.read())).toEqual(range(0, 3))
      const after = disk.crash({ seed })
      expect(await numbersOf((await again(after)).log.read())).toEqual(range(0, 3))
    }
  })

  test('after maxFailures attempts appends reject, and later ones go on', async () => {
    const full: Record<number, string> = {}
    const faulty = new MemoryDisk({ faults: full })
    const { log } = await opened(faulty, { maxFailures: 2 })
    values(await append(log, [0]))
    // Attempts on a full disk: append; then list and create.
    for (const number of range(1, 3)) full[faulty.operations + number] = 'ENOSPC'
    const [one, two] = await append(log, [1, 2])
    for (const result of [one!, two!]) {
      const { reason } = result as PromiseRejectedResult
      expect(reason.code).toBe('LOG')
      expect(reason.message).toContain('2 attempts')
      expect(reason.message).toContain('the disk is full (ENOSPC)')
      expect(reason.cause.code).toBe('DISK')
    }
    expect(log.pendingBytes).toBe(0)
    for (const number of range(1, 20)) delete full[number]
    values(await append(log, [3]))
    expect(await numbersOf(log.read())).toEqual([0, 3])
    expect(await numbersOf((await again(faulty)).log.read())).toEqual([0, 3])
  })

  test('endsOnFailure: after appends that reject come no others', async () => {
    const full: Record<number, string> = {}
    const disk = new MemoryDisk({ faults: full })
    const { log } = await opened(disk, { maxFailures: 1, endsOnFailure: true })
    values(await append(log, [0]))
    full[disk.operations + 1] = 'ENOSPC'
    const first = append(log, [1])
    await Promise.resolve()
    await Promise.resolve()
    const second = append(log, [2])
    const results = [await first, await second, await append(log, [3])].flat()
    for (const result of results) {
      expect((result as PromiseRejectedResult).reason.message).toContain('1 attempts')
    }
    expect(log.pendingBytes).toBe(0)
    expect(await numbersOf((await again(disk)).log.read())).toEqual([0])
  })

  test('a full disk gets its room back', async () => {
    const faults: Record<number, string> = {}
    const disk = new MemoryDisk({ faults, seed: 3 })
    const { log } = await opened(disk, { segmentBytesMax: 1 })
    values(await append(log, [0]))
    const before = [...disk.files().keys()]
    const operations = ['list', 'create', 'syncNames', 'append', 'remove'] as const
    for (const attempt of range(0, 2)) {
      faults[disk.operations + attempt * operations.length + 4] = 'ENOSPC'
    }
    const [rejected] = await append(log, [1])
    expect(rejected!.status).toBe('rejected')
    expect([...disk.files().keys()]).toEqual(before)
  })

  test('a listener that throws stops nothing', async () => {
    const at = await operationNumber('append', 1)
    const disk = new MemoryDisk({ faults: { [at]: 'EIO' } })
    const { log } = await opened(disk, {
      warn: () => {
        throw new Error('from the listener')
      },
    })
    values(await append(log, [0]))
    await log.close()
  })
})

describe('close', () => {
  test('writes what waits, then refuses', async () => {
    const { disk, begun, release } = held('append')
    const { log } = await opened(disk)
    const first = append(log, [0])
    await begun
    const rest = append(log, [1, 2])
    const closing = log.close()
    const late = failure(log.append(1, []))
    expect(log.close()).toBe(closing)
    release()
    await closing
    expect(log.pendingBytes).toBe(0)
    expect(values(await first).length + values(await rest).length).toBe(3)
    expect((await late).message).toContain('is closed')
    expect((await failure(log.append(1, []))).code).toBe('LOG')
    expect(await numbersOf(log.read())).toEqual([0, 1, 2])
  })

  test('rejects what can’t be written any more, and resolves', async () => {
    const disk = new MemoryDisk()
    const { log } = await opened(disk)
    await append(log, [0])
    disk.crash({ seed: 1 })
    const lost = append(log, [1, 2])
    await log.close()
    expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})

describe('arguments', () => {
  test.each([0, 255, 1.5, Number.NaN])('kind %d is refused', async kind => {
    const { log } = await opened(new MemoryDisk())
    expect((await failure(log.append(kind, []))).message).toContain('kinds 1 to 254')
  })

  test('a record of more than the longest frame is refused', async () => {
    const { log } = await opened(new MemoryDisk())
    const half = new Uint8Array(FRAME_BYTES_MAX / 2)
    const error = await failure(log.append(1, [half, half, new Uint8Array(1)]))
    expect(error.message).toContain(`up to ${FRAME_BYTES_MAX} bytes`)
    expect(log.pendingBytes).toBe(0)
  })

  const wrong: Partial<LogOptions>[] = [
    { segmentBytesMax: 0 },
    { segmentBytesMax: 2 ** 31 },
    { rollingIntervalMs: -1 },
    { maxFailures: 0.5 },
  ]
  test.each(wrong)('%o is refused', async options => {
    const error = await failure(opened(new MemoryDisk(), options))
    const [[name, value]] = Object.entries(options) as [[string, unknown]]
    expect(error.code).toBe('OPTION')
    expect(error.message).toContain(`${name} has to be a whole number`)
    expect(error.message).toContain(`not ${value}`)
  })
})

describe('in a directory', () => {
  const directories: string[] = []
  afterEach(() => {
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
  })
  const directory = (): string => {
    directories.push(mkdtempSync(join(tmpdir(), 'pelton-log-')))
    return directories.at(-1)!
  }

  test('a log is written, rolled, read and trimmed', async () => {
    const disk = await NodeDisk.open(directory())
    const options = { now: () => 0, segmentBytesMax: 4096 }
    const log = await WriteAheadLog.open(disk, options)
    for (const hundred of range(0, 4)) {
      values(await append(log, range(hundred * 100, hundred * 100 + 99)))
    }
    await log.close()
    const next = await WriteAheadLog.open(disk, options)
    const records = await all(next.read())
    expect(records.map(({ payload }) => payload)).toEqual(range(0, 499).map(n => payloadOf(n)))
    await next.trim(records[300]!.position)
    const kept = await numbersOf(next.read())
    expect(kept.at(-1)).toBe(499)
    expect(kept[0]).toBeGreaterThan(200)
    await next.close()
  })

  test('a process that is killed has lost nothing that was acknowledged', async () => {
    const path = directory()
    const source = (name: string) => new URL(`../../src/durable/${name}`, import.meta.url).href
    const program = `
      import { WriteAheadLog } from '${source('log.ts')}'
      import { NodeDisk } from '${source('node-disk.ts')}'
      import { payloadOf } from '${new URL('support.ts', import.meta.url).href}'
      const disk = await NodeDisk.open(${JSON.stringify(path)})
      const log = await WriteAheadLog.open(disk, { now: () => 0, segmentBytesMax: 20_000 })
      for (let number = 0; ; number++) {
        const done = log.append(1, [payloadOf(number)]).then(() => console.log(number))
        if (number % 7 === 0) await done
      }`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let acknowledged = -1
    for await (const line of createInterface({ input: child.stdout })) {
      expect(Number(line)).toBe(++acknowledged)
      if (acknowledged === 2000) child.kill('SIGKILL')
    }
    const log = await WriteAheadLog.open(await NodeDisk.open(path), { now: () => 0 })
    const numbers = await numbersOf(log.read())
    expect(acknowledged).toBeGreaterThanOrEqual(2000)
    expect(numbers.length).toBeGreaterThan(acknowledged)
    expect(numbers).toEqual(range(0, numbers.length - 1))
  })
})
