/** What vectors of columns look like, and what expressions over them are. */
import type { Dictionary } from '../../columnar/dictionary.ts'
import type { KernelExports } from '../../columnar/kernel-exports.ts'
import type { Memory } from '../../columnar/memory.ts'
import type { ColumnType } from '../../columnar/schema.ts'
import type { Scratch } from '../../columnar/scratch.ts'
import type { Primitive } from '../expression.ts'

/** What the rows of a vector look like, as far as kernels know them. */
export type ColumnShape =
  | { readonly kind: 'float64' }
  | { readonly kind: 'bool' }
  /** `made`: texts of more than 12 bytes may lie in scratch memory, which ends with the vector. */
  | { readonly kind: 'utf8'; readonly made?: boolean }
  /** Texts as ids of a dictionary. */
  | { readonly kind: 'ids'; readonly texts: Dictionary }
  /** Text whose lines are not cut yet. */
  | { readonly kind: 'lines' }
  | { readonly kind: 'constant'; readonly value: Primitive }
  | { readonly kind: 'tuple'; readonly items: readonly ColumnShape[] }
  /** Objects that all have these keys, in this order. */
  | {
      readonly kind: 'struct'
      readonly names: readonly string[]
      readonly items: readonly ColumnShape[]
    }
  /** Text that is to be split at `by`: a list of its parts. */
  | { readonly kind: 'parts'; readonly by: string }
  /** Text or undefined. */
  | { readonly kind: 'optional' }
  /** JavaScript values, where no column holds them: lists, bigints, dates, what may be missing. */
  | { readonly kind: 'values'; readonly type: ColumnType; readonly notEmpty?: boolean }

/** A column of a vector: an address of values, views or mask bytes. */
export type ColumnValue =
  | { readonly kind: 'float64' | 'bool'; readonly at: number }
  /** `ascii`: what is known about all texts; undefined where nobody has looked yet. */
  | { readonly kind: 'utf8'; readonly at: number; ascii?: boolean }
  | { readonly kind: 'ids'; readonly at: number; readonly texts: Dictionary }
  | { readonly kind: 'lines'; readonly from: number; readonly to: number }
  | { readonly kind: 'constant'; readonly value: Primitive }
  | { readonly kind: 'tuple'; readonly items: readonly ColumnValue[] }
  | { readonly kind: 'struct'; readonly items: readonly ColumnValue[] }
  | { readonly kind: 'parts'; readonly text: ColumnValue }
  /** Views, and a mask of the rows that are undefined; their views are empty. */
  | { readonly kind: 'optional'; readonly at: number; readonly missing: number }
  | { readonly kind: 'values'; readonly rows: ArrayLike<unknown> }

/** Values that are made when somebody first looks at them, while their vector lasts. */
export function lazyValues(make: () => ArrayLike<unknown>): ColumnValue {
  let made: ArrayLike<unknown> | undefined
  return {
    kind: 'values',
    get rows() {
      return (made ??= make())
    },
  }
}

/** Up to a few thousand rows. */
export interface ColumnVector {
  readonly rows: number
  readonly column: ColumnValue
}

/** What stages work with: the kernels and a thread's scratch memory. */
export interface ColumnMachine {
  readonly kernels: KernelExports
  readonly scratch: Scratch
  /** The memory that addresses refer to. */
  readonly memory: Memory
  /** What has happened since the partition began. */
  readonly state: MachineState
  /** The memory as 32-bit words, for the small states that kernels keep. */
  words(): Uint32Array
}

export interface MachineState {
  /**
   * Whether some text of this partition may hold lone surrogates: then bytes don't tell where one
   * text is in another.
   */
  halves: boolean
  /** Which of several inputs side by side the rows at hand are of. */
  side: number
  /** Values computed by kernels, and those for which JavaScript was called. */
  kernelValues: number
  calledValues: number
  /** Calls of functions that are called once for equal rows. */
  onceCalls: number
}

export const newMachineState = (): MachineState => ({
  halves: false,
  side: 0,
  kernelValues: 0,
  calledValues: 0,
  onceCalls: 0,
})

/** An expression ready to run: its shape, and its value for each vector. */
export interface ColumnExpression {
  readonly shape: ColumnShape
  /** Whether some part of it has no kernel and calls JavaScript for every row. */
  readonly calls: boolean
  run(vector: ColumnVector): ColumnValue
}

export type ScalarKind = 'float64' | 'utf8' | 'bool'

/** Bytes of a row of each kind. */
export const rowBytes: Readonly<Record<ScalarKind, number>> = { float64: 8, utf8: 16, bool: 1 }

const kindsOfConstants: Partial<Record<string, ScalarKind>> = {
  number: 'float64',
  string: 'utf8',
  boolean: 'bool',
}

/** The kind of column that holds values of the shape, where there is one. */
export function scalarKind(shape: ColumnShape): ScalarKind | undefined {
  if (shape.kind === 'constant') return kindsOfConstants[typeof shape.value]
  return shape.kind === 'float64' || shape.kind === 'utf8' || shape.kind === 'bool'
    ? shape.kind
    : undefined
}

/** Address of a column that is one. */
export function addressOf(value: ColumnValue): number {
  if (value.kind === 'float64' || value.kind === 'utf8' || value.kind === 'bool') return value.at
  throw new Error(`a ${value.kind} has no address`)
}
