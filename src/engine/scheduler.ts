/** Runs jobs: walks lineages, lengthens chains, and cuts stages at exchanges. */
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import { type Dataset, weightOf } from './block-store.ts'
import type { Holdings, RddNode } from './dag.ts'
import type { EventBus } from './events.ts'
import { isReducer } from './gears.ts'
import { type Partitioner, samePartitioner } from './operator.ts'
import { Chain, type PlacedPartition } from './plan.ts'
import type { Terminal } from './program.ts'
import type { Runtime } from './runtime.ts'
import { type SchedulerCounters, type StageOptions, StageRunner } from './stage.ts'
import type { StageRecords } from './stage-records.ts'
import type { Losers } from './twins.ts'
import type { BlockPiece, Piece } from './vector.ts'

/** Rows that an action has computed; whoever holds them releases them. */
export interface HeldRows {
  readonly partitions: readonly (readonly Piece[])[]
  release(): void
}

/** What an action wants of a run. */
export interface RunOptions {
  /** Rows of each partition that are enough, where they have to be computed. */
  readonly limit?: number
  /** Sees the rows of each task as it ends, in blocks; they last until the run has ended. */
  readonly onPieces?: (pieces: readonly Piece[]) => void
}

/** Datasets that a running job keeps alive, and the batch it belongs to. */
export class Job {
  readonly batchTime: number | undefined
  #held: Dataset[] = []
  #exchanged: Holdings[] = []
  #until: Promise<unknown>[] = []

  constructor(batchTime?: number) {
    this.batchTime = batchTime
  }

  hold(dataset: Dataset): Dataset {
    return this.own(dataset.retain())
  }

  /** Takes over a dataset that serves this job alone. */
  own(dataset: Dataset): Dataset {
    this.#held.push(dataset)
    return dataset
  }

  /** The same for the output of an exchange. */
  ownExchange(holdings: Holdings): void {
    this.#exchanged.push(holdings)
  }

  /** Attempts that nobody waits for may still read what the job holds. */
  keepUntil(ended: Promise<unknown>): void {
    this.#until.push(ended)
  }

