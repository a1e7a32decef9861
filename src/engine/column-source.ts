/** The pieces of a partition as vectors of columns. */
import { isAscii, isUtf8 } from 'node:buffer'
import type { Arena } from '../columnar/arena.ts'
import {
  type Block,
  BoolColumn,
  Float64Column,
  StructColumn,
  TupleColumn,
  Utf8Column,
} from '../columnar/block.ts'
import type { Column } from '../columnar/column.ts'
import { vectorRowsMax } from '../columnar/group-table.ts'
import type { KernelExports } from '../columnar/kernel-exports.ts'
import {
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  type ColumnVector,
  lazyValues,
} from '../expressions/columns.ts'
import { GiveUp } from './column-kernel.ts'
import { type FilePiece, fileText } from './file-pieces.ts'
import type { OpenBlocks } from './open-blocks.ts'
import type { Piece } from './vector.ts'

/** A piece whose rows columns hold exactly. */
export interface ColumnSource {
  readonly shape: ColumnShape
  /** Equal for sources of equal shape. */
  readonly shapeKey: string
  /** Which of several inputs side by side it is of. */
  readonly side?: number | undefined
  /** Hands its vectors to `push`, in order, until `isFull`; how many rows there were. */
  open(machine: ColumnMachine, push: (vector: ColumnVector) => void, isFull: () => boolean): number
}

const viewBytes = 16
const numberBytes = 8
/** Text that is handed on at once, but for its last line. */
const textBytesMax = 256 * 1024
const newline = 10

/** The piece as columns; undefined where the row loop must read it. */
export function columnSource(
  arena: Arena,
  piece: Piece,
  blocks: OpenBlocks,
): ColumnSource | undefined {
  if (piece.kind === 'text') return textSource(arena, piece.from, piece.to)
  if (piece.kind === 'lines') return fileSource(arena, piece)
  if (piece.kind !== 'block') return undefined
  const source = blockSource(blocks.open(piece.ptr), piece.from, piece.to)
  return source && piece.side !== undefined ? { ...source, side: piece.side } : source
}

function textSource(arena: Arena, from: number, to: number): ColumnSource | undefined {
  const bytes = arena.u8.subarray(from, to)
  // Bytes that are no UTF-8 become U+FFFD, which decoding does.
  if (!isAscii(bytes) && !isUtf8(bytes)) return undefined
  return {
    shape: { kind: 'lines' },
    shapeKey: 'lines',
    open: ({ kernels }, push, isFull) => {
      let lines = 0
      for (let at = from; at < to && !isFull(); ) {
        const end = lineEnd(arena, at, to)
        push({ rows: 0, column: { kind: 'lines', from: at, to: end } })
        lines += linesIn(arena, kernels, at, end)
        at = end
      }
      return lines
    },
  }
}

/** Lines of a file, which are brought into the thread's own memory some at a time. */
function fileSource(arena: Arena, piece: FilePiece): ColumnSource {
  return {
    shape: { kind: 'lines' },
    shapeKey: 'lines',
    open: ({ kernels, scratch }, push, isFull) => {
      let lines = 0
      for (const bytes of fileText(piece, textBytesMax)) {
        if (isFull()) break
        if (!isAscii(bytes) && !isUtf8(bytes)) throw new GiveUp('bytes that are no UTF-8')
        scratch.reset()
        const from = scratch.take(bytes.length)
        const to = from + bytes.length
        arena.u8.set(bytes, from)
        push({ rows: 0, column: { kind: 'lines', from, to } })
        lines += linesIn(arena, kernels, from, to)
      }
      return lines
    },
  }
}

/** Where the text at `at` may be parted: behind a newline, some way on. */
function lineEnd(arena: Arena, at: number, to: number): number {
  if (to - at <= textBytesMax) return to
  const start = at + textBytesMax
  const found = arena.bytes.subarray(start, to).indexOf(newline)
  return found < 0 ? to : start + found + 1
}

/** A last line may lack its newline. */
function linesIn(arena: Arena, kernels: KernelExports, from: number, to: number): number {
  return kernels.countBytes(from, to - from, newline) + (arena.u8[to - 1] === newline ? 0 : 1)
}

function blockSource(block: Block, from: number, to: number): ColumnSource | undefined {
  const shape = shapeOf(block.root)
  return {
    shape,
    shapeKey: JSON.stringify(shape),
    open: (machine, push, isFull) => {
      if (hasHalves(block.root)) machine.state.halves = true
      let at = from
      for (; at < to && !isFull(); at += vectorRowsMax) {
        machine.scratch.reset()
        const rows = Math.min(vectorRowsMax, to - at)
        push({ rows, column: columnAt(machine, block.root, at, rows) })
      }
      return Math.min(at, to) - from
    },
  }
}

/** What has no column of its own for kernels is read as JavaScript values. */
function shapeOf(column: Column): ColumnShape {
  const { type } = column
  if (!type.nulls && !type.undefineds) {
    if (column instanceof Float64Column) return { kind: 'float64' }
    if (column instanceof BoolColumn) return { kind: 'bool' }
    if (column instanceof Utf8Column) return { kind: 'utf8' }
    if (column instanceof TupleColumn) return { kind: 'tuple', items: column.items.map(shapeOf) }
    const names = column instanceof StructColumn && namesOf(column)
    if (names) return { kind: 'struct', names, items: column.columns.map(shapeOf) }
  }
  return { kind: 'values', type }
}

/** The keys of all rows, where they all have the same in the same order. */
function namesOf({ type }: StructColumn): string[] | undefined {
  const { fields, shapes } = type
  const [only] = shapes
  if (!only || shapes.length > 1 || only.length !== fields.length) return undefined
  return only.every((field, i) => field === i) ? fields.map(({ name }) => name) : undefined
}

function hasHalves(column: Column): boolean {
  if (column instanceof Utf8Column) return column.wtf8
  if (column instanceof TupleColumn) return column.items.some(hasHalves)
  return column instanceof StructColumn && column.columns.some(hasHalves)
}

function columnAt(machine: ColumnMachine, column: Column, row: number, rows: number): ColumnValue {
  if (!column.type.nulls && !column.type.undefineds) {
    if (column instanceof Float64Column) {
      return { kind: 'float64', at: column.dataAddress + row * numberBytes }
    }
    if (column instanceof Utf8Column) {
      const at = column.dataAddress + row * viewBytes
      return column.ascii ? { kind: 'utf8', at, ascii: true } : { kind: 'utf8', at }
    }
    if (column instanceof BoolColumn) return maskAt(machine, column, row, rows)
    if (column instanceof TupleColumn) {
      const items = column.items.map(item => columnAt(machine, item, row, rows))
      return { kind: 'tuple', items }
    }
    if (column instanceof StructColumn && namesOf(column)) {
      const items = column.columns.map(field => columnAt(machine, field, row, rows))
      return { kind: 'struct', items }
    }
  }
  return lazyValues(() => column.decode(row, row + rows))
}

/** Bits as a mask; the first row may lie within a byte. */
function maskAt(machine: ColumnMachine, { dataAddress }: BoolColumn, row: number, rows: number) {
  const skipped = row & 7
  const at = machine.scratch.take(rows + skipped)
  machine.kernels.bitsToMask(dataAddress + (row >>> 3), rows + skipped, at)
  return { kind: 'bool', at: at + skipped } as const
}
