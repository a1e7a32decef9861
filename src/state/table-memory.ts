/**
 * The memory of a table while one batch has it: what its header says, and how it grows. Nothing
 * that the batch has found is overwritten here but empty slots; the header is, by `end`.
 */
import type { Arena } from '../columnar/arena.ts'
import { encodeValue } from '../columnar/codec.ts'
import { vectorRowsMax } from '../columnar/group-table.ts'
import type { KernelExports } from '../columnar/kernel-exports.ts'
import { canonicalKey } from '../columnar/keys.ts'
import { INLINE_MAX } from '../columnar/text.ts'
import {
  addressOf,
  bytesAt,
  cellValue,
  copyCell,
  isAbsent,
  putAbsent,
  putAddress,
  putPlain,
} from './cells.ts'
import { bucketsFor, clearWheel, type Expiry, relink, UNLINKED, type Wheel } from './expiry.ts'
import { textCells } from './key-cells.ts'
import * as layout from './table-layout.ts'
import { textOfView } from './table-reader.ts'

const capacityMin = 64
const heapChunkMin = 2 * 1024 - layout.HEAP_START
const heapChunkMax = 1024 * 1024
const idsBytes = vectorRowsMax * layout.ID_BYTES

/** Where the records of some ids lie. */
interface Records {
  readonly count: number
  readonly kind: number
  readonly stride: number
  readonly records: number
  readonly originals: number
}

export class TableMemory {
  readonly arena: Arena
  readonly #kernels: KernelExports
  u32!: Uint32Array
  f64!: Float64Array
  count = 0
  /** Ids that have a state. */
  live = 0
  kind: number = layout.NO_KEYS
  /** Numbers of a record. */
  stride = 4
  records = 0
  links = 0
  /** Bytes of the heap that nobody refers to. */
  heapDead = 0
  heapBytes = 0
  walked = 0
  #header = 0
  #attempt = 0
  #capacity = 0
  #slots = 0
  #mask = -1
  #originals = 0
  #heads = 0
  #buckets = 0
  #width = 0
  #heap = 0
  #heapUsed = 0
  #heapEnd = 0
  #saved = Number.POSITIVE_INFINITY
  /** Chunks that this batch has taken: they may be given back before it ends. */
  #own = new Set<number>()

  constructor(arena: Arena, kernels: KernelExports) {
    this.arena = arena
    this.#kernels = kernels
  }

  /** Takes up the table whose header is at `header`; what it takes is the attempt's. */
  open(header: number, attempt: number): void {
    this.#header = header
    this.#attempt = attempt
    this.#own.clear()
    this.refresh()
    const at = header / 4
    const word = (name: number): number => this.u32[at + name]!
    this.count = word(layout.COUNT)
    this.live = word(layout.LIVE)
    this.#capacity = word(layout.CAPACITY)
    this.#slots = word(layout.SLOTS)
    this.#mask = this.#slots === 0 ? -1 : word(layout.MASK)
    this.kind = word(layout.KIND)
    this.stride = layout.strideOf(this.kind)
    this.records = word(layout.RECORDS)
    this.#originals = word(layout.ORIGINALS)
    this.links = word(layout.LINKS)
    this.#heads = word(layout.HEADS)
    this.#buckets = word(layout.BUCKETS)
    this.#width = this.f64[(at + layout.WIDTH) / 2]!
    this.walked = this.f64[(at + layout.WALKED) / 2]!
    this.#heap = word(layout.HEAP)
    this.#heapUsed = word(layout.HEAP_USED)
    this.#heapEnd = this.#heap === 0 ? 0 : this.arena.sizeOf(this.#heap)
    this.heapBytes = word(layout.HEAP_BYTES)
    this.heapDead = word(layout.HEAP_DEAD)
    this.#saved = this.f64[(at + layout.SAVED) / 2]!
  }

