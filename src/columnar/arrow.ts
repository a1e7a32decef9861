/**
 * Blocks to and from Arrow IPC streams, which DuckDB, Polars, pandas and others read and write.
 *
 * ```
 *  row type          columns of the table            what Arrow can't say
 *  struct            the fields                      undefined and absent keys: null
 *  tuple             _1, _2, …                       order of keys; a missing row: all null
 *  other             value                           Invalid Date: null
 * ```
 * bool, float64, int64, timestamp (milliseconds, UTC), utf8, list and struct have their own Arrow
 * types; a nested tuple is a struct with the metadata `pelton.kind` = `tuple`. `any` columns become
 * Binary where all values are byte arrays, otherwise JSON text (extension type `arrow.json`). Lone
 * surrogates are replaced by U+FFFD: the field's metadata `pelton.lossy` says so, and a process
 * warning is emitted once.
 */

import { PeltonError } from '../errors.ts'
import { FlatReader } from './arrow-flatbuffer.ts'
import {
  DICTIONARY,
  RECORDS,
  readFields,
  readMetadata,
  SCHEMA,
  schemaMessage,
  unreadable,
} from './arrow-format.ts'
import { StreamReader } from './arrow-read.ts'
import { type ExportType, exportTypeOf, fieldOf, KIND_KEY, unify } from './arrow-types.ts'
import { BatchWriter, validityOf } from './arrow-write.ts'
import type { Block, BlockRef } from './block.ts'
import { sealStage } from './builder-seal.ts'
import { AbsentColumn, type BaseColumn } from './column.ts'
import { StructColumn, TupleColumn } from './column-nested.ts'
import type { ChunkMemory } from './memory.ts'

const CONTINUATION = 0xffffffff
const NO_BYTES = new Uint8Array(0)

/**
 * One Arrow IPC stream with a record batch for each block. Blocks of different types get the type
 * that holds all of them. Throws PeltonError `ARROW` where a value has no Arrow form (cyclic rows).
 *
 * @example
 * await writeFile('counts.arrows', toArrowIPC(block))
 */
export function toArrowIPC(blocks: Block | readonly Block[]): Uint8Array {
  const list = Array.isArray(blocks) ? (blocks as readonly Block[]) : [blocks as Block]
  const types = list.map(block => exportTypeOf(block.root))
  const type = types.length === 0 ? undefined : types.reduce(unify)
  const form = type === undefined || type.form === 'absent' ? 'value' : type.form
  const isTable = form === 'struct' || form === 'tuple'
  const fields = isTable
    ? type!.children.map((child, k) => fieldOf(type!.names[k]!, child))
    : type === undefined
      ? []
      : [fieldOf('value', type)]
  if (isLossy(type)) warnLossy()
  const metadata = new Map([[KIND_KEY, isTable ? form : 'value']])
  const parts: Uint8Array[] = []
  pushMessage(parts, [schemaMessage(fields, metadata)])
  for (const block of list) pushMessage(parts, writeBatch(block, type!, isTable))
  parts.push(new Uint8Array(Uint32Array.of(CONTINUATION, 0).buffer))
  // A plain array: Buffer has another slice().
  const stream = Buffer.concat(parts)
  return new Uint8Array(stream.buffer, stream.byteOffset, stream.length)
}

function isLossy(type: ExportType | undefined): boolean {
  return type !== undefined && (type.lossy || type.children.some(isLossy))
}

let warned = false

function warnLossy(): void {
  if (warned) return
  warned = true
  process.emitWarning(
    'Strings with lone surrogates were exported to Arrow, which has only UTF-8: each lone ' +
      'surrogate became U+FFFD. Use toWellFormed() on such strings to choose the replacement.',
    { type: 'PeltonWarning', code: 'PELTON_ARROW_SURROGATES' },
  )
}

/** A message is preceded by its length; the parts after the first are its body. */
function pushMessage(parts: Uint8Array[], message: readonly Uint8Array[]): void {
  parts.push(new Uint8Array(Uint32Array.of(CONTINUATION, message[0]!.length).buffer), ...message)
}

