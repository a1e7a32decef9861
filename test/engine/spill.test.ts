/**
 * Windows that are larger than the memory: what they give, and what they leave behind.
 *
 * What it can't catch: a disk that is full (the results stay in memory then, with a warning).
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DStream, ManualClock, Receiver, StreamingContext } from 'pelton'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const mib = 2 ** 20
const memory = 16 * mib
const rowsPerBatch = 12_000
const batches = 75
const keys = 100

/** More than a MiB a batch. */
const rowsOf = (batch: number): string[] =>
  Array.from({ length: rowsPerBatch }, (_, i) => `key ${(i * 7 + batch) % keys} ${'x'.repeat(80)}`)

class Told extends Receiver<string> {
  onStart() {}
  onStop() {}
}

interface Outcome {
  readonly last: unknown[]
  readonly seen: string[]
  readonly bytesMost: number
  readonly warnings: string[]
}

async function run(
  build: (rows: DStream<string>) => DStream<unknown>,
  options: object,
): Promise<Outcome> {
  const clock = new ManualClock(0)
  const warnings: string[] = []
  const ssc = new StreamingContext({
    batchInterval: 1000,
    clock,
    workers: 2,
    memory,
    handleSignals: false,
    logger: { warn: message => warnings.push(message), error() {} },
    ...options,
  })
  const receiver = new Told()
  let last: unknown[] = []
  let bytesMost = 0
  const errors: unknown[] = []
  ssc.on('error', ({ error }) => errors.push(error))
  build(ssc.receiverStream(receiver)).foreachRDD(async rdd => {
    last = await rdd.collect()
  })
  await ssc.start()
  for (let batch = 0; batch < batches; batch++) {
    await receiver.store(rowsOf(batch))
    clock.advance(1000)
    await ssc.whenIdle()
    bytesMost = Math.max(bytesMost, ssc.metrics().arenaBytes)
  }
  expect(errors).toEqual([])
  const seen = readdirSync(directory).filter(name => name.includes(`spill-${process.pid}-`))
  for (const folder of seen) {
    expect(statSync(join(directory, folder)).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(join(directory, folder))) {
      expect(statSync(join(directory, folder, file)).mode & 0o777).toBe(0o600)
    }
  }
  await ssc.stop()
  return { last, seen, bytesMost, warnings }
}

const length = 70
const counted = (): [string, number][] => {
  const counts = new Map<string, number>()
  for (let batch = batches - length; batch < batches; batch++) {
    for (const row of rowsOf(batch)) {
      const key = row.split(' ')[1]!
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  return [...counts].sort()
}

const programs: Record<string, (rows: DStream<string>) => DStream<unknown>> = {
  'a window of rows': rows =>
    rows
      .window(length * 1000, 25_000)
      .map(row => [row.split(' ')[1]!, 1] as [string, number])
      .reduceByKey((a, b) => a + b),
  'a window that slides by an inverse': rows =>
    rows
      .map(row => [row, 1] as [string, number])
      .groupByKey()
      .mapValues(ones => ones.length)
      .map(([row, n]) => [row.split(' ')[1]!, n] as [string, number])
      .reduceByKeyAndWindow(
        (a, b) => a + b,
        (a, b) => a - b,
        length * 1000,
        1000,
      ),
}

describe.each(Object.entries(programs))('%s of five times the memory', (_, build) => {
  test('gives what it would with room, and leaves no file behind', async () => {
    const { last, bytesMost, warnings } = await run(build, { spillDir: directory })
    expect([...(last as [string, number][])].sort()).toEqual(counted())
    expect(bytesMost).toBeLessThan(memory)
    expect(readdirSync(directory)).toEqual([])
    expect(warnings).toEqual([])
  })
})

test('files are for their user alone; what dead processes have left is removed', async () => {
  const dead = join(directory, 'pelton-spill-999999999-abc')
  const other = join(directory, 'pelton-spill-notes')
  mkdirSync(dead)
  mkdirSync(other)
  const { seen } = await run(programs['a window of rows']!, { spillDir: directory })
  expect(seen).toHaveLength(1)
  expect(existsSync(dead)).toBe(false)
  expect(readdirSync(directory)).toEqual(['pelton-spill-notes'])
})
