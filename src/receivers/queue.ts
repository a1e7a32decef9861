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

export interface QueueOptions {
  /** Take one entry a batch (default), or everything that waits. */
  readonly oneAtATime?: boolean
  /** Partitions of an entry that is an array. */
  readonly partitions?: number
}

/** An entry: rows, the node of an RDD, or null for a batch without an RDD. */
export type QueueEntry = readonly unknown[] | { readonly node: RddNode } | null

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
      throw new PeltonError(
        `queueStream needs an array of batches, each an array of rows or an RDD; got ${preview(queue)}`,
        { code: 'OPTION', operator: 'queueStream' },
      )
    }
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
    const count = this.#options.oneAtATime === false ? this.#queue.length : 1
    const entries = this.#queue.splice(0, count)
    if (entries.length === 1 && entries[0] === null) return { rdd: null, rows: 0 }
    const inputs: RddNode[] = []
    let rows = 0
    for (const entry of entries) {
      if (entry === null) continue
      if (Array.isArray(entry)) {
        rows += entry.length
        inputs.push(this.#node(entry))
      } else if (typeof entry === 'object' && 'node' in entry) inputs.push(entry.node)
      else throw badEntry(entry)
    }
    // The queue owns what it loaded; an RDD belongs to whoever made it.
    const rdd = new RddNode({ step, inputs })
    rdd.owned = inputs.filter((_, i) => Array.isArray(entries[i]))
    return { rdd, rows }
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

function badEntry(entry: unknown): PeltonError {
  return new PeltonError(
    `queueStream: ${preview(entry)} is no batch; each entry must be an array of rows, an RDD, or null`,
    { code: 'OPTION', operator: 'queueStream' },
  )
}
