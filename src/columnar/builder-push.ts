/** Adds single rows to staged columns of one kind. These are the innermost loops of a builder. */
import type { ColumnStage } from './builder-stage.ts'
import { INLINE_MAX, textBytesMax, writeText } from './text.ts'

/** Up to here a loop over characters beats a call into the runtime (about 60 ns). */
const LOOP_CHARS_MAX = 40

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
