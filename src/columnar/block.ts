/** Blocks: one partition's rows of one batch, columnar and sealed. */
import { PeltonError } from '../errors.ts'
import {
  AbsentColumn,
  BoolColumn,
  type Column,
  Float64Column,
  Int64Column,
  TimestampColumn,
} from './column.ts'
import { ListColumn, StructColumn, TupleColumn } from './column-nested.ts'
import { AnyColumn, Utf8Column } from './column-text.ts'
import {
  ARENA_WORD,
  BASE_WORD,
  BYTES_WORD,
  COLUMNS_WORD,
  type ColumnNode,
  FOREIGN_WORD,
  HEADER_WORDS,
  MAGIC,
  NODE_WORDS,
  ROWS_WORD,
  readColumnTree,
  VERSION,
  VERSION_WORD,
} from './format.ts'
import type { Memory } from './memory.ts'
import type { ColumnType } from './schema.ts'
import * as schema from './schema.ts'

export type { Column } from './column.ts'
export {
  AbsentColumn,
  AnyColumn,
  BoolColumn,
  Float64Column,
  Int64Column,
  ListColumn,
  StructColumn,
  TimestampColumn,
  TupleColumn,
  Utf8Column,
}

/** Where a sealed block lies: what a task message carries. */
export interface BlockRef {
  /** Address of the block's chunk, which is the address of its header. */
  readonly ptr: number
  readonly rows: number
  /** Size of the chunk. */
  readonly bytes: number
}

/**
 * A sealed block, opened for reading. Any thread that maps the arena can open it from its address.
 *
 * @example
 * const block = Block.open(arena, ref.ptr)
 * for (const row of Array.from(block.decode(0, block.rows))) console.log(row)
 */
export class Block {
  readonly ptr: number
  readonly rows: number
  /** Size of the chunk. */
  readonly bytes: number
  readonly arenaId: number
  /** The address the block was sealed at, to which its own long views refer. */
  readonly base: number
  /** Chunks outside the block that its long strings point into. */
  readonly foreign: readonly number[]
  readonly type: ColumnType
  readonly root: Column
  #signature: string | undefined

  private constructor(memory: Memory, ptr: number) {
    const u32 = memory.u32
    const w = ptr / 4
    this.ptr = ptr
    this.rows = u32[w + ROWS_WORD]!
    this.bytes = u32[w + BYTES_WORD]!
    this.arenaId = u32[w + ARENA_WORD]!
    this.base = u32[w + BASE_WORD]!
    const foreign = w + HEADER_WORDS + u32[w + COLUMNS_WORD]! * NODE_WORDS
    this.foreign = Array.from(u32.subarray(foreign, foreign + u32[w + FOREIGN_WORD]!))
    this.root = openColumn(memory, readColumnTree(memory, ptr))
    this.type = this.root.type
  }

  /**
   * Opens the block whose header is at `ptr`. Throws PeltonError `BLOCK` where no block of this
   * version lies there.
   */
  static open(memory: Memory, ptr: number): Block {
    const w = ptr / 4
    const magic = memory.u32[w]
    if (magic !== MAGIC || ptr % 16 !== 0) {
      const found = magic === undefined ? 'the end of the arena' : `0x${magic.toString(16)}`
      throw new PeltonError(
        `no block at address ${ptr}: found ${found} instead of a block header. ` +
          'The block was freed, or the address is not that of a block.',
        { code: 'BLOCK' },
      )
    }
    const version = memory.u32[w + VERSION_WORD]
    if (version !== VERSION) {
      throw new PeltonError(
        `the block at address ${ptr} has format version ${version}, ` +
          `this Pelton reads ${VERSION}. ` +
          'Run all threads and checkpoints with one version of Pelton.',
        { code: 'BLOCK' },
      )
    }
    return new Block(memory, ptr)
  }

  /** A stable text for the block's type, see `signature` in schema.ts. */
  get signature(): string {
    this.#signature ??= schema.signature(this.type)
    return this.#signature
  }

  /** Row i as a JS value. */
  get(i: number): unknown {
    return this.root.get(i)
  }

  /** Rows [from, to) as JS values; may be a view of the block, see `Column`. */
  decode(from: number, to: number): ArrayLike<unknown> {
    return this.root.decode(from, to)
  }
}

/** The column that a node of a block's header describes. */
export function openColumn(memory: Memory, node: ColumnNode): Column {
  const children = node.children.map(child => openColumn(memory, child))
  switch (node.kind) {
    case schema.ABSENT:
      return new AbsentColumn(memory, node)
    case schema.BOOL:
      return new BoolColumn(memory, node)
    case schema.FLOAT64:
      return new Float64Column(memory, node)
    case schema.INT64:
      return new Int64Column(memory, node)
    case schema.TIMESTAMP:
      return new TimestampColumn(memory, node)
    case schema.UTF8:
      return new Utf8Column(memory, node)
    case schema.LIST:
      return new ListColumn(memory, node, children)
    case schema.STRUCT:
      return new StructColumn(memory, node, children)
    case schema.TUPLE:
      return new TupleColumn(memory, node, children)
    case schema.ANY:
      return new AnyColumn(memory, node)
  }
  throw new PeltonError(`a block's header names an unknown kind of column, ${node.kind}`, {
    code: 'BLOCK',
  })
}
