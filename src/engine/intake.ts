/** What receivers have brought and no batch has taken yet: rows in a builder, text in chunks. */
import type { Arena } from '../columnar/arena.ts'
import { BlockBuilder } from '../columnar/builder.ts'
import { Dataset, intakeOwner, storeOwner } from './block-store.ts'
import type { Piece } from './vector.ts'

const newline = 10
const textChunkBytes = 1024 * 1024 - 4096
const blockRowsMax = 65_536
const blockBytesMax = 4 * 1024 * 1024
/** Share of the arena's limit above which receivers have to wait. */
const highWater = 0.7

/** One input stream's pending data. Lives on the main thread. */
export class Intake {
  #arena: Arena
  #builder = new BlockBuilder()
  #pieces: Piece[] = []
  #chunks: number[] = []
  #rows = 0
  #text: TextChunk | undefined
  #waiting: (() => void)[] = []
  #taken = 0

  constructor(arena: Arena) {
    this.#arena = arena
  }

  /** Rows that no batch has taken yet. */
  get rows(): number {
    return this.#rows
  }

  /** Rows that batches have taken so far. */
  get taken(): number {
    return this.#taken
  }

  /** Adds a row; throws where the row is no data. */
  add(row: unknown): void {
    this.#builder.append(row)
    this.#rows++
    if (this.#builder.rows >= blockRowsMax || this.#builder.byteLength >= blockBytesMax) this.cut()
  }

  /** Adds whole lines of UTF-8, each ended by a newline. */
  addText(bytes: Uint8Array): void {
    this.#rows += countLines(bytes)
    for (let at = 0; at < bytes.length; ) {
      if (this.#text && this.#text.space < Math.min(bytes.length - at, textChunkBytes))
        this.#cutText()
      this.#text ??= new TextChunk(this.#arena, textChunkBytes)
      let end = Math.min(bytes.length, at + this.#text.space)
      if (end < bytes.length) end = bytes.lastIndexOf(newline, end - 1) + 1
      if (end <= at) {
        // One line longer than a chunk gets a chunk of its own.
        this.#cutText()
        const stop = bytes.indexOf(newline, at)
        end = stop < 0 ? bytes.length : stop + 1
        this.#text = new TextChunk(this.#arena, end - at)
      }
      this.#text.write(bytes.subarray(at, end))
      at = end
    }
  }

  /** Ends the current block, so that what came before and after lies in different ones. */
  cut(): void {
    if (this.#builder.rows > 0) {
      const { ptr, rows } = this.#builder.seal(this.#arena, storeOwner)
      this.#chunks.push(ptr)
      this.#pieces.push({ kind: 'block', ptr, from: 0, to: rows })
    }
    this.#cutText()
  }

  #cutText(): void {
    const text = this.#text
    if (!text) return
    this.#text = undefined
    const { start, end } = text.seal()
    this.#chunks.push(start)
    this.#pieces.push({ kind: 'text', from: start, to: end })
  }

  /**
   * Everything pending as a dataset of at most `partitions` partitions, in order of arrival.
   * How it is divided depends on the blocks alone, never on the workers.
   */
  take(partitions: number): { dataset: Dataset; rows: number } {
    this.cut()
    const pieces = this.#pieces
    const count = Math.min(partitions, pieces.length)
    const groups = Array.from({ length: count }, (_, i) =>
      pieces.slice(
        Math.floor((i * pieces.length) / count),
        Math.floor(((i + 1) * pieces.length) / count),
      ),
    )
    const dataset = new Dataset(this.#arena, groups, this.#chunks)
    const rows = this.#rows
    this.#taken += rows
    this.#pieces = []
    this.#chunks = []
    this.#rows = 0
    return { dataset, rows }
  }

  /** Resolves when the arena has room for more; undefined when it has now. */
  room(): Promise<void> | undefined {
    if (this.#arena.bytesInUse() < this.#arena.limitBytes * highWater) return undefined
    return new Promise(resolve => {
      this.#waiting.push(resolve)
    })
  }

  /** Wakes receivers that wait for room, if there is some; the engine calls it after each batch. */
  wake(force = false): void {
    if (!force && this.#arena.bytesInUse() >= this.#arena.limitBytes * highWater) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Drops what is pending. */
  close(): void {
    this.take(1).dataset.release()
    this.wake(true)
  }
}

class TextChunk {
  readonly start: number
  readonly #arena: Arena
  readonly #size: number
  #length = 0

  constructor(arena: Arena, bytes: number) {
    this.#arena = arena
    this.start = arena.alloc(bytes, intakeOwner)
    this.#size = bytes
  }

  get space(): number {
    return this.#size - this.#length
  }

  get end(): number {
    return this.start + this.#length
  }

  /** Hands the chunk over; a mostly empty one is copied into one that fits, as a window may keep it. */
  seal(): { start: number; end: number } {
    const length = this.#length
    if (length * 2 > this.#size) {
      this.#arena.setOwner(this.start, storeOwner)
      return { start: this.start, end: this.start + length }
    }
    const start = this.#arena.alloc(length, storeOwner)
    this.#arena.u8.copyWithin(start, this.start, this.start + length)
    this.#arena.free(this.start)
    return { start, end: start + length }
  }

  write(bytes: Uint8Array): void {
    this.#arena.u8.set(bytes, this.end)
    this.#length += bytes.length
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++
  if (bytes.length > 0 && bytes.at(-1) !== newline) lines++
  return lines
}
