/**
 * Ranges of files: any way of cutting gives the same rows as reading the whole.
 * What this can't catch: a file that changes its contents but not its length while it is read.
 */
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type FilePiece, fileRows } from '../../src/engine/file-pieces.ts'
import { rangesOf } from '../../src/receivers/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'pelton-files-'))
afterAll(() => rmSync(directory, { recursive: true }))
const path = join(directory, 'file.txt')

const MiB = 1024 * 1024

function lines(from: number, to: number): FilePiece {
  return { kind: 'lines', path, from, to, length: 0 }
}

/** What a line is, said once more and plainly. */
function split(text: string): string[] {
  const all = text.replace(/^\ufeff/, '').split('\n')
  if (all.at(-1) === '') all.pop()
  return all.map(line => line.replace(/\r$/, ''))
}

function read(pieces: readonly FilePiece[], bufferBytes?: number): unknown[] {
  return pieces.flatMap(piece => [...fileRows(piece, bufferBytes)].flat())
}

function ranges(bytes: number, range: number): FilePiece[] {
  return Array.from({ length: Math.ceil(bytes / range) }, (_, i) =>
    lines(i * range, Math.min(bytes, (i + 1) * range)),
  )
}

describe('lines', () => {
  test('every range size and buffer size of a small text', () => {
    const text = '\ufeffé\r\n\n😀日\rb\r\n\r\n\nlast'
    const bytes = Buffer.from(text)
    writeFileSync(path, bytes)
    for (let range = 1; range <= bytes.length; range++) {
      for (const buffer of [3, 4, 5, 7, 64]) {
        expect(read(ranges(bytes.length, range), buffer)).toEqual(split(text))
      }
    }
  })

  test('any text, ranges and buffer', () => {
    const unit = fc.constantFrom('a', 'é', '語', '😀', '\r', '\n', '\r\n', '\ufeff')
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 80 }),
        fc.array(fc.nat({ max: 300 }), { maxLength: 8 }),
        fc.integer({ min: 3, max: 40 }),
        (text, places, buffer) => {
          const bytes = Buffer.from(text)
          writeFileSync(path, bytes)
          const cuts = places.map(place => place % (bytes.length + 1)).sort((a, b) => a - b)
          const ends = [...new Set([...cuts, bytes.length])].filter(end => end > 0)
          const pieces = ends.map((end, i) => lines(ends[i - 1] ?? 0, end))
          expect(read(pieces, buffer)).toEqual(split(text))
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('any bytes: what is no UTF-8 becomes U+FFFD', () => {
    const byte = fc.constantFrom(10, 13, 65, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0xff)
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (list, range) => {
          const bytes = Buffer.from(list)
          writeFileSync(path, bytes)
          expect(read(ranges(bytes.length, range), 4)).toEqual(split(bytes.toString()))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('lines longer than the range and than the buffer of 1 MiB', () => {
    const text = [
      'short',
      'a'.repeat(3 * MiB),
      '',
      'é'.repeat(700_000),
      ...Array.from({ length: 1000 }, (_, i) => `line ${i}`),
      'z'.repeat(MiB),
    ].join('\n')
    const bytes = Buffer.from(text)
    writeFileSync(path, bytes)
    const expected = split(text)
    for (const range of [100_000, MiB, bytes.length]) {
      const rows = read(ranges(bytes.length, range))
      expect(rows.length).toBe(expected.length)
      expect(rows.every((row, i) => row === expected[i])).toBe(true)
    }
  })

  test('a file that has grown gives what was listed, its last line whole', () => {
    writeFileSync(path, 'one\ntwo\nthree\n')
    expect(read([lines(0, 6)])).toEqual(['one', 'two'])
    expect(read([lines(0, 3)])).toEqual(['one'])
    expect(read([lines(0, 4)])).toEqual(['one'])
  })

  test('a range within a line has nothing', () => {
    writeFileSync(path, 'one long line\nx')
    expect(read([lines(1, 5)])).toEqual([])
    expect(read([lines(4, 14)])).toEqual([])
    expect(read([lines(4, 15)])).toEqual(['x'])
  })
})

describe('what can go wrong', () => {
  test('the file has gone', () => {
    const gone: FilePiece = { ...lines(0, 3), path: join(directory, 'gone.txt') }
    expect(() => read([gone])).toThrow(/can't read .*gone\.txt: ENOENT.*leave files in place/)
  })

  test('it can not be read', () => {
    expect(() => read([{ ...lines(0, 3), path: directory }])).toThrow(
      /can't read .*pelton-files.*: EISDIR.*give this process the right to read it/,
    )
  })

  test.each([
    [0, 14],
    [4, 14],
    [9, 14],
    [10, 14],
    [13, 14],
  ])('it is shorter than it was: %d to %d', (from, to) => {
    writeFileSync(path, 'one\ntwo\nthree\n')
    truncateSync(path, 10)
    expect(() => read([lines(from, to)])).toThrow(
      /file\.txt has 10 bytes now, fewer than the 14 .*when it was listed.*rename it/,
    )
  })

  test('a line has no end', () => {
    const sparse = join(directory, 'sparse')
    const fd = openSync(sparse, 'w')
    writeSync(fd, 'x', 300 * MiB)
    closeSync(fd)
    const piece = { ...lines(0, 1), path: sparse }
    expect(() => read([piece], 64 * MiB)).toThrow(/sparse.*longer than 268435456 bytes; is this a/)
  })
})

describe('records', () => {
  const records = (from: number, to: number, length: number): FilePiece => ({
    kind: 'records',
    path,
    from,
    to,
    length,
  })

  test('any length, ranges and buffer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.nat({ max: 50 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 3, max: 20 }),
        (length, count, perRange, buffer) => {
          const bytes = Uint8Array.from({ length: length * count }, (_, i) => i)
          writeFileSync(path, bytes)
          const pieces: FilePiece[] = []
          const range = perRange * length
          for (let at = 0; at < bytes.length; at += range) {
            pieces.push(records(at, Math.min(bytes.length, at + range), length))
          }
          const expected = Array.from({ length: count }, (_, i) =>
            bytes.slice(i * length, (i + 1) * length),
          )
          expect(read(pieces, buffer)).toEqual(expected)
        },
      ),
    )
  })

  test('records larger than what is read at once', () => {
    const length = 3 * MiB + 1
    writeFileSync(path, Buffer.alloc(length * 2, 'ab'))
    const rows = read([records(0, length * 2, length)]) as Uint8Array[]
    expect(rows.map(row => row.length)).toEqual([length, length])
    expect(rows[1]![0]).toBe('b'.charCodeAt(0))
  })

  test('a file that is shorter than it was', () => {
    writeFileSync(path, Buffer.alloc(10))
    expect(() => read([records(0, 12, 4)])).toThrow(/has 10 bytes now, fewer than the 12/)
  })
})

describe('rangesOf', () => {
  test('covers each file once, in ranges of 1 to 64 MiB', () => {
    const size = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 5 * MiB }), fc.nat({ max: 5e9 }))
    fc.assert(
      fc.property(
        fc.array(size, { maxLength: 10 }),
        fc.integer({ min: 1, max: 64 }),
        (sizes, partitions) => {
          const files = sizes.map((bytes, i) => ({ path: `f${i}`, bytes }))
          const pieces = rangesOf(files, partitions)
          for (const file of files) {
            const own = pieces.filter(piece => piece.path === file.path)
            expect(own[0]?.from ?? 0).toBe(0)
            own.forEach((piece, i) => void expect(piece.from).toBe(own[i - 1]?.to ?? 0))
            expect(own.at(-1)?.to ?? 0).toBe(file.bytes)
            for (const { from, to } of own) expect(to - from).toBeLessThanOrEqual(64 * MiB)
            for (const { from, to } of own.slice(0, -1)) {
              expect(to - from).toBeGreaterThanOrEqual(MiB)
            }
          }
          expect(rangesOf(files, partitions)).toEqual(pieces)
        },
      ),
    )
  })

  test('cuts between records', () => {
    const pieces = rangesOf([{ path: 'f', bytes: 7 * 1_000_000 }], 4, 7)
    expect(pieces.length).toBeGreaterThan(3)
    for (const { from, to } of pieces) expect([from % 7, to % 7]).toEqual([0, 0])
    expect(pieces.every(piece => piece.kind === 'records' && piece.length === 7)).toBe(true)
  })

  test('a record cut off at the end is an error with file and sizes', () => {
    expect(() => rangesOf([{ path: 'in/a.bin', bytes: 103 }], 4, 10)).toThrow(
      /Partial record \(length = 3\).*in\/a\.bin: its 103 bytes.*recordLength 10/,
    )
  })
})
