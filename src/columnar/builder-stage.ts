/**
 * Staging: the rows of a column before it is sealed, in ordinary arrays that grow and are used
 * again for the next block. One class for all kinds, so that the code that appends stays
 * monomorphic and a column can change its kind in place.
 */
import { ABSENT, ANY, BOOL, FLOAT64, INT64, LIST, STRUCT, TIMESTAMP, UTF8 } from './schema.ts'
import { INLINE_MAX, type TextBuffer, textBytesMax, VIEW_BYTES, writeText } from './text.ts'

const NO_NUMBERS = new Float64Array(0)
const NO_BIGINTS = new BigInt64Array(0)
const NO_WORDS = new Uint32Array(0)
const NO_BYTES = Buffer.alloc(0) as TextBuffer
const CAPACITY_MIN = 64
/** Larger staging than this is given back when the next blocks need much less. */
const KEEP_BYTES_MAX = 1 << 20
/** Up to here a loop over characters beats a call into the runtime (about 60 ns). */
const LOOP_CHARS_MAX = 40

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

  /** Clears bits [from, …). */
  clearFrom(from: number): void {
    const at = from >>> 3
    if (at >= this.used) return
    this.bytes[at]! &= (1 << (from & 7)) - 1
    this.bytes.fill(0, at + 1, this.used)
    this.used = at + 1
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

/** Adds a row to a float64 or timestamp column. */
export function pushNumber(stage: ColumnStage, value: number): void {
  const row = stage.rows
  if (row >= stage.numbers.length) stage.growNumbers()
  stage.numbers[row] = value
  stage.rows = row + 1
}

/** Adds a row to an int64 column. */
export function pushBigint(stage: ColumnStage, value: bigint): void {
  const row = stage.rows
  if (row >= stage.bigints.length) stage.growBigints()
  stage.bigints[row] = value
  stage.rows = row + 1
}

/** Adds a row to a bool column. */
export function pushBool(stage: ColumnStage, value: boolean): void {
  if (value) stage.bits.set(stage.rows)
  stage.rows++
}

/** Adds a word for a row: the end of a list's items, or the id of a struct's shape. */
export function pushWord(stage: ColumnStage, word: number): void {
  const row = stage.rows
  if (row >= stage.words.length) stage.growWords(row + 1)
  stage.words[row] = word
  stage.rows = row + 1
}

/** Adds a row to a utf8 column. */
export function pushText(stage: ColumnStage, text: string): void {
  const row = stage.rows
  const w = row * 4
  if (w + 4 > stage.words.length) stage.growWords(w + 4)
  const length = text.length
  if (length > INLINE_MAX) {
    pushLongText(stage, text)
    return
  }
  const words = stage.words
  words[w] = length
  words[w + 1] = 0
  words[w + 2] = 0
  words[w + 3] = 0
  const bytes = stage.wordBytes
  const at = w * 4 + 4
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 127) {
      pushWideText(stage, text)
      return
    }
    bytes[at + i] = unit
  }
  stage.rows = row + 1
}

function pushLongText(stage: ColumnStage, text: string): void {
  const length = text.length
  const start = stage.heapBytes
  if (length > LOOP_CHARS_MAX) {
    pushWideText(stage, text)
    return
  }
  if (start + length > stage.heap.length) stage.growHeap(start + length)
  const heap = stage.heap
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 127) {
      pushWideText(stage, text)
      return
    }
    heap[start + i] = unit
  }
  finishLong(stage, start, length)
}

/** Text that is not known to be ASCII, or is long enough for the runtime's faster copy. */
function pushWideText(stage: ColumnStage, text: string): void {
  const start = stage.heapBytes
  const room = start + textBytesMax(text)
  if (room > stage.heap.length) stage.growHeap(room)
  const bytes = writeText(stage.heap, start, text)
  if (bytes !== text.length) {
    stage.ascii = false
    if (!text.isWellFormed()) stage.wtf8 = true
  }
  if (bytes > INLINE_MAX) finishLong(stage, start, bytes)
  else finishInline(stage, stage.heap, start, bytes)
}

/** The bytes are in the heap already. */
function finishLong(stage: ColumnStage, start: number, bytes: number): void {
  const { words, heap } = stage
  const w = stage.rows * 4
  words[w] = bytes
  words[w + 1] =
    (heap[start]! |
      (heap[start + 1]! << 8) |
      (heap[start + 2]! << 16) |
      (heap[start + 3]! << 24)) >>>
    0
  words[w + 2] = start
  words[w + 3] = 0
  stage.heapBytes = start + bytes
  stage.long = true
  stage.rows++
}

function finishInline(stage: ColumnStage, from: Uint8Array, start: number, bytes: number): void {
  const w = stage.rows * 4
  stage.words.fill(0, w, w + 4)
  stage.words[w] = bytes
  for (let i = 0; i < bytes; i++) stage.wordBytes[w * 4 + 4 + i] = from[start + i]!
  stage.rows++
}

/** Adds a row of codec bytes to an any column; no bytes for a missing row. */
export function pushBytes(stage: ColumnStage, bytes: Uint8Array): void {
  const w = stage.rows * 4
  if (w + 4 > stage.words.length) stage.growWords(w + 4)
  if (bytes.length <= INLINE_MAX) {
    finishInline(stage, bytes, 0, bytes.length)
    return
  }
  const start = stage.heapBytes
  if (start + bytes.length > stage.heap.length) stage.growHeap(start + bytes.length)
  stage.heap.set(bytes, start)
  finishLong(stage, start, bytes.length)
}

/** Makes the first children the ones in use; throws nothing, the caller checks the budget. */
export function useChildren(stage: ColumnStage, count: number): void {
  for (let k = stage.children.length; k < count; k++) {
    stage.children.push(new ColumnStage(stage.depth + 1, stage.budget))
  }
  stage.budget.columns += count - stage.childCount
  stage.childCount = count
}
