import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UsageError } from '../../bench/arguments.ts'
import { cut, openNumbers, openText, readNumbers, readText } from '../../bench/data.ts'
import { openPairs } from '../../bench/workloads/w2.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pelton-bench-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (name: string, bytes: string | ArrayBufferView): void =>
  writeFileSync(join(folder, name), bytes as string)

function batchesOf(text: string): { words: number; batches: string[] } {
  write('w1.txt', text)
  const file = openText(folder, 'w1.txt')
  const batches = file.batches.map(range => Buffer.from(readText(file, range)).toString())
  return { words: file.words, batches }
}

describe('text', () => {
  it('is cut into ten batches of whole lines', () => {
    const lines = Array.from({ length: 25 }, (_, i) => `line ${i}\n`)
    const { words, batches } = batchesOf(lines.join(''))
    expect(words).toBe(50)
    expect(batches).toHaveLength(10)
    expect(batches.map(batch => batch.split('\n').length - 1)).toEqual([
      2, 3, 2, 3, 2, 3, 2, 3, 2, 3,
    ])
    expect(batches.join('')).toBe(lines.join(''))
  })

  it('may lack the last newline, and may have fewer lines than batches', () => {
    expect(batchesOf('a b\nc')).toEqual({ words: 3, batches: ['a b\n', 'c'] })
    expect(batchesOf('a\nb\n')).toEqual({ words: 2, batches: ['a\n', 'b\n'] })
  })

  it('is found across the pieces in which it is read', () => {
    // A piece is one mebibyte; lines of seven bytes end at every offset of a piece's border.
    const lines = Array.from({ length: 400_000 }, (_, i) => `${100_000 + (i % 900_000)}\n`)
    const { words, batches } = batchesOf(lines.join(''))
    expect(words).toBe(400_000)
    expect(batches.map(batch => batch.length)).toEqual(Array(10).fill(280_000))
    expect(batches.join('') === lines.join('')).toBe(true)
  })

  it('must not be empty', () => {
    expect(() => batchesOf('')).toThrow(/w1\.txt is empty/)
  })
})

describe('numbers', () => {
  it('are read from .f64, or from .i64 where there is no .f64', () => {
    write('a.f64', new Float64Array([1.5, -0, 3]))
    write('a.i64', new BigInt64Array([9n]))
    const limit = BigInt(Number.MAX_SAFE_INTEGER)
    write('b.i64', new BigInt64Array([0n, -1n, limit, -limit, 2n ** 32n, -(2n ** 32n) - 5n]))
    const a = openNumbers(folder, 'a')
    expect(a).toMatchObject({ format: 'f64', rows: 3 })
    expect([...readNumbers(a, 1, 3)]).toEqual([-0, 3])
    expect([...readNumbers(openNumbers(folder, 'b'), 0, 6)]).toEqual([
      0,
      -1,
      Number(limit),
      -Number(limit),
      2 ** 32,
      -(2 ** 32) - 5,
    ])
  })

  it('that are not exact are an error that names file and row', () => {
    write('c.i64', new BigInt64Array([1n, 2n ** 53n + 1n]))
    expect(() => readNumbers(openNumbers(folder, 'c'), 0, 2)).toThrow(/c\.i64 row 1: .* not exact/)
  })

  it('must fill whole rows and exist', () => {
    write('d.f64', new Uint8Array(12))
    expect(() => openNumbers(folder, 'd')).toThrow(/d\.f64 has 12 bytes: expected 8/)
    expect(() => openNumbers(folder, 'e')).toThrow(/no e\.f64 or e\.i64 in .*it is generated/)
    expect(() => openNumbers(folder, 'e')).toThrow(UsageError)
  })

  it('come in pairs of equal number', () => {
    write('w2_keys.f64', new Float64Array(3))
    write('w2_vals.f64', new Float64Array(2))
    expect(() => openPairs(folder)).toThrow(
      /w2_keys\.f64 has 3 rows .* has 2: need one value a key/,
    )
  })
})

it('cuts as parallelize does, without empty slices', () => {
  expect(cut(7, 3)).toEqual([
    { from: 0, to: 2 },
    { from: 2, to: 4 },
    { from: 4, to: 7 },
  ])
  expect(cut(2, 10)).toEqual([
    { from: 0, to: 1 },
    { from: 1, to: 2 },
  ])
})
