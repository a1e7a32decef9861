/**
 * What receivers have brought and no batch has taken yet.
 *
 * ```text
 *   add, addAll ─▶ open rows ─▶ held ─▶ sealed ─▶ take
 *   addText ──────────────────▶ held ─▶ open text ─┘
 *                 ╰── in the heap ──╯  ╰ in the arena
 * ```
 * Rows and text come out in the order in which they came: text closes the rows that are open, rows
 * seal the text. Held is what found the arena too full: a receiver that waits for room holds one
 * store at most.
 */
import type { Arena } from '../columnar/arena.ts'
import { PeltonError, preview } from '../errors.ts'
import { Dataset } from './block-store.ts'
import { divide } from './divide.ts'
import { RowChunk } from './row-chunk.ts'
import { countLines, isArenaFull, TextChunk } from './text-chunk.ts'
import type { Piece } from './vector.ts'

const newline = 10
const blockRowsMax = 65_536
/** Small rows may become this large when a later one has another type. */
const rowBytesUsual = 16
const blockBytesMax = 4 * 1024 * 1024
const textBytesMax = 1024 * 1024
const chunkBytesMin = 64 * 1024
/** Chunks are at most this share of the arena's limit. */
const chunkShare = 1 / 32
/** Share of the arena's limit that may wait in one intake for the next batch. */
const pendingShare = 0.25
/** Share of the limit in use, by whomever, above which receivers have to wait. */
const highWater = 0.6
/** A row may be as large as this share of the limit, or it could never be worked on. */
const rowShare = 0.25
/** Bytes that may be held before a store is refused; the last one may exceed it. */
const heldBytesMax = 64 * 1024 * 1024

/**
 * One input stream's pending data. Lives on the main thread.
 *
 * What was added is never lost: where the arena has no room it waits outside until there is some.
 * Obligation of who adds: when `room()` gives a promise, wait for it before adding more.
 */
