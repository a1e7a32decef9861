/** Rows of a partition as vectors: at most a few thousand rows, decoded together. */
import type { Arena } from '../columnar/arena.ts'
import { type Block, StructColumn, TupleColumn } from '../columnar/block.ts'
import type { InputForm } from './codegen.ts'
import { type FilePiece, fileRows } from './file-pieces.ts'
import { linesInBytes } from './lines.ts'
import { OpenBlocks } from './open-blocks.ts'

export type { FilePiece } from './file-pieces.ts'
export { linesOf } from './lines.ts'

/** Rows of a block. */
export interface BlockPiece {
  readonly kind: 'block'
  readonly ptr: number
  readonly from: number
  readonly to: number
  /** Which of several inputs side by side it is of. */
  readonly side?: number
}

/** A part of a partition. Texts are UTF-8 lines, not yet cut; files are read by the worker. */
export type Piece =
  | BlockPiece
  | { readonly kind: 'text'; readonly from: number; readonly to: number }
  | FilePiece

export interface Vector {
  readonly form: InputForm
  readonly formKey: string
  readonly length: number
  readonly values?: ArrayLike<unknown>
  readonly columns?: readonly ArrayLike<unknown>[]
  /** Which of several inputs side by side the rows are of. */
  readonly side?: number
}

const vectorRowsMax = 4096
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

/** Pairs whose keys and values lie apart. */
export function pairsVector(keys: ArrayLike<unknown>, values: ArrayLike<unknown>): Vector {
  return tupleVector([keys, values])
}

/** Rows that are tuples, by the columns of their items. */
export function tupleVector(columns: ArrayLike<unknown>[]): Vector {
  return columnsVector({ kind: 'tuple', width: columns.length }, columns, columns[0]!.length)
}

/** Vectors of one piece, in order. */
export function* vectorsOf(
  arena: Arena,
  piece: Piece,
  blocks = new OpenBlocks(arena),
): Generator<Vector> {
  if (piece.kind === 'block') {
    const vectors = blockVectors(blocks.open(piece.ptr), piece.from, piece.to)
    const { side } = piece
    if (side === undefined) yield* vectors
    else for (const vector of vectors) yield { ...vector, side }
    return
  }
  const runs =
    piece.kind === 'text' ? linesInBytes(arena.bytes, piece.from, piece.to) : fileRows(piece)
  for (const rows of runs) yield valuesVector(rows)
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
