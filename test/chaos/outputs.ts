/** What the job has left in its directory, and whether that is right. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WriteAheadLog } from '../../src/durable/log.ts'
import { NodeDisk } from '../../src/durable/node-disk.ts'
import { entryOf } from '../../src/engine/journal.ts'
import { batchMs, windowBatches } from './job-times.ts'
import { numberOf, rowOf, wordOf } from './rows.ts'

interface OutputBatch {
  readonly time: number
  readonly rows: readonly string[]
}

type Pairs = [word: string, value: number][]

const text = (path: string): string => readFileSync(path, 'utf8')

/** The batches that have a manifest, with the rows of the parts that it names. */
export function readBatches(out: string): OutputBatch[] {
  return readdirSync(out)
    .filter(name => name.startsWith('manifest-'))
    .map(name => ({
      time: Number(name.slice('manifest-'.length)),
      rows: (JSON.parse(text(join(out, name))) as string[]).flatMap(part =>
        text(join(out, part)).split('\n').slice(0, -1),
      ),
    }))
    .sort((a, b) => a.time - b.time)
}

/** How many rows are in the newest state; 0 where there is none. */
export function countedRows(out: string): number {
  const times = readdirSync(out)
    .filter(name => name.startsWith('counts-'))
    .map(name => Number(name.slice('counts-'.length)))
  if (times.length === 0) return 0
  return valueSum(readPairs(out, 'counts', Math.max(...times)))
}

const readPairs = (out: string, name: string, time: number): Pairs =>
  JSON.parse(text(join(out, `${name}-${time}`)))

const valueSum = (pairs: Pairs): number => pairs.reduce((sum, [, value]) => sum + value, 0)

const asText = (pairs: Iterable<readonly [string, number]>): string =>
  [...pairs]
    .map(pair => JSON.stringify(pair))
    .sort()
    .join(' ')

function tally(rows: Iterable<string>, weight: (row: string) => number): Map<string, number> {
  const found = new Map<string, number>()
  for (const row of rows) {
    const word = wordOf(numberOf(row))
    found.set(word, (found.get(word) ?? 0) + weight(row))
  }
  return found
}

/** What is wrong with the states of batches, each of which must fit the rows of all before it. */
export function wrongStates(out: string, batches: readonly OutputBatch[]): string[] {
  const faults: string[] = []
  const rows: string[] = []
  for (const [i, { time, rows: added }] of batches.entries()) {
    rows.push(...added)
    const window = batches.slice(0, i + 1).filter(one => one.time > time - windowBatches * batchMs)
    const expected: [string, Map<string, number>][] = [
      ['counts', tally(rows, () => 1)],
      ['sums', tally(rows, numberOf)],
      [
        'window',
        tally(
          window.flatMap(one => one.rows),
          () => 1,
        ),
      ],
    ]
    for (const [name, pairs] of expected) {
      const [is, must] = [asText(readPairs(out, name, time)), asText(pairs)]
      if (is !== must) faults.push(`${name}-${time} is ${is}, and must be ${must}`)
    }
    const gap = i === 0 ? batchMs : time - batches[i - 1]!.time
    if (gap !== batchMs) faults.push(`${gap} ms lie between batch ${time} and the one before`)
  }
  return faults
}

/** What is wrong with rows that must be 0 to `count` - 1, each once. */
export function wrongRows(rows: readonly string[], count: number): string[] {
  const times = new Map<string, number>()
  for (const row of rows) times.set(row, (times.get(row) ?? 0) + 1)
  const expected = new Set(Array.from({ length: count }, (_, i) => rowOf(i)))
  return [
    ...[...expected].filter(row => !times.has(row)).map(row => `row "${row}" is missing`),
    ...[...times].filter(([, n]) => n > 1).map(([row, n]) => `row "${row}" is there ${n} times`),
    ...[...times.keys()].filter(row => !expected.has(row)).map(row => `row "${row}" is unknown`),
  ]
}

/** All rows of a log, from copies of all the files that it ever had. */
export async function loggedRows(directory: string): Promise<string[]> {
  const log = await WriteAheadLog.open(await NodeDisk.open(directory), { now: () => 0 })
  const rows: string[] = []
  for await (const record of log.read()) {
    const entry = entryOf(record)
    if (entry.kind !== 'rows') continue
    const { data } = entry.rows
    rows.push(
      ...Buffer.from(data as Uint8Array)
        .toString()
        .split('\n')
        .slice(0, -1),
    )
  }
  await log.close()
  return rows
}