export class Intake {
  /** Bytes of the largest row, or line, that is accepted. */
  readonly rowBytesMax: number
  /** Whether rows come in up to the arena's limit: a batch of before has to have all of its own. */
  insists = false
  readonly #arena: Arena
  readonly #blockBytes: number
  readonly #blockRows: number
  readonly #textBytes: number
  #openRows = new RowChunk()
  #held: (RowChunk | Uint8Array)[] = []
  #heldBytes = 0
  #openText: TextChunk | undefined
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
    // A few rows less than fill the block, so that its header has room in the same pages.
    this.#blockRows = Math.min(blockRowsMax, Math.floor(this.#blockBytes / rowBytesUsual) - 64)
    this.#textBytes = Math.min(textBytesMax, most)
    this.rowBytesMax = Math.floor(arena.limitBytes * rowShare)
  }

  /** Rows that no batch has taken yet. */
  get rows(): number {
    return this.#rows
  }

  /** Adds a row. Throws PeltonError `VALUE` where it is no data, `ROW_TOO_LARGE`, `ARENA_FULL`. */
  add(row: unknown): void {
    this.#checkHeld()
    this.#append(this.#openRows, row)
    this.#rows++
    if (!this.#isLarge(this.#openRows)) return
    this.#close(this.#openRows)
    this.#openRows = new RowChunk()
  }

  /** Adds all rows; none of them when one can't be added, or when the iterable throws. */
  addAll(rows: Iterable<unknown>): void {
    this.#checkHeld()
    const first = this.#openRows
    const { length } = first
    const full: RowChunk[] = []
    let open = first
    let count = 0
    try {
      for (const row of rows) {
        this.#append(open, row)
        count++
        if (!this.#isLarge(open)) continue
        full.push(open)
        open = new RowChunk()
      }
    } catch (error) {
      first.truncate(length, this.#blockBytes)
      throw error
    }
    this.#openRows = open
    for (const chunk of full) this.#close(chunk)
    this.#rows += count
  }

  #append(open: RowChunk, row: unknown): void {
    const { length } = open
    // A row of another type can make those before it larger: only what it takes alone counts.
    if (open.append(row) <= this.rowBytesMax) return
    const bytes = new RowChunk().append(row)
    if (bytes <= this.rowBytesMax) return
    open.truncate(length, 0)
    throw new PeltonError(
      `a row of about ${Math.round(bytes)} bytes (${preview(row)}) can't be worked on: the ` +
        'limit is ' +
        `${this.rowBytesMax} bytes, a quarter of the memory option; raise it, or make rows smaller`,
      { code: 'ROW_TOO_LARGE' },
    )
  }

  #isLarge(chunk: RowChunk): boolean {
    return chunk.length >= this.#blockRows || chunk.bytes >= this.#blockBytes
  }

  /** No more rows come to this chunk: into the arena, or to those that wait for room there. */
  #close(chunk: RowChunk): void {
    if (this.#held.length === 0 && this.#seal(chunk)) return
    this.#held.push(chunk)
    this.#heldBytes += chunk.bytes
  }

  #seal(chunk: RowChunk): boolean {
    // What is open came before these rows.
    this.#sealText()
    const sealed = this.#ifRoom(() => chunk.seal(this.#arena))
    if (sealed) this.#sealed(sealed.ptr, sealed.pieces, sealed.rows)
    return sealed !== undefined
  }

  /**
   * Adds whole lines of UTF-8, each ended by a newline. The bytes are copied. Throws PeltonError
   * `ROW_TOO_LARGE`, `ARENA_FULL`; then none of them is added.
   */
  addText(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#checkHeld()
    if (bytes.at(-1) !== newline) bytes = Buffer.concat([bytes, Buffer.of(newline)])
    if (bytes.length > this.rowBytesMax) this.#checkLines(bytes)
    this.#closeRows()
    const written = this.#held.length > 0 ? 0 : this.#writeText(bytes)
    if (written === bytes.length) return
    const rest = bytes.slice(written)
    this.#held.push(rest)
    this.#heldBytes += rest.length
    this.#rows += countLines(rest)
  }

  #closeRows(): void {
    if (this.#openRows.rows === 0) return
    this.#close(this.#openRows)
    this.#openRows = new RowChunk()
  }

  #checkLines(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(newline, at) + 1
      if (end - at > this.rowBytesMax) {
        throw new PeltonError(
          `a line of ${end - at} bytes can't be worked on: the limit is ${this.rowBytesMax} ` +
            'bytes, a ' +
            'quarter of the memory option; raise it, or cut the line',
          { code: 'ROW_TOO_LARGE' },
        )
      }
      at = end
    }
  }

  /** Copies whole lines into chunks as far as there is room; returns the bytes copied. */
  #writeText(bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length; ) {
      let end = at + Math.min(bytes.length - at, this.#openText?.space ?? 0)
      if (end < bytes.length) end = bytes.subarray(at, end).lastIndexOf(newline) + 1 + at
      if (end === at) {
        this.#sealText()
        const line = bytes.indexOf(newline, at) + 1 - at
        const size = Math.max(this.#textBytes, line)
        this.#openText = this.#ifRoom(() => new TextChunk(this.#arena, size))
        if (!this.#openText) return at
        continue
      }
      this.#rows += this.#openText!.write(bytes.subarray(at, end))
      at = end
    }
    return bytes.length
  }

  #sealText(): void {
    const text = this.#openText
    if (!text) return
    this.#openText = undefined
    const { start, end } = text.seal()
    this.#sealed(start, [{ kind: 'text', from: start, to: end }], text.rows)
  }

  #sealed(chunk: number, pieces: readonly Piece[], rows: number): void {
    this.#chunks.push(chunk)
    this.#pieces.push(...pieces)
    this.#sealedBytes += this.#arena.sizeOf(chunk)
    this.#sealedRows += rows
  }

  /** What `allocate` makes; undefined where the arena is too full for more. */
  #ifRoom<R>(allocate: () => R): R | undefined {
    if (this.#isFull()) return undefined
    try {
      return allocate()
    } catch (error) {
      if (isArenaFull(error)) return undefined
      throw error
    }
  }

  /**
   * Whether this intake has its share of the arena, or the arena is full: batches need room too.
   */
  #isFull(): boolean {
    if (this.insists) return false
    const bytes = this.#sealedBytes + (this.#openText?.size ?? 0)
    // With nothing there one chunk may always come in: a full window must not stop a stream.
    if (bytes === 0) return false
    const { limitBytes } = this.#arena
    return bytes >= limitBytes * pendingShare || this.#arena.bytesInUse() >= limitBytes * highWater
  }

  #checkHeld(): void {
    if (this.#heldBytes <= heldBytesMax) return
    throw new PeltonError(
      `The arena is full and ${Math.round(this.#heldBytes)} bytes of this receiver wait outside ` +
        'it: rows are stored faster than batches take them. Await the promise of store() before ' +
        'storing more, or raise the memory option',
      { code: 'ARENA_FULL' },
    )
  }

  /** Moves what is held into the arena, as far as there is room. */
  #moveHeld(): void {
    for (let first = this.#held[0]; first; first = this.#held[0]) {
      if (first instanceof RowChunk) {
        const { bytes } = first
        if (!this.#seal(first)) return
        this.#heldBytes -= bytes
      } else {
        const { rows } = this
        const written = this.#writeText(first)
        // They were counted when they came.
        this.#rows = rows
        this.#heldBytes -= written
        if (written < first.length) {
          this.#held[0] = first.subarray(written)
          return
        }
      }
      this.#held.shift()
    }
  }

  /**
   * Everything pending as a dataset of at most `partitions` partitions, in order of arrival. How it
   * is divided depends on the blocks alone, never on the workers. What the arena has no room for
   * stays for the next batch.
   */
  take(partitions: number): { dataset: Dataset; rows: number } {
    this.#moveHeld()
    this.#closeRows()
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
    return this.#heldBytes === 0 && !this.#isFull()
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
    this.#moveHeld()
    if (this.#hasRoom()) this.release()
  }

  /** Lets everyone go on who waits for room. */
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Drops what is pending. */
  close(): void {
    for (const chunk of this.#chunks.splice(0)) this.#arena.free(chunk)
    if (this.#openText) this.#arena.free(this.#openText.start)
    this.#openText = undefined
    this.#openRows = new RowChunk()
    this.#held = []
    this.#pieces = []
    this.#heldBytes = this.#sealedBytes = this.#sealedRows = this.#rows = 0
    this.release()
  }
}
