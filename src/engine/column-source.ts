/** The pieces of a partition as vectors of columns. */
import { isAscii, isUtf8 } from 'node:buffer'
import type { Arena } from '../columnar/arena.ts'
import { type Block, Float64Column, TupleColumn, Utf8Column } from '../columnar/block.ts'
import type { Column } from '../columnar/column.ts'
import { vectorRowsMax } from '../columnar/group-table.ts'
import type {
  ColumnMachine,
  ColumnShape,
  ColumnValue,
  ColumnVector,
} from '../expressions/columns.ts'
import type { OpenBlocks } from './open-blocks.ts'
import type { Piece } from './vector.ts'

/** A piece whose rows columns hold exactly. */
export interface ColumnSource {
  readonly shape: ColumnShape
  /** Equal for sources of equal shape. */
  readonly shapeKey: string
  /** Hands its vectors to `push`, in order, until `isFull`; how many rows there were. */
  open(machine: ColumnMachine, push: (vector: ColumnVector) => void, isFull: () => boolean): number
}

const viewBytes = 16
const numberBytes = 8

/** The piece as columns; undefined where the row loop must read it. */
export function columnSource(
  arena: Arena,
  piece: Piece,
  blocks: OpenBlocks,
): ColumnSource | undefined {
  if (piece.kind === 'text') return textSource(arena, piece.from, piece.to)
  if (piece.kind !== 'block') return undefined
  return blockSource(blocks.open(piece.ptr), piece.from, piece.to)
}

function textSource(arena: Arena, from: number, to: number): ColumnSource | undefined {
  const bytes = arena.u8.subarray(from, to)
  // Bytes that are no UTF-8 become U+FFFD, which decoding does.
  if (!isAscii(bytes) && !isUtf8(bytes)) return undefined
  return {
    shape: { kind: 'lines' },
    shapeKey: 'lines',
    open: (_machine, push) => {
      push({ rows: 0, column: { kind: 'lines', from, to } })
      return 0
    },
  }
}

function blockSource(block: Block, from: number, to: number): ColumnSource | undefined {
  const shape = shapeOf(block.root)
  if (!shape) return undefined
  return {
    shape,
    shapeKey: JSON.stringify(shape),
    open: (machine, push, isFull) => {
      let at = from
      for (; at < to && !isFull(); at += vectorRowsMax) {
        machine.scratch.reset()
        push({ rows: Math.min(vectorRowsMax, to - at), column: columnAt(block.root, at) })
      }
      return Math.min(at, to) - from
    },
  }
}

function shapeOf(column: Column): ColumnShape | undefined {
  if (column.type.nulls || column.type.undefineds) return undefined
  if (column instanceof Float64Column) return { kind: 'float64' }
  if (column instanceof Utf8Column) return column.wtf8 ? undefined : { kind: 'utf8' }
  if (!(column instanceof TupleColumn)) return undefined
  const items = column.items.map(shapeOf)
  if (items.some(item => item === undefined)) return undefined
  return { kind: 'tuple', items: items as ColumnShape[] }
}

function columnAt(column: Column, row: number): ColumnValue {
  if (column instanceof TupleColumn) {
    return { kind: 'tuple', items: column.items.map(item => columnAt(item, row)) }
  }
  if (column instanceof Utf8Column) {
    return { kind: 'utf8', at: column.dataAddress + row * viewBytes }
  }
  return { kind: 'float64', at: (column as Float64Column).dataAddress + row * numberBytes }
}
