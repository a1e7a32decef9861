/** Memory of one thread for what outlives a vector: handed out in a row, taken back all at once. */
import type { ChunkMemory } from './memory.ts'

const chunkBytes = 1024 * 1024
const alignment = 16

/**
 * Chunks of the arena that belong to a thread. `take` moves through them; `reset` begins again and
 * keeps the first chunk only.
 */
export class Heap {
  #memory: ChunkMemory
  #owner: number
  #chunks: { readonly at: number; readonly bytes: number }[] = []
  #next = 0
  #end = 0

  constructor(memory: ChunkMemory, owner: number) {
    this.#memory = memory
    this.#owner = owner
  }

  /** Address of `bytes` bytes, valid until `reset`. */
  take(bytes: number): number {
    if (this.#next + bytes > this.#end) this.#grow(bytes)
    const at = this.#next
    this.#next += Math.ceil(bytes / alignment) * alignment
    return at
  }

  #grow(bytes: number): void {
    const size = Math.max(chunkBytes, Math.ceil(bytes / alignment) * alignment)
    const at = this.#memory.alloc(size, this.#owner)
    this.#chunks.push({ at, bytes: size })
    this.#next = at
    this.#end = at + size
  }

  /** Whether the address is in one of its chunks. */
  holds(address: number): boolean {
    return this.#chunks.some(({ at, bytes }) => address >= at && address < at + bytes)
  }

  /** Bytes of all chunks. */
  get bytes(): number {
    return this.#chunks.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Gives everything back; the next `take` begins with a new chunk. */
  close(): void {
    for (const { at } of this.#chunks.splice(0)) this.#memory.free(at)
    this.#next = this.#end = 0
  }

  reset(): void {
    for (const { at } of this.#chunks.splice(1)) this.#memory.free(at)
    const first = this.#chunks[0]
    if (first && first.bytes > chunkBytes) {
      this.#memory.free(first.at)
      this.#chunks.pop()
    }
    this.#next = this.#chunks[0]?.at ?? 0
    this.#end = this.#next + (this.#chunks[0]?.bytes ?? 0)
  }
}
