/** Arrow columns without children as staged columns: numbers, dates, text, bytes. */
import { isUtf8 } from 'node:buffer'
import type { ArrayType, BatchCursor } from './arrow-cursor.ts'
import { type ArrowField, ArrowKind, unreadable } from './arrow-format.ts'
import { EXTENSION_KEY, JSON_EXTENSION } from './arrow-types.ts'
import { appendValue, Overflow, widen } from './builder-append.ts'
import { pushBytes } from './builder-push.ts'
import type { ColumnStage } from './builder-stage.ts'
import { encodeValue } from './codec.ts'
import { ANY, FLOAT64, INT64, TIMESTAMP, UTF8 } from './schema.ts'
import { INLINE_MAX, isAsciiBytes } from './text.ts'

const NO_BYTES = new Uint8Array(0)

type NumberArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float16Array
  | Float32Array
  | Float64Array

/** Reads the bitmap of a column that is not of type Null. */
export function readValidity(
  stage: ColumnStage,
  cursor: BatchCursor,
  rows: number,
  nulls: number,
): void {
  const bitmap = cursor.bytes()
  if (nulls !== 0 && bitmap.length > 0) setMissing(stage, bitmap, rows)
}

/** Makes the rows null whose bit is clear. */
export function setMissing(stage: ColumnStage, bitmap: Uint8Array, rows: number): void {
  const missing = new Uint8Array(Math.ceil(rows / 8))
  for (let i = 0; i < missing.length; i++) missing[i] = ~bitmap[i]!
  if (missing.length > 0) missing[missing.length - 1]! &= 255 >>> (-rows & 7)
  stage.missing.bytes = missing
  stage.missing.used = missing.length
  stage.nulls = rows > 0
}

/** Reads integers, floats and times of day. */
export function readNumbers(
  stage: ColumnStage,
  field: ArrowField,
  cursor: BatchCursor,
  rows: number,
): void {
  const wide =
    field.kind === ArrowKind.Duration || (field.kind !== ArrowKind.Float && field.width === 64)
  if (wide) {
    stage.kind = INT64
    const isUnsigned = field.kind === ArrowKind.Int && !field.signed
    if (isUnsigned) readUnsigned(stage, cursor.numbers(BigUint64Array, rows))
    else stage.bigints = cursor.numbers(BigInt64Array, rows)
    return
  }
  stage.kind = FLOAT64
  const numbers = cursor.numbers<NumberArray>(numberType(field), rows)
  stage.numbers = numbers instanceof Float64Array ? numbers : Float64Array.from(numbers)
}

/** Unsigned integers of 64 bits that signed ones can't hold make the column `any`. */
function readUnsigned(stage: ColumnStage, values: BigUint64Array): void {
  const { missing } = stage
  stage.bigints = new BigInt64Array(values.buffer, values.byteOffset, values.length)
  if (!stage.bigints.some(value => value < 0n)) return
  stage.kind = ANY
  for (let i = 0; i < values.length; i++) {
    pushBytes(stage, missing.has(i) ? NO_BYTES : encodeValue(values[i]))
  }
}

function numberType(field: ArrowField): ArrayType<NumberArray> {
  if (field.kind === ArrowKind.Float) return [Float16Array, Float32Array, Float64Array][field.unit]!
  if (field.kind === ArrowKind.Time || (field.width === 32 && field.signed)) return Int32Array
  if (field.width === 8) return field.signed ? Int8Array : Uint8Array
  if (field.width === 16) return field.signed ? Int16Array : Uint16Array
  return Uint32Array
}

/** Milliseconds in a second, a millisecond, a microsecond and a nanosecond. */
const UNIT_MS = [1000, 1, 1e-3, 1e-6]
const DAY_MS = 86_400_000

