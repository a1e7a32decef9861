/**
 * Text files of streams: what a program sees of them. How they come to count is tested in files/.
 *
 * What it can't catch: readers of other programs.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock, Receiver } from 'pelton'
import { committedFiles, textFiles } from 'pelton/sinks'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rejection, SharedWorkers, thrown } from '../engine/support.ts'

const shared = new SharedWorkers()
afterAll(() => shared.close())

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(async () => {
  rmSync(home, { recursive: true })
  await shared.check()
})

class Told extends Receiver<string> {
  onStart() {}
  onStop() {}
}

/** Lines by batch, in the order of partitions. */
async function linesOf(directory: string): Promise<Record<number, string[]>> {
  const found: Record<number, string[]> = {}
  for (const { path, time, rows } of await committedFiles(directory)) {
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
    expect(lines).toHaveLength(rows)
    found[time] = [...(found[time] ?? []), ...lines]
  }
  return found
}

test('each batch is there, its rows in order', async () => {
  const { ssc, tick } = shared.rig()
  const out = join(home, 'a', 'out')
  ssc
    .queueStream<unknown>([['a', 'ü'], [], [['k', 1], { x: [2n] }, 3], null as never, ['z']])
    .to(textFiles(out, { prefix: 'w.1' }))
  await ssc.start()
  await tick(5)
  await ssc.stop()
  expect(await linesOf(out)).toEqual({
    1000: ['a', 'ü'],
    3000: ['["k",1]', '{"x":["2"]}', '3'],
    5000: ['z'],
  })
  const names = readdirSync(out).filter(name => name !== '_manifest')
  for (const name of names) expect(name).toMatch(/^w\.1-\d000-000\d\d-[\da-f]{8}\.txt$/)
  expect(readdirSync(join(out, '_manifest')).sort()).toEqual([
    '1000.json',
    '2000.json',
    '3000.json',
    '5000.json',
    'format.json',
  ])
})

test('batches hold what foreachRDD sees, with many partitions and large batches', async () => {
  const { ssc, tick } = shared.rig()
  const seen: Record<number, string[]> = {}
  const input = [30_000, 1, 0, 200_000].map((count, batch) =>
    Array.from({ length: count }, (_, i) => `${batch}:${i}`),
  )
  const words = ssc.queueStream(input).repartition(100)
  words.foreachRDD(async (rdd, time) => {
    const rows = await rdd.collect()
    if (rows.length > 0) seen[time] = rows
  })
  words.to(textFiles(join(home, 'out')))
  const counts = words.map(w => [w.slice(0, 3), 1] as [string, number]).reduceByKey((a, b) => a + b)
  counts.to(textFiles(join(home, 'counts'), { fsync: false }))
  await ssc.start()
  await tick(4)
  await ssc.stop()
  expect(await linesOf(join(home, 'out'))).toEqual(seen)
  const sums = Object.values(await linesOf(join(home, 'counts'))).flat()
  const all = sums.reduce((sum, line) => sum + JSON.parse(line)[1], 0)
  expect(all).toBe(230_001)
})

test('batches that run side by side are committed in order', async () => {
  const { ssc, clock } = shared.rig({ concurrentJobs: 3 })
  const out = join(home, 'out')
  const input = Array.from({ length: 12 }, (_, i) => [`${i}`])
  ssc.queueStream([...input]).to(textFiles(out, { rollBatches: 5 }))
  await ssc.start()
  clock.advance(12_000)
  await ssc.whenIdle()
  await ssc.stop()
  expect(Object.values(await linesOf(out)).flat()).toEqual(input.flat())
})

test('a context that begins anew begins behind what is there', async () => {
  const out = join(home, 'out')
  for (const [word, ticks] of [
    ['old', 2],
    ['new', 4],
  ] as const) {
    const { ssc, tick } = shared.rig()
    ssc.queueStream([[word], [word], [word]]).to(textFiles(out))
    await ssc.start()
    await tick(ticks)
    await ssc.stop()
  }
  expect(await linesOf(out)).toEqual({ 1000: ['old'], 2000: ['old'], 3000: ['new'], 4000: ['new'] })
})

test('the last batch of a graceful stop, ahead of the clock, is no other batch’s', async () => {
  const out = join(home, 'out')
  for (const word of ['old', 'new']) {
    const { ssc, clock } = shared.rig({ batchInterval: 60_000 })
    const receiver = new Told()
    ssc.receiverStream(receiver).to(textFiles(out, { rollBatches: 1 }))
    await ssc.start()
    await receiver.store(word)
    clock.advance(10)
    await ssc.stop({ graceful: true })
  }
  expect(await linesOf(out)).toEqual({ 60000: ['old'], 120000: ['new'] })
})

