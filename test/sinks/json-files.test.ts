/**
 * Files of JSON of a stream.
 *
 * What it can't catch: readers of other programs.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { committedFiles, jsonFiles } from 'pelton/sinks'
import { afterAll, expect, test } from 'vitest'
import { SharedWorkers, thrown } from '../engine/support.ts'

const shared = new SharedWorkers()
const home = mkdtempSync(join(tmpdir(), 'pelton-test-'))
afterAll(async () => {
  rmSync(home, { recursive: true })
  await shared.close()
})

test('a row is a line, whatever is in it', async () => {
  const { ssc, tick } = shared.rig()
  const rows = ['two\nlines', { a: 'ü', b: [null, true] }, 1.5, '\ud800', ['k', 'v']]
  ssc.queueStream<unknown>([rows, []], { partitions: 2 } as object).to(jsonFiles(home))
  await ssc.start()
  await tick(2)
  await ssc.stop()
  const files = await committedFiles(home)
  const text = files.map(({ path }) => readFileSync(path, 'utf8')).join('')
  const lines = text.split('\n').slice(0, -1)
  expect(lines.map(line => JSON.parse(line))).toEqual(rows)
  expect(files.every(({ path, time }) => path.endsWith('.jsonl') && time === 1000)).toBe(true)
  await shared.check()
})

test('errors name it', () => {
  expect(thrown(() => jsonFiles('')).message).toMatch(/^jsonFiles: the directory is ""/)
})
