/**
 * Staging: the rows of a column before it is sealed, in ordinary arrays that grow and are used
 * again for the next block. One class for all kinds, so that the code that appends stays
 * monomorphic and a column can change its kind in place.
 */
import { ABSENT, ANY, BOOL, FLOAT64, INT64, LIST, STRUCT, TIMESTAMP, UTF8 } from './schema.ts'
import { type TextBuffer, VIEW_BYTES } from './text.ts'

const NO_NUMBERS = new Float64Array(0)
const NO_BIGINTS = new BigInt64Array(0)
const NO_WORDS = new Uint32Array(0)
const NO_BYTES = Buffer.alloc(0) as TextBuffer
const CAPACITY_MIN = 64
/** Larger staging than this is given back when the next blocks need much less. */
const KEEP_BYTES_MAX = 1 << 20

/** Bits that are clear until set. */
export class Bits {
  bytes: Uint8Array = NO_BYTES
  /** Bytes that may hold set bits. */
  used = 0

  set(i: number): void {
    const at = i >>> 3
    if (at >= this.bytes.length) {
      const bytes = new Uint8Array(Math.max(CAPACITY_MIN, at * 2))
      bytes.set(this.bytes)
      this.bytes = bytes
    }
    this.bytes[at]! |= 1 << (i & 7)
    if (at >= this.used) this.used = at + 1
  }

  has(i: number): boolean {
    const at = i >>> 3
    return at < this.used && ((this.bytes[at]! >>> (i & 7)) & 1) === 1
  }

  /** Clears bits [from, …). */
  clearFrom(from: number): void {
    const at = from >>> 3
    if (at >= this.used) return
    const kept = from & 7
    this.bytes[at]! &= (1 << kept) - 1
    this.bytes.fill(0, at + 1, this.used)
    this.used = kept === 0 ? at : at + 1
  }
}

/** The order of keys that rows share, as a path of transitions from the empty object. */
export class ShapeNode {
  readonly next = new Map<string, ShapeNode>()
  id = -1
}

/** What only structs have. */
export class StructStage {
  names: string[] = []
  shapes: number[][] = []
  /** Keys of each shape, in order. */
  shapeNames: string[][] = []
  fields = new Map<string, number>()
  root = new ShapeNode()
  /** The shape of the row before. */
  lastShape = 0
  /** Values of the row at hand. */
  scratch: unknown[] = []
}

/** Columns of one builder, counted together because their number is limited. */
export interface ColumnBudget {
  columns: number
}

export class ColumnStage {
  kind = ABSENT
  rows = 0
  readonly depth: number
  readonly budget: ColumnBudget
  nulls = false
  undefineds = false
  /** Rows that are null or undefined; `undefinedRows` says which of the two. */
  readonly missing = new Bits()
  readonly undefinedRows = new Bits()
  /** Values of bool columns. */
  readonly bits = new Bits()
  /** float64 values; milliseconds of timestamps, NaN for Invalid Date. */
  numbers: Float64Array = NO_NUMBERS
  bigints: BigInt64Array = NO_BIGINTS
  /** Views of text (4 words a row), offsets of lists, shape ids of structs; and their bytes. */
  words: Uint32Array = NO_WORDS
  wordBytes: Uint8Array = NO_BYTES
  /** Bytes of long strings; their views hold offsets into it until sealed. */
  heap: TextBuffer = NO_BYTES
  heapBytes = 0
  long = false
  ascii = true
  wtf8 = false
  struct: StructStage | null = null
  /** Stages of children, kept for the next block; the first `childCount` are in use. */
  readonly children: ColumnStage[] = []
  childCount = 0

  constructor(depth: number, budget: ColumnBudget) {
    this.depth = depth
    this.budget = budget
  }

  growNumbers(): void {
    const numbers = new Float64Array(Math.max(CAPACITY_MIN, this.rows * 2))
    numbers.set(this.numbers)
    this.numbers = numbers
  }

