/**
 * Files of rows as they are: what a stream wrote is what `objectFile` reads.
 *
 * What it can't catch: readers of other versions.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { committedFiles, objectFiles } from 'pelton/sinks'
import { afterAll, expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'
import { SharedWorkers, thrown } from '../engine/support.ts'

const shared = new SharedWorkers()
const home = mkdtempSync(join(tmpdir(), 'pelton-test-'))
afterAll(async () => {
  rmSync(home, { recursive: true })
  await shared.close()
})

test('rows of every type come back, batch by batch', async () => {
  const batches: unknown[][] = [
    ['two\nlines', -0, undefined, 10n],
    [],
    [new Map([['a', new Set([1])]]), new Date(5), { a: Number.NaN }, new Uint8Array([1, 2])],
  ]
  const { ssc, tick } = shared.rig()
  ssc.queueStream([...batches]).to(objectFiles(home, { prefix: 'rows' }))
  await ssc.start()
  await tick(3)
  await ssc.stop()
  const found: Record<number, unknown[]> = {}
  await inContext(async reader => {
    for (const { path, time, rows } of await committedFiles(home)) {
      const read = await reader.objectFile(path).collect()
      expect(read).toHaveLength(rows)
      found[time] = [...(found[time] ?? []), ...read]
    }
  })
  expect(found).toEqual({ 1000: batches[0], 3000: batches[2] })
  await shared.check()
})

test('errors name it', () => {
  expect(thrown(() => objectFiles('')).message).toMatch(/^objectFiles: the directory is ""/)
})
