/**
 * Runs jobs: cuts lineages at exchanges, deals partitions out as tasks, tries failed ones again.
 */
import { serialize } from 'node:v8'
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import { Accumulator, sharedById } from '../functions/index.ts'
import { Dataset, storeOwner, weightOf } from './block-store.ts'
import type { Holdings, RddNode, Step } from './dag.ts'
import type { EventBus } from './events.ts'
import { type Partitioner, samePartitioner } from './operator.ts'
import { Chain, type PlacedPartition } from './plan.ts'
import { LostTaskError, type Pool } from './pool.ts'
import type { ProgramRef, TaskMessage, TaskPart, TaskResult, Terminal } from './program.ts'
import type { Programs } from './programs.ts'
import { failedTask, finalCodes, lostTask, type TaskSite } from './task-error.ts'
import type { Piece } from './vector.ts'

export interface SchedulerOptions {
  /** Attempts of a task before its job fails. */
  readonly maxTaskFailures: number
  /** Milliseconds after which a task is ended together with its worker. */
  readonly taskTimeoutMs: number | undefined
  /** Whether kernels may run what they can; otherwise every row goes through a loop. */
  readonly columns: boolean
}

/** Rows that an action has computed; whoever holds them releases them. */
export interface HeldRows {
  readonly partitions: readonly (readonly Piece[])[]
  release(): void
}

/** Totals since the start, for `metrics()`. */
export class SchedulerCounters {
  tasks = 0
  fallbackRows = 0
  /** Bytes of values, not addresses or counts, that came through message ports. */
  portBytes = 0
  rowsByWorker = new Map<number, number>()
}

/** Partitions that pass their chains side by side, and what becomes of their rows. */
interface Stage {
  readonly placed: readonly PlacedPartition[]
  readonly terminal: Terminal
  readonly job: Job
  /** The step for which an exchange is made: it needs pairs, where the rows are none. */
  readonly reader?: Step
}

/** Datasets that a running job keeps alive, and the batch it belongs to. */
export class Job {
  readonly batchTime: number | undefined
  #held: Dataset[] = []
  #exchanged: Holdings[] = []

  constructor(batchTime?: number) {
    this.batchTime = batchTime
  }

  hold(dataset: Dataset): Dataset {
    this.#held.push(dataset.retain())
    return dataset
  }

  /** Notes an exchange whose output serves this job alone. */
  own(holdings: Holdings): void {
    this.#exchanged.push(holdings)
  }

