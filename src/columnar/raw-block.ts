/** Blocks whose columns are written in place, by kernels: the header first, then the values. */
import type { BlockRef } from './block.ts'
import {
  align16,
  BASE_WORD,
  BYTES_WORD,
  COLUMNS_WORD,
  FOREIGN_WORD,
  HAS_LONG,
  HEADER_WORDS,
  IS_ASCII,
  IS_WTF8,
  MAGIC,
  NODE_WORDS,
  ROWS_WORD,
  VERSION,
  VERSION_WORD,
} from './format.ts'
import type { ChunkMemory } from './memory.ts'
import { FLOAT64, TUPLE, UTF8 } from './schema.ts'
import { VIEW_BYTES } from './text.ts'

/** A column to come: numbers, or string views with the bytes of those that are long. */
export type RawColumn =
  | { readonly kind: 'float64' }
  | {
      readonly kind: 'utf8'
      readonly ascii: boolean
      readonly wtf8: boolean
      /** Bytes of strings that do not fit into their views; 0 when there are none. */
      readonly heapBytes: number
    }

/** A reserved block: `data[i]` and `heap[i]` are the addresses of column i's sections. */
export interface RawBlock extends BlockRef {
  readonly data: readonly number[]
  readonly heap: readonly number[]
}

/** Kernels may read whole vectors past the last string byte. */
const heapSlack = 16
const numberBytes = 8

/**
 * Takes a chunk for `rows` rows and writes its header: one column, or a tuple of several. The
 * caller fills the sections and then treats the block as sealed.
 *
 * @example
 * const block = reserveBlock(arena, owner, n, [{ kind: 'float64' }])
 * arena.f64.set(values, block.data[0]! / 8)
 */
export function reserveBlock(
  memory: ChunkMemory,
  owner: number,
  rows: number,
  columns: readonly RawColumn[],
): RawBlock {
  const nodes = columns.length === 1 ? 1 : columns.length + 1
  let at = align16((HEADER_WORDS + nodes * NODE_WORDS) * 4)
  const take = (bytes: number): number => {
    const start = at
    at += align16(bytes)
    return start
  }
  const data = columns.map(c => take(rows * (c.kind === 'utf8' ? VIEW_BYTES : numberBytes)))
  const heap = columns.map(c =>
    c.kind === 'utf8' && c.heapBytes > 0 ? take(c.heapBytes + heapSlack) : 0,
  )
  const ptr = memory.alloc(at, owner)
  const u32 = memory.u32
  const w = ptr / 4
  u32.fill(0, w, w + HEADER_WORDS + nodes * NODE_WORDS)
  u32[w] = MAGIC
  u32[w + VERSION_WORD] = VERSION
  u32[w + ROWS_WORD] = rows
  u32[w + BYTES_WORD] = at
  u32[w + FOREIGN_WORD] = 0
  u32[w + COLUMNS_WORD] = nodes
  u32[w + BASE_WORD] = ptr
  let node = w + HEADER_WORDS
  if (columns.length > 1) {
    u32[node] = TUPLE
    u32[node + 1] = rows
    u32[node + 7] = columns.length
    node += NODE_WORDS
  }
  columns.forEach((column, i) => {
    u32[node] = flagsOf(column)
    u32[node + 1] = rows
    u32[node + 4] = data[i]!
    u32[node + 5] = heap[i]!
    u32[node + 6] = column.kind === 'utf8' ? column.heapBytes : 0
    node += NODE_WORDS
  })
  const place = (offset: number): number => (offset === 0 ? 0 : ptr + offset)
  return { ptr, rows, bytes: at, data: data.map(place), heap: heap.map(place) }
}

function flagsOf(column: RawColumn): number {
  if (column.kind === 'float64') return FLOAT64
  let flags = UTF8
  if (column.ascii) flags |= IS_ASCII
  if (column.wtf8) flags |= IS_WTF8
  if (column.heapBytes > 0) flags |= HAS_LONG
  return flags
}
