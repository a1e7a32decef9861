/** Memory of one thread for vectors on their way: handed out in a row, taken back all at once. */
import { PeltonError } from '../errors.ts'
import type { Heap } from './heap.ts'
import type { KernelExports } from './kernel-exports.ts'
import type { ChunkMemory } from './memory.ts'

const alignment = 16
/** More than any address: marks are the number of a piece times this, plus an address. */
const pieceFactor = 2 ** 33
/** Most memory that one vector may take beyond the first piece. */
const overflowBytesMax = 64 * 1024 * 1024

/**
 * A region of the arena that belongs to a thread. `take` moves a pointer; `reset` moves it back
 * before the next vector. Where a vector needs more, further pieces are taken until then.
 */
export class Scratch {
  readonly bytes: number
  readonly #memory: ChunkMemory
  readonly #owner: number
  readonly #start: number
  #pieces: { readonly start: number; readonly end: number }[] = []
  #overflow = 0
  #end: number
  #next: number

  constructor(memory: ChunkMemory, owner: number, bytes: number) {
    this.#memory = memory
    this.#owner = owner
    this.bytes = bytes
    this.#start = memory.alloc(bytes, owner)
    this.#next = this.#start
    this.#end = this.#start + bytes
    this.#pieces.push({ start: this.#start, end: this.#end })
  }

  /**
   * Address of `bytes` bytes, valid until `reset`.
   *
   * @throws PeltonError `ARENA_FULL` where there is no room.
   */
  take(bytes: number): number {
    const next = this.#next + aligned(bytes)
    if (next > this.#end) return this.#takeMore(bytes)
    const at = this.#next
    this.#next = next
    return at
  }

  /** Whether the address is in scratch memory. */
  holds(address: number): boolean {
    return this.#pieces.some(({ start, end }) => address >= start && address < end)
  }

  /** Gives back what the piece taken last, at `at`, has behind its first `bytes` bytes. */
  trim(at: number, bytes: number): void {
    this.#next = at + aligned(bytes)
  }

  /** Where the next piece will be taken; `release` goes back there. */
  mark(): number {
    return (this.#pieces.length - 1) * pieceFactor + this.#next
  }

  release(mark: number): void {
    const piece = Math.floor(mark / pieceFactor)
    while (this.#pieces.length - 1 > piece) {
      const { start, end } = this.#pieces.pop()!
      this.#overflow -= end - start
      this.#memory.free(start)
    }
    this.#end = this.#pieces[piece]!.end
    this.#next = mark - piece * pieceFactor
  }

  reset(): void {
    this.release(this.#start)
  }

  /** Moves the texts of `rows` views that lie here to the heap: they then outlive the vector. */
  moveTexts(kernels: KernelExports, views: number, rows: number, heap: Heap): void {
    for (const { start, end } of this.#pieces) {
      const bytes = kernels.longBytesIn(views, rows, start, end)
      if (bytes > 0) kernels.copyLongIn(views, rows, start, end, heap.take(bytes))
    }
  }

  #takeMore(bytes: number): number {
    const size = Math.max(aligned(bytes), this.bytes)
    if (this.#overflow + size > overflowBytesMax) {
      throw new PeltonError(
        `A vector needs more than ${overflowBytesMax} bytes of scratch memory; ` +
          'its rows are computed one by one instead',
        { code: 'ARENA_FULL' },
      )
    }
    const start = this.#memory.alloc(size, this.#owner)
    this.#overflow += size
    this.#pieces.push({ start, end: start + size })
    this.#end = start + size
    this.#next = start + aligned(bytes)
    return start
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}
