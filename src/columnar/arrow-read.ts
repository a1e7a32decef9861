/** Arrow record batches as staged columns: dictionaries, structs, lists, maps. */
import { BatchCursor } from './arrow-cursor.ts'
import type { FlatReader } from './arrow-flatbuffer.ts'
import { type ArrowField, ArrowKind, unreadable } from './arrow-format.ts'
import { KIND_KEY } from './arrow-types.ts'
import {
  appendRow,
  readDates,
  readNumbers,
  readTexts,
  readValidity,
  readViews,
  setMissing,
} from './arrow-values.ts'
import { decodeStage } from './builder-append.ts'
import { pushBytes, pushWord } from './builder-push.ts'
import { ColumnStage, setShape, useChildren } from './builder-stage.ts'
import { encodeValue } from './codec.ts'
import { ANY, BOOL, FLOAT64, LIST, STRUCT, TUPLE } from './schema.ts'

const NO_BYTES = new Uint8Array(0)
const ROWS_MAX = 2 ** 31 - 1

/** Reads the batches of one stream, whose dictionaries it keeps. */
export class StreamReader {
  readonly #fields: readonly ArrowField[]
  readonly #rowKind: string
  readonly #dictionaries = new Map<number, unknown[]>()

  /** `rowKind` tells what the columns make: a 'struct', a 'tuple', or one 'value'. */
  constructor(fields: readonly ArrowField[], rowKind: string) {
    this.#fields = fields
    this.#rowKind = rowKind
  }

