/**
 * Batches from a queue of arrays or RDDs, one a batch or all that wait: for tests and replays.
 *
 * @example
 * ssc.queueStream([[1, 2, 3], [4, 5]])
 */
import type { Dataset } from '../engine/block-store.ts'
import { RddNode } from '../engine/dag.ts'
import type { InputBatch, InputHost, InputSource } from '../engine/input.ts'
import { PeltonError, preview } from '../errors.ts'

/** How entries of the queue become batches. */
export interface QueueOptions {
  /** Take one entry a batch (default), or everything that waits. */
  readonly oneAtATime?: boolean
  /** Partitions of an entry that is an array. */
  readonly partitions?: number
}

/** An entry: rows, the node of an RDD, or null for a batch without an RDD. */
export type QueueEntry = readonly unknown[] | { readonly node: RddNode } | null

/** Source of `queueStream`. */
export class QueueSource implements InputSource {
  readonly name = 'queueStream'
  #queue: QueueEntry[]
  #options: QueueOptions
  #host: InputHost | undefined
  #load: (rows: readonly unknown[], partitions: number) => Dataset

  constructor(
    queue: QueueEntry[],
    options: QueueOptions,
    load: (rows: readonly unknown[], partitions: number) => Dataset,
  ) {
    if (!Array.isArray(queue)) {
      throw bad(`needs an array of batches, each an array of rows or an RDD; got ${preview(queue)}`)
    }
    const { partitions } = options
    if (partitions !== undefined && !(Number.isInteger(partitions) && partitions > 0)) {
      throw bad(`partitions is ${preview(partitions)}; give a whole number from 1 up`)
    }
    const wrong = queue.findIndex(entry => !isEntry(entry))
    if (wrong >= 0) throw badEntry(queue[wrong], `[${wrong}]`)
    this.#queue = queue
    this.#options = options
    this.#load = load
  }

  attach(host: InputHost): void {
    this.#host = host
  }

  start(): void {}

  stop(): void {}

  take(): InputBatch {
    const { step } = this.#host!
    const entries = this.#next()
    if (entries.length > 0 && entries.every(entry => entry === null)) return { rdd: null, rows: 0 }
    const inputs: RddNode[] = []
    // The queue owns what it loads; an RDD belongs to whoever made it.
    const owned: RddNode[] = []
    let rows = 0
    for (const entry of entries) {
      if (entry === null) continue
      if ('node' in entry) inputs.push(entry.node)
      else {
        rows += entry.length
        const node = this.#node(entry)
        inputs.push(node)
        owned.push(node)
      }
    }
    const rdd = new RddNode({ step, inputs })
    rdd.owned = owned
    return { rdd, rows }
  }

  /** The entries of this batch. One that is no batch goes, with an error; the others stay. */
  #next(): QueueEntry[] {
    const count = this.#options.oneAtATime === false ? this.#queue.length : 1
    const wrong = this.#queue.slice(0, count).findIndex(entry => !isEntry(entry))
    if (wrong < 0) return this.#queue.splice(0, count)
    const [entry] = this.#queue.splice(wrong, 1)
    throw badEntry(entry, '')
  }

  #node(rows: readonly unknown[]): RddNode {
    const { step, partitions } = this.#host!
    const load = (): Dataset => this.#load(rows, this.#options.partitions ?? partitions)
    return new RddNode({ step, inputs: [], load })
  }

  get pending(): boolean {
    return this.#queue.length > 0
  }

  wake(): void {}

  close(): void {}
}

function isEntry(entry: unknown): entry is QueueEntry {
  if (entry === null || Array.isArray(entry)) return true
  return typeof entry === 'object' && 'node' in entry && entry.node instanceof RddNode
}

function badEntry(entry: unknown, at: string): PeltonError {
  return bad(
    `the entry${at} ${preview(entry)} is no batch; each entry must be an array of rows, an RDD, ` +
      'or null for a batch without an RDD',
  )
}

function bad(message: string): PeltonError {
  return new PeltonError(`queueStream: ${message}`, { code: 'OPTION', operator: 'queueStream' })
}
