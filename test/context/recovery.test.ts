/**
 * `getOrCreate` on real directories: what is found again, what a changed program may still use, and
 * what is refused, with nothing overwritten.
 *
 * What it can't catch: other processes on the same directory; test/durable/directory-lock does.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ManualClock, PeltonError, StateSpec, StreamingContext } from 'pelton'
import { describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import {
  type Build,
  counted,
  crashed,
  freshDirectory,
  pairs,
  Run,
  type RunOptions,
  rejection,
  Told,
} from './recovery-support.ts'

const sum = (a: number, b: number): number => a + b
const identity: Build = rows => rows.map(row => row)
const options = { batchInterval: 1000, clock: new ManualClock(0), handleSignals: false }
const plain = (more: object = {}): StreamingContext => new StreamingContext({ ...options, ...more })

/** Names and bytes of all files, but for the lock. */
function contents(directory: string): Map<string, string> {
  const names = readdirSync(directory).filter(name => !name.includes('lock'))
  return new Map(names.map(name => [name, readFileSync(join(directory, name), 'base64')]))
}

const checkpoints = (directory: string): string[] =>
  readdirSync(directory)
    .filter(name => name.startsWith('checkpoint-'))
    .sort()

/** A directory that a program has counted in: a 2, b 1. */
async function usedDirectory(): Promise<string> {
  const directory = freshDirectory()
  const run = new Run(directory, counted)
  await run.start()
  await run.batch(['a'])
  await run.batch(['a', 'b'])
  await run.stop()
  return directory
}

describe('getOrCreate', () => {
  test('begins in a fresh directory, for its user alone', async () => {
    const directory = await usedDirectory()
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    const names = readdirSync(directory)
    expect(names.some(name => name.startsWith('checkpoint-'))).toBe(true)
    expect(names.some(name => name.startsWith('log-'))).toBe(true)
    for (const name of names) expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o600)
  })

  test('goes on, time after time', async () => {
    const directory = await usedDirectory()
    for (let life = 1; life <= 3; life++) {
      const run = new Run(directory, counted)
      await run.start()
      expect(run.clock.now()).toBe(1000 + life * 1000)
      await run.batch(['a'])
      await run.stop()
      expect(run.last).toEqual(pairs({ a: 2 + life, b: 1 }))
    }
  })

  test('a directory that is not to be gone on from is refused, and stays as it is', async () => {
    const directory = await usedDirectory()
    const before = contents(directory)
    for (const way of ['checkpointDir', 'checkpoint()', 'the log alone']) {
      if (way === 'the log alone') {
        const names = [...before.keys()].filter(name => name.startsWith('checkpoint-'))
        for (const name of names) before.delete(name)
        for (const name of names) rmSync(join(directory, name))
      }
      const ssc = plain(way === 'checkpointDir' ? { checkpointDir: directory } : {})
      if (way !== 'checkpointDir') ssc.checkpoint(directory)
      ssc.receiverStream(new Told()).foreachRDD(() => undefined)
      const error = await rejection(ssc.start())
      expect(error, way).toMatchObject({ name: 'PeltonError', code: 'CHECKPOINT_EXISTS' })
      expect(error.message).toContain(directory)
      expect(error.message).toContain('getOrCreate')
      expect(ssc.getState()).toBe('STOPPED')
      expect(contents(directory)).toEqual(before)
    }
  })

  test.skipIf(process.getuid?.() === 0)('one that can’t be written to is refused', async () => {
    const directory = await usedDirectory()
    const before = contents(directory)
    chmodSync(directory, 0o500)
    const run = new Run(directory, counted)
    const error = await rejection(run.start())
    chmodSync(directory, 0o700)
    expect(error).toMatchObject({ name: 'PeltonError', code: 'DISK' })
    expect(error.message).toContain(directory)
    expect(contents(directory)).toEqual(before)
  })

  test('create may be async', async () => {
    const directory = freshDirectory()
    const made = StreamingContext.getOrCreate(directory, async () => plain())
    expect(made).toBeInstanceOf(Promise)
    const ssc = await made
    expect(ssc).toBeInstanceOf(StreamingContext)
    await ssc.stop()
    const failing = StreamingContext.getOrCreate(directory, async () => 'no context' as never)
    expect((await rejection(failing)).code).toBe('OPTION')
  })

  test.each([
    ['nothing', () => undefined, 'OPTION', 'returns a StreamingContext; got undefined'],
    ['a context of another directory', () => plain({ checkpointDir: 'x' }), 'OPTION', 'x'],
    [
      'a context that has begun',
      () => {
        const ssc = plain()
        ssc.receiverStream(new Told()).foreachRDD(() => undefined)
        void ssc.start().then(() => ssc.stop())
        return ssc
      },
      'STATE',
      'has been started or stopped already',
    ],
  ])('create that gives %s is refused', (_, create, code, message) => {
    let error: unknown
    try {
      StreamingContext.getOrCreate(freshDirectory(), create as never)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(PeltonError)
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
  })

  test('no directory, and no function, are refused by name', () => {
    const call =
      (...args: unknown[]) =>
      () =>
        (StreamingContext.getOrCreate as (...args: unknown[]) => unknown)(...args)
    expect(call('', () => plain())).toThrow(/getOrCreate/)
    expect(call(7, () => plain())).toThrow(/getOrCreate/)
    expect(call('x', undefined)).toThrow(/needs a function/)
  })

  test('a directory that a live context uses is refused until that has stopped', async () => {
    const directory = freshDirectory()
    const first = new Run(directory, counted)
    await first.start()
    await first.batch(['a'])
    const second = new Run(directory, counted)
    expect((await rejection(second.start())).code).toBe('DIRECTORY_IN_USE')
    await first.batch(['a'])
    expect(first.last).toEqual(pairs({ a: 2 }))
    await first.stop()
    const third = new Run(directory, counted)
    await third.start()
    await third.batch(['a'])
    expect(third.last).toEqual(pairs({ a: 3 }))
    await third.stop()
  })

  test('a stop while it begins gives the directory back', async () => {
    const directory = await usedDirectory()
    for (let turns = 0; turns < 40; turns += 3) {
      const run = new Run(directory, counted)
      const starting = run.start().catch(() => undefined)
      for (let i = 0; i < turns; i++) await new Promise(setImmediate)
      await run.stop()
      await starting
      expect(readdirSync(directory)).not.toContain('lock')
    }
    const run = new Run(directory, counted)
    await run.start()
    await run.batch(['a'])
    expect(run.last).toEqual(pairs({ a: 3, b: 1 }))
    await run.stop()
  })
})

