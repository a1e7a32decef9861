/** Who still needs which chunk. Lives on the main thread; every sealed chunk has its count here. */
import type { Arena } from '../columnar/arena.ts'
import type { Partitioner } from './operator.ts'
import type { Piece } from './vector.ts'

/** Owner of chunks that belong to sealed blocks rather than to an attempt. */
export const storeOwner = 0x7fffffff
/** Owner of programs and broadcast values. */
export const programOwner = 0x7ffffffe
/** Owner of text that receivers are still filling. */
export const intakeOwner = 0x7ffffffd

/** Owner of what a worker keeps for itself between tasks: scratch and tables. */
export function threadOwner(thread: number): number {
  return 0x40000000 + (thread & 0xffffff)
}

/**
 * The rows of one node at one time, in partitions. Counted by reference: whoever keeps a dataset
 * retains it once and releases it once; at zero its chunks go back to the arena.
 */
export class Dataset {
  readonly partitions: readonly (readonly Piece[])[]
  readonly partitioner: Partitioner | undefined
  #arena: Arena
  #chunks: readonly number[]
  readonly #released: (() => void) | undefined
  #count = 1

  /**
   * Takes over the chunks; the caller holds the first reference. `released` is called when nobody
   * needs the rows any more.
   */
  constructor(
    arena: Arena,
    partitions: readonly (readonly Piece[])[],
    chunks: readonly number[],
    partitioner?: Partitioner,
    released?: () => void,
  ) {
    this.#arena = arena
    this.partitions = partitions
    this.partitioner = partitioner
    this.#chunks = chunks
    this.#released = released
  }

  /** Bytes of the arena that it keeps. */
  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + this.#arena.sizeOf(chunk), 0)
  }

  retain(): this {
    if (this.#count === 0) throw new Error('a dataset was used after it was released')
    this.#count++
    return this
  }

  release(): void {
    if (this.#count === 0) throw new Error('a dataset was released twice')
    if (--this.#count > 0) return
    for (const chunk of this.#chunks) this.#arena.free(chunk)
    this.#released?.()
  }

  /** Whether the rows lie in that arena: those of another context's do not. */
  liesIn(arena: Arena): boolean {
    return this.#arena === arena
  }

  get released(): boolean {
    return this.#count === 0
  }
}

/** Rows that pieces are known to hold; texts and files count by their bytes. */
export function weightOf(pieces: readonly Piece[]): number {
  let weight = 0
  for (const piece of pieces) {
    weight += piece.kind === 'block' ? piece.to - piece.from : (piece.to - piece.from) / 64
  }
  return weight
}
