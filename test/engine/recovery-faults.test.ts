/**
 * Disks that fail, files that were damaged, outputs that fail, and receivers that change what they
 * have stored: what a program has counted after it was started again is right, or one error says
 * why it can't be.
 *
 * What it can't catch: damage to the last records of a log that looks like a write that a crash has
 * cut off; a source that can't send again what came then has lost it, with a warning.
 */
import { PeltonError } from 'pelton'
import { describe, expect, test } from 'vitest'
import { sharedRuntime } from '../../src/context.ts'
import { randomNumbers } from '../../src/ops/sample.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import {
  type Build,
  counted,
  pairs,
  Run,
  type RunOptions,
  rejection,
} from '../context/recovery-support.ts'

const sent = Array.from({ length: 20 }, (_, i) => `w${i % 3}`)
const everyWord = pairs({ w0: 7, w1: 7, w2: 6 })
const atOnce = 2
const storesPerBatch = 2

/** Sends what the receiver has no position of yet; two stores a batch, then an empty one. */
async function sendRest(run: Run): Promise<void> {
  await run.start()
  const { receiver } = run
  while ((receiver.at ?? 0) < sent.length) {
    for (let i = 0; i < storesPerBatch; i++) {
      const from = receiver.at ?? 0
      if (from < sent.length) await receiver.store(sent.slice(from, from + atOnce), from + atOnce)
    }
    await run.tick()
  }
  await run.tick()
}

/** What a program has counted in the end that goes on from a disk, or why it can't. */
async function countedOn(disk: MemoryDisk): Promise<string[] | PeltonError> {
  const run = new Run(disk, counted)
  try {
    await sendRest(run)
    return run.last!
  } catch (error) {
    if (error instanceof PeltonError) return error
    throw error
  } finally {
    await run.stop()
  }
}

