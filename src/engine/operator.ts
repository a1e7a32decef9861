/**
 * The operator contract. An operator answers three questions and is otherwise data:
 *
 * - `needs`: which results of which parents, at which times, does the result at time t need?
 * - `pact`: how must each input be placed before the operator may look at it?
 * - `kernel`: what to do to the rows of one partition?
 *
 * Obligations of an operator
 * - `needs` is pure: the same t and the same settings give the same times; times lie in the past
 *   or are t itself.
 * - A kernel keeps nothing between partitions: its state is made by `RowCode.state` for each one.
 * - A kernel emits rows in an order that depends only on its input rows and their order.
 *
 * Obligations of the engine
 * - Rows reach a kernel in partition order, each exactly once per successful attempt.
 * - With the pact `exchanged`, equal keys meet in one partition; with `gathered`, all rows do;
 *   with `zipped`, equal keys meet, and each row tells which side it is of, one side after the
 *   other; with `aligned`, rows of partitions with the same number meet, input after input.
 */

import type { Expiry } from '../state/expiry.ts'
import type { StateTable } from '../state/state-table.ts'
import type { StateChange, StateEntry } from '../state/table-reader.ts'
import type { ColumnKernel } from './column-kernel.ts'

/** How rows must lie before an operator may run. */
export type Pact =
  | { readonly how: 'as-it-lies' }
  | { readonly how: 'exchanged'; readonly partitioner: Partitioner }
  | { readonly how: 'gathered' }
  | { readonly how: 'zipped'; readonly partitioner: Partitioner }
  | { readonly how: 'aligned' }

/** Which rows share a partition: two equal partitioners place rows alike. */
export type Partitioner =
  | { readonly kind: 'hash'; readonly partitions: number }
  | { readonly kind: 'round-robin'; readonly partitions: number }
  | { readonly kind: 'single'; readonly partitions: 1 }

export const asItLies: Pact = { how: 'as-it-lies' }
export const gathered: Pact = { how: 'gathered' }
/** Partition k of every input meets in partition k; the inputs have equally many. */
export const aligned: Pact = { how: 'aligned' }

/** Rows meet by the hash of their key, the first element of a pair. */
export function exchangedByKey(partitions: number): Pact {
  return { how: 'exchanged', partitioner: { kind: 'hash', partitions } }
}

/** Inputs side by side by the hash of their keys; one that lies so already stays where it is. */
export function zippedByKey(partitions: number): Pact {
  return { how: 'zipped', partitioner: { kind: 'hash', partitions } }
}

export function samePartitioner(a: Partitioner | undefined, b: Partitioner): boolean {
  // Round robin places a row by where it came from, so no two round robins are alike.
  return a !== undefined && a.kind === b.kind && a.partitions === b.partitions && a.kind === 'hash'
}

/** Plain settings of an operator: numbers, texts and flags, never functions. */
export type Params = Readonly<Record<string, unknown>>

/** What `needs` may look at; times and durations in milliseconds. */
export interface NodeTiming {
  readonly slide: number
  readonly parentSlides: readonly number[]
  readonly zeroTime: number
  readonly params: Params
}

/**
 * What a row kernel writes its code with. Each method returns JavaScript source; names are made
 * unique by the generator. `row` and `pair` are the current row, whole or as key and value.
 */
export interface RowCode {
  readonly params: Params
  /** A name that holds the whole row. */
  row(): string
  /** Names of key and value; adds a check that the row is a pair when that is not known. */
  pair(): { readonly key: string; readonly value: string; readonly check: string }
  /** Calls user function `index` and notes it as the one at work, for error messages. */
  call(index: number, ...args: string[]): string
  /** The same, where `row` and not the last argument is what an error message should show. */
  callOn(row: string, index: number, ...args: string[]): string
  /** Hands a new row to the next operator. */
  emit(expression: string): string
  emitPair(key: string, value: string): string
  /** Hands the current row on as it is. */
  pass(): string
  /** Batch time of the result that is computed, in milliseconds. */
  time(): string
  /** Side of the current row, from 0, where the pact is `zipped`. */
  side(): string
  /** A variable of this partition with its first value; helpers are reached as `rt.…`. */
  state(name: string, expression: string): string
  /** A new unique name. */
  name(hint: string): string
}

/** A kernel that is fused, row by row, into one generated loop. */
export interface RowKernel {
  readonly form: 'rows'
  row(code: RowCode): string
  /** Code that runs once after the last row of a partition; may emit. */
  finish?(code: RowCode): string
  /** True when an empty partition still gives rows. */
  readonly emitsOnEmpty?: (params: Params) => boolean
}

/** A kernel over the whole partition as a lazy iterable. */
export interface PartitionKernel {
  readonly form: 'partition'
  /** `time` is the batch time of the result, NaN where there is none. */
  run(
    rows: Iterable<unknown>,
    functions: readonly Function[],
    params: Params,
    partition: number,
    time: number,
  ): Iterable<unknown>
  readonly emitsOnEmpty?: (params: Params) => boolean
}

