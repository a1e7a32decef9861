/** Blocks that a task has opened: slices of one block need its header read only once. */
import type { Arena } from '../columnar/arena.ts'
import { Block } from '../columnar/block.ts'

/** Valid for one task, whose blocks stay where they are; `clear` ends it. */
export class OpenBlocks {
  #arena: Arena
  #blocks = new Map<number, Block>()

  constructor(arena: Arena) {
    this.#arena = arena
  }

  open(ptr: number): Block {
    let block = this.#blocks.get(ptr)
    if (!block) this.#blocks.set(ptr, (block = Block.open(this.#arena, ptr)))
    return block
  }

  /** Bytes of a part of a block's rows, as their share of all. */
  bytesOf(ptr: number, rows: number): number {
    const all = this.open(ptr).rows
    return all === 0 ? 0 : (this.#arena.sizeOf(ptr) * rows) / all
  }

  /** Forgets one block, whose chunk is given back. */
  close(ptr: number): void {
    this.#blocks.delete(ptr)
  }

  /** A cleared Map's old table would keep the next ones alive until a full collection. */
  clear(): void {
    if (this.#blocks.size > 0) this.#blocks = new Map()
  }
}