describe('checkpoints that can’t be read', () => {
  test('the one before is used, and the next is whole again', async () => {
    const directory = await usedDirectory()
    const before = checkpoints(directory)
    expect(before).toHaveLength(2)
    writeFileSync(join(directory, before[1]!), 'nonsense')
    const run = new Run(directory, counted)
    await run.start()
    await run.batch(['a'])
    await run.stop()
    expect(run.last).toEqual(pairs({ a: 3, b: 1 }))
    expect(run.warnings.join('\n')).toContain(before[1])
    expect(checkpoints(directory)).not.toContain(before[1])
    const again = new Run(directory, counted)
    await again.start()
    expect(again.warnings).toEqual([])
    await again.stop()
  })

  test('where none can, one error says so in Spark’s words', async () => {
    const directory = await usedDirectory()
    for (const name of checkpoints(directory)) writeFileSync(join(directory, name), 'nonsense')
    const before = contents(directory)
    const run = new Run(directory, counted)
    const error = await rejection(run.start())
    expect(error).toMatchObject({ name: 'PeltonError', code: 'CHECKPOINT' })
    expect(error.message).toContain(`Failed to read checkpoint from directory ${directory}`)
    expect(run.ssc.getState()).toBe('STOPPED')
    expect(contents(directory)).toEqual(before)
  })

  test('checkpoints that someone has taken away from their log are missed', async () => {
    const disk = await crashed(counted, [['a']])
    for (const name of await disk.list()) {
      if (name.startsWith('checkpoint-')) await disk.remove(name)
    }
    const error = await rejection(new Run(disk, counted).start())
    expect(error.code).toBe('CHECKPOINT')
    expect(error.message).toContain('Failed to read checkpoint from directory')
  })

  test('files of names that only begin like theirs are left alone', async () => {
    const directory = await usedDirectory()
    const names = ['checkpoint-', 'checkpoint-notes', 'checkpoint-7', 'checkpoint-99999999.bk']
    for (const name of names) writeFileSync(join(directory, name), 'mine')
    const run = new Run(directory, counted)
    await run.start()
    for (let i = 0; i < 5; i++) await run.batch(['a'])
    await run.stop()
    expect(run.last).toEqual(pairs({ a: 7, b: 1 }))
    for (const name of names) expect(readFileSync(join(directory, name), 'utf8')).toBe('mine')
  })

  test('one that a crash has left unfinished takes no number away', async () => {
    const directory = await usedDirectory()
    const next = String(Number(checkpoints(directory).at(-1)!.slice(-8)) + 1).padStart(8, '0')
    writeFileSync(join(directory, `checkpoint-${next}.part`), 'cut off')
    const run = new Run(directory, counted)
    await run.start()
    await run.stop()
    expect(run.warnings).toEqual([])
    expect(readdirSync(directory)).not.toContain(`checkpoint-${next}.part`)
  })
})

