/**
 * The form of a block in memory: one chunk with a header of 32-bit words, then the data.
 *
 * ```
 *  ptr ─▶ header │ column nodes (pre-order) │ foreign chunks │ names, shapes │ sections …
 *           8         12 words a column          1 word each
 * ```
 * Places inside the chunk are byte offsets from `ptr`, so a block can be copied as bytes; only
 * text views of more than 12 bytes hold arena addresses (see `BASE_WORD`). Sections (bitmaps,
 * values, views, string bytes) start at multiples of 16. All words are little-endian.
 */
import type { Memory } from './memory.ts'
import { readWtf8, type TextBuffer } from './text.ts'

/** `PLTB` */
export const MAGIC = 0x42544c50
export const VERSION = 1

export const HEADER_WORDS = 8
export const VERSION_WORD = 1
export const ARENA_WORD = 2
export const ROWS_WORD = 3
export const BYTES_WORD = 4
/** Number of foreign chunks; their addresses follow the column nodes. */
export const FOREIGN_WORD = 5
export const COLUMNS_WORD = 6
/** The address the block was sealed at: views pointing into [base, base + bytes) are its own. */
export const BASE_WORD = 7

export const NODE_WORDS = 12
/** Bits of a node's first word above the kind (the kind is the low byte). */
export const HAS_NULLS = 1 << 8
export const HAS_UNDEFINEDS = 1 << 9
/** All strings of the column are ASCII. */
export const IS_ASCII = 1 << 10
/** Some strings of the column hold lone surrogates. */
export const IS_WTF8 = 1 << 11
/** Some views point outside themselves. */
export const HAS_LONG = 1 << 12

/** One column as its header tells it; places are absolute addresses, 0 where there is none. */
export interface ColumnNode {
  readonly kind: number
  readonly flags: number
  readonly rows: number
  /** Bitmap with a set bit for every row that is neither null nor undefined. */
  readonly validity: number
  /** Bitmap with a set bit for every row that is undefined. */
  readonly undefineds: number
  /** Values, bits, views, list offsets or shape ids. */
  readonly data: number
  readonly heap: number
  readonly heapBytes: number
  readonly names: readonly string[]
  readonly shapes: readonly (readonly number[])[]
  readonly children: readonly ColumnNode[]
}

/** Rounds a size up to the alignment of sections. */
export function align16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16
}

/** Reads the column tree of the block at `ptr`. */
export function readColumnTree(memory: Memory, ptr: number): ColumnNode {
  return new TreeReader(memory, ptr).next()
}

class TreeReader {
  readonly memory: Memory
  readonly ptr: number
  word: number

  constructor(memory: Memory, ptr: number) {
    this.memory = memory
    this.ptr = ptr
    this.word = ptr / 4 + HEADER_WORDS
  }

  next(): ColumnNode {
    const { memory, ptr } = this
    const u32 = memory.u32
    const w = this.word
    this.word += NODE_WORDS
    const place = (offset: number): number => (offset === 0 ? 0 : ptr + offset)
    const first = u32[w]!
    const children: ColumnNode[] = []
    const node: ColumnNode = {
      kind: first & 255,
      flags: first - (first & 255),
      rows: u32[w + 1]!,
      validity: place(u32[w + 2]!),
      undefineds: place(u32[w + 3]!),
      data: place(u32[w + 4]!),
      heap: place(u32[w + 5]!),
      heapBytes: u32[w + 6]!,
      names: this.#names(place(u32[w + 8]!), u32[w + 7]!),
      shapes: this.#shapes(place(u32[w + 9]!), u32[w + 10]!),
      children,
    }
    const count = u32[w + 7]!
    for (let i = 0; i < count; i++) children.push(this.next())
    return node
  }

  #names(address: number, count: number): string[] {
    const names: string[] = []
    if (address === 0) return names
    for (let i = 0; i < count; i++) {
      const length = this.memory.u32[address / 4]!
      names.push(readWtf8(this.memory.bytes as TextBuffer, address + 4, address + 4 + length))
      address += 4 + Math.ceil(length / 4) * 4
    }
    return names
  }

  #shapes(address: number, count: number): number[][] {
    const shapes: number[][] = []
    let w = address / 4
    for (let i = 0; i < count; i++) {
      const length = this.memory.u32[w]!
      shapes.push(Array.from(this.memory.u32.subarray(w + 1, w + 1 + length)))
      w += 1 + length
    }
    return shapes
  }
}
