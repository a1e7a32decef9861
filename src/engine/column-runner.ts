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
import { GroupTable, type KeyGroups } from '../columnar/group-table.ts'
import { Heap } from '../columnar/heap.ts'
import { IdGroupMemory, IdGroups } from '../columnar/id-groups.ts'
import { type KernelMeter, kernelModule, openKernels } from '../columnar/kernels.ts'
import { Scratch } from '../columnar/scratch.ts'
import { isArenaFull } from '../errors.ts'
import { type ColumnMachine, type ColumnShape, newMachineState } from '../expressions/columns.ts'
import { GiveUp, type PairRows, type Push } from './column-kernel.ts'
import { ColumnOutput } from './column-output.ts'
import { type ColumnChain, type ColumnPlan, planColumns } from './column-plan.ts'
import { ColumnRows } from './column-rows.ts'
import { type ColumnSource, columnSource } from './column-source.ts'
import {
  type Distinct,
  DistinctFunctions,
  DistinctGiveUp,
  type PureFunction,
  shapeText,
} from './distinct.ts'
import type { OpenBlocks } from './open-blocks.ts'
import type { Operator } from './operator.ts'
import type { StepMeter } from './step-meter.ts'
import type { Piece } from './vector.ts'

/** What a partition came to: columns, valid until the next run, or JavaScript values. */
export interface ColumnResult {
  /** Partitions, from the first on, whose rows these are, one behind the other. */
  readonly parts: number
  readonly rowsIn: number
  /** Values of expressions: by kernels, and by calls of JavaScript. */
  readonly kernelValues: number
  readonly calledValues: number
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
  /** Called between vectors; throws where the task is to end. */
  look(): void
}

/** What a thread has found out about a chain. */
interface KnownChain {
  /** By shape of the input and by what is known of its functions. */
  readonly plans: Map<string, ColumnPlan>
  /** Functions that may be called once for equal values, by place and shape of their input. */
  readonly distinct: Map<string, Distinct>
  /** Whether columns have given up in the midst of several partitions. */
  isSingle: boolean
}

const scratchBytes = 1024 * 1024
const scratchShareMax = 64
/** What functions that are called once for equal values may keep, and its share of the arena. */
const distinctBytesMax = 32 * 1024 * 1024
const distinctShareMax = 64
const plansMax = 64
/** With fewer rows to bring out, those of the next partition go with them. */
const aloneRowsMin = 16_384
/** Each try ends in a result, or in one more thing that is known of a function. */
const triesMax = 64

export class ColumnRunner {
  readonly output: ColumnOutput
  readonly #arena: Arena
  readonly #host: ColumnHost
  readonly #machine: ColumnMachine
  readonly #rows: ColumnRows
  /** By the aggregate's place in its plan; one plan is at work at a time. */
  readonly #tables: GroupTable[] = []
  readonly #idGroups: IdGroupMemory[] = []
  /** Rows that stages keep, by the same. */
  readonly #kept: ColumnRows[] = []
  readonly #distinct: DistinctFunctions
  #chains = new WeakMap<ColumnChain, KnownChain>()
  /** Whose kernels' calls are counted now. */
  readonly #calls: KernelMeter = { counts: new Uint32Array(0), base: 0 }
  #called = 0

  /** Whether the arena is large enough for a thread's own memory. */
  static fits(arena: Arena): boolean {
    return arena.limitBytes >= scratchBytes * scratchShareMax
  }

