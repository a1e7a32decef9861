/** The buffers of an Arrow record batch, in the order in which its columns use them. */
import { zstdDecompressSync } from 'node:zlib'
import type { FlatReader } from './arrow-flatbuffer.ts'
import { unreadable } from './arrow-format.ts'

const ZSTD = 1

export interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, offset: number, length: number): T
}

/** Hands out the nodes and buffers of a batch in their order. */
export class BatchCursor {
  readonly dictionaries: ReadonlyMap<number, readonly unknown[]>
  readonly #nodes: readonly number[]
  readonly #places: readonly number[]
  readonly #viewBuffers: readonly number[]
  readonly #body: Uint8Array
  readonly #compressed: boolean
  #node = 0
  #place = 0
  #view = 0

  constructor(
    header: FlatReader,
    body: Uint8Array,
    dictionaries: ReadonlyMap<number, readonly unknown[]>,
  ) {
    this.#nodes = header.integers(1, 2)
    this.#places = header.integers(2, 2)
    this.#viewBuffers = header.integers(4)
    this.#body = body
    this.dictionaries = dictionaries
    const compression = header.table(3)
    this.#compressed = compression !== undefined
    if (compression !== undefined && compression.i8(0) !== ZSTD) {
      throw unreadable('it is compressed with LZ4; write it with zstd or without compression')
    }
  }

  /** Length and number of nulls of the next column. */
  node(): [number, number] {
    const at = this.#node
    this.#node += 2
    if (at >= this.#nodes.length) throw unreadable('a batch has too few columns')
    return [this.#nodes[at]!, this.#nodes[at + 1]!]
  }

  /** The number of data buffers of the next column of views. */
  viewBuffers(): number {
    return this.#viewBuffers[this.#view++] ?? 0
  }

  bytes(): Uint8Array {
    const at = this.#place
    this.#place += 2
    const start = this.#places[at]
    const length = this.#places[at + 1]
    if (start === undefined || length === undefined) throw unreadable('a batch has too few buffers')
    if (start + length > this.#body.length) throw unreadable('a buffer ends outside its batch')
    const bytes = this.#body.subarray(start, start + length)
    if (!this.#compressed || length === 0) return bytes
    // The size before compression comes first, -1 where compression did not pay.
    const size = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true)
    return size === -1n ? bytes.subarray(8) : zstdDecompressSync(bytes.subarray(8))
  }

  /** The next buffer as numbers; copied where it is not aligned. */
  numbers<T>(type: ArrayType<T>, count: number): T {
    const bytes = this.bytes()
    if (bytes.length < count * type.BYTES_PER_ELEMENT) throw unreadable('a buffer is too short')
    // Not slice(), which copies nothing where the bytes are a Buffer.
    const isAligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0
    const aligned = isAligned ? bytes : new Uint8Array(bytes)
    return new type(aligned.buffer, aligned.byteOffset, count)
  }

  /** End offsets of a column of varying lengths, rows + 1 of them; large ones have 64 bits. */
  offsets(rows: number, large: boolean): ArrayLike<number> {
    // An empty column may come without its one offset.
    if (rows === 0) {
      this.bytes()
      return [0]
    }
    if (!large) return this.numbers(Int32Array, rows + 1)
    return Array.from(this.numbers(BigInt64Array, rows + 1), Number)
  }
}
