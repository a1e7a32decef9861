/** Rows on their way into the arena, in a builder of their own. */
import type { Arena } from '../columnar/arena.ts'
import { Block } from '../columnar/block.ts'
import { BlockBuilder } from '../columnar/builder.ts'
import { type ChunkMemory, privateMemory } from '../columnar/memory.ts'
import { storeOwner } from './block-store.ts'
import type { Piece } from './vector.ts'

/** Rows that will be one block; the latest can be taken back. */
export class RowChunk {
  /** Estimate of the sealed size in bytes. */
  bytes = 0
  #builder = new BlockBuilder()
  /** Rows that were taken back and still lie in the builder: from, to. */
  #holes: [number, number][] = []
  #holeRows = 0

  /** Rows in the builder, those taken back too. */
  get length(): number {
    return this.#builder.rows
  }

  /** Rows that count. */
  get rows(): number {
    return this.#builder.rows - this.#holeRows
  }

  /** Adds a row and returns about how many bytes it takes. Throws as `BlockBuilder.append` does. */
  append(row: unknown): number {
    this.#builder.append(row)
    const { bytes } = this
    this.bytes = this.#builder.byteLength
    return this.bytes - bytes
  }

  /** Takes back the rows from `length` on; where they are many bytes, they go from memory too. */
  truncate(length: number, bytesMax: number): void {
    const end = this.#builder.rows
    if (end === length) return
    this.#holes.push([length, end])
    this.#holeRows += end - length
    if (this.bytes > bytesMax) this.#rebuild()
  }

  #rebuild(): void {
    const ranges = this.#ranges()
    const heap = heapMemory()
    const { ptr } = this.#builder.seal(heap, storeOwner)
    const block = Block.open(heap, ptr)
    this.#builder = new BlockBuilder()
    this.bytes = 0
    this.#holes = []
    this.#holeRows = 0
    for (const [from, to] of ranges) {
      for (const row of Array.from(block.decode(from, to))) this.append(row)
    }
  }

  /** Writes the rows into a block that belongs to the store; the chunk is of no use after it. */
  seal(arena: Arena): { ptr: number; pieces: Piece[]; rows: number } {
    const { rows } = this
    const ranges = this.#ranges()
    const { ptr } = this.#builder.seal(arena, storeOwner)
    return { ptr, pieces: ranges.map(([from, to]) => ({ kind: 'block', ptr, from, to })), rows }
  }

  /** The rows that count, as ranges. */
  #ranges(): [number, number][] {
    const ranges: [number, number][] = []
    let from = 0
    for (const [start, end] of this.#holes) {
      if (start > from) ranges.push([from, start])
      from = end
    }
    if (from < this.#builder.rows) ranges.push([from, this.#builder.rows])
    return ranges
  }
}

/** Memory for one chunk, outside the arena. */
function heapMemory(): ChunkMemory {
  const start = 16
  const heap = {
    ...privateMemory(0),
    alloc(bytes: number): number {
      Object.assign(heap, privateMemory(start + bytes))
      return start
    },
    free(): void {},
  }
  return heap
}