  growBigints(): void {
    const bigints = new BigInt64Array(Math.max(CAPACITY_MIN, this.rows * 2))
    bigints.set(this.bigints)
    this.bigints = bigints
  }

  growWords(count: number): void {
    const words = new Uint32Array(Math.max(CAPACITY_MIN * 4, count * 2))
    words.set(this.words)
    this.words = words
    this.wordBytes = new Uint8Array(words.buffer)
  }

  growHeap(bytes: number): void {
    const heap = Buffer.allocUnsafeSlow(Math.max(1024, bytes * 2)) as TextBuffer
    this.heap.copy(heap, 0, 0, this.heapBytes)
    this.heap = heap
  }

  /** Empties the column for the next block and forgets its kind; arrays stay. */
  reset(): void {
    const { rows } = this
    if (this.numbers.byteLength > KEEP_BYTES_MAX && rows * 4 < this.numbers.length) {
      this.numbers = NO_NUMBERS
    }
    if (this.bigints.byteLength > KEEP_BYTES_MAX && rows * 4 < this.bigints.length) {
      this.bigints = NO_BIGINTS
    }
    if (this.words.byteLength > KEEP_BYTES_MAX && rows * 16 < this.words.length) {
      this.words = NO_WORDS
      this.wordBytes = NO_BYTES
    }
    if (this.heap.length > KEEP_BYTES_MAX && this.heapBytes * 4 < this.heap.length) {
      this.heap = NO_BYTES
    }
    this.clear()
  }

  /** As `reset`, but for rows that come back at once as another kind. */
  clear(): void {
    this.kind = ABSENT
    this.rows = 0
    this.nulls = false
    this.undefineds = false
    this.missing.clearFrom(0)
    this.undefinedRows.clearFrom(0)
    this.bits.clearFrom(0)
    this.heapBytes = 0
    this.long = false
    this.ascii = true
    this.wtf8 = false
    this.struct = null
    for (let k = 0; k < this.childCount; k++) this.children[k]!.reset()
    this.budget.columns -= this.childCount
    this.childCount = 0
  }

  /** Drops the rows from `rows` on; what they made of the type stays. */
  truncate(rows: number): void {
    if (this.rows < rows) return
    this.missing.clearFrom(rows)
    this.undefinedRows.clearFrom(rows)
    this.bits.clearFrom(rows)
    this.rows = rows
    const childRows = this.kind === LIST ? (rows === 0 ? 0 : this.words[rows - 1]!) : rows
    for (let k = 0; k < this.childCount; k++) this.children[k]!.truncate(childRows)
  }

  /** Estimate of the sealed size in bytes, without the header. */
  get byteLength(): number {
    let bytes = this.heapBytes
    if (this.nulls || this.undefineds) bytes += this.rows / 8
    if (this.undefineds) bytes += this.rows / 8
    if (this.kind === FLOAT64 || this.kind === INT64 || this.kind === TIMESTAMP) {
      bytes += this.rows * 8
    } else if (this.kind === UTF8 || this.kind === ANY) bytes += this.rows * VIEW_BYTES
    else if (this.kind === LIST) bytes += this.rows * 4
    else if (this.kind === STRUCT) bytes += this.rows * 2
    else if (this.kind === BOOL) bytes += this.rows / 8
    for (let k = 0; k < this.childCount; k++) bytes += this.children[k]!.byteLength
    return bytes
  }
}

/** Makes the first children the ones in use. The caller checks the budget. */
export function useChildren(stage: ColumnStage, count: number): void {
  for (let k = stage.children.length; k < count; k++) {
    stage.children.push(new ColumnStage(stage.depth + 1, stage.budget))
  }
  stage.budget.columns += count - stage.childCount
  stage.childCount = count
}

/** Gives a struct column its one shape: all rows have these keys, in this order. */
export function setShape(stage: ColumnStage, names: readonly string[]): void {
  const struct = new StructStage()
  struct.names = [...names]
  struct.shapes = [names.map((_, k) => k)]
  struct.shapeNames = [[...names]]
  stage.struct = struct
}