  end(): void {
    for (const dataset of this.#held.splice(0)) dataset.release()
    for (const holdings of this.#exchanged.splice(0)) holdings.releaseExchanged()
  }
}

const rootChain = new Chain()
const blocks: Terminal = { to: 'blocks', limit: Number.POSITIVE_INFINITY }
/** Below this many rows a stage is one task: sending it costs more than running it. */
const rowsPerTaskMin = 4096
const tasksPerWorker = 4
/** Errors that another attempt would only repeat. */

export class Scheduler {
  readonly counters = new SchedulerCounters()
  #arena: Arena
  #pool: Pool
  #events: EventBus
  #programs: Programs
  #options: SchedulerOptions

  constructor(
    arena: Arena,
    pool: Pool,
    programs: Programs,
    events: EventBus,
    options: SchedulerOptions,
  ) {
    this.#arena = arena
    this.#pool = pool
    this.#programs = programs
    this.#events = events
    this.#options = options
  }

  /**
   * Runs an action: the rows of `node`, at most `limit` of each partition where they have to be
   * computed. The caller releases them. Rejects with the error of the first task that failed for
   * good.
   */
  async run(
    node: RddNode,
    batchTime?: number,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<HeldRows> {
    const job = new Job(batchTime)
    try {
      const placed = await this.#place(node, job)
      if (placed.every(isInArena)) {
        return { partitions: placed.map(p => p.pieces), release: () => job.end() }
      }
      const dataset = await this.#stage({ placed, terminal: { to: 'blocks', limit }, job })
      job.end()
      return dataset
    } catch (error) {
      job.end()
      throw error
    }
  }

  /** Makes sure that a persisted node's rows lie in blocks. */
  async materialise(node: RddNode, batchTime?: number): Promise<void> {
    node.persisted = true
    const job = new Job(batchTime)
    try {
      await this.#place(node, job)
    } finally {
      job.end()
    }
  }

  async #place(node: RddNode, job: Job): Promise<PlacedPartition[]> {
    if (!node.holdings.dataset && node.load) node.holdings.dataset = Promise.resolve(node.load())
    else if (!node.holdings.dataset && node.persisted)
      node.holdings.dataset = this.#materialised(node, job)
    if (!node.holdings.dataset) return await this.#derive(node, job)
    const dataset = job.hold(await node.holdings.dataset)
    if (!dataset.liesIn(this.#arena)) throw foreign()
    return dataset.partitions.map(pieces => ({ chain: rootChain, pieces }))
  }

  async #materialised(node: RddNode, job: Job): Promise<Dataset> {
    try {
      const placed = await this.#derive(node, job)
      return await this.#stage({ placed, terminal: blocks, job }, node.partitioner)
    } catch (error) {
      node.holdings.dataset = undefined
      throw error
    }
  }

  async #derive(node: RddNode, job: Job): Promise<PlacedPartition[]> {
    const { operator, params } = node.step
    const pact = operator.pact?.(params) ?? { how: 'as-it-lies' }
    let placed: PlacedPartition[]
    if (
      pact.how === 'exchanged' &&
      !samePartitioner(node.inputs[0]!.partitioner, pact.partitioner)
    ) {
      if (!node.keepsExchange) job.own(node.holdings)
      node.holdings.exchanged ??= this.#exchange(node, pact.partitioner, job)
      const dataset = job.hold(await this.#orForget(node.holdings))
      placed = dataset.partitions.map(pieces => ({ chain: rootChain, pieces }))
    } else {
      placed = []
      for (const input of node.inputs) placed.push(...(await this.#place(input, job)))
      if (pact.how === 'gathered') placed = [await this.#gather(placed, node, job)]
    }
    if (!operator.kernel) return placed
    return placed.map(({ chain, pieces }) => ({ chain: chain.extend(node.step), pieces }))
  }

  async #exchange(node: RddNode, partitioner: Partitioner, job: Job): Promise<Dataset> {
    const placed: PlacedPartition[] = []
    for (const input of node.inputs) placed.push(...(await this.#place(input, job)))
    const terminal: Terminal = { to: 'exchange', partitioner }
    return await this.#stage({ placed, terminal, job, reader: node.step }, partitioner)
  }

  /** The output of an exchange; one that failed is not kept, so that a later action tries again. */
  async #orForget(holdings: Holdings): Promise<Dataset> {
    const { exchanged } = holdings
    try {
      return await exchanged!
    } catch (error) {
      if (holdings.exchanged === exchanged) holdings.exchanged = undefined
      throw error
    }
  }

  /** All rows in one partition, in partition order. */
  async #gather(placed: PlacedPartition[], node: RddNode, job: Job): Promise<PlacedPartition> {
    if (placed.some(p => p.chain !== rootChain)) {
      if (!node.keepsExchange) job.own(node.holdings)
      node.holdings.exchanged ??= this.#stage({ placed, terminal: blocks, job })
      const dataset = job.hold(await this.#orForget(node.holdings))
      return { chain: rootChain, pieces: dataset.partitions.flat() }
    }
    return { chain: rootChain, pieces: placed.flatMap(p => p.pieces) }
  }

  /** Runs the chains of all partitions and gathers what they leave behind. */
  async #stage(stage: Stage, partitioner?: Partitioner): Promise<Dataset> {
    const { placed, terminal } = stage
    const results = await Promise.allSettled(
      this.#deal(placed).map(parts => this.#task(stage, parts)),
    )
    const chunks = results.flatMap(r => (r.status === 'fulfilled' ? r.value.chunks : []))
    const failed = results.find(r => r.status === 'rejected')
    if (failed) {
      for (const chunk of chunks) this.#arena.free(chunk)
      throw failed.reason
    }
    const targets = terminal.to === 'exchange' ? terminal.partitioner.partitions : placed.length
    const partitions: Piece[][] = Array.from({ length: targets }, () => [])
    const done = results.flatMap(r => (r.status === 'fulfilled' ? r.value.parts : []))
    done.sort((a, b) => a.partition - b.partition)
    for (const { partition, pieces } of done) {
      if (terminal.to === 'blocks') partitions[partition] = [...pieces[0]!]
      else for (const [target, list] of pieces.entries()) partitions[target]!.push(...list)
    }
    return new Dataset(this.#arena, partitions, chunks, partitioner)
  }

  /** Partitions as tasks, by weight; neighbours stay together. Empty ones that give nothing go. */
  #deal(placed: readonly PlacedPartition[]): number[][] {
    const weights = placed.map(p => weightOf(p.pieces))
    const total = weights.reduce((a, b) => a + b, 0)
    const target = Math.max(rowsPerTaskMin, total / (this.#pool.workers * tasksPerWorker))
    const tasks: number[][] = []
    let task: number[] = []
    let weight = 0
    for (const [index, { chain, pieces }] of placed.entries()) {
      if (pieces.length === 0 && !chain.emitsOnEmpty) continue
      task.push(index)
      weight += weights[index]!
      if (weight < target) continue
      tasks.push(task)
      task = []
      weight = 0
    }
    if (task.length > 0) tasks.push(task)
    return tasks
  }

  async #task(stage: Stage, indexes: readonly number[]): Promise<TaskResult> {
    const { placed, terminal } = stage
    const chains = [...new Set(indexes.map(i => placed[i]!.chain))]
    const programs: ProgramRef[] = []
    try {
      for (const chain of chains)
        programs.push(this.#programs.acquire(chain, this.#options.columns))
      const parts: TaskPart[] = indexes.map(i => {
        const { chain, pieces } = placed[i]!
        return { partition: i, program: chains.indexOf(chain), pieces }
      })
      return await this.#attempts({ attempt: 0, programs, parts, terminal }, stage, chains)
    } finally {
      for (const [i] of programs.entries()) this.#programs.release(chains[i]!)
    }
  }

  async #attempts(task: TaskMessage, stage: Stage, chains: readonly Chain[]): Promise<TaskResult> {
    for (let failures = 1; ; failures++) {
      const attempt = this.#pool.newAttempt()
      const site: TaskSite = { ...stage, chains, tries: failures }
      const error = await this.#attempt({ ...task, attempt }, site)
      if (!(error instanceof PeltonError)) return error
      this.#events.emit('taskFailed', { attempt, failures, error })
      if (failures >= this.#options.maxTaskFailures || finalCodes.has(error.code)) throw error
    }
  }

  async #attempt(task: TaskMessage, site: TaskSite): Promise<TaskResult | PeltonError> {
    let result: TaskResult
    try {
      result = await this.#pool.run(task, this.#options.taskTimeoutMs)
    } catch (error) {
      if (error instanceof LostTaskError) return lostTask(error, site)
      throw error
    }
    if (result.failure) return failedTask(result.failure, site)
    for (const chunk of result.chunks) this.#arena.setOwner(chunk, storeOwner)
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
    // Accumulated values are all that a result carries beside numbers.
    if (result.accumulators.length > 0) {
      this.counters.portBytes += serialize(result.accumulators).length
    }
    const rows = this.counters.rowsByWorker
    rows.set(worker, (rows.get(worker) ?? 0) + rowsIn)
    const partitions = task.parts.length
    const info = { worker, partitions, rowsIn, rowsOut, fallbackRows, elapsedMs }
    this.#events.emit('taskCompleted', info)
  }
}

function foreign(): PeltonError {
  return new PeltonError(
    'an RDD of another StreamingContext was used here: the RDDs have different contexts. ' +
      'collect() its rows, and parallelize() them in this one',
    { code: 'OPTION' },
  )
}

function noUpdate(failure: string): PeltonError {
  return new PeltonError(`accumulator: ${failure}. Gather plain data`, {
    code: 'ACCUMULATOR',
    operator: 'accumulator',
  })
}

/** Whether the rows can be read as they lie. */
function isInArena({ chain, pieces }: PlacedPartition): boolean {
  return chain === rootChain && pieces.every(p => p.kind === 'block' || p.kind === 'text')
}