/** Dates have milliseconds: finer times are rounded down. */
export function readDates(
  stage: ColumnStage,
  field: ArrowField,
  cursor: BatchCursor,
  rows: number,
): void {
  stage.kind = TIMESTAMP
  const ms = new Float64Array(rows)
  stage.numbers = ms
  if (field.kind === ArrowKind.Date && field.unit === 0) {
    const days = cursor.numbers(Int32Array, rows)
    for (let i = 0; i < rows; i++) ms[i] = days[i]! * DAY_MS
    return
  }
  const ticks = cursor.numbers(BigInt64Array, rows)
  const factor = field.kind === ArrowKind.Date ? 1 : UNIT_MS[field.unit]!
  // Bigint division first: nanoseconds have more digits than a double.
  const divisor = factor < 1 ? BigInt(Math.round(1 / factor)) : 1n
  for (let i = 0; i < rows; i++) {
    const tick = ticks[i]!
    const floor =
      divisor === 1n ? tick : (tick - (((tick % divisor) + divisor) % divisor)) / divisor
    ms[i] = Number(floor) * Math.max(1, factor)
  }
}

/** Text, JSON text and bytes, however the field lays them out. */
export function readTexts(
  stage: ColumnStage,
  field: ArrowField,
  rows: number,
  bytesAt: (i: number) => Uint8Array,
): void {
  const isText =
    field.kind === ArrowKind.Utf8 ||
    field.kind === ArrowKind.LargeUtf8 ||
    field.kind === ArrowKind.Utf8View
  const isJson = isText && field.metadata.get(EXTENSION_KEY) === JSON_EXTENSION
  if (isJson) {
    readJson(stage, rows, bytesAt)
    return
  }
  stage.kind = isText ? UTF8 : ANY
  for (let i = 0; i < rows; i++) {
    // A missing row may have bytes in Arrow, but has none here.
    if (stage.missing.has(i)) pushBytes(stage, NO_BYTES)
    else if (isText) pushText(stage, field, bytesAt(i))
    else pushBytes(stage, encodeValue(new Uint8Array(bytesAt(i))))
  }
}

function pushText(stage: ColumnStage, field: ArrowField, bytes: Uint8Array): void {
  const isAscii = isAsciiBytes(bytes)
  if (!isAscii && !isUtf8(bytes))
    throw unreadable(`column "${field.name}" has text that is no UTF-8`)
  if (!isAscii) stage.ascii = false
  pushBytes(stage, bytes)
}

function readJson(stage: ColumnStage, rows: number, bytesAt: (i: number) => Uint8Array): void {
  const values: unknown[] = []
  for (let i = 0; i < rows; i++) {
    values.push(stage.missing.has(i) ? null : JSON.parse(Buffer.from(bytesAt(i)).toString()))
  }
  stage.reset()
  for (const value of values) appendRow(stage, value)
}

/** Adds a row; where it is too deep for columns, all rows become `any`. */
export function appendRow(stage: ColumnStage, value: unknown): void {
  const { rows } = stage
  try {
    appendValue(stage, value)
  } catch (error) {
    if (!(error instanceof Overflow)) throw error
    stage.truncate(rows)
    widen(stage, ANY)
    appendValue(stage, value)
  }
}

/** The bytes of a column of 16-byte views. */
export function readViews(cursor: BatchCursor, rows: number): (i: number) => Uint8Array {
  const bytes = cursor.bytes()
  const views = new DataView(bytes.buffer, bytes.byteOffset, rows * 16)
  const buffers = Array.from({ length: cursor.viewBuffers() }, () => cursor.bytes())
  return i => {
    const length = views.getInt32(16 * i, true)
    if (length <= INLINE_MAX) return bytes.subarray(16 * i + 4, 16 * i + 4 + length)
    const start = views.getInt32(16 * i + 12, true)
    const buffer = buffers[views.getInt32(16 * i + 8, true)]
    if (buffer === undefined) throw unreadable('a string points to a buffer that is not there')
    return buffer.subarray(start, start + length)
  }
}
