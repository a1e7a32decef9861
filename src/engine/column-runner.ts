/**
 * Runs the beginning of a chain over columns, by kernels:
 *
 *   pieces ─▶ vectors of columns ─▶ stages …  ─▶ rows as columns ─▶ one block
 *   column-source.ts               column-plan.ts  column-rows.ts    column-output.ts
 *
 * What is left of the chain, and whatever columns can't do, the row loop does. It begins anew where
 * columns have to give up, so nothing has gone anywhere by then.
 */
import type { Arena } from '../columnar/arena.ts'
import { GroupTable } from '../columnar/group-table.ts'
import { Heap } from '../columnar/heap.ts'
import { openKernels } from '../columnar/kernels.ts'
import { Scratch } from '../columnar/scratch.ts'
import { isArenaFull } from '../errors.ts'
import { type ColumnMachine, newMachineState } from '../expressions/columns.ts'
import { GiveUp, type PairRows, type Push } from './column-kernel.ts'
import { ColumnOutput } from './column-output.ts'
import { type ColumnChain, type ColumnPlan, planColumns } from './column-plan.ts'
import { ColumnRows } from './column-rows.ts'
import { type ColumnSource, columnSource } from './column-source.ts'
import type { OpenBlocks } from './open-blocks.ts'
import type { Operator } from './operator.ts'
import type { Piece } from './vector.ts'

/** What a partition came to: columns, valid until the next run, or JavaScript values. */
export interface ColumnResult {
  readonly rowsIn: number
  /** Steps of the chain that are done. */
  readonly steps: number
  readonly rows: ColumnRows | PairRows
}

/** What the runner needs from whoever runs tasks. */
export interface ColumnHost {
  readonly operators: ReadonlyMap<string, Operator>
  /** Owner of the thread's own memory. */
  readonly owner: number
  failed(error: unknown, step: number, row: unknown): unknown
}

const scratchBytes = 1024 * 1024
const scratchShareMax = 64

export class ColumnRunner {
  readonly output: ColumnOutput
  readonly #arena: Arena
  readonly #host: ColumnHost
  readonly #machine: ColumnMachine
  readonly #rows: ColumnRows
  /** By the aggregate's place in its plan; one plan is at work at a time. */
  readonly #tables: GroupTable[] = []
  #plans = new WeakMap<ColumnChain, Map<string, ColumnPlan | null>>()

  /** Whether the arena is large enough for a thread's own memory. */
  static fits(arena: Arena): boolean {
    return arena.limitBytes >= scratchBytes * scratchShareMax
  }

  constructor(arena: Arena, host: ColumnHost) {
    this.#arena = arena
    this.#host = host
    const kernels = openKernels(arena.handle().memory)
    const scratch = new Scratch(arena, host.owner, scratchBytes)
    const words = () => arena.u32
    this.#machine = { kernels, scratch, words, memory: arena, state: newMachineState() }
    this.#rows = new ColumnRows(this.#machine, new Heap(arena, host.owner))
    this.output = new ColumnOutput(arena, kernels)
  }

  /**
   * Runs what it can of the chain over the pieces, up to `limit` rows or a few more; undefined
   * where the row loop must do it all.
   */
  run(
    chain: ColumnChain,
    pieces: readonly Piece[],
    limit: number,
    blocks: OpenBlocks,
  ): ColumnResult | undefined {
    const sources = pieces.map(piece => columnSource(this.#arena, piece, blocks))
    const [first] = sources
    if (!first || sources.some(s => s?.shapeKey !== first.shapeKey)) return undefined
    const plan = this.#plan(chain, first)
    if (!plan) return undefined
    this.#machine.state.halves = false
    try {
      return this.#through(plan, sources as ColumnSource[], limit)
    } catch (error) {
      // More groups than the arena holds: the row loop keeps them in the worker's heap.
      const isFull = isArenaFull(error)
      if (!isFull && !(error instanceof GiveUp)) throw error
      if (isFull) for (const table of this.#tables) table.close()
      this.#rows.clear()
      this.#machine.scratch.reset()
      return undefined
    }
  }

  /** Pushes the rows of all sources through the stages. */
  #through(plan: ColumnPlan, sources: readonly ColumnSource[], limit: number): ColumnResult {
    const { stages, output } = plan
    const rows = this.#rows
    rows.begin(output ?? { kind: 'float64' })
    for (const stage of stages) stage.begin?.()
    const keep: Push = vector => rows.push(vector)
    // Behind stage i.
    const nexts: Push[] = [keep]
    for (let i = stages.length - 1; i >= 0; i--) {
      const stage = stages[i]!
      const next = nexts[0]!
      if (stage.pushCounts && stages[i + 1]?.countsOnly) {
        nexts.unshift(vector => stage.pushCounts!(vector, next))
      } else nexts.unshift(vector => stage.push(vector, next))
    }
    const [push] = nexts as [Push]
    let rowsIn = 0
    for (const source of sources) {
      if (rows.rows >= limit) break
      this.#machine.scratch.reset()
      rowsIn += source.open(this.#machine, push, () => rows.rows >= limit)
    }
    this.#machine.scratch.reset()
    for (const [i, stage] of stages.entries()) stage.finish?.(nexts[i + 1]!)
    const pairs = output ? undefined : stages.at(-1)!.pairs!()
    return { rowsIn, steps: plan.steps, rows: pairs ?? rows }
  }

  #plan(chain: ColumnChain, source: ColumnSource): ColumnPlan | null {
    let plans = this.#plans.get(chain)
    if (!plans) this.#plans.set(chain, (plans = new Map()))
    let plan = plans.get(source.shapeKey)
    if (plan === undefined) {
      const { operators, failed } = this.#host
      const tools = { operators, failed, machine: this.#machine, groups: this.#table.bind(this) }
      plan = planColumns(chain, source.shape, tools)
      plans.set(source.shapeKey, plan)
    }
    return plan
  }

  #table(index: number): GroupTable {
    const { kernels, scratch } = this.#machine
    this.#tables[index] ??= new GroupTable(this.#arena, kernels, scratch, this.#host.owner)
    return this.#tables[index]
  }
}