/** Crashes the first program behind three batches and goes on with the second one. */
async function changedTo(first: Build, second: Build, more: RunOptions = {}): Promise<Run> {
  const disk = await crashed(first, [['a'], ['a', 'b'], ['c']])
  const run = new Run(disk, second, { start: 3000, ...more })
  await run.start()
  await run.batch(['a'])
  await run.stop()
  return run
}

const window =
  (length: number): Build =>
  rows =>
    rows.window(length, 1000).countByValue()
const inverse =
  (length: number): Build =>
  rows =>
    rows
      .map(row => [row, 1] as [string, number])
      .reduceByKeyAndWindow(sum, (a, b) => a - b, length, 1000)
const mapped: Build = rows =>
  rows
    .map(row => [row, 1] as [string, number])
    .mapWithState(
      StateSpec.function((key: string, value: number | undefined, state: any) => {
        state.update((state.getOption() ?? 0) + (value ?? 0))
        return [key, state.get()]
      }),
    )
    .stateSnapshots()
const reducedWindow: Build = rows =>
  rows
    .map(row => [row, 1] as [string, number])
    .reduceByKey(sum)
    .window(3000, 1000)
    .reduceByKey(sum)

describe('a program that has changed', () => {
  test.each<[string, Build, Build, RunOptions, RegExp]>([
    ['a state that is gone', counted, identity, {}, /updateStateByKey at .*no such stream/],
    ['a state of another kind', counted, mapped, {}, /updateStateByKey at .*no such stream/],
    ['a longer window', window(2000), window(4000), {}, /window at .*other parameters/],
    ['a shorter window', window(3000), window(2000), {}, /window at .*other parameters/],
    ['another sliding window', inverse(2000), inverse(3000), {}, /Window at .*other parameters/],
    [
      'what leads to a window',
      rows =>
        window(3000)(
          rows.map(row => row),
          null!,
        ),
      rows =>
        window(3000)(
          rows.filter(Boolean).map(row => row),
          null!,
        ),
      {},
      /have changed/,
    ],
    [
      'a window of another stream',
      (rows, ssc) => {
        const same = rows.map(row => row)
        same.foreachRDD(() => undefined)
        return window(3000)(same, ssc)
      },
      (rows, ssc) => {
        const same = rows.map(row => row)
        same.foreachRDD(() => undefined)
        return window(3000)(rows, ssc)
      },
      {},
      /lead to window at .* have changed/,
    ],
    [
      'another batch interval',
      counted,
      counted,
      { batchInterval: 500, checkpointInterval: 500 },
      /interval of 1000 ms.* 500 ms/,
    ],
    [
      'one more input',
      counted,
      counted,
      { others: [new Told()] },
      /inputs were Told, and are Told, Told/,
    ],
  ])('%s is refused', async (_, first, second, more, message) => {
    const error = await rejection(changedTo(first, second, more))
    expect(error).toMatchObject({ name: 'PeltonError', code: 'CHECKPOINT_MISMATCH' })
    expect(error.message).toMatch(message)
    expect(error.message).toContain('empty checkpoint directory')
  })

  test('an input of another kind is refused', async () => {
    class Another extends Told {}
    const disk = await crashed(counted, [['a']], { others: [new Told()] })
    const error = await rejection(new Run(disk, counted, { others: [new Another()] }).start())
    expect(error.code).toBe('CHECKPOINT_MISMATCH')
    expect(error.message).toContain('inputs were Told, Told, and are Told, Another')
  })

  test('functions may be mended', async () => {
    const doubled: Build = rows =>
      rows
        .map(row => [row, 1] as [unknown, number])
        .updateStateByKey(
          (values, before: number | undefined) => 10 * values.length + (before ?? 0),
        )
    // The batches behind the last checkpoint are run again, with the new function.
    expect((await changedTo(counted, doubled)).last).toEqual(pairs({ a: 12, b: 1, c: 10 }))
  })

  test('what leads to a state may change', async () => {
    const filtered: Build = rows =>
      counted(
        rows.filter(row => row !== 'b'),
        null!,
      )
    expect((await changedTo(counted, filtered)).last).toEqual(pairs({ a: 3, b: 1, c: 1 }))
  })

  test('streams may be added, in front of those there are too', async () => {
    const more: Build = (rows, ssc) => {
      window(2000)(rows, ssc).foreachRDD(() => undefined)
      counted(rows.map(row => `${row}!`).filter(Boolean), ssc).foreachRDD(() => undefined)
      return counted(rows, ssc)
    }
    expect((await changedTo(counted, more)).last).toEqual(pairs({ a: 3, b: 1, c: 1 }))
  })

  test('two states whose sources change are not taken for each other', async () => {
    const two: Build = (rows, ssc) => {
      counted(rows.filter(Boolean), ssc).foreachRDD(() => undefined)
      return counted(rows, ssc)
    }
    const third: Build = (rows, ssc) => {
      counted(rows.map(row => row).filter(Boolean), ssc).foreachRDD(() => undefined)
      counted(
        rows.map(row => `${row}`).map(row => row),
        ssc,
      ).foreachRDD(() => undefined)
      return counted(rows, ssc)
    }
    // One is as it was. Which of the others is the second, nobody can tell.
    const error = await rejection(changedTo(two, third))
    expect(error.code).toBe('CHECKPOINT_MISMATCH')
  })

  test('a filter in front of a window is used for the rows that were kept too', async () => {
    const filtered: Build = rows =>
      window(3000)(
        rows.filter(row => row !== 'b'),
        null!,
      )
    expect((await changedTo(window(3000), filtered)).last).toEqual(pairs({ a: 2, c: 1 }))
  })

  test('windows may go', async () => {
    const first: Build = (rows, ssc) => {
      window(3000)(rows, ssc).foreachRDD(() => undefined)
      return counted(rows, ssc)
    }
    expect((await changedTo(first, counted)).last).toEqual(pairs({ a: 3, b: 1, c: 1 }))
  })

  test.each<[string, Build, Record<string, number>]>([
    ['updateStateByKey', counted, { a: 3, b: 1, c: 1 }],
    ['mapWithState', mapped, { a: 3, b: 1, c: 1 }],
    ['a sliding window', inverse(3000), { a: 2, b: 1, c: 1 }],
    ['a window', reducedWindow, { a: 2, b: 1, c: 1 }],
  ])('other partitions: %s is taken over', async (_, build, expected) => {
    for (const partitions of [1, 5]) {
      expect((await changedTo(build, build, { partitions })).last).toEqual(pairs(expected))
    }
  })

  test('queues can’t be gone on from', async () => {
    const disk = new MemoryDisk()
    const build: Build = (_, ssc) => ssc.queueStream([[1]])
    const first = new Run(disk, build)
    await first.start()
    expect(first.warnings.join()).toContain("queueStream doesn't support checkpointing")
    await first.tick()
    await first.stop()
    const error = await rejection(new Run(disk.crash({ seed: 1 }), build).start())
    expect(error.message).toContain(
      "queueStream doesn't support checkpointing. Please don't use queueStream when checkpointing",
    )
  })
})

