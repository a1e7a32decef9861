/** Live reads of states: what the last batch that has ended left behind, while others run. */
import { Block, TupleColumn } from '../columnar/block.ts'
import { hashKey, sameKey } from '../columnar/keys.ts'
import type { Memory } from '../columnar/memory.ts'
import type { Dataset } from '../engine/block-store.ts'
import type { StreamNode } from '../engine/dag.ts'
import type { Piece } from '../engine/vector.ts'

/** Where in a row its key and its state are; with `kind`, rows whose item is 0 there. */
export interface StateRow {
  readonly key: number
  readonly state: number
  readonly kind?: number
}

const decodeRowsMax = 4096

/**
 * The states by key after the last batch that has ended. Reads never stop the job, and never see
 * half a batch; between two calls another batch may have ended, but one iteration sees one batch.
 * `get` looks through the keys of one partition.
 *
 * @example
 * const view = counts.stateView()
 * view.get('word') // 17
 * for (const [word, n] of view) console.log(word, n)
 */
export class StateView<K, S> implements Iterable<[K, S]> {
  readonly #node: StreamNode
  readonly #row: StateRow
  readonly #memory: () => Memory

  /** For the engine's own use. */
  constructor(node: StreamNode, row: StateRow, memory: () => Memory) {
    this.#node = node
    this.#row = row
    this.#memory = memory
  }

  /** Time of the batch whose states these are, in milliseconds; undefined before the first one. */
  get time(): number | undefined {
    return this.#node.committed?.time
  }

  /** How many keys have a state. */
  get size(): number {
    let size = 0
    for (const pieces of this.#node.committed?.dataset.partitions ?? []) {
      for (const [keys] of this.#parts(pieces)) size += keys.length
    }
    return size
  }

  /** The state of a key, or undefined where it has none. @example view.get('word') */
  get(key: K): S | undefined {
    const partitions = this.#node.committed?.dataset.partitions ?? []
    if (partitions.length === 0) return undefined
    for (const [keys, states] of this.#parts(partitions[hashKey(key) % partitions.length]!)) {
      for (let i = 0; i < keys.length; i++) if (sameKey(keys[i], key)) return states(i) as S
    }
    return undefined
  }

  /** Whether a key has a state. @example view.has('word') */
  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  /** All keys with their states, of one batch. */
  *[Symbol.iterator](): Generator<[K, S]> {
    const dataset: Dataset | undefined = this.#node.committed?.dataset.retain()
    if (!dataset) return
    try {
      for (const pieces of dataset.partitions) {
        for (const [keys, states] of this.#parts(pieces)) {
          for (let i = 0; i < keys.length; i++) yield [keys[i] as K, states(i) as S]
        }
      }
    } finally {
      dataset.release()
    }
  }

  /** Keys of a partition, some at a time, and what gives the state of each. */
  *#parts(
    pieces: readonly Piece[],
  ): Generator<[keys: ArrayLike<unknown>, state: (i: number) => unknown]> {
    for (const piece of pieces) {
      if (piece.kind !== 'block') continue
      const block = Block.open(this.#memory(), piece.ptr)
      for (let from = piece.from; from < piece.to; from += decodeRowsMax) {
        yield this.#part(block, from, Math.min(piece.to, from + decodeRowsMax))
      }
    }
  }

  #part(
    block: Block,
    from: number,
    to: number,
  ): [keys: ArrayLike<unknown>, state: (i: number) => unknown] {
    const { key, state, kind } = this.#row
    const { root } = block
    if (kind === undefined && root instanceof TupleColumn) {
      return [root.items[key]!.decode(from, to), i => root.items[state]!.get(from + i)]
    }
    const rows = Array.from(block.decode(from, to)) as unknown[][]
    const kept = kind === undefined ? rows : rows.filter(row => row[kind] === 0)
    return [kept.map(row => row[key]), i => kept[i]![state]]
  }
}