  /** Adds or replaces a dictionary, from the header and body of its message. */
  readDictionary(header: FlatReader, body: Uint8Array): void {
    const id = header.i64(0)
    const field = findDictionary(this.#fields, id)
    const records = header.table(1)
    if (field === undefined || records === undefined)
      throw unreadable(`no field uses dictionary ${id}`)
    const cursor = new BatchCursor(records, body, this.#dictionaries)
    const stage = readValues({ ...field, dictionary: -1 }, cursor, 0)
    const values = Array.from(decodeStage(stage))
    const isDelta = header.i8(2) !== 0
    const before = isDelta ? (this.#dictionaries.get(id) ?? []) : []
    this.#dictionaries.set(id, [...before, ...values])
  }

  /** The rows of a record batch. */
  readBatch(header: FlatReader, body: Uint8Array): ColumnStage {
    const cursor = new BatchCursor(header, body, this.#dictionaries)
    const fields = this.#fields
    const rows = header.i64(0)
    if (this.#rowKind === 'value' && fields.length === 1) {
      return readValues(fields[0]!, cursor, 0, rows)
    }
    const root = new ColumnStage(0, { columns: 1 })
    readFields(root, fields, this.#rowKind === 'tuple' && fields.length > 0, cursor, rows)
    root.rows = rows
    return root
  }
}

function findDictionary(fields: readonly ArrowField[], id: number): ArrowField | undefined {
  for (const field of fields) {
    const found = field.dictionary === id ? field : findDictionary(field.children, id)
    if (found !== undefined) return found
  }
  return undefined
}

/** The stage of a field's column. */
function readValues(
  field: ArrowField,
  cursor: BatchCursor,
  depth: number,
  expectedRows?: number,
): ColumnStage {
  const stage = new ColumnStage(depth, { columns: 1 })
  const [rows, nulls] = cursor.node()
  if (rows !== (expectedRows ?? rows) || rows < 0 || rows > ROWS_MAX) {
    throw unreadable(`column "${field.name}" has ${rows} rows, not ${expectedRows ?? 'so many'}`)
  }
  if (field.dictionary >= 0) readIndexes(stage, field, cursor, rows, nulls)
  else if (field.kind === ArrowKind.Null)
    setMissing(stage, new Uint8Array(Math.ceil(rows / 8)), rows)
  else {
    readValidity(stage, cursor, rows, nulls)
    readKind(stage, field, cursor, rows)
  }
  stage.rows = rows
  return stage
}

function readKind(stage: ColumnStage, field: ArrowField, cursor: BatchCursor, rows: number): void {
  switch (field.kind) {
    case ArrowKind.Bool: {
      stage.kind = BOOL
      stage.bits.bytes = cursor.bytes().subarray(0, Math.ceil(rows / 8))
      stage.bits.used = stage.bits.bytes.length
      return
    }
    case ArrowKind.Int:
    case ArrowKind.Float:
    case ArrowKind.Time:
    case ArrowKind.Duration:
      readNumbers(stage, field, cursor, rows)
      return
    case ArrowKind.Date:
    case ArrowKind.Timestamp:
      readDates(stage, field, cursor, rows)
      return
    case ArrowKind.Utf8:
    case ArrowKind.LargeUtf8:
    case ArrowKind.Binary:
    case ArrowKind.LargeBinary: {
      const large = field.kind === ArrowKind.LargeUtf8 || field.kind === ArrowKind.LargeBinary
      const offsets = cursor.offsets(rows, large)
      const data = cursor.bytes()
      readTexts(stage, field, rows, i => data.subarray(offsets[i]!, offsets[i + 1]!))
      return
    }
    case ArrowKind.FixedSizeBinary: {
      const data = cursor.bytes()
      readTexts(stage, field, rows, i => data.subarray(i * field.width, (i + 1) * field.width))
      return
    }
    case ArrowKind.Utf8View:
    case ArrowKind.BinaryView:
      readTexts(stage, field, rows, readViews(cursor, rows))
      return
    case ArrowKind.Struct:
      stage.rows = rows
      readFields(stage, field.children, field.metadata.get(KIND_KEY) === 'tuple', cursor, rows)
      return
    case ArrowKind.List:
    case ArrowKind.LargeList:
      readLists(
        stage,
        field,
        cursor,
        cursor.offsets(rows, field.kind === ArrowKind.LargeList),
        rows,
      )
      return
    case ArrowKind.FixedSizeList: {
      readLists(stage, field, cursor, undefined, rows)
      return
    }
    case ArrowKind.Map:
      readMaps(stage, field, cursor, cursor.offsets(rows, false), rows)
      return
  }
  throw unreadable(
    `column "${field.name}" has Arrow type ${field.kind}, which has no counterpart in Pelton; ` +
      'cast it to a number, a string or a timestamp before writing',
  )
}

function readFields(
  stage: ColumnStage,
  fields: readonly ArrowField[],
  isTuple: boolean,
  cursor: BatchCursor,
  rows: number,
): void {
  stage.kind = isTuple ? TUPLE : STRUCT
  adoptChildren(
    stage,
    fields.map(field => readValues(field, cursor, stage.depth + 1, rows)),
  )
  if (!isTuple)
    setShape(
      stage,
      fields.map(field => field.name),
    )
}

function adoptChildren(stage: ColumnStage, children: readonly ColumnStage[]): void {
  stage.children.splice(0, stage.children.length, ...children)
  useChildren(stage, children.length)
}

function readLists(
  stage: ColumnStage,
  field: ArrowField,
  cursor: BatchCursor,
  ends: ArrayLike<number> | undefined,
  rows: number,
): void {
  const item = readValues(field.children[0]!, cursor, stage.depth + 1)
  if (ends === undefined && item.rows < rows * field.width) throw unreadable('a list is cut off')
  const offsets = ends ?? Float64Array.from({ length: rows + 1 }, (_, i) => i * field.width)
  checkOffsets(offsets, rows, item.rows)
  if (offsets[0] !== 0) {
    // A slice of a longer column: its items begin later.
    const items = Array.from(decodeStage(item))
    const lists = Array.from({ length: rows }, (_, i) =>
      stage.missing.has(i) ? null : items.slice(offsets[i]!, offsets[i + 1]!),
    )
    stage.reset()
    for (const list of lists) appendRow(stage, list)
    return
  }
  stage.kind = LIST
  adoptChildren(stage, [item])
  stage.rows = 0
  for (let i = 0; i < rows; i++) pushWord(stage, offsets[i + 1]!)
}

/** Kernels trust the offsets of a sealed block, so wrong ones must not get that far. */
function checkOffsets(offsets: ArrayLike<number>, rows: number, items: number): void {
  let before = 0
  for (let i = 0; i <= rows; i++) {
    if (offsets[i]! < before || offsets[i]! > items) throw unreadable('a list has wrong offsets')
    before = offsets[i]!
  }
}

/** Maps have no column type: each is a JS Map in codec bytes. */
function readMaps(
  stage: ColumnStage,
  field: ArrowField,
  cursor: BatchCursor,
  offsets: ArrayLike<number>,
  rows: number,
): void {
  const [key, value] = field.children[0]!.children
  cursor.node()
  cursor.bytes()
  const keys = decodeStage(readValues(key!, cursor, stage.depth + 1))
  const values = decodeStage(readValues(value!, cursor, stage.depth + 1))
  checkOffsets(offsets, rows, keys.length)
  stage.kind = ANY
  for (let i = 0; i < rows; i++) {
    const map = new Map<unknown, unknown>()
    for (let k = offsets[i]!; k < offsets[i + 1]!; k++) map.set(keys[k], values[k])
    pushBytes(stage, stage.missing.has(i) ? NO_BYTES : encodeValue(map))
  }
}

function readIndexes(
  stage: ColumnStage,
  field: ArrowField,
  cursor: BatchCursor,
  rows: number,
  nulls: number,
): void {
  const dictionary = cursor.dictionaries.get(field.dictionary)
  if (dictionary === undefined) throw unreadable(`dictionary ${field.dictionary} is missing`)
  const validity = new ColumnStage(0, { columns: 1 })
  readValidity(validity, cursor, rows, nulls)
  const indexes = new ColumnStage(0, { columns: 1 })
  readNumbers(indexes, { ...field, kind: ArrowKind.Int, ...field.index }, cursor, rows)
  for (let i = 0; i < rows; i++) {
    const index = indexes.kind === FLOAT64 ? indexes.numbers[i]! : Number(indexes.bigints[i])
    appendRow(stage, validity.missing.has(i) ? null : dictionary[index])
  }
}
