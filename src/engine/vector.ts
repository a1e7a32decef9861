/** Rows of a partition as vectors: at most a few thousand rows, decoded together. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Arena } from '../columnar/arena.ts'
import { Block, StructColumn, TupleColumn } from '../columnar/block.ts'
import type { InputForm } from './codegen.ts'

/** A part of a partition. Texts are UTF-8 lines, not yet cut; files are read by the worker. */
export type Piece =
  | { readonly kind: 'block'; readonly ptr: number; readonly from: number; readonly to: number }
  | { readonly kind: 'text'; readonly from: number; readonly to: number }
  | FilePiece

export interface FilePiece {
  readonly kind: 'lines' | 'records'
  readonly path: string
  /** Byte range; a line belongs to the range in which it begins. */
  readonly from: number
  readonly to: number
  /** Bytes of a record, for `records`. */
  readonly length: number
}

export interface Vector {
  readonly form: InputForm
  readonly formKey: string
  readonly length: number
  readonly values?: ArrayLike<unknown>
  readonly columns?: readonly ArrayLike<unknown>[]
}

const vectorRowsMax = 4096
const textSlabBytes = 256 * 1024
const lineBytesMax = 256 * 1024 * 1024
const newline = 10
const carriageReturn = '\r'
const valuesForm: InputForm = { kind: 'values' }

function arrayKind(values: ArrayLike<unknown>): string {
  return values instanceof Float64Array ? 'f' : 'v'
}

export function valuesVector(values: ArrayLike<unknown>): Vector {
  return { form: valuesForm, formKey: arrayKind(values), length: values.length, values }
}

function columnsVector(form: InputForm, columns: ArrayLike<unknown>[], length: number): Vector {
  const names = form.kind === 'struct' ? JSON.stringify(form.names) : ''
  return {
    form,
    formKey: `${form.kind}${columns.map(arrayKind).join('')}${names}`,
    length,
    columns,
  }
}

/** Vectors of one piece, in order. */
export function* vectorsOf(arena: Arena, piece: Piece): Generator<Vector> {
  if (piece.kind === 'block')
    yield* blockVectors(Block.open(arena, piece.ptr), piece.from, piece.to)
  else if (piece.kind === 'text') yield* textVectors(arena.u8, piece.from, piece.to)
  else if (piece.kind === 'lines') yield* fileLines(piece)
  else yield* fileRecords(piece)
}

function* blockVectors(block: Block, from: number, to: number): Generator<Vector> {
  const root = block.root
  const { nulls, undefineds } = block.type
  for (let start = from; start < to; start += vectorRowsMax) {
    const end = Math.min(to, start + vectorRowsMax)
    if (root instanceof TupleColumn && !nulls && !undefineds) {
      const columns = root.items.map(column => column.decode(start, end))
      yield columnsVector({ kind: 'tuple', width: columns.length }, columns, end - start)
    } else if (root instanceof StructColumn && !nulls && !undefineds && root.shapes.length === 1) {
      const columns = root.columns.map(column => column.decode(start, end))
      yield columnsVector({ kind: 'struct', names: root.names }, columns, end - start)
    } else yield valuesVector(block.decode(start, end))
  }
}

/** Cuts decoded text into lines; `\n` and `\r\n` end a line, so may the end of the text. */
export function linesOf(text: string): string[] {
  const lines: string[] = []
  let start = 0
  while (start < text.length) {
    let end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    const stop = end > start && text[end - 1] === carriageReturn ? end - 1 : end
    lines.push(text.slice(start, stop))
    start = end + 1
  }
  return lines
}

/** End of the slab that starts at `from`: behind the last newline of a bounded stretch. */
function slabEnd(bytes: Uint8Array, from: number, to: number): number {
  let end = Math.min(to, from + textSlabBytes)
  if (end === to) return to
  let p = end
  while (p > from && bytes[p - 1] !== newline) p--
  if (p > from) return p
  while (end < to && bytes[end - 1] !== newline) end++
  return end
}

function* textVectors(bytes: Uint8Array, from: number, to: number): Generator<Vector> {
  while (from < to) {
    const end = slabEnd(bytes, from, to)
    const slab = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + from, end - from)
    yield valuesVector(linesOf(slab.toString('utf8')))
    from = end
  }
}

/**
 * Lines that begin in [from, to). Unless at the file's start, the line that was cut by `from`
 * belongs to the range before; the line cut by `to` is read to its end.
 */
function* fileLines(piece: FilePiece): Generator<Vector> {
  const fd = openSync(piece.path, 'r')
  try {
    let buffer = Buffer.allocUnsafe(1024 * 1024)
    let held = 0
    // One byte early: if that byte is a newline, the line at `from` is ours from its start.
    let position = piece.from > 0 ? piece.from - 1 : 0
    let skip = piece.from > 0
    let start = position
    for (;;) {
      if (held === buffer.length) buffer = grow(buffer, held, piece)
      const read = readSync(fd, buffer, held, buffer.length - held, position)
      position += read
      held += read
      let begin = 0
      if (skip) {
        const cut = buffer.subarray(0, held).indexOf(newline)
        if (cut < 0 && read > 0) {
          start += held
          held = 0
          continue
        }
        skip = false
        begin = cut < 0 ? held : cut + 1
      }
      const end = read === 0 ? held : buffer.subarray(0, held).lastIndexOf(newline) + 1
      if (end > begin && start + begin < piece.to) {
        const limit = piece.to - start
        let stop = end
        if (limit < end) {
          // The last line of this range begins before `to`; it ends at the next newline.
          const cut = buffer.subarray(0, end).indexOf(newline, limit - 1)
          stop = cut < 0 ? end : cut + 1
        }
        for (let at = begin; at < stop; ) {
          const to = slabEnd(buffer, at, stop)
          yield valuesVector(linesOf(buffer.toString('utf8', at, to)))
          at = to
        }
        begin = end
      } else if (end > begin) begin = end
      if (read === 0 || start + begin >= piece.to) return
      buffer.copyWithin(0, begin, held)
      held -= begin
      start += begin
    }
  } finally {
    closeSync(fd)
  }
}

function grow(buffer: Buffer<ArrayBuffer>, held: number, piece: FilePiece): Buffer<ArrayBuffer> {
  if (buffer.length >= lineBytesMax) {
    throw new RangeError(
      `a line of ${piece.path} is longer than ${lineBytesMax} bytes; is this a text file?`,
    )
  }
  const larger = Buffer.allocUnsafe(buffer.length * 2)
  buffer.copy(larger, 0, 0, held)
  return larger
}

function* fileRecords(piece: FilePiece): Generator<Vector> {
  const fd = openSync(piece.path, 'r')
  try {
    const perVector = Math.max(1, Math.min(vectorRowsMax, Math.floor(textSlabBytes / piece.length)))
    let position = piece.from
    while (position < piece.to) {
      const bytes = Math.min(piece.to - position, perVector * piece.length)
      const buffer = new Uint8Array(bytes)
      let read = 0
      while (read < bytes) {
        const n = readSync(fd, buffer, read, bytes - read, position + read)
        if (n === 0) break
        read += n
      }
      const records: Uint8Array[] = []
      for (let at = 0; at + piece.length <= read; at += piece.length) {
        records.push(buffer.slice(at, at + piece.length))
      }
      yield valuesVector(records)
      if (read < bytes) return
      position += bytes
    }
  } finally {
    closeSync(fd)
  }
}
