/**
 * textFileStream over a restart: which files the batches of before had, which those of the time
 * between find, and what happens where one is gone. Real files, whose times are set.
 *
 * What it can't catch: a file that was replaced by another one, as long or longer, in between.
 */
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { type Build, pairs, Run, type RunOptions, rejection } from '../context/recovery-support.ts'

const root = mkdtempSync(join(tmpdir(), 'pelton-files-'))
afterAll(() => rmSync(root, { recursive: true }))
let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(root, 'in-'))
})

const epoch = Date.UTC(2024, 5, 1)

/** Puts a file there in one step, changed `ms` after the epoch. */
function write(name: string, content: string, ms: number): string {
  const path = join(directory, name)
  const aside = join(root, 'aside')
  writeFileSync(aside, content)
  utimesSync(aside, (epoch + ms) / 1000, (epoch + ms) / 1000)
  renameSync(aside, path)
  return path
}

const lines: Build = (_, ssc) => ssc.textFileStream(directory)
const counts: Build = (_, ssc) =>
  ssc
    .textFileStream(directory)
    .map(line => [line, 1] as [string, number])
    .updateStateByKey((values, before: number | undefined) => values.length + (before ?? 0))

const begun = async (disk: MemoryDisk, build: Build, ms = 0, more: RunOptions = {}) => {
  const run = new Run(disk, build, { start: epoch + ms, checkpointInterval: 4000, ...more })
  await run.start()
  // Ticks that are due come at once.
  run.clock.advance(0)
  await run.ssc.whenIdle()
  return run
}

const outputs = (run: Run): [number, string[]][] =>
  [...run.outputs].map(([time, rows]) => [time - epoch, rows])

/** Ends a run as a machine that stops; all that was noted before is on the disk. */
async function ended(run: Run, disk: MemoryDisk): Promise<MemoryDisk> {
  await run.stop()
  return disk.crash({ seed: 1 })
}

describe('files over a restart', () => {
  test('those that were taken are not taken again, before and behind the checkpoint', async () => {
    const disk = new MemoryDisk()
    const run = await begun(disk, lines)
    for (let i = 1; i <= 6; i++) {
      write(`${i}`, `${i}\n`, i * 1000 - 500)
      await run.tick()
    }
    const after = await ended(run, disk)
    write('late', 'late\n', 5800)
    const again = await begun(after, lines, 6000)
    write('7', '7\n', 6500)
    await again.tick(2)
    expect(outputs(again)).toEqual([
      [7000, ['"7"', '"late"']],
      [8000, []],
    ])
    await again.stop()
  })

  test('each batch of the time between finds the files of its time', async () => {
    const disk = new MemoryDisk()
    const run = await begun(disk, lines)
    await run.tick()
    const after = await ended(run, disk)
    write('a', 'a\n', 2000)
    write('b', 'b\n', 2001)
    write('c', 'c\n', 4500)
    const again = await begun(after, lines, 5000)
    expect(outputs(again)).toEqual([
      [2000, ['"a"']],
      [3000, ['"b"']],
      [4000, []],
      [5000, ['"c"']],
    ])
    await again.stop()
  })

  test('files of ticks that were left out are in the next batch, however old', async () => {
    const options = { maxWaitingBatches: 5 }
    const disk = new MemoryDisk()
    const run = await begun(disk, lines, 0, options)
    write('before', 'before\n', 500)
    await run.tick()
    const after = await ended(run, disk)
    // Much older than the minute for which files are remembered.
    for (const minute of [1, 5, 9]) write(`${minute}`, `${minute}\n`, minute * 60_000)
    const again = await begun(after, lines, 600_000, options)
    expect(outputs(again)).toEqual([[600_000, ['"1"', '"5"', '"9"']]])
    await again.tick(3)
    expect(again.last).toEqual([])
    await again.stop()
  })

  test('a pause leaves none out either', async () => {
    const run = new Run(undefined, lines, { start: epoch })
    await run.start()
    await run.tick()
    run.ssc.pause()
    write('meanwhile', 'meanwhile\n', 2000)
    await run.tick(100)
    run.ssc.resume()
    await run.tick(2)
    expect(outputs(run)).toEqual([
      [1000, []],
      [102_000, ['"meanwhile"']],
      [103_000, []],
    ])
    await run.stop()
  })

  test('a filter that throws fails its batch, and the next one finds the files', async () => {
    let isBroken = true
    const filter = (path: string): boolean => {
      if (isBroken && path.endsWith('b')) throw new Error('no such list')
      return true
    }
    const run = new Run(undefined, (_, ssc) => ssc.textFileStream(directory, { filter }), {
      start: epoch,
    })
    await run.start()
    write('a', 'a\n', 100)
    write('b', 'b\n', 200)
    await run.tick()
    expect(run.errors.map(({ message }) => message).join()).toContain('no such list')
    isBroken = false
    await run.tick()
    expect(outputs(run)).toEqual([[2000, ['"a"', '"b"']]])
    await run.stop()
  })
})