describe('a long time later', () => {
  const input = [['a'], ['a', 'b'], ['c'], [], ['b']]
  const builds = { counted, mapped, window: window(3000), inverse: inverse(3000), reducedWindow }

  test.each(Object.entries(builds))(
    '%s: batches of the time between are made up for',
    async (_, build) => {
      const whole = new Run(undefined, build)
      await whole.start()
      for (const rows of input) await whole.batch(rows)
      await whole.tick(300)
      await whole.batch(['a'])
      await whole.stop()

      const disk = await crashed(build, input)
      const late = new Run(disk, build, { start: 305_000 })
      await late.start()
      // The ticks that are due come before the row.
      late.clock.advance(0)
      await late.ssc.whenIdle()
      await late.batch(['a'])
      await late.stop()
      for (const [time, rows] of late.outputs)
        expect(rows, `${time}`).toEqual(whole.outputs.get(time))
      expect(late.outputs.has(306_000)).toBe(true)
      expect(late.outputs.size).toBeGreaterThan(300)
    },
  )

  test.each(Object.entries(builds))('%s: with more than are made up for', async (_, build) => {
    const disk = await crashed(build, input)
    const late = new Run(disk, build, { start: 9_000_000 })
    const skipped: number[] = []
    late.ssc.on('batchesSkipped', ({ count }) => skipped.push(count))
    await late.start()
    late.clock.advance(0)
    await late.ssc.whenIdle()
    await late.batch(['a'])
    await late.stop()
    expect(skipped).toHaveLength(1)
    expect(late.errors).toEqual([])
    const isState = build === counted || build === mapped
    const isInverse = build === builds.inverse
    const inWindow: Record<string, number> = isInverse ? { a: 1, b: 0, c: 0 } : { a: 1 }
    expect(late.last).toEqual(pairs(isState ? { a: 3, b: 2, c: 1 } : inWindow))
  })
})
