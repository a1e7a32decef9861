/**
 * Files of lines, as `saveParts` writes them, and what it tells of them.
 *
 * What it can't catch: that a file is whole after a power cut.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { SavedPart } from 'pelton'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'
import { rejection } from '../engine/support.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const rows = [
  'text ü😀',
  '',
  'cr\r in it',
  1,
  -0.5,
  Number.NaN,
  null,
  undefined,
  true,
  10n,
  ['k', ['v', 2]],
  { a: [1n], b: undefined },
  new Date(5),
  new Map([['a', new Set([1])]]),
]

const json = [
  '1',
  '-0.5',
  'null',
  'null',
  'null',
  'true',
  '"10"',
  '["k",["v",2]]',
  '{"a":["1"]}',
  '"1970-01-01T00:00:00.005Z"',
  '[["a",[1]]]',
]

test.each([
  ['text', ['text ü😀', '', 'cr\r in it', ...json]],
  ['json', ['"text ü😀"', '""', '"cr\\r in it"', ...json]],
] as const)('%s', async (format, lines) => {
  await inContext(async ssc => {
    const parts = await ssc.parallelize<unknown>(rows, 1).saveParts(directory, { format })
    const text = readFileSync(join(directory, 'part-00000'), 'utf8')
    expect(text).toBe(lines.map(line => `${line}\n`).join(''))
    const bytes = Buffer.byteLength(text)
    expect(parts).toEqual([{ name: 'part-00000', rows: rows.length, bytes, crc32: crc32(text) }])
  })
})

test('there is a file for each partition that has rows, and a row for each file', async () => {
  await inContext(async ssc => {
    const numbers = Array.from({ length: 50_000 }, (_, i) => i)
    const some = ssc.parallelize(numbers, 7).filter(x => x < 10_000 || x > 40_000)
    for (const format of ['text', 'objects'] as const) {
      const parts: SavedPart[] = await some.saveParts(directory, { format, fsync: false })
      expect(parts.map(({ name }) => name)).toEqual(readdirSync(directory).sort())
      expect(parts.map(part => part.rows)).toEqual([7142, 2858, 2856, 7143])
      for (const { name, ...sums } of parts) {
        const file = readFileSync(join(directory, name))
        expect(sums).toMatchObject({ bytes: file.length, crc32: crc32(file) })
      }
    }
    const read = ssc.objectFile(join(directory, '*'))
    expect(await read.collect()).toEqual(numbers.filter(x => x < 10_000 || x > 40_000))
  })
})

test('without rows there is no file', async () => {
  await inContext(async ssc => {
    expect(await ssc.emptyRDD().saveParts(directory, { format: 'objects' })).toEqual([])
    expect(readdirSync(directory)).toEqual([])
  })
})

test('a text with a line break is an error that shows it, and is not tried again', async () => {
  await inContext(async ssc => {
    const bad = ssc.parallelize(['good', 'two\nlines'], 1)
    const error = await rejection(bad.saveParts(directory, { format: 'text' }))
    expect(error.code).toBe('VALUE')
    expect(error.message).toContain('the row "two\\nlines" has a line break in it')
    expect(error.message).not.toContain('tried')
    await bad.saveParts(directory, { format: 'json' })
    expect(readFileSync(join(directory, 'part-00000'), 'utf8')).toBe('"good"\n"two\\nlines"\n')
  })
})

test('a directory that is not there is an error that names the file, and what to do', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize([1], 1)
    const error = await rejection(rdd.saveParts(join(directory, 'a'), { format: 'text' }))
    expect(error.code).toBe('DISK')
    expect(error.message).toContain(`Can't create ${directory}/a/part-00000: it does not exist`)
    expect((await rejection(rdd.saveParts('', { format: 'text' }))).code).toBe('OPTION')
    const bad = rdd.saveParts(directory, { format: 'csv' as 'text' })
    expect((await rejection(bad)).message).toContain('text, json or objects; got "csv"')
  })
})