test('batches far ahead of the clock are an error of start(), some ahead a warning', async () => {
  const out = join(home, 'out')
  const clock = new ManualClock(3_600_000)
  const later = shared.rig({ clock })
  later.ssc.queueStream([['a']]).to(textFiles(out))
  await later.ssc.start()
  clock.advance(1000)
  await later.ssc.whenIdle()
  await later.ssc.stop()
  const far = shared.rig()
  far.ssc.queueStream([['b']]).to(textFiles(out))
  const error = await rejection(far.ssc.start())
  expect(error.code).toBe('CLOCK')
  expect(error.message).toContain('has batches up to 3601000 ms, and the clock shows 0 ms')
  const near = shared.rig({ clock: new ManualClock(3_590_000) })
  near.ssc.queueStream([['b']]).to(textFiles(out))
  await near.ssc.start()
  expect(near.warnings).toEqual([expect.stringContaining('the first batch is that of 3602000 ms')])
  await near.ssc.stop()
})

test('a batch with a bad row fails, is said, and leaves nothing; later ones go on', async () => {
  const { ssc, tick, errors } = shared.rig()
  const out = join(home, 'out')
  ssc.queueStream([['a'], ['b', 'c\nd'], ['e']]).to(textFiles(out))
  await ssc.start()
  await tick(3)
  const error = await rejection(ssc.awaitTermination())
  await ssc.stop()
  expect(error).toMatchObject({ code: 'VALUE', operator: 'to', batchTime: 2000 })
  expect(error.message).toMatch(/to at .*text-files\.test\.ts:\d+:\d+ failed: the row "c\\nd"/)
  expect(errors).toHaveLength(1)
  expect(await linesOf(out)).toEqual({ 1000: ['a'], 3000: ['e'] })
  expect(readdirSync(out)).toHaveLength(3)
})

test('files have the mode that others have', async () => {
  const { ssc, tick } = shared.rig()
  const out = join(home, 'out')
  const mask = process.umask(0o022)
  try {
    ssc.queueStream([['a']]).to(textFiles(out, { rollBatches: 1 }))
    await ssc.start()
    await tick()
    await ssc.stop()
  } finally {
    process.umask(mask)
  }
  const mode = (path: string): number => statSync(path).mode & 0o777
  expect([out, join(out, '_manifest')].map(mode)).toEqual([0o755, 0o755])
  const [file] = await committedFiles(out)
  const manifest = ['format.json', '1000-1000.json'].map(name => join(out, '_manifest', name))
  expect([file!.path, ...manifest].map(mode)).toEqual([0o644, 0o644, 0o644])
})

describe('what is wrong with it', () => {
  test('a directory that can’t be is told by start()', async () => {
    const { ssc } = shared.rig()
    ssc.queueStream([['a']]).to(textFiles(join(process.execPath, 'out')))
    const error = await rejection(ssc.start())
    expect(error.code).toBe('DISK')
    expect(error.message).toContain(`Can't use the directory ${process.execPath}/out`)
    expect(ssc.getState()).toBe('STOPPED')
  })

  test('two sinks in one directory', async () => {
    const { ssc } = shared.rig()
    const stream = ssc.queueStream([['a']])
    stream.to(textFiles(home))
    stream.to(textFiles(home))
    const error = await rejection(ssc.start())
    expect(error.code).toBe('DIRECTORY_IN_USE')
    expect(error.message).toContain('this very process')
    // The first one has been closed.
    const next = shared.rig()
    next.ssc.queueStream([['a']]).to(textFiles(home))
    await next.ssc.start()
    await next.ssc.stop()
  })

  test('a directory that went away fails the batch, and says which', async () => {
    const { ssc, tick } = shared.rig()
    const out = join(home, 'out')
    ssc.queueStream([['a'], ['b']]).to(textFiles(out))
    await ssc.start()
    await tick()
    rmSync(out, { recursive: true })
    mkdirSync(out)
    await tick()
    const error = await rejection(ssc.awaitTermination())
    expect(error.code).toBe('DISK')
    expect(error.message).toContain(`Can't create ${out}/_manifest/parts-`)
    await ssc.stop()
  })

  test.each([
    ['', {}, /textFiles: the directory is ""; give a path/],
    [5, {}, /textFiles: the directory is 5/],
    ['a\0b', {}, /textFiles: the directory is /],
    ['a', 'b', /textFiles: the second argument is "b"; give options/],
    ['a', { prefix: '../x' }, /textFiles: prefix is "..\/x"; it has to be up to 100 letters/],
    ['a', { prefix: '.x' }, /prefix is ".x"/],
    ['a', { fsync: 1 }, /fsync is 1; it must be true or false/],
    ['a', { emptyBatches: 'no' }, /emptyBatches is "no"/],
    ['a', { rollBatches: 0 }, /rollBatches is 0; it must be a whole number from 1 up/],
  ])('%j, %j', (directory, options, message) => {
    const error = thrown(() => textFiles(directory as string, options as object))
    expect(error).toMatchObject({ name: 'PeltonError', code: 'OPTION', operator: 'textFiles' })
    expect(error.message).toMatch(message)
  })
})
