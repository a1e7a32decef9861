/** What receivers have brought and no batch has taken yet: rows in a builder, text in chunks. */
import type { Arena } from '../columnar/arena.ts'
import { BlockBuilder } from '../columnar/builder.ts'
import { PeltonError } from '../errors.ts'
import { Dataset, storeOwner } from './block-store.ts'
import { divide } from './divide.ts'
import { countLines, isArenaFull, TextChunk } from './text-chunk.ts'
import type { Piece } from './vector.ts'

const newline = 10
const blockRowsMax = 65_536
const blockBytesMax = 4 * 1024 * 1024
const textBytesMax = 1024 * 1024
const chunkBytesMin = 64 * 1024
/** Chunks are at most this share of the arena's limit. */
const chunkShare = 1 / 32
/** Share of the arena's limit that may wait in one intake for the next batch. */
const pendingShare = 0.25
/** Share of the limit in use, by whomever, above which receivers have to wait. */
const highWater = 0.6
/** Bytes that may wait outside the arena when it is full, beside the store that found it full. */
const heldBytesMax = 64 * 1024 * 1024

/** Where a store of several rows began, so that it can be undone. */
interface Mark {
  readonly chunks: number
  readonly pieces: number
  readonly builderRows: number
}

/**
 * One input stream's pending data. Lives on the main thread.
 *
 * What was added is never lost: where the arena has no room it waits outside until there is some.
 * Obligation of who adds: when `room()` gives a promise, wait for it before adding more.
 */
export class Intake {
  readonly #arena: Arena
  readonly #blockBytes: number
  readonly #textBytes: number
  #builder = new BlockBuilder()
  /** Rows of the builder that were taken back: from, to. */
  #undone: [number, number][] = []
  #text: TextChunk | undefined
  /** Lines that found the arena full. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** Sealed, in order of arrival, with their chunks, bytes and rows. */
  #pieces: Piece[] = []
  #chunks: number[] = []
  #sealedBytes = 0
  #sealedRows = 0
  #rows = 0
  #waiting: (() => void)[] = []

  constructor(arena: Arena) {
    this.#arena = arena
    const most = Math.max(chunkBytesMin, Math.floor(arena.limitBytes * chunkShare))
    this.#blockBytes = Math.min(blockBytesMax, most)
    this.#textBytes = Math.min(textBytesMax, most)
  }

  /** Rows that no batch has taken yet. */
  get rows(): number {
    return this.#rows
  }

  /** Adds a row. Throws PeltonError `VALUE` where it is no data. */
  add(row: unknown): void {
    this.#checkHeld()
    this.#builder.append(row)
    this.#rows++
    this.#sealIfLarge()
  }

  /** Adds all rows; none of them when one is no data, or when the iterable throws. */
  addAll(rows: Iterable<unknown>): void {
    this.#checkHeld()
    const { length: chunks } = this.#chunks
    const mark = { chunks, pieces: this.#pieces.length, builderRows: this.#builder.rows }
    let count = 0
    try {
      for (const row of rows) {
        this.#builder.append(row)
        count++
        this.#sealIfLarge()
      }
    } catch (error) {
      this.#undo(mark)
      throw error
    }
    this.#rows += count
  }

  /** Takes back the rows added since the mark; those of earlier stores may share their block. */
  #undo({ chunks, pieces, builderRows }: Mark): void {
    if (this.#chunks.length === chunks) {
      if (this.#builder.rows > builderRows) this.#undone.push([builderRows, this.#builder.rows])
      return
    }
    this.#builder.reset()
    this.#undone = []
    const shared = this.#chunks[chunks]!
    const added = this.#pieces.splice(pieces)
    const kept = added
      .filter(piece => piece.kind === 'block' && piece.ptr === shared && piece.from < builderRows)
      .map(piece => ({ ...piece, to: Math.min(piece.to, builderRows) }))
    this.#pieces.push(...kept)
    this.#sealedRows += rowsOf(kept) - rowsOf(added)
    for (const chunk of this.#chunks.splice(chunks)) {
      if (chunk === shared && kept.length > 0) {
        this.#chunks.push(chunk)
        continue
      }
      this.#sealedBytes -= this.#arena.sizeOf(chunk)
      this.#arena.free(chunk)
    }
  }

  /** Adds whole lines of UTF-8, each ended by a newline. The bytes are copied. */
  addText(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#checkHeld()
    if (bytes.at(-1) !== newline) bytes = Buffer.concat([bytes, Buffer.of(newline)])
    const written = this.#held.length > 0 ? 0 : this.#writeText(bytes)
    if (written === bytes.length) return
    const rest = bytes.slice(written)
    this.#held.push(rest)
    this.#heldBytes += rest.length
    this.#rows += countLines(rest)
  }

  /** Copies whole lines into chunks as far as the arena has room; returns the bytes copied. */
  #writeText(bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length; ) {
      let end = at + Math.min(bytes.length - at, this.#text?.space ?? 0)
      if (end < bytes.length) end = bytes.subarray(at, end).lastIndexOf(newline) + 1 + at
      if (end === at) {
        this.#sealText()
        const line = bytes.indexOf(newline, at) + 1 - at
        const size = Math.max(this.#textBytes, line)
        const chunk = this.#unlessFull(size, () => new TextChunk(this.#arena, size))
        if (!chunk) return at
        this.#text = chunk
        continue
      }
      this.#rows += this.#text!.write(bytes.subarray(at, end))
      at = end
    }
    return bytes.length
  }

  /** What `allocate` makes of `bytes` bytes of the arena; undefined when there is no room. */
  #unlessFull<R>(bytes: number, allocate: () => R): R | undefined {
    if (this.#arena.bytesInUse() + bytes > this.#arena.limitBytes) return undefined
    try {
      return allocate()
    } catch (error) {
      // The workers allocate too, so looking first is not enough.
      if (isArenaFull(error)) return undefined
      throw error
    }
  }

  #sealIfLarge(): void {
    if (this.#isBuilderLarge()) this.#sealRows()
  }

  #isBuilderLarge(): boolean {
    return this.#builder.rows >= blockRowsMax || this.#builder.byteLength >= this.#blockBytes
  }