  constructor(arena: Arena, host: ColumnHost) {
    this.#arena = arena
    this.#host = host
    const kernels = openKernels(arena.handle().memory, kernelModule(), this.#calls)
    const scratch = new Scratch(arena, host.owner, scratchBytes)
    const words = () => arena.u32
    this.#machine = { kernels, scratch, words, memory: arena, state: newMachineState() }
    this.#rows = new ColumnRows(this.#machine, new Heap(arena, host.owner))
    this.output = new ColumnOutput(arena, kernels)
    const bytesMax = Math.min(distinctBytesMax, arena.limitBytes / distinctShareMax)
    this.#distinct = new DistinctFunctions(this.#machine, arena, { owner: host.owner, bytesMax })
  }

  /**
   * Runs what it can of the chain over the pieces of a partition, up to `limit` rows or a few more;
   * undefined where the row loop must do it all. While there are few rows, those of the partitions
   * behind it follow: a block of its own for each would cost more than its rows.
   */
  run(
    chain: ColumnChain,
    parts: readonly (readonly Piece[])[],
    limit: number,
    blocks: OpenBlocks,
  ): ColumnResult | undefined {
    const [pieces] = parts as [readonly Piece[]]
    const sources = pieces.map(piece => columnSource(this.#arena, piece, blocks))
    const { meter } = chain
    const [first] = sources
    if (pieces.length === 0) return undefined
    if (!isUniform(sources, first?.shapeKey)) {
      meter.because(0, whyNoSource(pieces, sources))
      return undefined
    }
    const known = this.#known(chain)
    let taken = 1
    const next = (): readonly ColumnSource[] | undefined => {
      if (known.isSingle) return undefined
      const more = parts[taken]?.map(piece => columnSource(this.#arena, piece, blocks))
      if (!more || !isUniform(more, first!.shapeKey)) return undefined
      taken++
      return more
    }
    for (const one of known.distinct.values()) one.tick()
    for (let tries = 0; tries < triesMax; tries++) {
      const plan = this.#plan(chain, known, first!)
      if (plan.steps < chain.steps.length) meter.because(plan.steps, plan.reason)
      if (plan.steps === 0 && !plan.output) return undefined
      Object.assign(this.#machine.state, newMachineState())
      taken = 1
      try {
        this.#distinct.use(known.distinct.values())
        const more = plan.steps === chain.steps.length && plan.output ? next : undefined
        return this.#through(meter, plan, sources, { limit, more })
      } catch (error) {
        const isLesson = error instanceof DistinctGiveUp && error.isLesson
        // The first partition alone is what columns may do after all.
        this.#giveUp(error, isLesson || taken > 1 ? undefined : meter)
        if (error instanceof DistinctGiveUp) continue
        if (taken === 1) return undefined
        known.isSingle = true
      }
    }
    return undefined
  }

  /** Gives back what stages have kept, such as rows to be sorted; what came out is in blocks. */
  forget(): void {
    for (const rows of this.#kept) if (rows.rows > 0) rows.clear()
  }

  /** Forgets what there is of a partition, and notes why; throws any other error again. */
  #giveUp(error: unknown, meter: StepMeter | undefined): void {
    // More groups than the arena holds: the row loop keeps them in the worker's heap.
    const isFull = isArenaFull(error)
    if (!isFull && !(error instanceof GiveUp)) throw error
    const reason = error instanceof GiveUp ? error.message : 'the memory is full'
    meter?.because(meter.stepAt(this.#calls.base), reason)
    if (isFull) {
      // Places may be empty: an aggregate has groups of one of the two kinds.
      for (const table of this.#tables) table?.close()
      for (const memory of this.#idGroups) memory?.close()
      this.#distinct.close()
    }
    this.#rows.clear()
    this.forget()
    this.#machine.scratch.reset()
  }

  /** Pushes the rows of all sources through the stages. */
  #through(
    meter: StepMeter,
    plan: ColumnPlan,
    first: readonly ColumnSource[],
    {
      limit,
      more,
    }: { limit: number; more: (() => readonly ColumnSource[] | undefined) | undefined },
  ): ColumnResult {
    const { stages, stepOf, output } = plan
    const rows = this.#rows
    meter.attach(this.#calls)
    const behind = meter.base(meter.steps)
    this.#called = this.#callsSoFar()
    rows.begin(output ?? { kind: 'float64' })
    const keep: Push = vector => {
      const before = this.#enter(meter, behind)
      rows.push(vector)
      this.#enter(meter, before)
    }
    // Behind stage i.
    const nexts: Push[] = [keep]
    for (let i = stages.length - 1; i >= 0; i--)
      nexts.unshift(this.#push(meter, plan, i, nexts[0]!))
    const push: Push = vector => {
      this.#host.look()
      nexts[0]!(vector)
    }
    let rowsIn = 0
    let parts = 0
    for (let sources: typeof first | undefined = first; sources; parts++) {
      for (const [i, stage] of stages.entries()) {
        this.#enter(meter, meter.base(stepOf[i]!))
        stage.begin?.()
      }
      this.#enter(meter, behind)
      for (const source of sources) {
        if (rows.rows >= limit) break
        this.#machine.scratch.reset()
        this.#machine.state.side = source.side ?? 0
        rowsIn += source.open(this.#machine, push, () => rows.rows >= limit)
      }
      this.#machine.scratch.reset()
      for (const [i, stage] of stages.entries()) {
        this.#enter(meter, meter.base(stepOf[i]!))
        stage.finish?.(nexts[i + 1]!)
      }
      sources = rows.rows < aloneRowsMin ? more?.() : undefined
      if (sources) rows.own()
    }
    const pairs = output ? undefined : stages.at(-1)!.pairs!()
    this.#enter(meter, behind)
    // Text that is not cut yet comes in without its lines being known.
    if (first[0]!.shape.kind === 'lines') meter.push(0, rowsIn)
    meter.keep()
    const { kernelValues, calledValues } = this.#machine.state
    return { parts, kernelValues, calledValues, rowsIn, steps: plan.steps, rows: pairs ?? rows }
  }

  #known(chain: ColumnChain): KnownChain {
    let known = this.#chains.get(chain)
    if (!known) this.#chains.set(chain, (known = newChain()))
    return known
  }

  /** What hands vectors to a stage, and has its kernels counted as its step's. */
  #push(meter: StepMeter, { stages, stepOf }: ColumnPlan, i: number, next: Push): Push {
    const stage = stages[i]!
    const step = stepOf[i]!
    const base = meter.base(step)
    const isFirst = stepOf.indexOf(step) === i
    const counts = stage.pushCounts !== undefined && stages[i + 1]?.countsOnly === true
    return vector => {
      const before = this.#enter(meter, base)
      if (isFirst) meter.push(step, vector.rows)
      if (counts) stage.pushCounts!(vector, next)
      else stage.push(vector, next)
      this.#enter(meter, before)
    }
  }

  /** Values for which JavaScript was called, be it for one row or for all equal ones. */
  #callsSoFar(): number {
    const { calledValues, onceCalls } = this.#machine.state
    return calledValues + onceCalls
  }

  /** Has kernels counted behind `base` from now on; where they were before. */
  #enter(meter: StepMeter, base: number): number {
    const before = this.#calls.base
    const called = this.#callsSoFar()
    if (called !== this.#called) {
      meter.calls(before, called - this.#called)
      this.#called = called
    }
    this.#calls.base = base
    return before
  }

  #plan(chain: ColumnChain, known: KnownChain, source: ColumnSource): ColumnPlan {
    const { plans, distinct } = known
    const signatures = [...distinct.values()].map(one => one.signature).join()
    const key = `${source.shapeKey} ${signatures}`
    let plan = plans.get(key)
    if (plan === undefined) {
      const { operators, failed } = this.#host
      const machine = this.#machine
      const tools = {
        operators,
        failed,
        machine,
        rows: this.#keptRows.bind(this),
        groups: this.#groups.bind(this),
        distinct: this.#distinctFunction.bind(this, known),
      }
      plan = planColumns(chain, source.shape, tools)
      if (plans.size >= plansMax) plans.clear()
      plans.set(key, plan)
    }
    return plan
  }

  #distinctFunction(
    { distinct }: KnownChain,
    index: number,
    fn: PureFunction,
    shape: ColumnShape,
  ): Distinct | undefined {
    const key = `${index} ${shapeText(shape)}`
    let found = distinct.get(key)
    if (!found) {
      found = this.#distinct.make(fn, shape)
      if (found) distinct.set(key, found)
    }
    return found?.isOff ? undefined : found
  }

  #keptRows(index: number): ColumnRows {
    const heap = (): Heap => new Heap(this.#arena, this.#host.owner)
    return (this.#kept[index] ??= new ColumnRows(this.#machine, heap()))
  }

  #groups(index: number, key: ColumnShape): KeyGroups {
    const { kernels, scratch } = this.#machine
    if (key.kind === 'ids') {
      this.#idGroups[index] ??= new IdGroupMemory(this.#arena, kernels, this.#host.owner)
      return new IdGroups(this.#idGroups[index], key.texts)
    }
    this.#tables[index] ??= new GroupTable(this.#arena, kernels, scratch, this.#host.owner)
    return this.#tables[index]
  }
}

function newChain(): KnownChain {
  return { plans: new Map(), distinct: new Map(), isSingle: false }
}

/** Whether all pieces are columns of one shape. */
function isUniform(
  sources: readonly (ColumnSource | undefined)[],
  shapeKey: string | undefined,
): sources is readonly ColumnSource[] {
  return sources.every(source => source !== undefined && source.shapeKey === shapeKey)
}

/** Why pieces are no columns of one shape. */
function whyNoSource(
  pieces: readonly Piece[],
  sources: readonly (ColumnSource | undefined)[],
): string {
  const kind = pieces[sources.indexOf(undefined)]?.kind
  if (kind === 'text') return 'the text has bytes that are no UTF-8'
  if (kind !== undefined) return 'records of files are read one by one'
  return 'the blocks of a partition differ in their columns'
}
