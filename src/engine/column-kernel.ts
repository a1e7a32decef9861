/**
 * The second face of an operator's kernel: what it does to vectors of columns, where its functions
 * are known as expressions. The row kernel stays the meaning; this one must give the same rows.
 */
import type { GroupTable, KeyKind } from '../columnar/group-table.ts'
import type {
  ColumnExpression,
  ColumnMachine,
  ColumnShape,
  ColumnVector,
} from '../expressions/columns.ts'
import type { Expression } from '../expressions/index.ts'
import type { Reducer } from '../functions/lift.ts'
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
  /** An expression over rows of the input's shape; undefined where kernels don't know it. */
  compile(expression: Expression): ColumnExpression | undefined
  /** A table of this stage alone. */
  groups(): GroupTable
}

/** One number a key, in order of first appearance; valid until the next partition begins. */
export interface GroupedRows {
  readonly rows: number
  readonly kind: KeyKind
  readonly keys: number
  readonly numbers: number
}

/** An operator at work on one partition at a time. */
export interface ColumnStage {
  /** Shape of the vectors that it hands on; undefined when its rows come at the end. */
  readonly output: ColumnShape | undefined
  /** Called before the first vector of a partition. */
  begin?(): void
  push(vector: ColumnVector, next: (vector: ColumnVector) => void): void
  /** Rows of an aggregate: groups, or one number. */
  finish?(): GroupedRows | number
}

/** Makes a stage for the given input, or nothing: then the row kernel does the work. */
export type ColumnKernel = (code: ColumnCode) => ColumnStage | undefined
