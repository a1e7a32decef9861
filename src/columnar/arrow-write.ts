/** Columns as the buffers of an Arrow record batch. */
import { PeltonError, preview } from '../errors.ts'
import { recordsMessage } from './arrow-format.ts'
import type { ExportType } from './arrow-types.ts'
import { appendValue, openStage, widen } from './builder-append.ts'
import { ColumnStage } from './builder-stage.ts'
import { encodedBytes } from './codec.ts'
import {
  AbsentColumn,
  type BaseColumn,
  BoolColumn,
  Float64Column,
  Int64Column,
  TimestampColumn,
} from './column.ts'
import { ListColumn, StructColumn, TupleColumn } from './column-nested.ts'
import { AnyColumn, Utf8Column } from './column-text.ts'
import { LIST } from './schema.ts'
import { INLINE_MAX, VIEW_BYTES } from './text.ts'

/** Largest size of a column's text in one batch: Arrow's offsets have 31 bits. */
const TEXT_BYTES_MAX = 2 ** 31 - 1
const NO_BYTES = new Uint8Array(0)

/** Rows that are values, as Arrow wants them; no bitmap where all are. */
interface Validity {
  readonly bitmap: Uint8Array
  readonly nulls: number
}

/** Collects the parts of one record batch. */
export class BatchWriter {
  readonly rows: number
  readonly #nodes: number[] = []
  readonly #places: number[] = []
  readonly #body: Uint8Array[] = []
  #bodyBytes = 0

  constructor(rows: number) {
    this.rows = rows
  }

  /** The message and its body, each a multiple of 8 bytes long. */
  finish(): Uint8Array[] {
    const message = recordsMessage(this.rows, this.#nodes, this.#places, this.#bodyBytes)
    return [message, ...this.#body]
  }

  /**
   * Adds the column's rows [0, rows) as `type`; without a column, or where `parents` has a clear
   * bit, they are null.
   */
  add(column: BaseColumn | undefined, type: ExportType, rows: number, parents: Uint8Array): void {
    if (type.form === 'absent') {
      this.#nodes.push(rows, rows)
    } else if (column === undefined || column instanceof AbsentColumn) this.#addNulls(type, rows)
    else if (type.form === 'json') this.#addJson(column, parents)
    else if (column instanceof AnyColumn) this.#addBinary(column, parents)
    else if (column instanceof Utf8Column) this.#addText(column, parents)
    else if (column instanceof ListColumn) this.#addList(column, type, parents)
    else if (column instanceof TupleColumn && type.form === 'list') {
      this.#addList(listColumn(column), type, parents)
    } else if (column instanceof TupleColumn) {
      this.#node(column.rows, validityOf(column, parents))
      column.items.forEach((child, k) => {
        this.add(child as BaseColumn, type.children[k]!, column.rows, NO_BYTES)
      })
    } else if (column instanceof StructColumn) this.#addStruct(column, type, parents)
    else this.#addFixed(column, parents)
  }

  #addStruct(column: StructColumn, type: ExportType, parents: Uint8Array): void {
    this.#node(column.rows, validityOf(column, parents))
    type.names.forEach((name, k) => {
      const child = column.column(name) as BaseColumn | undefined
      this.add(child, type.children[k]!, column.rows, NO_BYTES)
    })
  }

  #node(rows: number, validity: Validity): void {
    this.#nodes.push(rows, validity.nulls)
    this.#buffer(validity.nulls === 0 ? NO_BYTES : validity.bitmap)
  }

  #buffer(bytes: Uint8Array): void {
    this.#places.push(this.#bodyBytes, bytes.length)
    this.#body.push(bytes)
    const padding = -bytes.length & 7
    if (padding > 0) this.#body.push(new Uint8Array(padding))
    this.#bodyBytes += bytes.length + padding
  }

  #addNulls(type: ExportType, rows: number): void {
    this.#node(rows, { bitmap: new Uint8Array(Math.ceil(rows / 8)), nulls: rows })
    const { form } = type
    if (form === 'bool') this.#buffer(new Uint8Array(Math.ceil(rows / 8)))
    else if (form === 'float64' || form === 'int64' || form === 'timestamp') {
      this.#buffer(new Uint8Array(8 * rows))
    } else if (form === 'list') this.#buffer(new Uint8Array(4 * (rows + 1)))
    else if (form === 'utf8' || form === 'binary' || form === 'json') {
      this.#buffer(new Uint8Array(4 * (rows + 1)))
      this.#buffer(NO_BYTES)
    }
    const childRows = form === 'list' ? 0 : rows
    for (const child of type.children) this.add(undefined, child, childRows, NO_BYTES)
  }

  #addFixed(column: BaseColumn, parents: Uint8Array): void {
    const { u8 } = column.memory
    const { rows, dataAddress: start } = column
    const validity = validityOf(column, parents)
    if (column instanceof TimestampColumn) {
      const { data, bitmap, nulls } = validDates(column, validity)
      this.#node(rows, { bitmap, nulls })
      this.#buffer(data)
      return
    }
    this.#node(rows, validity)
    if (column instanceof BoolColumn) this.#buffer(u8.subarray(start, start + Math.ceil(rows / 8)))
    else if (column instanceof Float64Column || column instanceof Int64Column) {
      this.#buffer(u8.subarray(start, start + 8 * rows))
    }
  }

  #addList(column: ListColumn, type: ExportType, parents: Uint8Array): void {
    const { rows, dataAddress: start } = column
    this.#node(rows, validityOf(column, parents))
    this.#buffer(column.memory.u8.subarray(start, start + 4 * (rows + 1)))
    const item = column.item as BaseColumn
    this.add(item, type.children[0]!, item.rows, NO_BYTES)
  }

  #addText(column: Utf8Column, parents: Uint8Array): void {
    const { rows, views } = column
    const offsets = new Int32Array(rows + 1)
    for (let i = 0; i < rows; i++) offsets[i + 1] = sum(offsets[i]!, views[4 * i]!)
    const data = new Uint8Array(offsets[rows]!)
    const { u8 } = column.memory
    for (let i = 0; i < rows; i++) {
      const length = views[4 * i]!
      const long = length > INLINE_MAX
      const start = long ? views[4 * i + 2]! : column.dataAddress + i * VIEW_BYTES + 4
      const at = offsets[i]!
      if (long) data.set(u8.subarray(start, start + length), at)
      else for (let k = 0; k < length; k++) data[at + k] = u8[start + k]!
    }
    if (column.wtf8) replaceSurrogates(data)
    this.#node(rows, validityOf(column, parents))
    this.#buffer(new Uint8Array(offsets.buffer))
    this.#buffer(data)
  }

  #addBinary(column: AnyColumn, parents: Uint8Array): void {
    const items: Uint8Array[] = []
    for (let i = 0; i < column.rows; i++) items.push(encodedBytes(column.encoded(i)) ?? NO_BYTES)
    this.#node(column.rows, validityOf(column, parents))
    this.#addItems(items)
  }

  #addJson(column: BaseColumn, parents: Uint8Array): void {
    const values = column.decode(0, column.rows)
    const items: Uint8Array[] = []
    for (let i = 0; i < column.rows; i++) items.push(Buffer.from(jsonOf(values[i])))
    this.#node(column.rows, validityOf(column, parents))
    this.#addItems(items)
  }

  #addItems(items: readonly Uint8Array[]): void {
    const offsets = new Int32Array(items.length + 1)
    for (let i = 0; i < items.length; i++) offsets[i + 1] = sum(offsets[i]!, items[i]!.length)
    this.#buffer(new Uint8Array(offsets.buffer))
    this.#buffer(Buffer.concat(items))
  }
}

