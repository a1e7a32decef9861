/**
 * Where the workload data lies and how it is read: text by ranges of lines, numbers by ranges of
 * rows, so that no variant needs more memory than its own form of the input.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './arguments.ts'
import { DATA_VERSION, type DataFile, generate } from './generate.ts'

/** W1 and W2 are cut into this many batches, unless something else is asked for. */
export const BATCHES = 10

const SCAN_BYTES = 1 << 20
const SPACE = 32
const NEWLINE = 10

/** The folder of generated data for a scale; the version of the bytes is part of its name. */
export function generatedFolder(scale: number): string {
  const name = scale === 1 ? `v${DATA_VERSION}` : `v${DATA_VERSION}-scale-${scale}`
  return fileURLToPath(new URL(`../.bench-data/${name}`, import.meta.url))
}

/** Makes sure that the generated files exist; `onGenerate` is called before each that is made. */
export function ensureGenerated(
  files: readonly DataFile[],
  scale: number,
  onGenerate: (file: DataFile) => void,
): string {
  const folder = generatedFolder(scale)
  for (const file of files) {
    if (existsSync(join(folder, file))) continue
    onGenerate(file)
    generate(file, folder, { scale })
  }
  return folder
}

/**
 * Slice j of n rows in `parts` goes from floor(j n / parts), as Spark's parallelize cuts.
 * Empty slices are left out.
 */
export function cut(rows: number, parts: number): { from: number; to: number }[] {
  return Array.from({ length: parts }, (_, j) => ({
    from: Math.floor((j * rows) / parts),
    to: Math.floor(((j + 1) * rows) / parts),
  })).filter(({ from, to }) => from < to)
}

/** Bytes `from` to `to` of a text file; they begin and end with whole lines. */
export interface TextRange {
  readonly from: number
  readonly to: number
}

export interface TextFile {
  readonly path: string
  /** Words between single spaces, as `line.split(' ')` counts them. */
  readonly words: number
  readonly batches: readonly TextRange[]
}

/** Finds the batches of a text file by lines; the last line may lack its newline. */
export function openText(folder: string, name: string, batches = BATCHES): TextFile {
  const path = find(folder, [name])
  const bytes = statSync(path).size
  if (bytes === 0) throw new UsageError(`${path} is empty: W1 needs lines of words`)
  let newlines = 0
  let spaces = 0
  let last = 0
  scan(path, piece => {
    for (const byte of piece) {
      if (byte === NEWLINE) newlines++
      else if (byte === SPACE) spaces++
    }
    last = piece[piece.length - 1]!
  })
  const lines = newlines + (last === NEWLINE ? 0 : 1)
  const ends = new Set(cut(lines, batches).map(range => range.to))
  const ranges: TextRange[] = []
  let line = 0
  let from = 0
  let offset = 0
  scan(path, piece => {
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) {
      line++
      if (!ends.has(line)) continue
      ranges.push({ from, to: offset + at + 1 })
      from = offset + at + 1
    }
    offset += piece.length
  })
  if (from < bytes) ranges.push({ from, to: bytes })
  return { path, words: spaces + lines, batches: ranges }
}

/** The UTF-8 bytes of one batch of lines. */
export function readText(file: TextFile, range: TextRange): Uint8Array {
  return readBytes(file.path, range.from, new Uint8Array(range.to - range.from))
}

export interface NumberFile {
  readonly path: string
  readonly format: 'f64' | 'i64'
  readonly rows: number
}

/** Opens `name.f64`, or `name.i64` if there is no such file. */
export function openNumbers(folder: string, name: string): NumberFile {
  const path = find(folder, [`${name}.f64`, `${name}.i64`])
  const bytes = statSync(path).size
  if (bytes === 0 || bytes % 8 !== 0) {
    throw new UsageError(`${path} has ${bytes} bytes: expected 8 for each number, and one at least`)
  }
  return { path, format: path.endsWith('.i64') ? 'i64' : 'f64', rows: bytes / 8 }
}

/** Rows `from` to `to` as numbers; 64-bit integers must be exact as numbers. */
export function readNumbers(file: NumberFile, from: number, to: number): Float64Array {
  const out = new Float64Array(to - from)
  readBytes(file.path, from * 8, new Uint8Array(out.buffer))
  if (file.format === 'f64') return out
  const words = new Uint32Array(out.buffer)
  for (let i = 0; i < out.length; i++) {
    const value = (words[2 * i + 1]! | 0) * 0x100000000 + words[2 * i]!
    if (!Number.isSafeInteger(value)) {
      throw new UsageError(`${file.path} row ${from + i}: ${value} is not exact as a number`)
    }
    out[i] = value
  }
  return out
}

function find(folder: string, names: readonly string[]): string {
  const path = names.map(name => join(folder, name)).find(existsSync)
  if (path) return path
  throw new UsageError(`no ${names.join(' or ')} in ${folder}; without --data it is generated`)
}

function readBytes(path: string, from: number, into: Uint8Array): Uint8Array {
  const handle = openSync(path, 'r')
  try {
    for (let at = 0; at < into.length; ) {
      const read = readSync(handle, into, at, into.length - at, from + at)
      if (read === 0) throw new UsageError(`${path} ends early, at byte ${from + at}`)
      at += read
    }
  } finally {
    closeSync(handle)
  }
  return into
}

function scan(path: string, visit: (piece: Uint8Array) => void): void {
  const handle = openSync(path, 'r')
  const piece = new Uint8Array(SCAN_BYTES)
  try {
    for (;;) {
      const read = readSync(handle, piece, 0, piece.length, null)
      if (read === 0) return
      visit(piece.subarray(0, read))
    }
  } finally {
    closeSync(handle)
  }
}
