/**
 * Real processes that are killed again and again, each of which goes on where the one before it
 * ended: the files that count have each row once.
 *
 * What it can't catch: what a machine that stops loses.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { BatchContext } from 'pelton'
import { committedFiles } from 'pelton/sinks'
import { afterAll, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../fixtures/killed.ts', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'pelton-test-'))
afterAll(() => rmSync(home, { recursive: true }))

const rows = 80

/** Runs the program; gives the signal it died of, and what it said. */
async function run(directory: string, killAt = 0, killRow = '') {
  const args = [program, directory, String(killAt), killRow]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => (output += chunk))
  const [code, signal] = await once(child, 'close')
  if (!signal) expect({ code, output }).toMatchObject({ code: 0 })
  return { signal, operations: Number(/^operations (\d+)$/.exec(output.trim())?.[1]) }
}

/** Numbers of the rows in text files, each file looked at. */
async function inText(directory: string): Promise<number[]> {
  const found: number[] = []
  if (!existsSync(join(directory, 'text', '_manifest'))) return found
  for (const { path, ...sums } of await committedFiles(join(directory, 'text'))) {
    const bytes = readFileSync(path)
    const lines = bytes.toString().split('\n').slice(0, -1)
    expect(sums).toMatchObject({ rows: lines.length, bytes: bytes.length, crc32: crc32(bytes) })
    for (const line of lines) found.push(Number(line.slice(0, 3)))
  }
  return found
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (numbers: number[]): number[] => numbers.sort((a, b) => a - b)

async function checkAll(directory: string): Promise<void> {
  expect(sorted(await inText(directory))).toEqual(upTo(rows))
  await using bc = new BatchContext({ workers: 1 })
  const objects: number[] = []
  for (const { path } of await committedFiles(join(directory, 'objects'))) {
    const pairs = await bc.objectFile<[number, string]>(path).collect()
    for (const [, row] of pairs) objects.push(Number(row.slice(0, 3)))
  }
  expect(sorted(objects)).toEqual(upTo(rows))
  for (const name of ['text', 'objects']) {
    const files = await committedFiles(join(directory, name))
    expect(readdirSync(join(directory, name))).toHaveLength(files.length + 1)
    const left = readdirSync(join(directory, name, '_manifest'))
    // Whoever is killed while it takes the lock leaves a file of a few bytes.
    const known = /^[\d-]+\.json$|^format\.json$|^\.lock-/
    expect(left.filter(file => !known.test(file))).toEqual([])
  }
}

test('rows are there once after processes were killed', async () => {
  const { operations } = await run(join(home, 'whole'))
  expect(operations).toBeGreaterThan(100)
  await checkAll(join(home, 'whole'))
  const directory = join(home, 'killed')
  let kills = 0
  let last = 0
  const check = async (): Promise<void> => {
    const found = sorted(await inText(directory))
    // Whole batches, from the first one on, and never fewer than before.
    expect(found).toEqual(upTo(found.length))
    expect(found.length % 16).toBe(0)
    expect(found.length).toBeGreaterThanOrEqual(last)
    last = found.length
  }
  // A little more each time, so that every process gets somewhere else.
  for (let i = 1; i <= 7; i++) {
    const { signal } = await run(directory, Math.floor((operations * i) / 12), i === 6 ? '070' : '')
    if (signal === 'SIGKILL') kills++
    await check()
  }
  expect((await run(directory, 0, '079')).signal).toBe('SIGKILL')
  await check()
  expect((await run(directory)).signal).toBe(null)
  await checkAll(directory)
  expect(kills).toBeGreaterThan(4)
})