  end(): void {
    const held = this.#held.splice(0)
    const release = (): void => {
      for (const dataset of held) dataset.release()
    }
    if (this.#until.length === 0) release()
    else void Promise.all(this.#until.splice(0)).then(release)
    for (const holdings of this.#exchanged.splice(0)) holdings.releaseExchanged()
  }
}

const rootChain = new Chain()
const blocks: Terminal = { to: 'blocks', limit: Number.POSITIVE_INFINITY }
export class Scheduler {
  readonly #arena: Arena
  readonly #stages: StageRunner

  constructor(runtime: Runtime, events: EventBus, options: StageOptions) {
    this.#arena = runtime.arena
    this.#stages = new StageRunner(runtime, events, options)
  }

  /** Totals since the start. */
  get counters(): SchedulerCounters {
    return this.#stages.counters
  }

  /** Attempts whose twins were sooner. */
  get losers(): Losers {
    return this.#stages.losers
  }

  /** What stages did lately. */
  get records(): StageRecords {
    return this.#stages.records
  }

  /**
   * Runs an action: the rows of `node`. The caller releases them. Rejects with the error of the
   * first task that failed for good.
   */
  async run(
    node: RddNode,
    batchTime?: number,
    { limit = Number.POSITIVE_INFINITY, onPieces }: RunOptions = {},
  ): Promise<HeldRows> {
    const job = new Job(batchTime)
    try {
      const placed = await this.#place(node, job)
      if (placed.every(isInArena)) {
        return { partitions: placed.map(p => p.pieces), release: () => job.end() }
      }
      const terminal: Terminal = { to: 'blocks', limit }
      const dataset = await this.#stages.run({
        placed,
        terminal,
        job,
        ...(onPieces && { onPieces }),
      })
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
    if (!node.loaded() && (node.persisted || node.states))
      node.holdings.dataset = this.#materialised(node, job)
    if (!node.holdings.dataset) return await this.#derive(node, job)
    const dataset = job.hold(await node.holdings.dataset)
    if (!dataset.liesIn(this.#arena)) throw foreign()
    return dataset.partitions.map(pieces => ({ chain: rootChain, pieces }))
  }

  async #materialised(node: RddNode, job: Job): Promise<Dataset> {
    try {
      for (const before of node.after) {
        if (!before.isComputed) await this.materialise(before, job.batchTime)
      }
      const placed = await this.#derive(node, job)
      const run = (tables: readonly number[]): Promise<Dataset> => {
        const all = tables.length > 0 ? placed.map((p, i) => ({ ...p, table: tables[i]! })) : placed
        return this.#stages.run({ placed: all, terminal: blocks, job }, node.partitioner)
      }
      const { states } = node
      const dataset = await (states ? states.run(this.#arena, node, run) : run([]))
      node.computed()
      return dataset
    } catch (error) {
      node.holdings.dataset = undefined
      throw error
    }
  }

  async #derive(node: RddNode, job: Job): Promise<PlacedPartition[]> {
    // Without rows it would look as if there had been none.
    if (node.isForgotten && node.inputs.length === 0) throw forgotten(node)
    const { operator, params } = node.step
    const pact = operator.pact?.(params) ?? { how: 'as-it-lies' }
    let placed: PlacedPartition[]
    if ('partitioner' in pact) {
      const { partitioner } = pact
      const zips = pact.how === 'zipped'
      placed = await (zips ? this.#zip(node, partitioner, job) : this.#met(node, partitioner, job))
      if (placed.length > partitioner.partitions && operator.kernel) {
        return await this.#inParts(node, placed, partitioner, job)
      }
    } else {
      const inputs: PlacedPartition[][] = []
      for (const input of node.inputs) inputs.push(await this.#place(input, job))
      placed = inputs.flat()
      if (pact.how === 'gathered') placed = [await this.#gather(placed, node, job)]
      if (pact.how === 'aligned') placed = await this.#align(placed, inputs.length, job)
    }
    if (!operator.kernel) return placed
    const countsPartitions = operator.kernel.form === 'partition'
    if (countsPartitions) placed = await this.#numberless(placed, job)
    return placed.map(({ chain, pieces, number, time = node.time }, index) => ({
      chain: chain.extend(node.step),
      pieces,
      ...((countsPartitions || number !== undefined) && { number: number ?? index }),
      ...(time !== undefined && { time }),
    }))
  }

  /** The rows where the partitioner puts them, or in parts of those partitions. */
  async #met(node: RddNode, partitioner: Partitioner, job: Job): Promise<PlacedPartition[]> {
    const { holdings } = node
    if (!holdings.exchanged) {
      const placed: PlacedPartition[] = []
      for (const input of node.inputs) placed.push(...(await this.#place(input, job)))
      const finer = this.#finer(node, partitioner, placed)
      if (finer === partitioner && liesAlready(node, partitioner)) return placed
      if (!node.keepsExchange) job.ownExchange(holdings)
      holdings.exchanged ??= this.#exchange(node, placed, finer, job)
    }
    const dataset = job.hold(await this.#orForget(holdings))
    return dataset.partitions.map(pieces => ({ chain: rootChain, pieces }))
  }

  /** A partitioner for parts of partitions, where the kernel would hold too many rows of one. */
  #finer(
    { step }: RddNode,
    partitioner: Partitioner,
    inputs: readonly PlacedPartition[],
  ): Partitioner {
    const { holdsRows } = step.operator
    if (!holdsRows || partitioner.kind !== 'hash') return partitioner
    let weight = 0
    for (const { pieces } of inputs) weight += weightOf(pieces)
    const { partitions } = partitioner
    const parts = Math.ceil(weight / partitions / this.#stages.partRowsMax)
    if (parts <= 1 || (holdsRows === 'unless-reducing' && isReducer(step))) return partitioner
    return { kind: 'hash', partitions: partitions * parts }
  }

  async #exchange(
    node: RddNode,
    placed: readonly PlacedPartition[],
    partitioner: Partitioner,
    job: Job,
  ): Promise<Dataset> {
    const terminal: Terminal = { to: 'exchange', partitioner }
    return await this.#stages.run({ placed, terminal, job, reader: node.step }, partitioner)
  }

  /**
   * The inputs side by side: into partition p go the rows of partition p of each, one after the
   * other, and every piece tells whose it is. An input that does not lie so yet is brought there.
   */
  async #zip(node: RddNode, partitioner: Partitioner, job: Job): Promise<PlacedPartition[]> {
    const { laid } = node.holdings
    const inputs: PlacedPartition[][] = []
    for (const [i, input] of node.inputs.entries()) {
      inputs.push(laid[i] ? [] : await this.#place(input, job))
    }
    if (!node.keepsExchange) job.ownExchange(node.holdings)
    const before = await laid.find(one => one !== undefined)
    const finer = before?.partitioner ?? this.#finer(node, partitioner, inputs.flat())
    const together: Piece[][] = Array.from({ length: finer.partitions }, () => [])
    for (const [i, side] of node.sides.entries()) {
      const rows = await this.#laid(node, i, inputs[i]!, finer, job)
      for (const [p, pieces] of rows.entries()) {
        for (const piece of pieces) together[p]!.push({ ...(piece as BlockPiece), side })
      }
    }
    return together.map(pieces => ({ chain: rootChain, pieces }))
  }

  /**
   * Runs the node's kernel on parts of partitions, and puts the rows together again. A key is in
   * one part: its hash modulo a multiple of the partitions.
   */
  async #inParts(
    node: RddNode,
    placed: readonly PlacedPartition[],
    { partitions }: Partitioner,
    job: Job,
  ): Promise<PlacedPartition[]> {
    const chain = rootChain.extend(node.step)
    const { time } = node
    const parts = placed.map(part => ({ ...part, chain, ...(time !== undefined && { time }) }))
    const rows = job.own(await this.#stages.run({ placed: parts, terminal: blocks, job }))
    return Array.from({ length: partitions }, (_, p) => {
      const pieces = rows.partitions.filter((_, part) => part % partitions === p).flat()
      return { chain: rootChain, pieces }
    })
  }

  /** The rows of input `i` in blocks, where the partitioner puts them. */
  async #laid(
    node: RddNode,
    i: number,
    placed: readonly PlacedPartition[],
    partitioner: Partitioner,
    job: Job,
  ): Promise<readonly (readonly Piece[])[]> {
    const { laid } = node.holdings
    if (!laid[i]) {
      const isPlaced = samePartitioner(node.inputs[i]!.partitioner, partitioner)
      if (isPlaced && placed.every(isInArena)) return placed.map(({ pieces }) => pieces)
      const terminal: Terminal = isPlaced ? blocks : { to: 'exchange', partitioner }
      laid[i] ??= this.#stages.run({ placed, terminal, job, reader: node.step }, partitioner)
    }
    const running = laid[i]!
    try {
      return job.hold(await running).partitions
    } catch (error) {
      if (laid[i] === running) delete laid[i]
      throw error
    }
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

  /** Partitions whose chains were not told another number than the place that they have now. */
  async #numberless(placed: PlacedPartition[], job: Job): Promise<PlacedPartition[]> {
    if (placed.every(({ number }, index) => number === undefined || number === index)) return placed
    const dataset = job.own(await this.#stages.run({ placed, terminal: blocks, job }))
    return dataset.partitions.map(pieces => ({ chain: rootChain, pieces }))
  }

  /** Partitions k of all inputs as partition k; whoever made the node knows them equally many. */
  async #align(placed: PlacedPartition[], inputs: number, job: Job): Promise<PlacedPartition[]> {
    const dataset = job.own(await this.#stages.run({ placed, terminal: blocks, job }))
    const count = placed.length / inputs
    return Array.from({ length: count }, (_, k) => {
      const pieces = dataset.partitions.filter((_, index) => index % count === k).flat()
      return { chain: rootChain, pieces }
    })
  }

  /** All rows in one partition, in partition order. */
  async #gather(placed: PlacedPartition[], node: RddNode, job: Job): Promise<PlacedPartition> {
    if (placed.some(p => p.chain !== rootChain)) {
      if (!node.keepsExchange) job.ownExchange(node.holdings)
      node.holdings.exchanged ??= this.#stages.run({ placed, terminal: blocks, job })
      const dataset = job.hold(await this.#orForget(node.holdings))
      return { chain: rootChain, pieces: dataset.partitions.flat() }
    }
    return { chain: rootChain, pieces: placed.flatMap(p => p.pieces) }
  }
}

/** Whether the rows are where an exchange would put them. Those of several inputs never are. */
function liesAlready({ inputs }: RddNode, partitioner: Partitioner): boolean {
  return inputs.length === 1 && samePartitioner(inputs[0]!.partitioner, partitioner)
}

function forgotten({ step: { label, place } }: RddNode): PeltonError {
  return new PeltonError(
    `the rows of ${label} are needed again, and have been forgotten; ssc.remember(duration) ` +
      'keeps results for longer',
    { code: 'FORGOTTEN', operator: label, ...(place && { place }) },
  )
}

function foreign(): PeltonError {
  return new PeltonError(
    'an RDD of another context was used here: the RDDs have different contexts. ' +
      'collect() its rows, and parallelize() them in this one',
    { code: 'OPTION' },
  )
}

/** Whether the rows can be read as they lie. */
function isInArena({ chain, pieces }: PlacedPartition): boolean {
  return chain === rootChain && pieces.every(p => p.kind === 'block' || p.kind === 'text')
}
