/** Live reads of states: what the last batch that has ended left behind, while others run. */
import { Block, TupleColumn } from '../columnar/block.ts'
import { hashKey, sameKey } from '../columnar/keys.ts'
import type { Memory } from '../columnar/memory.ts'
import type { StreamNode } from '../engine/dag.ts'
import type { Piece } from '../engine/vector.ts'

/** Where the states of a view lie. */
export interface States {
  readonly time: number | undefined
  readonly size: number
  get(key: unknown): unknown
  has(key: unknown): boolean
  entries(): Iterable<[key: unknown, state: unknown]>
}

/**
 * The states by key after the last batch that has ended. Reads never stop the job, and never see
 * half a batch; between two calls another batch may have ended, but one iteration sees one batch.
 *
 * @example
 * const view = counts.stateView()
 * view.get('word') // 17
 * for (const [word, n] of view) console.log(word, n)
 */
export class StateView<K, S> implements Iterable<[K, S]> {
  readonly #states: States

  /** For the engine's own use. */
  constructor(states: States) {
    this.#states = states
  }

  /** Time of the batch whose states these are, in milliseconds; undefined before the first one. */
  get time(): number | undefined {
    return this.#states.time
  }

  /** How many keys have a state. */
  get size(): number {
    return this.#states.size
  }

  /** The state of a key, or undefined where it has none. @example view.get('word') */
  get(key: K): S | undefined {
    return this.#states.get(key) as S | undefined
  }

  /** Whether a key has a state. @example view.has('word') */
  has(key: K): boolean {
    return this.#states.has(key)
  }

  /** All keys with their states, of one batch. */
  *[Symbol.iterator](): Generator<[K, S]> {
    yield* this.#states.entries() as Iterable<[K, S]>
  }
}

const decodeRowsMax = 4096

/** States that are the rows of a node: pairs, in the partitions of their keys. */
export class RowStates implements States {
  readonly #node: StreamNode
  readonly #memory: () => Memory

  constructor(node: StreamNode, memory: () => Memory) {
    this.#node = node
    this.#memory = memory
  }

  get time(): number | undefined {
    return this.#node.committed?.time
  }

  get size(): number {
    const pieces = this.#node.committed?.dataset.partitions.flat() ?? []
    return pieces.reduce((sum, { from, to }) => sum + to - from, 0)
  }

  /** Looks through the keys of one partition. */
  get(key: unknown): unknown {
    const partitions = this.#node.committed?.dataset.partitions ?? []
    if (partitions.length === 0) return undefined
    for (const [keys, states] of this.#parts(partitions[hashKey(key) % partitions.length]!)) {
      for (let i = 0; i < keys.length; i++) if (sameKey(keys[i], key)) return states(i)
    }
    return undefined
  }

  /** No row has a state that is undefined. */
  has(key: unknown): boolean {
    return this.get(key) !== undefined
  }

  *entries(): Generator<[key: unknown, state: unknown]> {
    const dataset = this.#node.committed?.dataset.retain()
    if (!dataset) return
    try {
      for (const pieces of dataset.partitions) {
        for (const [keys, states] of this.#parts(pieces)) {
          for (let i = 0; i < keys.length; i++) yield [keys[i], states(i)]
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
      const { root } = Block.open(this.#memory(), piece.ptr)
      for (let from = piece.from; from < piece.to; from += decodeRowsMax) {
        const to = Math.min(piece.to, from + decodeRowsMax)
        if (root instanceof TupleColumn) {
          const [keys, states] = root.items
          yield [keys!.decode(from, to), i => states!.get(from + i)]
        } else {
          const rows = Array.from(root.decode(from, to)) as unknown[][]
          yield [rows.map(row => row[0]), i => rows[i]![1]]
        }
      }
    }
  }
}
