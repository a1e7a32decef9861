/** A stage's program: which kernels with which functions, in order; what every worker compiles. */

import type { Place } from '../errors.ts'
import type { Expression } from '../expressions/index.ts'
import type { PortableFunction } from '../functions/index.ts'
import type { Reducer } from '../functions/lift.ts'
import type { Params, Partitioner } from './operator.ts'
import type { StepReason } from './step-meter.ts'
import type { Piece } from './vector.ts'

/** One operator of a program as it travels. */
export interface ProgramStep {
  readonly operator: string
  /** Name as the user wrote it, for messages. */
  readonly label: string
  readonly params: Params
  /** A function of the user's, or the name of one of the engine's own. */
  readonly functions: readonly (PortableFunction | BuiltinFunction)[]
  /** Those of the functions that are known expressions, where lifting is wanted. */
  readonly lifted: readonly (LiftedFunction | undefined)[]
  /** For each of the functions, what equal rows may share of its result. */
  readonly pure: readonly (PureResults | undefined)[]
  readonly place: Place | undefined
}

/** Results that are the same for equal rows. */
export interface PureResults {
  /** Arrays of that many items, made anew each time; undefined: single values. */
  readonly items: number | undefined
}

/** A function as an expression of its parameters, and the builtin reducer that it is, if any. */
export interface LiftedFunction {
  readonly expression: Expression
  readonly reducer: Reducer | undefined
}

/** A function that every thread has: it needs no capture. */
export interface BuiltinFunction {
  readonly builtin: string
}

export interface Program {
  readonly steps: readonly ProgramStep[]
  /** Whether kernels may run what they can. */
  readonly columns: boolean
  readonly broadcasts: readonly BroadcastRef[]
}

/** Where the value of a broadcast lies in the arena. */
export interface BroadcastRef {
  readonly id: number
  readonly ptr: number
  readonly bytes: number
}

/** Address of a program's bytes in the arena; `id` is never used again for another program. */
export interface ProgramRef {
  readonly id: number
  readonly ptr: number
  readonly bytes: number
}

export type Terminal =
  | { readonly to: 'blocks'; readonly limit: number }
  | { readonly to: 'exchange'; readonly partitioner: Partitioner }

/** One partition of a task: its place in the result, its rows, and the program to run on them. */
export interface TaskPart {
  /** Batch time of the result, in milliseconds; NaN where no step asks for it. */
  readonly time: number
  readonly partition: number
  /** The number that kernels over whole partitions are told: its place where they were called. */
  readonly number: number
  readonly program: number
  readonly pieces: readonly Piece[]
  /** Address of the states of the partition's keys; 0 where it has none. */
  readonly table: number
}

/** What a worker is sent: numbers and paths, never rows. */
export interface TaskMessage {
  readonly attempt: number
  readonly programs: readonly ProgramRef[]
  readonly parts: readonly TaskPart[]
  readonly terminal: Terminal
}

/** The tables of states that a task's partitions have. */
export function tablesOf({ parts }: TaskMessage): number[] {
  return parts.flatMap(({ table }) => (table === 0 ? [] : [table]))
}

/**
 * Pieces by target partition for an exchange, or none where a neighbour has them; one list
 * otherwise.
 */
export interface PartResult {
  readonly partition: number
  readonly pieces: readonly (readonly Piece[])[]
}

export interface AccumulatorUpdate {
  readonly id: number
  readonly value: unknown
  /** Why there is no value. */
  readonly failure?: string
}

export interface TaskFailure {
  readonly name: string
  readonly message: string
  readonly stack: string
  readonly code: string
  readonly operator: string | undefined
  readonly place: Place | undefined
  readonly row: string | undefined
}

export interface TaskResult {
  readonly worker: number
  readonly parts: readonly PartResult[]
  /** Addresses of the chunks the attempt leaves behind, all of them sealed blocks. */
  readonly chunks: readonly number[]
  readonly accumulators: readonly AccumulatorUpdate[]
  readonly rowsIn: number
  readonly rowsOut: number
  readonly fallbackRows: number
  /** Rows that went through kernels, and not through a loop over rows. */
  readonly columnRows: number
  /** Values of lifted functions that kernels computed. */
  readonly kernelValues: number
  /** Values of lifted functions for which JavaScript was called, as no kernel knows them. */
  readonly calledValues: number
  readonly elapsedMs: number
  readonly bytesIn: number
  /** Bytes of the chunks that it leaves behind. */
  readonly bytesOut: number
  /** What each step did, as `stepCounts` reads it. */
  readonly counts: readonly number[]
  /** Why steps ran as loops over rows, where this thread has not said so before. */
  readonly reasons?: readonly StepReason[]
  readonly failure?: TaskFailure
}
