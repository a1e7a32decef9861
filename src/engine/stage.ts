/** Runs stages: places them, deals partitions out as tasks, tries failed ones again. */
import { serialize } from 'node:v8'
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import { Accumulator, sharedById } from '../functions/index.ts'
import { sealTable, undoTables } from '../state/table-log.ts'
import { Dataset, storeOwner, weightOf } from './block-store.ts'
import type { Step } from './dag.ts'
import type { EventBus, SpeculationInfo } from './events.ts'
import type { GearLimit } from './gears.ts'
import { mainThread, type TaskKit } from './local-runner.ts'
import type { Partitioner } from './operator.ts'
import {
  busyPartitions,
  type ChainPrograms,
  type Cut,
  cutBy,
  cutLarge,
  dealt,
  isTiny,
  type Placement,
  Placing,
} from './placement.ts'
import type { Chain, PlacedPartition } from './plan.ts'
import { LostTaskError, type RunOptions } from './pool.ts'
import {
  type ProgramRef,
  type TaskMessage,
  type TaskPart,
  type TaskResult,
  type Terminal,
  tablesOf,
} from './program.ts'
import type { Runtime } from './runtime.ts'
import { StageRecords } from './stage-records.ts'
import { failedTask, finalCodes, lostTask, type TaskSite } from './task-error.ts'
import { Losers, type SpeculationSettings, Twins } from './twins.ts'
import type { Piece } from './vector.ts'

export interface StageOptions {
  /** Attempts of a task before its job fails. */
  readonly maxTaskFailures: number
  /** Milliseconds after which a task is ended together with its worker. */
  readonly taskTimeoutMs: number | undefined
  /** When a task gets a twin; without it, none does. */
  readonly speculation?: SpeculationSettings | undefined
  /** Which ways of running user functions are allowed. */
  readonly gear: GearLimit
  /** What the main thread needs to run tasks itself; without it, it does not. */
  readonly kit?: TaskKit | undefined
  /** For tests: where stages go, whatever they cost. */
  readonly placement?: Placement | undefined
  /** For tests: rows of a partition that a kernel may hold. */
  readonly partRows?: number | undefined
}

/** Rows of a partition that a kernel may hold as JavaScript values: some 30 MB of objects. */
const partRowsMax = 65_536

/** Totals since the start, for `metrics()`. */
export class SchedulerCounters {
  tasks = 0
  fallbackRows = 0
  columnRows = 0
  kernelValues = 0
  calledValues = 0
  /** Bytes of values, not addresses or counts, that came through message ports. */
  portBytes = 0
  rowsByWorker = new Map<number, number>()
  mainThreadRows = 0
}

/** Partitions that pass their chains side by side, and what becomes of their rows. */
export interface Stage {
  readonly placed: readonly PlacedPartition[]
  readonly terminal: Terminal
  readonly job: {
    readonly batchTime: number | undefined
    /** What the stage reads stays until that has settled: some of its attempts go on till then. */
    keepUntil(ended: Promise<unknown>): void
  }
  /** The step for which an exchange is made: it needs pairs, where the rows are none. */
  readonly reader?: Step
  /** Sees the blocks of each task as it ends; they last until the stage has ended. */
  readonly onPieces?: (pieces: readonly Piece[]) => void
}

/** The main thread, or workers, and the tasks that are one stage to them. */
interface Where {
  readonly inline: boolean
  readonly group: number
  /** Where its tasks may have twins. */
  readonly twins: Twins | undefined
}

/** The tasks of a stage, by the places of their partitions, or of what those are cut into. */
interface Dealt {
  readonly inline: boolean
  readonly tasks: readonly (readonly number[])[]
  readonly cut?: Cut
}

/** A task with what messages about it need. */
interface Work {
  readonly task: TaskMessage
  readonly stage: Stage
  readonly chains: readonly Chain[]
  readonly weight: number
}

type Outcome = { readonly result: TaskResult } | { readonly error: unknown }

export class StageRunner {
  readonly counters = new SchedulerCounters()
  readonly records = new StageRecords()
  /** Attempts whose twins were sooner. */
  readonly losers: Losers
  readonly #runtime: Runtime
  readonly #arena: Arena
  readonly #events: EventBus
  readonly #options: StageOptions
  readonly #placing = new Placing()
  /** Rows of a partition that a kernel may hold as JavaScript values. */
  readonly partRowsMax: number

  constructor(runtime: Runtime, events: EventBus, options: StageOptions) {
    this.#runtime = runtime
    this.#arena = runtime.arena
    this.losers = new Losers(runtime.arena)
    this.#events = events
    this.#options = options
    this.partRowsMax = options.partRows ?? partRowsMax
  }

