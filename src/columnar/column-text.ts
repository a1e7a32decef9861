/** Columns of 16-byte views: strings, and values that only the codec can represent. */
import { decodeValue } from './codec.ts'
import { BaseColumn, missingOf } from './column.ts'
import { type ColumnNode, HAS_LONG, IS_ASCII, IS_WTF8 } from './format.ts'
import type { Memory } from './memory.ts'
import type { ScalarType } from './schema.ts'
import { hasLoneSurrogate, INLINE_MAX, readWtf8, type TextBuffer, VIEW_BYTES } from './text.ts'

/** Rows whose views become one string at a time: 32 KiB, which stays in the first-level cache. */
const SEGMENT_ROWS = 2048
/**
 * Bytes of long strings that become one string at a time. V8's slices of more than 12 characters
 * keep their parent alive, so this bounds what a kept row can pin.
 */
const SEGMENT_BYTES = 1024

/** Strings. */
export class Utf8Column extends BaseColumn {
  readonly type: ScalarType
  /** All strings are ASCII: bytes, UTF-16 units and characters are the same. */
  readonly ascii: boolean
  /** Some strings hold lone surrogates, written as WTF-8. */
  readonly wtf8: boolean
  /** Some strings are longer than 12 bytes. */
  readonly long: boolean
  /** Bytes of the long strings that lie in this block, and how many. */
  readonly heapAddress: number
  readonly heapBytes: number
  /** The views, four words each. */
  readonly views: Uint32Array

  constructor(memory: Memory, node: ColumnNode) {
    super(memory, node)
    this.type = { kind: 'utf8', ...missingOf(node) }
    this.ascii = (node.flags & IS_ASCII) !== 0
    this.wtf8 = (node.flags & IS_WTF8) !== 0
    this.long = (node.flags & HAS_LONG) !== 0
    this.heapAddress = node.heap
    this.heapBytes = node.heapBytes
    const start = node.data / 4
    this.views = memory.u32.subarray(start, start + 4 * node.rows)
  }

  protected value(i: number): string {
    const length = this.views[4 * i]!
    const start =
      length <= INLINE_MAX ? this.dataAddress + i * VIEW_BYTES + 4 : this.views[4 * i + 2]!
    return this.#text(start, start + length)
  }

  protected values(from: number, to: number): string[] {
    const out = new Array<string>(to - from)
    for (let start = from; start < to; start += SEGMENT_ROWS) {
      const end = Math.min(to, start + SEGMENT_ROWS)
      if (this.long) this.#decodeMixed(out, from, start, end)
      else this.#decodeInline(out, from, start, end)
    }
    return out
  }

  #text(start: number, end: number): string {
    const bytes = this.memory.bytes as TextBuffer
    if (this.ascii) return bytes.latin1Slice(start, end)
    if (this.wtf8 && hasLoneSurrogate(bytes, start, end)) return readWtf8(bytes, start, end)
    return bytes.utf8Slice(start, end)
  }

  /**
   * The views themselves are read as one Latin-1 string and cut: one call into V8's runtime for
   * the whole segment instead of one a string.
   */
  #decodeInline(out: string[], from: number, start: number, end: number): void {
    const { views, dataAddress, ascii } = this
    const bytes = this.memory.bytes as TextBuffer
    const text = bytes.latin1Slice(dataAddress + start * VIEW_BYTES, dataAddress + end * VIEW_BYTES)
    for (let i = start; i < end; i++) {
      const v = 4 * i
      const p = (i - start) * VIEW_BYTES + 4
      if (ascii || isAsciiView(views, v)) out[i - from] = text.slice(p, p + views[v]!)
      else out[i - from] = this.value(i)
    }
  }

  #decodeMixed(out: string[], from: number, start: number, end: number): void {
    const { views, dataAddress, ascii } = this
    const bytes = this.memory.bytes as TextBuffer
    const inline = bytes.latin1Slice(
      dataAddress + start * VIEW_BYTES,
      dataAddress + end * VIEW_BYTES,
    )
    let text = ''
    let textStart = 0
    let textEnd = 0
    for (let i = start; i < end; i++) {
      const v = 4 * i
      const length = views[v]!
      if (length <= INLINE_MAX) {
        const p = (i - start) * VIEW_BYTES + 4
        out[i - from] = ascii || isAsciiView(views, v) ? inline.slice(p, p + length) : this.value(i)
      } else if (!ascii || length > SEGMENT_BYTES / 4) {
        out[i - from] = this.value(i)
      } else {
        const address = views[v + 2]!
        if (address < textStart || address + length > textEnd) {
          // Strings of one column follow each other in the heap, so the next ones are here too.
          textStart = address
          textEnd = Math.max(address + length, this.#segmentEnd(address))
          text = bytes.latin1Slice(textStart, textEnd)
        }
        out[i - from] = text.slice(address - textStart, address - textStart + length)
      }
    }
  }

  /** How far text may be read at once from `address`: only own bytes, which nobody writes. */
  #segmentEnd(address: number): number {
    const heapEnd = this.heapAddress + this.heapBytes
    if (address < this.heapAddress || address >= heapEnd) return 0
    return Math.min(heapEnd, address + SEGMENT_BYTES)
  }
}

/** True when the 12 text bytes of a view are ASCII; unused ones are zero. */
function isAsciiView(views: Uint32Array, v: number): boolean {
  return ((views[v + 1]! | views[v + 2]! | views[v + 3]!) & 0x80808080) === 0
}

/** Values of mixed or unusual types, as codec bytes. */
export class AnyColumn extends BaseColumn {
  readonly type: ScalarType
  readonly views: Uint32Array

  constructor(memory: Memory, node: ColumnNode) {
    super(memory, node)
    this.type = { kind: 'any', ...missingOf(node) }
    const start = node.data / 4
    this.views = memory.u32.subarray(start, start + 4 * node.rows)
  }

  /** The codec bytes of row i, a view of the block; empty for a missing row. */
  encoded(i: number): Uint8Array {
    const length = this.views[4 * i]!
    const start =
      length <= INLINE_MAX ? this.dataAddress + i * VIEW_BYTES + 4 : this.views[4 * i + 2]!
    return this.memory.u8.subarray(start, start + length)
  }

  protected value(i: number): unknown {
    return decodeValue(this.encoded(i))
  }

  protected values(from: number, to: number): unknown[] {
    const out = new Array<unknown>(to - from)
    for (let i = from; i < to; i++) {
      // A missing row has no bytes; the caller fills it in.
      out[i - from] = this.views[4 * i] === 0 ? undefined : this.value(i)
    }
    return out
  }
}
