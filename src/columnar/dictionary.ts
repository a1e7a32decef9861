/**
 * Different values, numbered: rows hold the id of a value instead of the value.
 *
 * ```
 *  rows    "the" "a" "the" "a" "of"     ids 0 1 0 1 2     values "the" "a" "of"
 * ```
 * Values are the same when their representation is: 0 and -0 are two, and so are NaNs whose bits
 * differ. A dictionary lives on from batch to batch, so that what is known of a value is found by
 * its id; which ids values get depends on what a thread has seen before.
 */
import { vectorRowsMax } from './group-table.ts'
import { Heap } from './heap.ts'
import type { KernelExports } from './kernel-exports.ts'
import type { ChunkMemory } from './memory.ts'

const slotBytes = 4
const slotsPerValue = 2
const slotsMin = 1 << 13
const addressMax = 2 ** 32 - 1

/** Strings, or the bits of numbers. */
export type DictionaryKind = 'utf8' | 'bits'

const valueBytes = { utf8: 16, bits: 8 } as const

let lastId = 0

export class Dictionary {
  /** Tells dictionaries of a thread apart. */
  readonly id: number = ++lastId
  readonly kind: DictionaryKind
  /** How many different values there are. */
  count = 0
  /** Counts how often ids have lost their meaning. */
  epoch = 0
  #memory: ChunkMemory
  #kernels: KernelExports
  #owner: number
  #texts: Heap
  #slots = 0
  #mask = 0
  #values = 0

  constructor(memory: ChunkMemory, kernels: KernelExports, owner: number, kind: DictionaryKind) {
    this.#memory = memory
    this.#kernels = kernels
    this.#owner = owner
    this.kind = kind
    this.#texts = new Heap(memory, owner)
  }

  /** Address of the values by id; moves when values are added. */
  get at(): number {
    return this.#values
  }

  /** Bytes of the arena that it occupies. */
  get bytes(): number {
    if (this.#slots === 0) return 0
    return (
      this.#slotCount * slotBytes + (1 + this.#room) * valueBytes[this.kind] + this.#texts.bytes
    )
  }

  get #slotCount(): number {
    return this.#slots === 0 ? 0 : this.#mask + 1
  }

  get #room(): number {
    return this.#slotCount / slotsPerValue
  }

  /**
   * Ids (u32, at `ids`) of up to `vectorRowsMax` values; new ones are added. Returns how many
   * values there were before.
   */
  add(values: number, rows: number, ids: number): number {
    const before = this.count
    if (before + rows > this.#room) this.#grow(before + rows, ids)
    this.#find(values, rows, ids)
    if (this.kind === 'utf8' && this.count > before) this.#takeTexts(before)
    return before
  }

  /** Forgets all values and gives the memory back; the next `add` takes new. */
  close(): void {
    this.count = 0
    this.epoch++
    this.#texts.close()
    if (this.#slots === 0) return
    this.#memory.free(this.#slots)
    this.#memory.free(this.#chunkOf(this.#values))
    this.#slots = this.#values = this.#mask = 0
  }

  #find(values: number, rows: number, ids: number): void {
    const find = this.kind === 'utf8' ? this.#kernels.groupViews : this.#kernels.groupBits
    this.count = find(values, rows, this.#slots, this.#mask, this.#values, this.count, ids)
  }

  /** Long texts of new values lie in a block or in scratch memory: both end before this does. */
  #takeTexts(before: number): void {
    const views = this.#values + before * valueBytes.utf8
    const added = this.count - before
    const bytes = this.#kernels.longBytesIn(views, added, 0, addressMax)
    if (bytes === 0) return
    this.#kernels.copyLongIn(views, added, 0, addressMax, this.#texts.take(bytes))
  }

  #grow(needed: number, ids: number): void {
    const old = { slots: this.#slots, values: this.#values, count: this.count }
    let slots = Math.max(slotsMin, this.#slotCount * 2)
    while (slots / slotsPerValue < needed) slots *= 2
    const bytes = valueBytes[this.kind]
    const table = this.#memory.alloc(slots * slotBytes, this.#owner)
    try {
      this.#values = this.#memory.alloc((1 + slots / slotsPerValue) * bytes, this.#owner) + bytes
    } catch (error) {
      this.#memory.free(table)
      throw error
    }
    this.#slots = table
    this.#mask = slots - 1
    this.#kernels.zeroBytes(table, slots * slotBytes)
    // The old values are all different, so they get the ids that they had.
    this.count = 0
    for (let from = 0; from < old.count; from += vectorRowsMax) {
      this.#find(old.values + from * bytes, Math.min(vectorRowsMax, old.count - from), ids)
    }
    if (old.slots === 0) return
    this.#memory.free(old.slots)
    this.#memory.free(this.#chunkOf(old.values))
  }

  /** In front of the values there is one that kernels write. */
  #chunkOf(values: number): number {
    return values - valueBytes[this.kind]
  }
}

/** What is known of the values of a dictionary, by id; zero where nothing is. */
export class IdColumn {
  readonly itemBytes: number
  #memory: ChunkMemory
  #kernels: KernelExports
  #owner: number
  #at = 0
  #room = 0

  constructor(memory: ChunkMemory, kernels: KernelExports, owner: number, itemBytes: number) {
    this.#memory = memory
    this.#kernels = kernels
    this.#owner = owner
    this.itemBytes = itemBytes
  }

  /** Address of the first item; moves in `ensure`. */
  get at(): number {
    return this.#at
  }

  get bytes(): number {
    return this.#room * this.itemBytes
  }

  /** Makes room for the ids below `count`. */
  ensure(count: number): void {
    if (count <= this.#room) return
    let room = Math.max(vectorRowsMax, this.#room * 2)
    while (room < count) room *= 2
    const at = this.#memory.alloc(room * this.itemBytes, this.#owner)
    const used = this.bytes
    if (used > 0) this.#kernels.copyBytes(at, this.#at, used)
    this.#kernels.zeroBytes(at + used, room * this.itemBytes - used)
    this.close()
    this.#at = at
    this.#room = room
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#at !== 0) this.#kernels.zeroBytes(this.#at, this.bytes)
  }

  close(): void {
    if (this.#at !== 0) this.#memory.free(this.#at)
    this.#at = this.#room = 0
  }
}
