/**
 * Runs the beginning of a chain over columns, by kernels, up to and with an aggregate:
 *
 *   pieces ─▶ vectors of columns ─▶ stages … ─▶ aggregate ─▶ one block (cut by partition, or whole)
 *
 * Whatever it can't do it leaves to the row loop, before any row has gone anywhere.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import type { Arena } from '../columnar/arena.ts'
import { Block, Float64Column, TupleColumn, Utf8Column } from '../columnar/block.ts'
import type { Column } from '../columnar/column.ts'
import { GroupTable, vectorRowsMax } from '../columnar/group-table.ts'
import { openKernels } from '../columnar/kernels.ts'
import { type RawColumn, reserveBlock } from '../columnar/raw-block.ts'
import { Scratch } from '../columnar/scratch.ts'
import { PeltonError } from '../errors.ts'
import {
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  type ColumnVector,
  compileColumns,
} from '../expressions/columns.ts'
import type { ColumnStage, GroupedRows } from './column-kernel.ts'
import type { Operator, Partitioner } from './operator.ts'
import type { ProgramStep } from './program.ts'
import type { Piece } from './vector.ts'

/** The steps that columns can do, in order, and how many of the chain they are. */
export interface ColumnPlan {
  readonly stages: readonly ColumnStage[]
  readonly steps: number
}

/** What a partition came to. */
export interface ColumnResult {
  readonly rowsIn: number
  readonly rows: GroupedRows | number
}

interface Source {
  readonly shape: ColumnShape
  readonly shapeKey: string
  readonly open: (machine: ColumnMachine, push: (vector: ColumnVector) => void) => number
}

const scratchBytes = 1024 * 1024
const scratchShareMax = 64
const viewBytes = 16
const numberBytes = 8

export class ColumnRunner {
  readonly #arena: Arena
  readonly #machine: ColumnMachine
  /** One aggregate is at work at a time, so one table does for all. */
  readonly #table: GroupTable
  #plans = new WeakMap<readonly ProgramStep[], Map<string, ColumnPlan | null>>()

  /** Whether the arena is large enough for a thread's own memory. */
  static fits(arena: Arena): boolean {
    return arena.limitBytes >= scratchBytes * scratchShareMax
  }

  constructor(arena: Arena, owner: number) {
    this.#arena = arena
    const kernels = openKernels(arena.handle().memory)
    const scratch = new Scratch(arena, owner, scratchBytes)
    this.#machine = { kernels, scratch, words: () => arena.u32 }
    this.#table = new GroupTable(arena, kernels, owner)
  }

  /** Runs what it can of `steps` over the pieces; undefined where the row loop must do it all. */
  run(
    steps: readonly ProgramStep[],
    operators: ReadonlyMap<string, Operator>,
    pieces: readonly Piece[],
  ): { plan: ColumnPlan; result: ColumnResult } | undefined {
    const sources = pieces.map(piece => this.#source(piece))
    const [first] = sources
    if (!first || sources.some(s => s?.shapeKey !== first.shapeKey)) return undefined
    const plan = this.#plan(steps, operators, first)
    if (!plan) return undefined
    try {
      const rowsIn = this.#through(plan, sources as Source[])
      return { plan, result: { rowsIn, rows: plan.stages.at(-1)!.finish!() } }
    } catch (error) {
      // More groups than the arena holds: the row loop keeps them in the worker's heap.
      if (!(error instanceof PeltonError && error.code === 'ARENA_FULL')) throw error
      this.#table.close()
      return undefined
    }
  }

  /** Pushes the rows of all sources through the stages; how many there were. */
  #through(plan: ColumnPlan, sources: readonly Source[]): number {
    for (const stage of plan.stages) stage.begin?.()
    const push = plan.stages.reduceRight<(vector: ColumnVector) => void>(
      (next, stage) => vector => stage.push(vector, next),
      () => undefined,
    )
    let rows = 0
    for (const source of sources) {
      this.#machine.scratch.reset()
      rows += source.open(this.#machine, push)
    }
    return rows
  }

  #plan(
    steps: readonly ProgramStep[],
    operators: ReadonlyMap<string, Operator>,
    source: Source,
  ): ColumnPlan | null {
    let plans = this.#plans.get(steps)
    if (!plans) this.#plans.set(steps, (plans = new Map()))
    let plan = plans.get(source.shapeKey)
    if (plan === undefined) {
      plan = this.#make(steps, operators, source.shape)
      plans.set(source.shapeKey, plan)
    }
    return plan
  }