  /** Runs the chains of all partitions and gathers what they leave behind. */
  async run(stage: Stage, partitioner?: Partitioner): Promise<Dataset> {
    const programs = new Map<Chain, ProgramRef>()
    let outcomes: Outcome[]
    let group = 0
    let twins: Twins | undefined
    let origins: readonly number[] | undefined
    try {
      for (const { chain } of stage.placed) {
        if (!programs.has(chain)) programs.set(chain, this.#acquire(chain))
      }
      const { inline, tasks, cut } = this.#tasks(stage, programs)
      origins = cut?.origins
      const own = cut ? { ...stage, placed: cut.placed } : stage
      if (tasks.length > 1) group = this.#runtime.pool.newGroup()
      if (!inline && this.#mayHaveTwins(stage, programs)) twins = this.#twins(tasks.length)
      const where: Where = { inline, group, twins }
      const running = tasks.map(indexes => this.#task(own, indexes, programs, where))
      outcomes = running.length === 1 ? [await running[0]!] : await Promise.all(running)
    } finally {
      this.#runtime.pool.endGroup(group)
      this.#afterLosers(twins, stage, () => {
        for (const chain of programs.keys()) {
          this.#runtime.programs.release(chain, this.#options.gear)
        }
      })
    }
    return this.#gathered(stage, outcomes, partitioner, origins)
  }

  /** Whether two attempts of each task may run at once. */
  #mayHaveTwins({ placed }: Stage, programs: ChainPrograms): boolean {
    return (
      this.#options.speculation !== undefined &&
      this.#runtime.pool.workers > 1 &&
      placed.every(({ table }) => table === undefined) &&
      [...programs.keys()].every(chain => !chain.steps.some(actsOutside))
    )
  }