function writeBatch(block: Block, type: ExportType, isTable: boolean): Uint8Array[] {
  const batch = new BatchWriter(block.rows)
  const root = block.root as BaseColumn
  if (!isTable) batch.add(root, type, block.rows, NO_BYTES)
  else {
    // A table has no missing rows: all fields of one are null.
    const parents = validityOf(root, NO_BYTES)
    const bitmap = parents.nulls === 0 ? NO_BYTES : parents.bitmap
    type.names.forEach((name, k) => {
      batch.add(childOf(root, name, k), type.children[k]!, block.rows, bitmap)
    })
  }
  return batch.finish()
}

function childOf(root: BaseColumn, name: string, k: number): BaseColumn | undefined {
  if (root instanceof StructColumn) return root.column(name) as BaseColumn | undefined
  if (root instanceof TupleColumn) return root.items[k] as BaseColumn
  if (root instanceof AbsentColumn) return undefined
  throw new Error('unify gave a table type to a block that has none')
}

/**
 * Reads an Arrow IPC stream (or file) into one block for each record batch, owned by `owner`;
 * the caller frees them. Columns become the fields of objects, unless the stream came from
 * `toArrowIPC`. Dictionaries and zstd compression are understood. Throws PeltonError `ARROW` for
 * damaged streams and for types without a counterpart, naming the field; then no block remains.
 *
 * @example
 * const refs = fromArrowIPC(await readFile('points.arrow'), arena, owner)
 */
export function fromArrowIPC(bytes: Uint8Array, arena: ChunkMemory, owner: number): BlockRef[] {
  const refs: BlockRef[] = []
  try {
    readMessages(bytes, reader => {
      refs.push(sealStage(arena, owner, reader))
    })
    return refs
  } catch (error) {
    for (const ref of refs) arena.free(ref.ptr)
    if (error instanceof PeltonError) throw error
    throw unreadable('it is damaged or cut off', error)
  }
}

type Seal = (stage: ReturnType<StreamReader['readBatch']>) => void

function readMessages(bytes: Uint8Array, seal: Seal): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isFile = Buffer.from(bytes.subarray(0, 6)).toString() === 'ARROW1'
  let at = isFile ? 8 : 0
  let reader = isFile ? readFooter(bytes, view) : undefined
  while (at + 4 <= bytes.length) {
    let length = view.getUint32(at, true)
    at += 4
    // Streams from before Arrow 0.15 have no continuation word.
    if (length === CONTINUATION) {
      length = view.getUint32(at, true)
      at += 4
    }
    if (length === 0) break
    const message = FlatReader.root(bytes.subarray(at, at + length))
    at += length
    const bodyBytes = message.i64(3)
    if (at + bodyBytes > bytes.length) throw unreadable('it is cut off')
    const body = bytes.subarray(at, at + bodyBytes)
    at += bodyBytes
    const header = message.table(2)
    if (header === undefined) throw unreadable('a message has no header')
    const kind = message.i8(1)
    if (kind === SCHEMA) reader = new StreamReader(readFields(header), rowKind(header))
    else if (reader === undefined) throw unreadable('it does not begin with a schema')
    else if (kind === DICTIONARY) reader.readDictionary(header, body)
    else if (kind === RECORDS) seal(reader.readBatch(header, body))
  }
  if (reader === undefined) throw unreadable('it has no schema')
}

/**
 * A file is a stream between magic words with a footer before the last one. Some writers put the
 * schema into the footer only.
 */
function readFooter(bytes: Uint8Array, view: DataView): StreamReader | undefined {
  const end = bytes.length - 10
  const start = end - view.getInt32(end, true)
  const schema = FlatReader.root(bytes.subarray(start, end)).table(1)
  return schema && new StreamReader(readFields(schema), rowKind(schema))
}

function rowKind(schema: FlatReader): string {
  return readMetadata(schema, 2).get(KIND_KEY) ?? 'struct'
}
