/** Writes staged columns into one chunk of memory, in the form of format.ts. */
import type { BlockRef } from './block.ts'
import type { ColumnStage, StructStage } from './builder-stage.ts'
import {
  ARENA_WORD,
  align16,
  BASE_WORD,
  BYTES_WORD,
  COLUMNS_WORD,
  FOREIGN_WORD,
  HAS_LONG,
  HAS_NULLS,
  HAS_UNDEFINEDS,
  HEADER_WORDS,
  IS_ASCII,
  IS_WTF8,
  MAGIC,
  NODE_WORDS,
  ROWS_WORD,
  VERSION,
  VERSION_WORD,
} from './format.ts'
import type { ChunkMemory, Memory } from './memory.ts'
import { ANY, BOOL, FLOAT64, INT64, LIST, STRUCT, TIMESTAMP, UTF8 } from './schema.ts'
import { INLINE_MAX, textBytes, VIEW_BYTES } from './text.ts'

/** Kernels may read whole vectors past the last string byte. */
const HEAP_SLACK = 16

/** Where the sections of one column go, as offsets from the block's start; 0: no such section. */
interface Place {
  readonly stage: ColumnStage
  readonly names: readonly Uint8Array[]
  validity: number
  undefineds: number
  data: number
  heap: number
  namesAt: number
  shapesAt: number
}

/** The places of all columns, in the order of their nodes, and the size of the block. */
export interface Layout {
  readonly places: readonly Place[]
  readonly bytes: number
}

/** Lays out the block that `stage` will be sealed into. */
export function layOut(stage: ColumnStage): Layout {
  const places: Place[] = []
  collect(stage, places)
  let at = align16((HEADER_WORDS + places.length * NODE_WORDS) * 4)
  const take = (bytes: number): number => {
    const start = at
    at += align16(bytes)
    return start
  }
  for (const place of places) {
    const { nulls, undefineds, rows, heapBytes, struct } = place.stage
    if (nulls || undefineds) place.validity = take(rows / 8)
    if (undefineds) place.undefineds = take(rows / 8)
    const bytes = dataBytes(place.stage)
    if (bytes >= 0) place.data = take(bytes)
    if (heapBytes > 0) place.heap = take(heapBytes + HEAP_SLACK)
    if (struct !== null) {
      place.namesAt = take(place.names.reduce((sum, name) => sum + 4 + align4(name.length), 0))
      place.shapesAt = take(struct.shapes.reduce((sum, shape) => sum + 4 + 4 * shape.length, 0))
    }
  }
  return { places, bytes: at }
}

function collect(stage: ColumnStage, places: Place[]): void {
  const names = stage.struct === null ? [] : stage.struct.names.map(textBytes)
  const none = { validity: 0, undefineds: 0, data: 0, heap: 0, namesAt: 0, shapesAt: 0 }
  places.push({ stage, names, ...none })
  for (let k = 0; k < stage.childCount; k++) collect(stage.children[k]!, places)
}

