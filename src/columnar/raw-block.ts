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
import { BOOL, FLOAT64, STRUCT, TUPLE, UTF8 } from './schema.ts'
import { textBytes, VIEW_BYTES } from './text.ts'

/** A column to come: numbers, bits, string views with the bytes of those that are long, or rows. */
export type RawColumn =
  | { readonly kind: 'float64' }
  | { readonly kind: 'bool' }
  | {
      readonly kind: 'utf8'
      readonly ascii: boolean
      readonly wtf8: boolean
      /** Bytes of strings that do not fit into their views; 0 when there are none. */
      readonly heapBytes: number
    }
  | { readonly kind: 'tuple'; readonly items: readonly RawColumn[] }
  /** Objects that all have these keys, in this order. */
  | {
      readonly kind: 'struct'
      readonly names: readonly string[]
      readonly items: readonly RawColumn[]
    }

/** A reserved block: the addresses of the sections of each column without parts, in order. */
export interface RawBlock extends BlockRef {
  /** Values, bits (a multiple of 16 bytes) or views. */
  readonly data: readonly number[]
  readonly heap: readonly number[]
}

/** Kernels may read whole vectors past the last string byte. */
const heapSlack = 16
const numberBytes = 8
const wordBytes = 4

/**
 * Takes a chunk for `rows` rows and writes its header. The caller fills the sections and then
 * treats the block as sealed.
 *
 * @example
 * const block = reserveBlock(arena, owner, n, { kind: 'float64' })
 * arena.f64.set(values, block.data[0]! / 8)
 */
export function reserveBlock(
  memory: ChunkMemory,
  owner: number,
  rows: number,
  column: RawColumn,
): RawBlock {
  const nodes = preorder(column)
  let at = align16((HEADER_WORDS + nodes.length * NODE_WORDS) * 4)
  const take = (bytes: number): number => {
    const start = at
    at += align16(bytes)
    return start
  }
  const data = nodes.map(node => (hasParts(node) ? 0 : take(dataBytes(node.kind, rows))))
  const heap = nodes.map(node => {
    const bytes = heapBytes(node)
    return bytes > 0 ? take(bytes + heapSlack) : 0
  })
  const keys = nodes.map(node => (node.kind === 'struct' ? keysOf(node.names) : undefined))
  const keysAt = keys.map(one => (one ? take(one.length * wordBytes) : 0))
  const ptr = memory.alloc(at, owner)
  const u32 = memory.u32
  const w = ptr / 4
  u32.fill(0, w, w + HEADER_WORDS + nodes.length * NODE_WORDS)
  u32[w] = MAGIC
  u32[w + VERSION_WORD] = VERSION
  u32[w + ROWS_WORD] = rows
  u32[w + BYTES_WORD] = at
  u32[w + FOREIGN_WORD] = 0
  u32[w + COLUMNS_WORD] = nodes.length
  u32[w + BASE_WORD] = ptr
  nodes.forEach((node, i) => {
    const n = w + HEADER_WORDS + i * NODE_WORDS
    u32[n] = flagsOf(node)
    u32[n + 1] = rows
    u32[n + 4] = data[i]!
    u32[n + 5] = heap[i]!
    u32[n + 6] = heapBytes(node)
    u32[n + 7] = hasParts(node) ? node.items.length : 0
    if (node.kind !== 'struct') return
    // The names are followed by the one shape: how many fields, and which.
    u32[n + 8] = keysAt[i]!
    u32[n + 9] = keysAt[i]! + (keys[i]!.length - node.names.length - 1) * wordBytes
    u32[n + 10] = 1
    u32.set(keys[i]!, (ptr + keysAt[i]!) / wordBytes)
  })
  const leaves = nodes.flatMap((node, i) => (hasParts(node) ? [] : [i]))
  const placeOf = (offset: number): number => (offset === 0 ? 0 : ptr + offset)
  return {
    ptr,
    rows,
    bytes: at,
    data: leaves.map(i => placeOf(data[i]!)),
    heap: leaves.map(i => placeOf(heap[i]!)),
  }
}

type Parent = Extract<RawColumn, { kind: 'tuple' | 'struct' }>

function hasParts(column: RawColumn): column is Parent {
  return column.kind === 'tuple' || column.kind === 'struct'
}

function preorder(column: RawColumn): RawColumn[] {
  return hasParts(column) ? [column, ...column.items.flatMap(preorder)] : [column]
}

/** Names as the words of a header, and the shape that has them all in order. */
function keysOf(names: readonly string[]): number[] {
  const words = names.flatMap(name => {
    const bytes = textBytes(name)
    const padded = new Uint8Array(Math.ceil(bytes.length / wordBytes) * wordBytes)
    padded.set(bytes)
    return [bytes.length, ...new Uint32Array(padded.buffer)]
  })
  return [...words, names.length, ...names.keys()]
}

function dataBytes(kind: 'float64' | 'bool' | 'utf8', rows: number): number {
  if (kind === 'bool') return rows / 8
  return rows * (kind === 'utf8' ? VIEW_BYTES : numberBytes)
}

function heapBytes(column: RawColumn): number {
  return column.kind === 'utf8' ? column.heapBytes : 0
}

function flagsOf(column: RawColumn): number {
  if (column.kind === 'float64') return FLOAT64
  if (column.kind === 'bool') return BOOL
  if (column.kind === 'tuple') return TUPLE
  if (column.kind === 'struct') return STRUCT
  let flags = UTF8
  if (column.ascii) flags |= IS_ASCII
  if (column.wtf8) flags |= IS_WTF8
  if (column.heapBytes > 0) flags |= HAS_LONG
  return flags
}