describe('a disk that fails', () => {
  const failures = 4
  const operations = Array.from({ length: 60 }, (_, i) => i + 1)

  test.each(['ENOSPC', 'EIO'])(
    '%s: the context ends, and nothing that was stored is lost',
    async code => {
      const ends: string[] = []
      for (const at of operations) {
        const faults = Object.fromEntries(
          Array.from({ length: failures }, (_, i) => [at + i, code]),
        )
        const disk = new MemoryDisk({ faults, seed: at })
        const run = new Run(disk, counted)
        const ended = run.ssc.awaitTermination().then(
          () => undefined,
          error => error,
        )
        const failure = await sendRest(run).then(
          () => undefined,
          error => error,
        )
        const after = disk.crash({ seed: at, loses: 'nothing' })
        await run.stop()
        for (const error of [failure, await ended]) {
          if (error === undefined) continue
          expect(error, `operation ${at}`).toBeInstanceOf(PeltonError)
          expect(['DISK', 'LOG', 'STATE']).toContain(error.code)
          ends.push(error.code)
        }
        expect(await countedOn(after), `operation ${at}`).toEqual(everyWord)
      }
      expect(new Set(ends)).toEqual(new Set(['DISK', 'LOG']))
    },
  )

  test('what is stored behind rows that could not be logged is refused too', async () => {
    // Three attempts fail at the first rows; the disk is well again after that.
    let fails = 0
    let isFull = false
    const disk = new MemoryDisk({
      before: what => {
        if (what !== 'append' || !isFull || ++fails > 3) return
        throw Object.assign(new PeltonError('the disk is full', { code: 'DISK' }))
      },
    })
    const run = new Run(disk, counted)
    await run.start()
    isFull = true
    const stores = await Promise.allSettled(
      ['a', 'b', 'c'].map(async (row, i) => {
        for (let turns = 0; turns < i * 20; turns++) await undefined
        await run.receiver.store(row, i + 1)
      }),
    )
    expect(stores.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    await run.stop()
    const again = new Run(disk.crash({ seed: 1, loses: 'nothing' }), counted)
    await again.start()
    expect(again.receiver.at).toBeUndefined()
    await again.tick()
    expect(again.last).toEqual([])
    await again.stop()
  })

  test('without a first checkpoint nothing begins', async () => {
    const disk = new MemoryDisk({
      before: (_, name) => {
        if (name.startsWith('checkpoint-')) throw new PeltonError('full', { code: 'DISK' })
      },
    })
    const run = new Run(disk, counted)
    expect((await rejection(run.start())).code).toBe('DISK')
    expect(run.ssc.getState()).toBe('STOPPED')
  })

  test('a checkpoint that can’t be written is tried again; the log goes on', async () => {
    let isFull = false
    const disk = new MemoryDisk({
      before: (_, name) => {
        if (isFull && name.endsWith('.part')) throw new PeltonError('full', { code: 'DISK' })
      },
    })
    const run = new Run(disk, counted)
    await run.start()
    isFull = true
    for (let i = 0; i < 5; i++) await run.batch(['a'])
    expect(run.warnings.filter(text => text.includes('was not written'))).toHaveLength(2)
    isFull = false
    for (let i = 0; i < 5; i++) await run.batch(['a'])
    await run.stop()
    const names = [...disk.files().keys()].filter(name => name.startsWith('checkpoint-'))
    expect(names.filter(name => !name.endsWith('.part'))).toHaveLength(2)
    expect(names).toHaveLength(2)
    const after = disk.crash({ seed: 1 })
    const again = new Run(after, counted, { start: 10_000 })
    await again.start()
    await again.batch(['a'])
    expect(again.last).toEqual(pairs({ a: 11 }))
    await again.stop()
  })
})

describe('damaged files', () => {
  /** A disk with two checkpoints and a log behind them, as a process that was killed leaves it. */
  async function used() {
    const disk = new MemoryDisk()
    const run = new Run(disk, counted)
    await run.start()
    for (const [i, word] of sent.slice(0, 10).entries()) {
      await run.receiver.store(word, i + 1)
      if (i % 2 === 1) await run.tick()
    }
    await run.receiver.store(sent[10], 11)
    const files = disk.files()
    disk.crash({ seed: 1 })
    await run.stop()
    const newest = (kind: string) =>
      [...files.keys()]
        .filter(n => n.startsWith(kind))
        .sort()
        .at(-1)!
    return { files, checkpoint: newest('checkpoint-'), log: newest('log-') }
  }

  const codes = ['CHECKPOINT', 'CHECKPOINT_MISMATCH', 'FORMAT', 'LOG_DAMAGED']

  /** Counts on the files, one of which has other bytes: right, or one error that says why not. */
  async function check(
    files: Map<string, Uint8Array>,
    name: string,
    bytes: Uint8Array,
    how: string,
  ) {
    const disk = new MemoryDisk()
    for (const [other, content] of files) disk.put(other, other === name ? bytes : content)
    const found = await countedOn(disk)
    if (found instanceof PeltonError) {
      expect(codes, `${how}: ${found}`).toContain(found.code)
      expect(found.message.length, how).toBeGreaterThan(40)
      return 'error'
    }
    expect(found, how).toEqual(everyWord)
    return 'counts'
  }

  const samples = 120

  test.each(['checkpoint', 'log'] as const)('a bit of the %s, wherever it is', async kind => {
    const { files, [kind]: name } = await used()
    const bytes = files.get(name)!
    const random = randomNumbers(7)
    const step = Math.max(1, Math.floor(bytes.length / samples))
    const outcomes: string[] = []
    for (let at = 0; at < bytes.length; at += 1 + Math.floor(random() * 2 * step)) {
      const other = Buffer.from(bytes)
      other[at]! ^= 1 << Math.floor(random() * 8)
      outcomes.push(await check(files, name, other, `byte ${at} of ${bytes.length} of ${name}`))
    }
    expect(outcomes.length).toBeGreaterThan(samples / 2)
    // A checkpoint has another before it; a log that is damaged in the middle can't be made up for.
    expect(outcomes).toContain('counts')
    if (kind === 'log') expect(outcomes).toContain('error')
  })

  test.each(['checkpoint', 'log'] as const)(
    'the end of the %s, wherever it is cut off',
    async kind => {
      const { files, [kind]: name } = await used()
      const bytes = files.get(name)!
      const step = Math.max(1, Math.floor(bytes.length / samples))
      const outcomes: string[] = []
      for (let length = 0; length < bytes.length; length += step) {
        outcomes.push(await check(files, name, bytes.subarray(0, length), `${name} to ${length}`))
      }
      expect(outcomes).toContain('counts')
    },
  )
})

describe('a receiver that changes what it has stored', () => {
  test('rows and positions are logged as they were', async () => {
    const numbers: Build = rows => rows.map(row => row.n)
    const disk = new MemoryDisk()
    const run = new Run(disk, numbers)
    await run.start()
    const [row, position] = [{ n: 0 }, { offset: 0 }]
    const stores: Promise<void>[] = []
    for (let n = 1; n <= 3; n++) {
      row.n = position.offset = n
      stores.push(run.receiver.store(n === 2 ? [row] : row, position))
    }
    row.n = position.offset = 99
    await Promise.all(stores)
    const other = run.receiver.at as typeof position
    other.offset = 98
    expect(run.receiver.at).toEqual({ offset: 3 })
    const after = disk.crash({ seed: 1 })
    await run.stop()
    const again = new Run(after, numbers)
    await again.start()
    expect(again.receiver.at).toEqual({ offset: 3 })
    await again.tick()
    expect(again.last).toEqual(['1', '2', '3'])
    await again.stop()
  })

  test('a checkpoint has the position as it was at its batch', async () => {
    const position = { offset: 1 }
    const disk = new MemoryDisk()
    // The checkpoint is taken when the outputs of the batch have ended.
    const change = (time: number): void => {
      if (time === 2000) position.offset = 99
    }
    const run = new Run(disk, counted, { output: change })
    await run.start()
    await run.batch(['a'], position)
    await run.batch(['a'], position)
    await run.stop()
    const after = disk.crash({ seed: 1 })
    const again = new Run(after, counted, { start: 2000 })
    await again.start()
    expect(again.receiver.at).toEqual({ offset: 1 })
    await again.stop()
  })

  test('a position that is no plain data is refused with its rows', async () => {
    const disk = new MemoryDisk()
    const run = new Run(disk, counted)
    await run.start()
    for (const position of [() => 1, Symbol('here'), { at: () => 1 }]) {
      for (const rows of ['a', ['a', 'b']]) {
        const error = await rejection(run.receiver.store(rows, position))
        expect(error.code).toBe('VALUE')
      }
    }
    await run.batch(['c'])
    expect(run.last).toEqual(pairs({ c: 1 }))
    const after = disk.crash({ seed: 1 })
    await run.stop()
    const again = new Run(after, counted, { start: 1000 })
    await again.start()
    await again.tick()
    expect(again.last).toEqual(pairs({ c: 1 }))
    await again.stop()
  })
})

describe('less memory than before', () => {
  const lengths: Build = rows => rows.map(row => row.length).countByValue()
  const own = (memory: string): RunOptions =>
    ({ memory, workers: 1, [sharedRuntime]: undefined }) as RunOptions

  /** A batch of rows of 64 KiB that has to be run again, with a store behind it. */
  async function stopped(rows: number): Promise<MemoryDisk> {
    const disk = new MemoryDisk()
    const fail = (): void => {
      throw new Error('the database is down')
    }
    const run = new Run(disk, lengths, { ...own('256MiB'), output: fail })
    await run.start()
    for (let i = 0; i < rows; i++) await run.receiver.store('x'.repeat(65_536))
    await run.tick()
    await run.receiver.store('y')
    await run.stop()
    return disk.crash({ seed: 1 })
  }

  test('a batch has all of its rows, and none of the next, where there is any room', async () => {
    // Six of sixteen MiB: more than a receiver may bring between two batches.
    const run = new Run(await stopped(96), lengths, { start: 1000, ...own('16MiB') })
    await run.start()
    expect([...run.outputs]).toEqual([[1000, ['[65536,96]']]])
    await run.tick()
    expect(run.last).toEqual(['[1,1]'])
    await run.stop()
  })

  test('or an error says what it needs', async () => {
    const run = new Run(await stopped(400), lengths, { start: 1000, ...own('16MiB') })
    const error = await rejection(run.start())
    expect(error).toMatchObject({ name: 'PeltonError', code: 'ARENA_FULL' })
    expect(error.message).toContain('memory option')
    await run.stop()
  })
})

describe('an output that fails', () => {
  const failing = (times: readonly number[]): RunOptions => ({
    output: time => {
      if (times.includes(time)) throw new Error('the database is down')
    },
  })

  test('its batch is run again after a restart, even where a checkpoint was due', async () => {
    const disk = new MemoryDisk()
    const run = new Run(disk, counted, failing([2000]))
    await run.start()
    for (let i = 0; i < 6; i++) await run.batch(['a'])
    expect(run.errors.map(({ code }) => code)).toEqual(['OUTPUT_FAILED'])
    await run.stop()
    const after = disk.crash({ seed: 1 })
    const again = new Run(after, counted, { start: 6000 })
    await again.start()
    // The others are done: of those only the states are made again.
    expect([...again.outputs]).toEqual([[2000, pairs({ a: 2 })]])
    await again.batch(['a'])
    expect(again.last).toEqual(pairs({ a: 7 }))
    await again.stop()
  })

  test('again and again, until it is done', async () => {
    let disk = new MemoryDisk()
    const first = new Run(disk, counted, failing([2000]))
    await first.start()
    for (let i = 0; i < 3; i++) await first.batch(['a'])
    await first.stop()
    for (const isDown of [true, true, false]) {
      disk = disk.crash({ seed: 1 })
      const run = new Run(disk, counted, { start: 3000, ...failing(isDown ? [2000] : []) })
      await run.start()
      expect([...run.outputs]).toEqual([[2000, pairs({ a: 2 })]])
      expect(run.errors).toHaveLength(isDown ? 1 : 0)
      await run.stop()
    }
    const last = new Run(disk.crash({ seed: 1 }), counted, { start: 3000 })
    await last.start()
    expect(last.outputs.size).toBe(0)
    await last.stop()
  })

  test('not for ever: after ten checkpoints that were left out, one warning', async () => {
    const disk = new MemoryDisk()
    const run = new Run(disk, counted, failing([2000]))
    await run.start()
    for (let i = 0; i < 24; i++) await run.batch(['a'])
    const warned = run.warnings.filter(text => text.includes('the batch at 2000 ms has failed'))
    expect(warned).toHaveLength(1)
    await run.stop()
    const after = disk.crash({ seed: 1 })
    const again = new Run(after, counted, { start: 24_000 })
    await again.start()
    expect(again.outputs.size).toBe(0)
    await again.batch(['a'])
    expect(again.last).toEqual(pairs({ a: 25 }))
    await again.stop()
  })
})
