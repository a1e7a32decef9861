/** Runs kernels over states: the rows of a partition, with the ids that their keys have. */
import type { Arena } from '../columnar/arena.ts'
import { Float64Column, TupleColumn, Utf8Column } from '../columnar/block.ts'
import type { Column } from '../columnar/column.ts'
import { vectorRowsMax } from '../columnar/group-table.ts'
import { openKernels } from '../columnar/kernels.ts'
import type { KeyColumn } from '../state/key-cells.ts'
import { StateTable } from '../state/state-table.ts'
import { headerOf, TableReader } from '../state/table-reader.ts'
import { weightOf } from './block-store.ts'
import type { OpenBlocks } from './open-blocks.ts'
import type { KeyedVector, Params, RowSink, StatesKernel, StatesWork } from './operator.ts'
import type { TaskPart } from './program.ts'
import type { Piece } from './vector.ts'

const idBytes = 4
const viewBytes = 16
const numberBytes = 8

/** A kernel with the functions of its program. */
export interface StatesProgram {
  readonly kernel: StatesKernel
  readonly params: Params
  readonly run: (work: StatesWork) => void
}

/** What a run needs beside its partition. */
export interface StatesRun {
  readonly attempt: number
  readonly blocks: OpenBlocks
  readonly sink: RowSink
  failed(error: unknown, row: unknown): unknown
}

/** A thread's own tools for that. */
export class StateRunner {
  readonly #arena: Arena
  readonly #table: StateTable
  /** Ids of a vector's keys. */
  readonly #ids: number

  constructor(arena: Arena, owner: number) {
    this.#arena = arena
    this.#table = new StateTable(arena, openKernels(arena.handle().memory))
    this.#ids = arena.alloc(vectorRowsMax * idBytes, owner)
  }

  /** Runs a program over a partition; returns the number of its rows. */
  run({ kernel, params, run }: StatesProgram, part: TaskPart, tools: StatesRun): number {
    const { time, pieces, table: header } = part
    const { sink, failed } = tools
    const table = this.#table
    const common = { table, time, sink, failed, vectors: [], entries: [], changes: [] }
    if (kernel.access === 'read') {
      const reader = new TableReader(this.#arena, headerOf(this.#arena, header))
      run({ ...common, entries: reader.entries(), changes: reader.changes(header) })
      return reader.size
    }
    const expiry = kernel.expiry?.(params)
    const rows = weightOf(pieces)
    table.begin(header, { attempt: tools.attempt, time, expiry }, rows)
    try {
      run({ ...common, vectors: this.#vectors(pieces, tools.blocks) })
      table.end()
    } catch (error) {
      throw failed(error, undefined)
    }
    return rows
  }

  *#vectors(pieces: readonly Piece[], blocks: OpenBlocks): Generator<KeyedVector> {
    for (const piece of pieces) {
      if (piece.kind !== 'block') throw new Error('rows for states lie in blocks')
      const { root } = blocks.open(piece.ptr)
      const isPairs = root instanceof TupleColumn && root.items.length === 2 && isFull(root)
      for (let from = piece.from; from < piece.to; from += vectorRowsMax) {
        const to = Math.min(piece.to, from + vectorRowsMax)
        const side = piece.side ?? 0
        yield isPairs
          ? this.#columns(root, from, to, side)
          : this.#values(root.decode(from, to), side)
        this.#table.rest()
      }
    }
  }

  #columns({ items }: TupleColumn, from: number, to: number, side: number): KeyedVector {
    const [key, value] = items as [Column, Column]
    const keys = key.decode(from, to)
    const column = keyColumn(key, from)
    return this.#keyed(column, keys, value.decode(from, to), side)
  }

  /** Pairs that are no columns: all rows that lie by their keys are pairs. */
  #values(rows: ArrayLike<unknown>, side: number): KeyedVector {
    const pairs = Array.from(rows) as [key: unknown, value: unknown][]
    const keys = pairs.map(pair => pair[0])
    return this.#keyed(
      { kind: 'values' },
      keys,
      pairs.map(pair => pair[1]),
      side,
    )
  }

  #keyed(
    column: KeyColumn,
    keys: ArrayLike<unknown>,
    values: ArrayLike<unknown>,
    side: number,
  ): KeyedVector {
    const rows = keys.length
    this.#table.ids(column, () => keys, rows, this.#ids)
    const at = this.#ids / idBytes
    return { side, rows, keys, values, ids: this.#arena.u32.subarray(at, at + rows) }
  }
}

function isFull({ type }: Column): boolean {
  return !type.nulls && !type.undefineds
}

/** Keys as kernels take them, from a row on. */
function keyColumn(column: Column, from: number): KeyColumn {
  if (isFull(column)) {
    const { dataAddress } = column as Float64Column
    if (column instanceof Float64Column) {
      return { kind: 'float64', at: dataAddress + from * numberBytes }
    }
    if (column instanceof Utf8Column) return { kind: 'utf8', at: dataAddress + from * viewBytes }
  }
  return { kind: 'values' }
}