  #make(
    steps: readonly ProgramStep[],
    operators: ReadonlyMap<string, Operator>,
    shape: ColumnShape,
  ): ColumnPlan | null {
    const stages: ColumnStage[] = []
    const machine = this.#machine
    let input = shape
    for (const step of steps) {
      const stage = operators.get(step.operator)?.columns?.({
        params: step.params,
        input,
        machine,
        expression: index => step.lifted[index]?.expression,
        reducer: index => step.lifted[index]?.reducer,
        compile: expression => compileColumns(expression, [input], machine),
        groups: () => this.#table,
      })
      if (!stage) return null
      stages.push(stage)
      if (stage.output === undefined) return { stages, steps: stages.length }
      input = stage.output
    }
    // Without an aggregate at its end the chain gains little: the row loop has it.
    return null
  }

  #source(piece: Piece): Source | undefined {
    if (piece.kind === 'text') return this.#text(piece.from, piece.to)
    return piece.kind === 'block' ? this.#block(piece.ptr, piece.from, piece.to) : undefined
  }

  #text(from: number, to: number): Source | undefined {
    const bytes = this.#arena.u8.subarray(from, to)
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

  #block(ptr: number, from: number, to: number): Source | undefined {
    const block = Block.open(this.#arena, ptr)
    const shape = shapeOf(block.root)
    if (!shape) return undefined
    return {
      shape,
      shapeKey: JSON.stringify(shape),
      open: (machine, push) => {
        for (let at = from; at < to; at += vectorRowsMax) {
          machine.scratch.reset()
          push({ rows: Math.min(vectorRowsMax, to - at), column: columnAt(block.root, at) })
        }
        return to - from
      },
    }
  }

  /** The grouped rows as one block owned by `attempt`, in the order of `order` (u32) if given. */
  seal(groups: GroupedRows, attempt: number, rows: number, order = 0): number {
    const { kernels } = this.#machine
    const { kind, keys, numbers } = groups
    const column: RawColumn =
      kind === 'float64'
        ? { kind }
        : {
            kind,
            ascii: kernels.isAsciiViews(keys, groups.rows) === 1,
            wtf8: false,
            heapBytes: kernels.longBytes(keys, groups.rows),
          }
    const block = reserveBlock(this.#arena, attempt, rows, [column, { kind: 'float64' }])
    const [keyData, numberData] = [block.data[0]!, block.data[1]!]
    const u8 = this.#arena.u8
    const keyBytes = kind === 'utf8' ? viewBytes : numberBytes
    if (order === 0) {
      u8.copyWithin(keyData, keys, keys + rows * keyBytes)
      u8.copyWithin(numberData, numbers, numbers + rows * numberBytes)
    } else {
      const gather = kind === 'utf8' ? kernels.gatherViews : kernels.gatherF64
      gather(keys, order, rows, keyData)
      kernels.gatherF64(numbers, order, rows, numberData)
    }
    if (block.heap[0]! !== 0) kernels.copyLong(keyData, rows, block.heap[0]!)
    return block.ptr
  }

  /** Sorts the groups by target partition into one block; pieces for each partition. */
  exchange(groups: GroupedRows, partitioner: Partitioner, attempt: number): Piece[][] {
    const { partitions } = partitioner
    const pieces: Piece[][] = Array.from({ length: partitions }, () => [])
    const { rows } = groups
    if (rows === 0) return pieces
    const { kernels } = this.#machine
    const arena = this.#arena
    const startBytes = (partitions + 1) * 4
    const temporary = arena.alloc(rows * 12 + startBytes, attempt)
    try {
      const hashes = temporary
      const order = hashes + rows * 4
      const starts = order + rows * 4
      const parts = starts + startBytes
      const hash = groups.kind === 'utf8' ? kernels.hashViews : kernels.hashF64
      hash(groups.keys, rows, hashes)
      kernels.partitionOf(hashes, rows, partitions, parts)
      const u32 = arena.u32
      u32.fill(0, starts / 4, starts / 4 + partitions + 1)
      kernels.countPartitions(parts, rows, starts)
      kernels.prefixSums(starts, partitions)
      const bounds = Array.from(u32.subarray(starts / 4, starts / 4 + partitions))
      bounds.push(rows)
      kernels.orderByPartition(parts, rows, starts, order)
      const ptr = this.seal(groups, attempt, rows, order)
      for (let p = 0; p < partitions; p++) {
        const [from, to] = [bounds[p]!, bounds[p + 1]!]
        if (to > from) pieces[p]!.push({ kind: 'block', ptr, from, to })
      }
    } finally {
      arena.free(temporary)
    }
    return pieces
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
