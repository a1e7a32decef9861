/**
 * Runs the beginning of a chain over columns, by kernels, up to and with an aggregate:
 *
 *   pieces ─▶ vectors of columns ─▶ stages … ─▶ aggregate ─▶ one block (cut by partition, or whole)
 *   column-source.ts               column-plan.ts             column-output.ts
 *
 * Whatever it can't do it leaves to the row loop, before any row has gone anywhere.
 */
import type { Arena } from '../columnar/arena.ts'
import { GroupTable } from '../columnar/group-table.ts'
import { openKernels } from '../columnar/kernels.ts'
import { Scratch } from '../columnar/scratch.ts'
import { PeltonError } from '../errors.ts'
import type { ColumnMachine, ColumnVector } from '../expressions/columns.ts'
import type { GroupedRows } from './column-kernel.ts'
import { ColumnOutput } from './column-output.ts'
import { type ColumnPlan, planColumns } from './column-plan.ts'
import { type ColumnSource, columnSource } from './column-source.ts'
import type { Operator } from './operator.ts'
import type { ProgramStep } from './program.ts'
import type { Piece } from './vector.ts'

/** What a partition came to. */
export interface ColumnResult {
  readonly rowsIn: number
  readonly rows: GroupedRows | number
}

const scratchBytes = 1024 * 1024
const scratchShareMax = 64

export class ColumnRunner {
  readonly output: ColumnOutput
  readonly #arena: Arena
  readonly #operators: ReadonlyMap<string, Operator>
  readonly #machine: ColumnMachine
  /** One aggregate is at work at a time, so one table does for all. */
  readonly #table: GroupTable
  #plans = new WeakMap<readonly ProgramStep[], Map<string, ColumnPlan | null>>()

  /** Whether the arena is large enough for a thread's own memory. */
  static fits(arena: Arena): boolean {
    return arena.limitBytes >= scratchBytes * scratchShareMax
  }

  constructor(arena: Arena, operators: ReadonlyMap<string, Operator>, owner: number) {
    this.#arena = arena
    this.#operators = operators
    const kernels = openKernels(arena.handle().memory)
    const scratch = new Scratch(arena, owner, scratchBytes)
    this.#machine = { kernels, scratch, words: () => arena.u32 }
    this.#table = new GroupTable(arena, kernels, owner)
    this.output = new ColumnOutput(arena, kernels)
  }

  /** Runs what it can of `steps` over the pieces; undefined where the row loop must do it all. */
  run(
    steps: readonly ProgramStep[],
    pieces: readonly Piece[],
  ): { plan: ColumnPlan; result: ColumnResult } | undefined {
    const sources = pieces.map(piece => columnSource(this.#arena, piece))
    const [first] = sources
    if (!first || sources.some(s => s?.shapeKey !== first.shapeKey)) return undefined
    const plan = this.#plan(steps, first)
    if (!plan) return undefined
    try {
      const rowsIn = this.#through(plan, sources as ColumnSource[])
      return { plan, result: { rowsIn, rows: plan.stages.at(-1)!.finish!() } }
    } catch (error) {
      // More groups than the arena holds: the row loop keeps them in the worker's heap.
      if (!(error instanceof PeltonError && error.code === 'ARENA_FULL')) throw error
      this.#table.close()
      return undefined
    }
  }

  /** Pushes the rows of all sources through the stages; how many there were. */
  #through(plan: ColumnPlan, sources: readonly ColumnSource[]): number {
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

  #plan(steps: readonly ProgramStep[], source: ColumnSource): ColumnPlan | null {
    let plans = this.#plans.get(steps)
    if (!plans) this.#plans.set(steps, (plans = new Map()))
    let plan = plans.get(source.shapeKey)
    if (plan === undefined) {
      const tools = {
        operators: this.#operators,
        machine: this.#machine,
        groups: () => this.#table,
      }
      plan = planColumns(steps, source.shape, tools)
      plans.set(source.shapeKey, plan)
    }
    return plan
  }
}
