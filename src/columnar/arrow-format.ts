/**
 * Arrow's schema and messages: https://arrow.apache.org/docs/format/Columnar.html. The numbers are
 * those of Arrow's Schema.fbs and Message.fbs.
 */
import { PeltonError } from '../errors.ts'
import {
  type FlatReader,
  type FlatTable,
  i8,
  i16,
  i32,
  i64,
  pairs,
  table,
  tables,
  text,
  writeFlatBuffer,
} from './arrow-flatbuffer.ts'

/** Numbers of Arrow's types. */
export const ArrowKind = {
  Null: 1,
  Int: 2,
  Float: 3,
  Binary: 4,
  Utf8: 5,
  Bool: 6,
  Date: 8,
  Time: 9,
  Timestamp: 10,
  List: 12,
  Struct: 13,
  FixedSizeBinary: 15,
  FixedSizeList: 16,
  Map: 17,
  Duration: 18,
  LargeBinary: 19,
  LargeUtf8: 20,
  LargeList: 21,
  BinaryView: 23,
  Utf8View: 24,
} as const

export interface ArrowField {
  readonly name: string
  readonly kind: number
  /** Bits of an integer or a time, bytes of FixedSizeBinary, items of FixedSizeList. */
  readonly width: number
  readonly signed: boolean
  /** Unit of dates and times, precision of floats. */
  readonly unit: number
  readonly timezone: string
  readonly children: readonly ArrowField[]
  readonly metadata: ReadonlyMap<string, string>
  /** Id of the dictionary that the values are indexes into, -1 where there is none. */
  readonly dictionary: number
  readonly index: { readonly width: number; readonly signed: boolean }
}

const METADATA_V5 = 4
export const SCHEMA = 1
export const DICTIONARY = 2
export const RECORDS = 3
export const DOUBLE = 2
export const MILLISECOND = 1

/** A field with the defaults of what most types leave unsaid. */
export function arrowField(name: string, kind: number, more: Partial<ArrowField> = {}): ArrowField {
  const plain = { width: 0, signed: false, unit: 0, timezone: '', dictionary: -1 }
  const index = { width: 32, signed: true }
  return { name, kind, ...plain, children: [], metadata: new Map(), index, ...more }
}

function typeTable(field: ArrowField): FlatTable {
  if (field.kind === ArrowKind.Int) return [i32(field.width), i8(field.signed ? 1 : 0)]
  if (field.kind === ArrowKind.Float) return [i16(field.unit)]
  if (field.kind === ArrowKind.Timestamp) return [i16(field.unit), text(field.timezone)]
  return []
}

function fieldTable(field: ArrowField): FlatTable {
  return [
    text(field.name),
    i8(1),
    i8(field.kind),
    table(typeTable(field)),
    undefined,
    tables(field.children.map(fieldTable)),
    metadataVector(field.metadata),
  ]
}

function metadataVector(metadata: ReadonlyMap<string, string>) {
  if (metadata.size === 0) return undefined
  return tables([...metadata].map(([key, value]) => [text(key), text(value)]))
}

/** The schema message of a stream. */
export function schemaMessage(
  fields: readonly ArrowField[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array {
  const header = table([i16(0), tables(fields.map(fieldTable)), metadataVector(metadata)])
  return writeFlatBuffer([i16(METADATA_V5), i8(SCHEMA), header, i64(0)])
}

/** A record batch message; `nodes` and `buffers` are pairs (length, nulls) and (offset, length). */
export function recordsMessage(
  rows: number,
  nodes: readonly number[],
  buffers: readonly number[],
  bodyBytes: number,
): Uint8Array {
  const header = table([i64(rows), pairs(nodes), pairs(buffers)])
  return writeFlatBuffer([i16(METADATA_V5), i8(RECORDS), header, i64(bodyBytes)])
}

/** The fields of a schema. */
export function readFields(schema: FlatReader): ArrowField[] {
  if (schema.i16(0) !== 0) throw unreadable('its numbers are big-endian')
  return schema.tables(1).map(readField)
}

export function readMetadata(owner: FlatReader, slot: number): Map<string, string> {
  return new Map(owner.tables(slot).map(pair => [pair.text(0), pair.text(1)]))
}

function readField(field: FlatReader): ArrowField {
  const kind = field.i8(2)
  const type = field.table(3)
  const dictionary = field.table(4)
  const index = dictionary?.table(1)
  return arrowField(field.text(0), kind, {
    ...(type === undefined ? {} : readType(kind, type)),
    children: field.tables(5).map(readField),
    metadata: readMetadata(field, 6),
    dictionary: dictionary === undefined ? -1 : dictionary.i64(0),
    index:
      index === undefined
        ? { width: 32, signed: true }
        : { width: index.i32(0), signed: index.i8(1) !== 0 },
  })
}

function readType(kind: number, type: FlatReader): Partial<ArrowField> {
  switch (kind) {
    case ArrowKind.Int:
      return { width: type.i32(0), signed: type.i8(1) !== 0 }
    case ArrowKind.FixedSizeBinary:
    case ArrowKind.FixedSizeList:
      return { width: type.i32(0) }
    case ArrowKind.Time:
      return { unit: type.i16(0, MILLISECOND), width: type.i32(1, 32) }
    case ArrowKind.Date:
    case ArrowKind.Duration:
      return { unit: type.i16(0, MILLISECOND) }
    case ArrowKind.Float:
    case ArrowKind.Timestamp:
      return { unit: type.i16(0) }
  }
  return {}
}

/** The error for a stream that can't be read. */
export function unreadable(why: string, cause?: unknown): PeltonError {
  return new PeltonError(`This Arrow IPC stream can't be read: ${why}.`, { code: 'ARROW', cause })
}
