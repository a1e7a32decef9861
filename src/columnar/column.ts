/** Columns of fixed width, read straight from the memory of a sealed block. */
import { type ColumnNode, HAS_NULLS, HAS_UNDEFINEDS } from './format.ts'
import type { Memory } from './memory.ts'
import type { ColumnType, Missing, ScalarType } from './schema.ts'

/**
 * Typed values of the rows of a block. Obligations of every column:
 * - `get(i)` returns row i, 0 <= i < rows, as the JS value that was appended.
 * - `decode(from, to)` returns rows [from, to). It may be a view of the block's memory, which the
 *   caller must not write and must not keep after the block is freed.
 * - Nothing is written; any number of threads may read at once.
 *
 * The addresses are for kernels: byte addresses in the arena, 0 where a section does not exist.
 */
export interface Column {
  readonly type: ColumnType
  readonly rows: number
  /** Bitmap: a set bit for each row that is neither null nor undefined; 0: all rows are values. */
  readonly validityAddress: number
  /** Bitmap: a set bit for each undefined row. */
  readonly undefinedAddress: number
  /** float64 and int64 values, bool bits, utf8 and any views, list offsets, struct shape ids. */
  readonly dataAddress: number
  get(i: number): unknown
  decode(from: number, to: number): ArrayLike<unknown>
}

/** What all columns share: the two bitmaps of missing rows. */
export abstract class BaseColumn implements Column {
  abstract readonly type: ColumnType
  readonly rows: number
  readonly validityAddress: number
  readonly undefinedAddress: number
  readonly dataAddress: number
  /** The memory that the addresses refer to. */
  readonly memory: Memory

  constructor(memory: Memory, node: ColumnNode) {
    this.memory = memory
    this.rows = node.rows
    this.validityAddress = node.validity
    this.undefinedAddress = node.undefineds
    this.dataAddress = node.data
  }

  /** Row i, which is neither null nor undefined. */
  protected abstract value(i: number): unknown
  /** Rows [from, to); what it gives for missing rows is overwritten. */
  protected abstract values(from: number, to: number): ArrayLike<unknown>

  get(i: number): unknown {
    if (this.validityAddress === 0 || bitAt(this.memory.u8, this.validityAddress, i)) {
      return this.value(i)
    }
    return this.#missing(i)
  }

  decode(from: number, to: number): ArrayLike<unknown> {
    const values = this.values(from, to)
    if (this.validityAddress === 0) return values
    const out: unknown[] = Array.isArray(values) ? values : Array.from(values)
    const u8 = this.memory.u8
    for (let i = from; i < to; i++) {
      if (!bitAt(u8, this.validityAddress, i)) out[i - from] = this.#missing(i)
    }
    return out
  }

  #missing(i: number): null | undefined {
    if (this.undefinedAddress === 0) return null
    return bitAt(this.memory.u8, this.undefinedAddress, i) ? undefined : null
  }
}

function bitAt(u8: Uint8Array, address: number, i: number): boolean {
  return ((u8[address + (i >>> 3)]! >>> (i & 7)) & 1) === 1
}

/** The `nulls` and `undefineds` of a column's type. */
export function missingOf(node: ColumnNode): Missing {
  return {
    nulls: (node.flags & HAS_NULLS) !== 0,
    undefineds: (node.flags & HAS_UNDEFINEDS) !== 0,
  }
}

function scalar(kind: ScalarType['kind'], node: ColumnNode): ScalarType {
  return { kind, ...missingOf(node) }
}

/** Rows without a value so far: all null or undefined. */
export class AbsentColumn extends BaseColumn {
  readonly type: ScalarType
  constructor(memory: Memory, node: ColumnNode) {
    super(memory, node)
    this.type = scalar('absent', node)
  }
  protected value(): unknown {
    return undefined
  }
  protected values(from: number, to: number): unknown[] {
    return new Array(to - from)
  }
}

export class BoolColumn extends BaseColumn {
  readonly type: ScalarType
  constructor(memory: Memory, node: ColumnNode) {
    super(memory, node)
    this.type = scalar('bool', node)
  }
  protected value(i: number): boolean {
    return bitAt(this.memory.u8, this.dataAddress, i)
  }
  protected values(from: number, to: number): boolean[] {
    const out = new Array<boolean>(to - from)
    const u8 = this.memory.u8
    for (let i = from; i < to; i++) out[i - from] = bitAt(u8, this.dataAddress, i)
    return out
  }
}

/** JS numbers. Without missing rows, `decode` is a view of the block and copies nothing. */
export class Float64Column extends BaseColumn {
  readonly type: ScalarType
  readonly data: Float64Array
  constructor(memory: Memory, node: ColumnNode) {
    super(memory, node)
    this.type = scalar('float64', node)
    const start = node.data / 8
    this.data = memory.f64.subarray(start, start + node.rows)
  }
  protected value(i: number): number {
    return this.data[i]!
  }
  protected values(from: number, to: number): Float64Array {
    return this.data.subarray(from, to)
  }
}

/** Bigints of 64 bits. Without missing rows, `decode` is a view of the block. */
export class Int64Column extends BaseColumn {
  readonly type: ScalarType
  readonly data: BigInt64Array
  constructor(memory: Memory, node: ColumnNode) {
    super(memory, node)
    this.type = scalar('int64', node)
    const start = node.data / 8
    this.data = memory.i64.subarray(start, start + node.rows)
  }
  protected value(i: number): bigint {
    return this.data[i]!
  }
  protected values(from: number, to: number): BigInt64Array {
    return this.data.subarray(from, to)
  }
}

/**
 * Dates, as 64-bit milliseconds since the epoch. Invalid Date is the smallest 64-bit integer,
 * which lies far outside the range of dates.
 */
export class TimestampColumn extends BaseColumn {
  readonly type: ScalarType
  readonly data: Uint32Array
  constructor(memory: Memory, node: ColumnNode) {
    super(memory, node)
    this.type = scalar('timestamp', node)
    const start = node.data / 4
    this.data = memory.u32.subarray(start, start + 2 * node.rows)
  }
  protected value(i: number): Date {
    // Two words and a multiplication cost a quarter of a bigint. The sentinel is out of the range
    // of dates, which makes the Date invalid again.
    return new Date((this.data[2 * i + 1]! | 0) * 2 ** 32 + this.data[2 * i]!)
  }
  protected values(from: number, to: number): Date[] {
    const out = new Array<Date>(to - from)
    for (let i = from; i < to; i++) out[i - from] = this.value(i)
    return out
  }
}