  /** Writes the header: from here on the table is what the batch has made of it. */
  end(): void {
    const at = this.#header / 4
    const { u32, f64 } = this
    u32[at + layout.COUNT] = this.count
    u32[at + layout.LIVE] = this.live
    u32[at + layout.CAPACITY] = this.#capacity
    u32[at + layout.SLOTS] = this.#slots
    u32[at + layout.MASK] = this.#mask
    u32[at + layout.KIND] = this.kind
    u32[at + layout.RECORDS] = this.records
    u32[at + layout.LINKS] = this.links
    u32[at + layout.HEADS] = this.#heads
    u32[at + layout.ORIGINALS] = this.#originals
    u32[at + layout.HEAP] = this.#heap
    u32[at + layout.HEAP_USED] = this.#heapUsed
    u32[at + layout.HEAP_BYTES] = this.heapBytes
    u32[at + layout.HEAP_DEAD] = this.heapDead
    u32[at + layout.BUCKETS] = this.#buckets
    f64[(at + layout.WIDTH) / 2] = this.#width
    f64[(at + layout.WALKED) / 2] = this.walked
    this.#own.clear()
  }

  refresh(): void {
    this.f64 = this.arena.f64
    this.u32 = this.arena.u32
  }

  readonly take = (bytes: number): number => {
    const chunk = this.arena.alloc(bytes, this.#attempt)
    this.#own.add(chunk)
    this.refresh()
    return chunk
  }

  /** Gives a chunk back that this batch has taken; others are for `commitTable`. */
  drop(chunk: number): void {
    if (this.#own.delete(chunk)) this.arena.free(chunk)
  }

  /** Index (of numbers) of the cell of id 0; that of another lies `stride` numbers a id behind. */
  get cells(): number {
    return this.records / 8 + this.stride - 2
  }

  get wheel(): Wheel {
    return {
      links: this.links,
      heads: this.#heads,
      cells: this.cells,
      stride: this.stride,
      buckets: this.#buckets,
      width: this.#width,
    }
  }

  /** Begins to note when states time out. */
  beginWheel(expiry: Expiry, due: number): void {
    if (this.#buckets > 0) return
    const { width, buckets } = bucketsFor(expiry)
    this.#buckets = buckets
    this.#width = width
    this.walked = due
    this.#heads = this.take(buckets * layout.ID_BYTES)
    clearWheel(this.arena, this.wheel)
  }

  /** Sets the kind of the first keys. */
  begin(kind: number): void {
    this.kind = kind
    this.stride = layout.strideOf(kind)
  }

  /** Ids of cells of the table's kind; `rows` of them are room enough. */
  find(cells: number, rows: number, ids: number): void {
    const { groupF64Records, groupViewRecords } = this.#kernels
    const find = this.kind === layout.NUMBERS ? groupF64Records : groupViewRecords
    this.count = find(cells, rows, this.#slots, this.#mask, this.records, this.count, ids)
  }

  /** What new ids begin with: no state. Their texts go where they last. */
  added(before: number): void {
    if (this.kind !== layout.NUMBERS) this.#keepTexts(before)
    const { cells, stride, links } = this
    for (let id = before; id < this.count; id++) {
      putAbsent(this.u32, cells + id * stride)
      this.f64[cells + id * stride + 1] = Number.NEGATIVE_INFINITY
    }
    if (links !== 0) this.u32.fill(UNLINKED, links / 4 + before, links / 4 + this.count)
  }

  /** Notes a key as it is, where records have its canonical text. */
  putOriginal(id: number, key: unknown): void {
    this.putCell(this.#originals / 8 + id, key)
  }

  #keepTexts(from: number): void {
    for (let id = from; id < this.count; id++) {
      const view = this.records / 4 + id * this.stride * 2
      const length = this.u32[view]!
      if (length <= INLINE_MAX) continue
      const address = this.takeHeap(length)
      const source = this.u32[view + 2]!
      this.arena.u8.copyWithin(address, source, source + length)
      this.u32[view + 2] = address
    }
  }

  /** Makes room for a vector of keys, even if all are new. */
  ensure(rows: number): void {
    const needed = this.count + rows
    if (needed > this.#capacity) this.#grow(needed)
    if (needed * 2 > this.#mask + 1) this.#index(needed)
  }

  #grow(needed: number): void {
    const before = this.#now
    const { links } = this
    this.#allocate(Math.max(needed, capacityMin, Math.floor(this.#capacity * 1.5)))
    const { copyBytes } = this.#kernels
    const copy = (to: number, from: number, bytes: number): void => {
      if (from !== 0 && to !== 0) copyBytes(to, from, this.count * bytes)
    }
    copy(this.records, before.records, this.stride * layout.CELL_BYTES)
    copy(this.#originals, before.originals, layout.CELL_BYTES)
    copy(this.links, links, layout.ID_BYTES)
    this.#dropRecords(before)
    this.drop(links)
  }

  get #now(): Records {
    const { count, kind, stride, records } = this
    return { count, kind, stride, records, originals: this.#originals }
  }

  /** New columns by id, with nothing in them. */
  #allocate(capacity: number): void {
    const bytes = capacity * this.stride * layout.CELL_BYTES
    this.records = this.take(layout.FRONT + bytes) + layout.FRONT
    this.links = this.#buckets > 0 ? this.take(capacity * layout.ID_BYTES) : 0
    this.#originals = this.kind === layout.OTHERS ? this.take(capacity * layout.CELL_BYTES) : 0
    this.#capacity = capacity
  }

  #dropRecords({ records, originals }: Records): void {
    if (records !== 0) this.drop(records - layout.FRONT)
    this.drop(originals)
  }

  /** Slots for so many ids, and all ids in them. */
  #index(needed: number): void {
    let slots = capacityMin * 2
    while (slots < needed * 2) slots *= 2
    this.drop(this.#slots)
    this.#slots = this.take(slots * layout.ID_BYTES)
    this.#mask = slots - 1
    this.#kernels.zeroBytes(this.#slots, slots * layout.ID_BYTES)
    const { count } = this
    const ids = this.take(idsBytes)
    const keys = this.take(vectorRowsMax * layout.VIEW_BYTES)
    this.count = 0
    // All keys differ, so each gets the id that it had, and its old place.
    while (this.count < count) this.find(keys, this.#keysFrom(this.count, count, keys), ids)
    this.drop(keys)
    this.drop(ids)
  }

  /** Copies keys of a vector's length, side by side; returns how many. */
  #keysFrom(first: number, end: number, to: number): number {
    const rows = Math.min(vectorRowsMax, end - first)
    const words = this.stride * 2
    const width = words - 4
    for (let i = 0; i < rows; i++) {
      const from = this.records / 4 + (first + i) * words
      copyWords(this.u32, to / 4 + i * width, from, width)
    }
    return rows
  }

  /**
   * The ids that have a state, in their order, in new columns and a new heap: without what was
   * removed, once that has been saved, and with keys of the given kind.
   */
  rebuild(kind: number): void {
    const before = this.#now
    const { links } = this
    const heap = this.#heap
    this.#heap = this.#heapUsed = this.#heapEnd = this.heapBytes = this.heapDead = 0
    this.begin(kind)
    this.#allocate(this.live + this.#removedIn(before) + capacityMin)
    this.count = 0
    for (let from = 0; from < before.count; from += vectorRowsMax) {
      const to = Math.min(before.count, from + vectorRowsMax)
      if (kind === before.kind) this.#copyIds(before, from, to)
      else this.#convertIds(before, from, to)
    }
    this.#dropRecords(before)
    this.drop(links)
    for (let at = heap; at !== 0; ) {
      const next = this.u32[at / 4]!
      this.drop(at)
      at = next
    }
    this.#index(this.count + 1)
    if (this.#buckets === 0) return
    this.drop(this.#heads)
    this.#heads = this.take(this.#buckets * layout.ID_BYTES)
    relink(this.arena, this.wheel, this.count)
  }

  /** How many ids have lost their state since it was saved. */
  #removedIn(from: Records): number {
    let removed = 0
    if (this.#saved === Number.POSITIVE_INFINITY) return removed
    for (let id = 0; id < from.count; id++) {
      if (isAbsent(this.u32, cellOf(from, id)) && !this.#isGone(from, id)) removed++
    }
    return removed
  }

  /** Whether an id has no state, and nobody has to be told. */
  #isGone(from: Records, id: number): boolean {
    const cell = cellOf(from, id)
    return isAbsent(this.u32, cell) && this.f64[cell + 1]! <= this.#saved
  }

  #copyIds(from: Records, first: number, end: number): void {
    const start = this.count
    const words = (this.stride - 2) * 2
    for (let id = first; id < end; id++) {
      if (this.#isGone(from, id)) continue
      const to = this.count++
      const [target, source] = [
        this.records / 4 + to * this.stride * 2,
        from.records / 4 + id * from.stride * 2,
      ]
      copyWords(this.u32, target, source, words)
      this.#copyState(from, id, to)
      if (this.#originals !== 0) this.#moveCell(this.#originals / 8 + to, from.originals / 8 + id)
    }
    if (this.kind !== layout.NUMBERS) this.#keepTexts(start)
  }

  #convertIds(from: Records, first: number, end: number): void {
    const keys: unknown[] = []
    const start = this.count
    for (let id = first; id < end; id++) {
      if (this.#isGone(from, id)) continue
      const to = this.count++
      const key = this.#keyOf(from, id)
      keys.push(key)
      this.#copyState(from, id, to)
      this.putOriginal(to, key)
    }
    const cells = textCells(this.arena, keys.map(canonicalKey), this.take)
    for (let i = 0; i < keys.length; i++) {
      const target = this.records / 4 + (start + i) * this.stride * 2
      copyWords(this.u32, target, cells / 4 + i * 4, 4)
    }
    this.#keepTexts(start)
    this.drop(cells)
  }

  #copyState(from: Records, id: number, to: number): void {
    const [target, source] = [this.cells + to * this.stride, cellOf(from, id)]
    this.#moveCell(target, source)
    this.f64[target + 1] = this.f64[source + 1]!
  }

  /** Copies a cell, and its bytes into the heap. */
  #moveCell(to: number, from: number): void {
    const address = addressOf(this.u32, from)
    if (address === 0) copyCell(this.u32, to, from)
    else {
      const moved = this.putBytes(bytesAt(this.arena, address))
      putAddress(this.u32, to, moved)
    }
  }

  putCell(at: number, value: unknown): void {
    if (typeof value === 'number' && !Number.isNaN(value)) this.f64[at] = value
    else if (!putPlain(this.u32, at, value)) {
      const address = this.putBytes(encodeValue(value))
      putAddress(this.u32, at, address)
    }
  }

  putBytes(bytes: Uint8Array): number {
    const address = this.takeHeap(4 + bytes.length)
    this.u32[address / 4] = bytes.length
    this.arena.u8.set(bytes, address + 4)
    return address
  }

  takeHeap(bytes: number): number {
    const size = Math.ceil(bytes / 4) * 4
    if (this.#heap === 0 || this.#heapUsed + size > this.#heapEnd) {
      const usual = Math.min(heapChunkMax, Math.max(heapChunkMin, this.heapBytes / 2))
      const chunk = this.take(layout.HEAP_START + Math.max(size, usual))
      this.u32[chunk / 4] = this.#heap
      this.#heap = chunk
      this.#heapUsed = layout.HEAP_START
      this.#heapEnd = this.arena.sizeOf(chunk)
      this.heapBytes += this.#heapEnd
    }
    const address = this.#heap + this.#heapUsed
    this.#heapUsed += size
    return address
  }

  keyOf(id: number): unknown {
    return this.#keyOf(this.#now, id)
  }

  #keyOf({ kind, stride, records, originals }: Records, id: number): unknown {
    const at = records + id * stride * layout.CELL_BYTES
    if (kind === layout.NUMBERS) return this.f64[at / 8]
    if (kind === layout.TEXTS) return textOfView(this.arena, at)
    const cell = originals / 8 + id
    return cellValue(this.arena, this.u32[2 * cell]!, this.u32[2 * cell + 1]!)
  }
}

/** Copies a few words, which a call into the runtime would take longer for. */
function copyWords(u32: Uint32Array, to: number, from: number, words: number): void {
  for (let i = 0; i < words; i++) u32[to + i] = u32[from + i]!
}

function cellOf({ records, stride }: Records, id: number): number {
  return records / 8 + id * stride + stride - 2
}