describe('a file that is gone', () => {
  const failing: RunOptions = {
    output: time => {
      if (time === epoch + 1000) throw new Error('the database is down')
    },
  }

  test('of a batch that is to be run again: an error that names it', async () => {
    const disk = new MemoryDisk()
    const run = await begun(disk, lines, 0, failing)
    const path = write('a', 'a\n', 500)
    await run.tick(2)
    const after = await ended(run, disk)
    rmSync(path)
    const again = new Run(after, lines, { start: epoch + 2000 })
    const error = await rejection(again.start())
    expect(error).toMatchObject({ name: 'PeltonError', code: 'INPUT_FAILED' })
    expect(error.message).toContain(`${path}, which is gone`)
    expect(again.ssc.getState()).toBe('STOPPED')

    // Where it is put back, all is well; cut off, it isn't.
    write('a', '', 500)
    const shorter = new Run(after.crash({ seed: 1 }), lines, { start: epoch + 2000 })
    expect((await rejection(shorter.start())).message).toContain('has 0 bytes now')
    write('a', 'a\n', 500)
    const third = await begun(after.crash({ seed: 1 }), lines, 2000)
    expect(outputs(third)).toEqual([[1000, ['"a"']]])
    await third.stop()
  })

  test('of a batch that is done: needed where states have to be made again', async () => {
    const disk = new MemoryDisk()
    const run = await begun(disk, counts)
    const path = write('a', 'a\n', 500)
    await run.tick()
    const after = await ended(run, disk)
    rmSync(path)
    const again = new Run(after, counts, { start: epoch + 1000 })
    expect((await rejection(again.start())).message).toContain(path)
  })

  test('of a batch that is done: of no interest where nothing looks back on it', async () => {
    const disk = new MemoryDisk()
    const run = await begun(disk, lines)
    const path = write('a', 'a\n', 500)
    await run.tick()
    const after = await ended(run, disk)
    rmSync(path)
    const again = await begun(after, lines, 1000)
    write('b', 'b\n', 1500)
    await again.tick()
    expect(outputs(again)).toEqual([[2000, ['"b"']]])
    await again.stop()
  })

  test('behind the checkpoint of a state: of no interest any more', async () => {
    const disk = new MemoryDisk()
    const run = await begun(disk, counts)
    const path = write('a', 'a\n', 500)
    await run.tick(6)
    const after = await ended(run, disk)
    rmSync(path)
    const again = await begun(after, counts, 6000)
    write('b', 'a\n', 6500)
    await again.tick()
    expect(again.last).toEqual(pairs({ a: 2 }))
    await again.stop()
  })
})

test('a file whose records were not whole is read again when it has been mended', async () => {
  const records: Build = (_, ssc) => ssc.binaryRecordsStream(directory, 2).map(bytes => [...bytes])
  const disk = new MemoryDisk()
  const run = await begun(disk, records)
  write('a', 'abc', 500)
  await run.tick()
  expect(run.errors.map(({ message }) => message).join()).toContain('Partial record')
  const after = await ended(run, disk)
  write('a', 'abcd', 500)
  const again = await begun(after, records, 1000)
  expect(outputs(again)).toEqual([[1000, ['[97,98]', '[99,100]']]])
  await again.stop()
})
