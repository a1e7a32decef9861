/**
 * The second face of an operator's kernel: what it does to vectors of columns. The row kernel stays
 * the meaning; this one must give the same rows in the same order.
 *
 * Obligations of a stage
 * - A vector that it is given is valid until `push` returns: what it keeps, it copies.
 * - What it takes from the scratch memory it gives back before `push` returns.
 * - It hands on vectors of at most `vectorRowsMax` rows, all of the shape it has named.
 */
import type { KeyGroups } from '../columnar/group-table.ts'
import type {
  ColumnExpression,
  ColumnMachine,
  ColumnShape,
  ColumnValue,
  ColumnVector,
} from '../expressions/columns.ts'
import type { Expression } from '../expressions/index.ts'
import type { Reducer } from '../functions/lift.ts'
import type { ColumnRows } from './column-rows.ts'
import type { Params } from './operator.ts'

/** What an operator may ask while it makes its stage. */
export interface ColumnCode {
  readonly params: Params
  /** Shape of the rows that come in. */
  readonly input: ColumnShape
  readonly machine: ColumnMachine
  /** Function `index` as an expression of its parameters, where it is one. */
  expression(index: number): Expression | undefined
  /** The builtin reducer that function `index` is, where it is one. */
  reducer(index: number): Reducer | undefined
  /** Function `index` itself, for stages that call it. */
  fn(index: number): Function
  /** Whether nothing tells how often function `index` is called: it has no accumulator or such. */
  isRepeatable(index: number): boolean
  /** The error to throw when a function of this step has thrown `error` on `row`. */
  failed(error: unknown, row: unknown): unknown
  /** An expression over rows of a shape, that of the input unless told; undefined: no kernels. */
  compile(expression: Expression, shape?: ColumnShape): ColumnExpression | undefined
  /** Rows to be kept, for this stage alone. */
  rows(): ColumnRows
  /** Groups of keys of the given shape, for this stage alone. */
  groups(key: ColumnShape): KeyGroups
  /**
   * Function `index` over columns of a shape, that of the input unless told, called once for equal
   * values; undefined where that may not be, or does not pay.
   */
  distinct(index: number, shape?: ColumnShape): OncePerValue | undefined
}

/** A function whose results equal values share. */
export interface OncePerValue {
  /** Shape of the input's values as ids, where they are texts. */
  readonly inputIds: ColumnShape | undefined
  /** Shape of what `map` gives. */
  readonly output: ColumnShape
  /** Called before the first vector of a partition. */
  begin(): void
  /** Ids (u32) of the rows' values. */
  ids(column: ColumnValue, rows: number): number
  /** Whether the function returns something truthy: a mask in scratch memory. */
  mask(ids: number, rows: number): number
  /** The results as a column of the shape `output`. */
  map(ids: number, rows: number): ColumnValue
}

/**
 * Thrown by a stage that meets what columns can't do: the row loop begins anew. All functions that
 * were called by then must be repeatable.
 */
export class GiveUp extends Error {
  constructor(what: string) {
    super(`columns can't do ${what}`)
  }
}

export type Push = (vector: ColumnVector) => void

/** Pairs as JavaScript values, where no column holds them. */
export interface PairRows {
  readonly keys: ArrayLike<unknown>
  readonly values: ArrayLike<unknown>
}

/** An operator at work on one partition at a time. */
export interface ColumnStage {
  /** Shape of the vectors that it hands on; undefined when `pairs` gives its rows. */
  readonly output: ColumnShape | undefined
  /** Called before the first vector of a partition. */
  begin?(): void
  push(vector: ColumnVector, next: Push): void
  /** Whether it looks at the number of rows alone. */
  readonly countsOnly?: boolean
  /** `push` for a next stage that `countsOnly`: columns need not be made. */
  pushCounts?(vector: ColumnVector, next: Push): void
  /** Called after the last vector: an aggregate hands on what it has gathered. */
  finish?(next: Push): void
  /** The rows of the partition, instead of `finish`; called once, after the last vector. */
  pairs?(): PairRows
}

/** Makes a stage for the given input, or nothing: then the row kernel does the work. */
export type ColumnKernel = (code: ColumnCode) => ColumnStage | undefined