/** The rows of a tuple column as a list column. */
function listColumn(column: TupleColumn): ListColumn {
  const stage = new ColumnStage(0, { columns: 1 })
  const rows = column.decode(0, column.rows)
  for (let i = 0; i < rows.length; i++) appendValue(stage, rows[i])
  widen(stage, LIST)
  return openStage(stage).root as ListColumn
}

function sum(offset: number, length: number): number {
  if (offset + length > TEXT_BYTES_MAX) {
    throw new PeltonError(
      'A column has more than 2 GiB of text in one block, which Arrow offsets of 32 bits cannot ' +
        'address. Export smaller blocks.',
      { code: 'ARROW' },
    )
  }
  return offset + length
}

/** The column's bitmap, which already has Arrow's form, less the rows whose parent is missing. */
export function validityOf(column: BaseColumn, parents: Uint8Array): Validity {
  const { rows, validityAddress } = column
  const length = Math.ceil(rows / 8)
  if (validityAddress === 0 && parents.length === 0) return { bitmap: NO_BYTES, nulls: 0 }
  const own = new Uint8Array(length).fill(255)
  if (validityAddress !== 0) {
    own.set(column.memory.u8.subarray(validityAddress, validityAddress + length))
  }
  for (let i = 0; i < parents.length; i++) own[i]! &= parents[i]!
  if (length > 0) own[length - 1]! &= 255 >>> (-rows & 7)
  return { bitmap: own, nulls: rows - countBits(own) }
}

function countBits(bytes: Uint8Array): number {
  let count = 0
  for (let i = 0; i < bytes.length; i++) {
    for (let rest = bytes[i]!; rest !== 0; rest &= rest - 1) count++
  }
  return count
}

/** Milliseconds with null in place of Invalid Date, which Arrow does not have. */
function validDates(column: TimestampColumn, validity: Validity): Validity & { data: Uint8Array } {
  const words = column.data.slice()
  let { bitmap, nulls } = validity
  for (let i = 0; i < column.rows; i++) {
    if (words[2 * i + 1] !== 0x80000000) continue
    words[2 * i + 1] = 0
    if (nulls === 0) bitmap = new Uint8Array(Math.ceil(column.rows / 8)).fill(255)
    const bit = 1 << (i & 7)
    if ((bitmap[i >>> 3]! & bit) !== 0) nulls++
    bitmap[i >>> 3]! &= ~bit
  }
  return { bitmap, nulls, data: new Uint8Array(words.buffer, words.byteOffset, words.byteLength) }
}

/** A lone surrogate and U+FFFD both take three bytes, so this is done in place. */
function replaceSurrogates(data: Uint8Array): void {
  for (let i = 0; i < data.length - 2; i++) {
    if (data[i] !== 0xed || data[i + 1]! < 0xa0) continue
    data[i] = 0xef
    data[i + 1] = 0xbf
    data[i + 2] = 0xbd
  }
}

/** JSON text; what JSON does not know becomes arrays (Map, Set, bytes as base64) or strings. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, jsonValue) ?? 'null'
  } catch (cause) {
    throw new PeltonError(
      `A row can't be exported as JSON text: ${preview(value)}. Map it to plain columns first.`,
      { code: 'ARROW', cause },
    )
  }
}

function jsonValue(this: unknown, key: string, value: unknown): unknown {
  // The holder still has the value from before its toJSON was called.
  const raw = (this as Record<string, unknown>)[key]
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64')
  if (ArrayBuffer.isView(raw) && !(raw instanceof DataView)) {
    return Array.from(raw as unknown as ArrayLike<unknown>)
  }
  if (value instanceof Map || value instanceof Set) return [...value]
  if (value instanceof RegExp) return String(value)
  if (value instanceof Error) return { name: value.name, message: value.message }
  return typeof value === 'bigint' ? String(value) : value
}