  #sealRows(): void {
    const builder = this.#builder
    const ranges = complement(this.#undone, builder.rows)
    if (ranges.length === 0) {
      builder.reset()
      this.#undone = []
      return
    }
    const ref = this.#unlessFull(builder.byteLength, () => builder.seal(this.#arena, storeOwner))
    if (!ref) return
    this.#undone = []
    const pieces = ranges.map(([from, to]): Piece => ({ kind: 'block', ptr: ref.ptr, from, to }))
    this.#sealed(ref.ptr, pieces, rowsOf(pieces))
  }

  #sealText(): void {
    const text = this.#text
    if (!text) return
    this.#text = undefined
    const { start, end } = text.seal()
    this.#sealed(start, [{ kind: 'text', from: start, to: end }], text.rows)
  }

  #sealed(chunk: number, pieces: readonly Piece[], rows: number): void {
    this.#chunks.push(chunk)
    this.#pieces.push(...pieces)
    this.#sealedBytes += this.#arena.sizeOf(chunk)
    this.#sealedRows += rows
  }

  #writeHeld(): void {
    while (this.#held.length > 0) {
      const bytes = this.#held[0]!
      const { rows } = this
      const written = this.#writeText(bytes)
      // They were counted when they came.
      this.#rows = rows
      this.#heldBytes -= written
      if (written < bytes.length) {
        this.#held[0] = bytes.subarray(written)
        return
      }
      this.#held.shift()
    }
  }

  #checkHeld(): void {
    const bytes = this.#heldBytes + this.#builder.byteLength
    if (bytes <= heldBytesMax) return
    throw new PeltonError(
      `The arena is full and ${bytes} bytes of this receiver wait outside it: rows are stored ` +
        'faster than batches take them. Await the promise of store() before storing more, or ' +
        'raise the memory option',
      { code: 'ARENA_FULL' },
    )
  }

  /**
   * Everything pending as a dataset of at most `partitions` partitions, in order of arrival. How it
   * is divided depends on the blocks alone, never on the workers. What does not fit into the arena
   * yet stays for the next batch.
   */
  take(partitions: number): { dataset: Dataset; rows: number } {
    this.#writeHeld()
    this.#sealRows()
    this.#sealText()
    const groups = divide(this.#arena.bytes, this.#pieces, partitions)
    const dataset = new Dataset(this.#arena, groups, this.#chunks)
    const rows = this.#sealedRows
    this.#pieces = []
    this.#chunks = []
    this.#rows -= rows
    this.#sealedRows = 0
    this.#sealedBytes = 0
    this.#wakeIfRoom()
    return { dataset, rows }
  }

  /** Resolves when there is room for more; undefined when there is now. */
  room(): Promise<void> | undefined {
    if (this.#hasRoom()) return undefined
    return new Promise(resolve => {
      this.#waiting.push(resolve)
    })
  }

  #hasRoom(): boolean {
    // With nothing pending one store may always come in: a full window must not stop a stream.
    if (this.#rows === 0) return true
    if (this.#held.length > 0 || this.#isBuilderLarge()) return false
    const { limitBytes } = this.#arena
    const pending =
      this.#sealedBytes + (this.#text?.size ?? 0) + Math.floor(this.#builder.byteLength)
    return pending < limitBytes * pendingShare && this.#arena.bytesInUse() < limitBytes * highWater
  }

  /** Wakes receivers that wait for room if there is some; the engine calls it after each batch. */
  wake(): void {
    if (this.#waiting.length === 0) return
    this.#wakeIfRoom()
    // The blocks of the batch that has just ended go back in reactions of promises, right after.
    setImmediate(() => this.#wakeIfRoom())
  }

  #wakeIfRoom(): void {
    if (this.#waiting.length === 0) return
    this.#writeHeld()
    this.#sealIfLarge()
    if (this.#hasRoom()) this.release()
  }

  /** Lets everyone go on who waits for room. */
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Drops what is pending. */
  close(): void {
    for (const chunk of this.#chunks.splice(0)) this.#arena.free(chunk)
    if (this.#text) this.#arena.free(this.#text.start)
    this.#text = undefined
    this.#pieces = []
    this.#held = []
    this.#builder.reset()
    this.#undone = []
    this.#heldBytes = this.#sealedBytes = this.#sealedRows = this.#rows = 0
    this.release()
  }
}

/** The ranges of [0, rows) that are not among `holes`, which are sorted. */
function complement(holes: readonly [number, number][], rows: number): [number, number][] {
  const ranges: [number, number][] = []
  let from = 0
  for (const [start, end] of holes) {
    if (start > from) ranges.push([from, start])
    from = end
  }
  if (from < rows) ranges.push([from, rows])
  return ranges
}

function rowsOf(blocks: readonly Piece[]): number {
  return blocks.reduce((sum, piece) => sum + piece.to - piece.from, 0)
}