function align4(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

/** Bytes of a column's data section, -1 where it has none. */
function dataBytes(stage: ColumnStage): number {
  const { kind, rows } = stage
  if (kind === FLOAT64 || kind === INT64 || kind === TIMESTAMP) return rows * 8
  if (kind === UTF8 || kind === ANY) return rows * VIEW_BYTES
  if (kind === BOOL) return rows / 8
  if (kind === LIST) return (rows + 1) * 4
  if (kind === STRUCT) return stage.struct!.shapes.length > 1 ? rows * 2 : -1
  return -1
}

/** Seals `stage` into one chunk of `memory`; the caller resets the stage. */
export function sealStage(memory: ChunkMemory, owner: number, stage: ColumnStage): BlockRef {
  const layout = layOut(stage)
  const ptr = memory.alloc(layout.bytes, owner)
  writeBlock(memory, ptr, layout)
  return { ptr, rows: stage.rows, bytes: layout.bytes }
}

/** Writes the block at `ptr`, a multiple of 16, where `layout.bytes` bytes are free. */
export function writeBlock(memory: Memory, ptr: number, layout: Layout): void {
  const u32 = memory.u32
  const w = ptr / 4
  const { places, bytes } = layout
  u32[w] = MAGIC
  u32[w + VERSION_WORD] = VERSION
  u32[w + ARENA_WORD] = 0
  u32[w + ROWS_WORD] = places[0]!.stage.rows
  u32[w + BYTES_WORD] = bytes
  u32[w + FOREIGN_WORD] = 0
  u32[w + COLUMNS_WORD] = places.length
  u32[w + BASE_WORD] = ptr
  let node = w + HEADER_WORDS
  for (const place of places) {
    writeNode(u32, node, place)
    writeBitmaps(memory, ptr, place)
    writeData(memory, ptr, place)
    if (place.stage.struct !== null) writeStruct(memory, ptr, place, place.stage.struct)
    node += NODE_WORDS
  }
}

function writeNode(u32: Uint32Array, w: number, place: Place): void {
  const { stage } = place
  let flags = stage.kind
  if (stage.nulls) flags |= HAS_NULLS
  if (stage.undefineds) flags |= HAS_UNDEFINEDS
  if (stage.ascii) flags |= IS_ASCII
  if (stage.wtf8) flags |= IS_WTF8
  if (stage.long) flags |= HAS_LONG
  u32[w] = flags
  u32[w + 1] = stage.rows
  u32[w + 2] = place.validity
  u32[w + 3] = place.undefineds
  u32[w + 4] = place.data
  u32[w + 5] = place.heap
  u32[w + 6] = stage.heapBytes
  u32[w + 7] = stage.childCount
  u32[w + 8] = place.namesAt
  u32[w + 9] = place.shapesAt
  u32[w + 10] = stage.struct === null ? 0 : stage.struct.shapes.length
  u32[w + 11] = 0
}

function writeBitmaps(memory: Memory, ptr: number, place: Place): void {
  const { stage, validity, undefineds } = place
  const bytes = align16(stage.rows / 8)
  if (validity !== 0) {
    const target = memory.u8.subarray(ptr + validity, ptr + validity + bytes)
    const { bytes: missing, used } = stage.missing
    for (let i = 0; i < used; i++) target[i] = ~missing[i]!
    target.fill(255, used)
  }
  if (undefineds !== 0) copyBits(memory, ptr + undefineds, bytes, stage.undefinedRows)
}

function copyBits(
  memory: Memory,
  address: number,
  bytes: number,
  bits: { bytes: Uint8Array; used: number },
): void {
  memory.u8.set(bits.bytes.subarray(0, bits.used), address)
  memory.u8.fill(0, address + bits.used, address + bytes)
}

function writeData(memory: Memory, ptr: number, place: Place): void {
  const { stage } = place
  const { kind, rows } = stage
  const address = ptr + place.data
  if (kind === FLOAT64) memory.f64.set(stage.numbers.subarray(0, rows), address / 8)
  else if (kind === INT64) memory.i64.set(stage.bigints.subarray(0, rows), address / 8)
  else if (kind === TIMESTAMP) writeTimestamps(memory.u32, address / 4, stage.numbers, rows)
  else if (kind === BOOL) copyBits(memory, address, align16(rows / 8), stage.bits)
  else if (kind === UTF8 || kind === ANY) writeViews(memory, ptr, place)
  else if (kind === LIST) {
    memory.u32[address / 4] = 0
    memory.u32.set(stage.words.subarray(0, rows), address / 4 + 1)
  } else if (kind === STRUCT && place.data !== 0) {
    const ids = new Uint16Array(memory.u8.buffer, address, rows)
    ids.set(stage.words.subarray(0, rows))
  }
}

/** Milliseconds as 64-bit integers in two words; Invalid Date as the smallest one. */
function writeTimestamps(u32: Uint32Array, w: number, ms: Float64Array, rows: number): void {
  for (let i = 0; i < rows; i++) {
    const value = ms[i]!
    const valid = !Number.isNaN(value)
    u32[w + 2 * i] = valid ? value : 0
    u32[w + 2 * i + 1] = valid ? Math.floor(value / 2 ** 32) : 0x80000000
  }
}

/** Copies views and heap; staged long views hold heap offsets and get addresses here. */
function writeViews(memory: Memory, ptr: number, place: Place): void {
  const { stage } = place
  const { rows, words, heapBytes } = stage
  const u32 = memory.u32
  const start = (ptr + place.data) / 4
  u32.set(words.subarray(0, rows * 4), start)
  if (heapBytes > 0) memory.u8.set(stage.heap.subarray(0, heapBytes), ptr + place.heap)
  if (!stage.long) return
  const heap = ptr + place.heap
  const views = u32.subarray(start, start + rows * 4)
  for (let v = 0; v < views.length; v += 4) {
    if (views[v]! > INLINE_MAX) views[v + 2] = heap + views[v + 2]!
  }
}

function writeStruct(memory: Memory, ptr: number, place: Place, struct: StructStage): void {
  let address = ptr + place.namesAt
  for (const name of place.names) {
    memory.u32[address / 4] = name.length
    memory.u8.set(name, address + 4)
    address += 4 + align4(name.length)
  }
  let w = (ptr + place.shapesAt) / 4
  for (const shape of struct.shapes) {
    memory.u32[w] = shape.length
    memory.u32.set(shape, w + 1)
    w += 1 + shape.length
  }
}
