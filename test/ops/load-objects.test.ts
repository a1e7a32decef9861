/**
 * Object files that are no whole ones; that whole ones come back is tested in save-objects.
 *
 * What it can't catch: changed bytes within a row that still spell one.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a file that was cut somewhere is an error that names the place', async () => {
  await inContext(async ssc => {
    const out = join(directory, 'out')
    await ssc.parallelize(['a', 'bc', 'd'], 1).saveAsObjectFile(out)
    const bytes = readFileSync(join(out, 'part-00000'))
    const ends = [17, 23, 30, 36]
    expect(bytes.length).toBe(ends.at(-1))
    const path = join(directory, 'cut')
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length))
      const rows = ends.indexOf(length)
      const reading = ssc.objectFile(path).collect()
      if (rows >= 0) expect(await reading).toEqual(['a', 'bc', 'd'].slice(0, rows))
      else await expect(reading).rejects.toThrow(`${path} is no whole object file`)
    }
  })
})

test('files of another kind, lengths beyond the limit and missing paths are errors', async () => {
  await inContext(async ssc => {
    const path = join(directory, 'other')
    writeFileSync(path, 'just some text, long enough')
    await expect(ssc.objectFile(path).collect()).rejects.toThrow('it does not begin as one')
    writeFileSync(path, Buffer.from('pelton objects 1\n\xff\xff\xff\xff', 'latin1'))
    await expect(ssc.objectFile(path).collect()).rejects.toThrow('no whole row at byte 17')
    writeFileSync(path, Buffer.from('pelton objects 1\n\x01\x00\x00\x00\x63', 'latin1'))
    await expect(ssc.objectFile(path).collect()).rejects.toThrow("the row at byte 17 can't be read")
    const missing = ssc.objectFile(join(directory, 'missing'))
    await expect(missing.collect()).rejects.toThrow('Input path does not exist')
    mkdirSync(join(directory, 'empty'))
    expect(await ssc.objectFile(join(directory, 'empty')).collect()).toEqual([])
    expect(() => ssc.objectFile('')).toThrow('objectFile: the path is ""')
  })
})