  #twins(tasks: number): Twins | undefined {
    const { pool } = this.#runtime
    const { speculation, placement } = this.#options
    if (tasks < 2 || !speculation) return undefined
    const settings = { ...speculation, always: placement === 'twins' }
    const onTwin = (info: SpeculationInfo): void => this.#events.emit('taskSpeculated', info)
    return new Twins(tasks, { pool, losers: this.losers, settings, onTwin })
  }

  /** Runs `release` when no attempt of the stage can read any more what it was given. */
  #afterLosers(twins: Twins | undefined, { job }: Stage, release: () => void): void {
    twins?.end()
    if (!twins || twins.left.length === 0) {
      release()
      return
    }
    const ended = Promise.all(twins.left)
    job.keepUntil(ended)
    void ended.then(release)
  }

  #acquire(chain: Chain): ProgramRef {
    return this.#runtime.programs.acquire(chain, this.#options.gear)
  }

  #tasks(stage: Stage, programs: ChainPrograms): Dealt {
    const { placed, terminal } = stage
    const busy = busyPartitions(placed)
    if (busy.length === 0) return { inline: false, tasks: [] }
    const estimate = this.#placing.estimate(placed, busy, programs)
    const { placement, kit } = this.#options
    const wanted = placement ? placement === 'inline' : isTiny(estimate)
    if (wanted && kit && this.#mayRunHere(stage, programs)) return { inline: true, tasks: [busy] }
    if (placement === 'one') return { inline: false, tasks: [busy] }
    if (placement === 'all' || placement === 'twins')
      return { inline: false, tasks: busy.map(index => [index]) }
    const { workers } = this.#runtime.pool
    // A round robin counts the rows of a partition, and a limit too.
    const mayCut =
      terminal.to === 'blocks'
        ? terminal.limit === Number.POSITIVE_INFINITY
        : terminal.partitioner.kind !== 'round-robin'
    let cut: Cut | undefined
    if (mayCut) {
      cut = placement === 'cut' ? cutBy(placed, 1) : cutLarge(placed, estimate, workers)
    }
    if (!cut) return { inline: false, tasks: dealt(placed, busy, estimate, workers) }
    const parts = busyPartitions(cut.placed)
    return { inline: false, cut, tasks: dealt(cut.placed, parts, estimate, workers) }
  }

  /** Whether neither a function of the user's nor a file can hold the main thread up. */
  #mayRunHere({ placed }: Stage, programs: ChainPrograms): boolean {
    return (
      [...programs.keys()].every(chain =>
        this.#runtime.programs.isKnown(chain, this.#options.gear),
      ) &&
      placed.every(p => p.pieces.every(piece => piece.kind === 'block' || piece.kind === 'text'))
    )
  }

  /** The pieces of all tasks by partition, in the order of the partitions they came from. */
  #gathered(
    stage: Stage,
    outcomes: readonly Outcome[],
    partitioner?: Partitioner,
    origins?: readonly number[],
  ): Dataset {
    const { placed, terminal } = stage
    const chunks: number[] = []
    for (const outcome of outcomes) if ('result' in outcome) chunks.push(...outcome.result.chunks)
    const failed = outcomes.find(outcome => 'error' in outcome)
    if (failed) {
      for (const chunk of chunks) this.#arena.free(chunk)
      throw failed.error
    }
    const targets = terminal.to === 'exchange' ? terminal.partitioner.partitions : placed.length
    const partitions: Piece[][] = Array.from({ length: targets }, () => [])
    const done = outcomes.flatMap(outcome => ('result' in outcome ? outcome.result.parts : []))
    done.sort((a, b) => a.partition - b.partition)
    for (const { partition, pieces } of done) {
      if (terminal.to === 'blocks')
        partitions[origins?.[partition] ?? partition]!.push(...pieces[0]!)
      else for (let t = 0; t < pieces.length; t++) partitions[t]!.push(...pieces[t]!)
    }
    return new Dataset(this.#arena, partitions, chunks, partitioner)
  }

  /** One task with its attempts; never rejects, so that the stage waits for all of its tasks. */
  async #task(
    stage: Stage,
    indexes: readonly number[],
    programs: ChainPrograms,
    where: Where,
  ): Promise<Outcome> {
    const { placed, terminal } = stage
    const chains = [...new Set(indexes.map(i => placed[i]!.chain))]
    const refs = chains.map(chain => programs.get(chain)!)
    let weight = 0
    const parts: TaskPart[] = indexes.map(partition => {
      const one = placed[partition]!
      const { chain, pieces, time = Number.NaN, number = partition, table = 0 } = one
      weight += weightOf(pieces)
      return { time, partition, number, program: chains.indexOf(chain), table, pieces }
    })
    try {
      const task: TaskMessage = { attempt: 0, programs: refs, parts, terminal }
      const result = await this.#attempts({ task, stage, chains, weight }, where)
      if (refs.length === 1) this.#placing.note(refs[0]!, parts.length, weight, result.elapsedMs)
      const runOf = stage.job.batchTime ?? stage.job
      stage.onPieces?.(result.parts.flatMap(part => part.pieces.flat()))
      this.records.note({ chains, programs: refs, terminal, runOf }, result)
      return { result }
    } catch (error) {
      return { error }
    }
  }

  async #attempts({ task, stage, chains, weight }: Work, where: Where): Promise<TaskResult> {
    for (let failures = 1; ; failures++) {
      const attempt = this.#runtime.pool.newAttempt()
      const site: TaskSite = { ...stage, chains, tries: failures }
      const error = await this.#attempt({ ...task, attempt }, site, where, weight)
      if (!(error instanceof PeltonError)) return error
      this.#events.emit('taskFailed', { attempt, failures, error })
      if (failures >= this.#options.maxTaskFailures || finalCodes.has(error.code)) throw error
    }
  }

  async #attempt(
    task: TaskMessage,
    site: TaskSite,
    { inline, group, twins }: Where,
    weight: number,
  ): Promise<TaskResult | PeltonError> {
    let result: TaskResult
    const tables = tablesOf(task)
    const undo = tables.length > 0 ? () => undoTables(this.#arena, tables, task.attempt) : undefined
    const { kit, taskTimeoutMs } = this.#options
    try {
      const options: RunOptions = { timeoutMs: taskTimeoutMs, group, undo }
      if (inline && kit) result = await this.#runtime.local.run(task, kit)
      else if (twins) result = await twins.run(task, options, weight)
      else result = await this.#runtime.pool.run(task, options).result
    } catch (error) {
      if (error instanceof LostTaskError) return lostTask(error, site)
      throw error
    }
    if (result.failure) return failedTask(result.failure, site)
    for (const chunk of result.chunks) this.#arena.setOwner(chunk, storeOwner)
    for (const table of tables) sealTable(this.#arena, table, storeOwner)
    this.#merge(result)
    this.#count(result, task)
    return result
  }

  /** Adds what the task's functions have counted: once, as this attempt is the one that counts. */
  #merge(result: TaskResult): void {
    try {
      for (const { id, value, failure } of result.accumulators) {
        if (failure !== undefined) throw noUpdate(failure)
        const accumulator = sharedById(id)
        if (accumulator instanceof Accumulator) accumulator.merge(value)
      }
    } catch (error) {
      for (const chunk of result.chunks) this.#arena.free(chunk)
      throw error
    }
  }

  #count(result: TaskResult, task: TaskMessage): void {
    const { worker, rowsIn, rowsOut, fallbackRows, elapsedMs } = result
    this.counters.tasks++
    this.counters.fallbackRows += fallbackRows
    this.counters.columnRows += result.columnRows
    this.counters.kernelValues += result.kernelValues
    this.counters.calledValues += result.calledValues
    // Accumulated values are all that a result carries beside numbers.
    if (result.accumulators.length > 0) {
      this.counters.portBytes += serialize(result.accumulators).length
    }
    const rows = this.counters.rowsByWorker
    if (worker === mainThread) this.counters.mainThreadRows += rowsIn
    else rows.set(worker, (rows.get(worker) ?? 0) + rowsIn)
    if (!this.#events.has('taskCompleted')) return
    const partitions = task.parts.length
    const info = { worker, partitions, rowsIn, rowsOut, fallbackRows, elapsedMs }
    this.#events.emit('taskCompleted', info)
  }
}

/** Whether a step does something outside, itself or by a connection, that two must not do. */
function actsOutside({ operator, portable = [] }: Step): boolean {
  return (
    operator.actsOutside === true ||
    portable.some(fn => !('builtin' in fn) && fn.shared.resources.length > 0)
  )
}

function noUpdate(failure: string): PeltonError {
  return new PeltonError(`accumulator: ${failure}. Gather plain data`, {
    code: 'ACCUMULATOR',
    operator: 'accumulator',
  })
}
