/** Memory of one thread for vectors on their way: handed out in a row, taken back all at once. */
import type { Arena } from './arena.ts'

const alignment = 16

/**
 * A region of the arena that belongs to a thread. `take` moves a pointer; `reset` moves it back
 * before the next vector.
 */
export class Scratch {
  readonly bytes: number
  /** The region's first address, and the one behind it. */
  readonly start: number
  readonly end: number
  #next: number

  constructor(arena: Arena, owner: number, bytes: number) {
    this.bytes = bytes
    this.start = arena.alloc(bytes, owner)
    this.end = this.start + bytes
    this.#next = this.start
  }

  /** Address of `bytes` bytes, valid until `reset`; throws when there is no room. */
  take(bytes: number): number {
    const at = this.#next
    const next = at + Math.ceil(bytes / alignment) * alignment
    if (next > this.end) throw new Error('a vector needs more scratch than there is')
    this.#next = next
    return at
  }

  /** Where the next piece will be taken; `release` goes back there. */
  mark(): number {
    return this.#next
  }

  release(mark: number): void {
    this.#next = mark
  }

  reset(): void {
    this.#next = this.start
  }
}