/** A kernel whose task waits for what its function promises; its operator is `workersOnly`. */
export interface AsyncKernel {
  readonly form: 'async'
  /** `failed` makes the error to throw when a function has thrown `error` on `row`. */
  run(
    rows: Iterable<unknown>,
    functions: readonly Function[],
    params: Params,
    failed: (error: unknown, row: unknown) => unknown,
  ): Promise<readonly unknown[]>
  readonly emitsOnEmpty?: (params: Params) => boolean
}

/**
 * A kernel over the states of a partition's keys, which outlive the batch, and over its rows. What
 * it does to states is undone where its task fails.
 */
export interface StatesKernel {
  readonly form: 'states'
  /** Whether it changes states; one that reads them gets no rows. */
  readonly access: 'write' | 'read'
  /** When states time out, where they do. */
  expiry?(params: Params): Expiry | undefined
  /** Makes what runs a partition; called once a program. */
  prepare(functions: readonly Function[], params: Params): (work: StatesWork) => void
  readonly emitsOnEmpty?: (params: Params) => boolean
}

/** A partition's states and rows, for one run. */
export interface StatesWork {
  /** States to be written, where the kernel does that. */
  readonly table: StateTable
  /** Rows, which are pairs, in order. */
  readonly vectors: Iterable<KeyedVector>
  /** All keys with their states and when those were last touched, where the kernel reads. */
  readonly entries: Iterable<StateEntry>
  /** What has changed since the states were last saved, where the kernel reads. */
  readonly changes: Iterable<StateChange>
  /** Batch time, in milliseconds. */
  readonly time: number
  readonly sink: RowSink
  /** The error to throw when a function has thrown `error` on `row`. */
  failed(error: unknown, row: unknown): unknown
}

/** Pairs with the ids of their keys. */
export interface KeyedVector {
  readonly side: number
  readonly rows: number
  readonly ids: Uint32Array
  readonly keys: ArrayLike<unknown>
  readonly values: ArrayLike<unknown>
}

/** Where a chain of kernels puts its rows. `full` asks the loops to stop early. */
export interface RowSink {
  full: boolean
  push(row: unknown): void
  pushPair(key: unknown, value: unknown): void
}

/** An operator without a kernel places its inputs side by side, in order. */
export type Kernel = RowKernel | PartitionKernel | AsyncKernel | StatesKernel

export interface Operator {
  readonly name: string
  /** For each parent the times whose results are needed; default: each parent at t. */
  needs?(t: number, timing: NodeTiming): readonly (readonly number[])[]
  /**
   * Times of its own earlier results that it needs, as a running sum needs the one before. Such a
   * node has the form `expand`, is kept in blocks, and ends the lineage of what comes after.
   */
  needsOwn?(t: number, timing: NodeTiming): readonly number[]
  /** Whether its result of a batch is computed in that batch, asked for or not, and kept. */
  readonly everyBatch?: boolean
  /** Placement of the input; default: as it lies. */
  pact?(params: Params): Pact
  readonly kernel?: Kernel
  /**
   * Whether its kernel holds rows of a partition as JavaScript values, where keys meet by an
   * exchange: a large partition is then cut by key, and each part is run on its own. Some do so
   * only where kernels do not have their first function, as they have a sum.
   */
  readonly holdsRows?: 'always' | 'unless-reducing'
  /** The same over columns, where its functions are known expressions. */
  readonly columns?: ColumnKernel
  /** Whether equal rows may share what its function returns, if that is known to be pure. */
  readonly distinct?: boolean
  /** How many arguments its functions get; default 1. */
  readonly arity?: number
  /** What an absent parent result means: pass it on, treat it as empty, or an error. */
  readonly onAbsent: 'pass' | 'empty' | 'error'
  /** Message of that error. */
  absentMessage?(t: number): string
  /** Whether the kernel may block, as one that writes files does: the main thread never runs it. */
  readonly workersOnly?: boolean
  /**
   * Whether what a row becomes depends on nothing but that row: a partition far larger than others
   * may then be cut into several tasks.
   */
  readonly rowWise?: boolean
  /**
   * Whether its kernel acts on what lies outside the engine, or is called for what its function
   * does there: two attempts of its task never run at once.
   */
  readonly actsOutside?: boolean
  /**
   * Whether the rows that come out are where their keys put them. By default those of an exchange
   * are, and no others.
   */
  readonly keepsPartitioner?: boolean
  /** Whether its kernel asks for the batch time of its stream's results. */
  readonly timed?: boolean
  /** Whether it only shows rows of its parents: persisting it persists them, and no copy. */
  readonly keptInParents?: boolean
  /** Duration between results when it is not the parents' own. */
  slide?(params: Params): number | undefined
}
