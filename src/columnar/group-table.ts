/** Find-or-insert of key columns to group ids, by kernels; numbers by group beside the keys. */
import type { Arena } from './arena.ts'
import { Heap } from './heap.ts'
import type { KernelExports } from './kernel-exports.ts'
import type { Scratch } from './scratch.ts'

const slotBytes = 4
/** Slots a group: with more of them fewer keys meet in one, with fewer they stay in the cache. */
const slotsPerGroup = 4
/** Never fewer, not even if all rows of a vector should bring new groups. */
const slotsPerGroupMin = 2
const numberBytes = 8
const slotsMin = 1 << 13
/** Uses in a row of a far too large table after which it is made anew. */
const smallUsesMax = 64
/** Rows of one kernel call: bounds its time, and how far ahead there must be room. */
export const vectorRowsMax = 4096

export type KeyKind = 'float64' | 'utf8'

/** Bytes of a key in its column. */
export const keyBytes = { float64: 8, utf8: 16 } as const
/** Also in front of the keys, where kernels write one that no row has. */
const widestKey = 16

/** Kernels for keys of two columns. */
const pairFinders = {
  'float64,float64': 'groupF64F64',
  'float64,utf8': 'groupF64Views',
  'utf8,float64': 'groupViewsF64',
  'utf8,utf8': 'groupViewsViews',
} as const

/** Groups of the keys of one partition; ids are dense, in order of first appearance. */
export interface KeyGroups {
  readonly count: number
  readonly kinds: readonly KeyKind[]
  /** Addresses of the columns of keys, and of one number a group; they move as groups come. */
  readonly keys: readonly number[]
  readonly numbers: number
  /**
   * Forgets all groups; a new group's number is `initial`. For `expected` groups, as many as there
   * were in the partition before, a table has its size at once.
   */
  begin(kinds: readonly KeyKind[], initial?: number, expected?: number): void
  /** Group ids (u32, at `gids`) of some keys; returns how many groups there were before. */
  group(keys: readonly number[], rows: number, gids: number): number
}

/**
 * Groups of one partition at a time. Its memory belongs to the thread and is used again for the
 * next partition; ids are dense, in order of first appearance.
 */
export class GroupTable implements KeyGroups {
  count = 0
  #arena: Arena
  #kernels: KernelExports
  #owner: number
  /** Vectors on their way, whose long texts are copied before they become keys. */
  #scratch: Scratch
  #texts: Heap
  #kinds: readonly KeyKind[] = ['float64']
  /** Slots begin here; there is room for so many, of which the first `mask` + 1 are in use. */
  #slots = 0
  #room = 0
  #mask = 0
  /** Groups for whose keys and numbers there is room. */
  #capacity = 0
  #keys: number[] = []
  #numbers = 0
  #initial = 0
  #smallUses = 0

  constructor(arena: Arena, kernels: KernelExports, scratch: Scratch, owner: number) {
    this.#arena = arena
    this.#kernels = kernels
    this.#scratch = scratch
    this.#owner = owner
    this.#texts = new Heap(arena, owner)
  }

  /** Addresses of the columns of keys and of one number a group; they move when the table grows. */
  get keys(): readonly number[] {
    return this.#keys
  }

  get numbers(): number {
    return this.#numbers
  }

  get kinds(): readonly KeyKind[] {
    return this.#kinds
  }

  begin(kinds: readonly KeyKind[], initial = 0, expected = 0): void {
    this.#smallUses = this.count * 16 < this.#capacity ? this.#smallUses + 1 : 0
    const isTooLarge = this.#room >= slotsMin * 4 && this.#smallUses > smallUsesMax
    const slots = slotsFor(expected, 0)
    if (isTooLarge || slots > this.#room || kinds.length > this.#keys.length) this.close()
    this.#kinds = kinds
    this.#initial = initial
    this.count = 0
    this.#texts.reset()
    if (this.#slots === 0) this.#allocate(slots)
    this.#empty(slots)
  }

  /** Makes the first `slots` slots the table's. */
  #empty(slots: number): void {
    this.#mask = slots - 1
    this.#kernels.zeroBytes(this.#slots, slots * slotBytes)
  }

  /**
   * Group ids (u32, at `gids`) of up to `vectorRowsMax` keys, whose columns lie at `keys`. Returns
   * the groups there were before.
   */
  group(keys: readonly number[], rows: number, gids: number): number {
    const slots = slotsFor(this.count, rows)
    if (slots > this.#mask + 1) this.#grow(slots, gids)
    const before = this.count
    this.#find(keys, rows, gids)
    if (this.count > before) this.#begun(before)
    return before
  }

  #find(keys: readonly number[], rows: number, gids: number): void {
    const [first, second] = this.#keys as [number, number]
    const kernels = this.#kernels
    if (this.#kinds.length === 1) {
      const find = this.#kinds[0] === 'utf8' ? kernels.groupViews : kernels.groupF64
      this.count = find(keys[0]!, rows, this.#slots, this.#mask, first, this.count, gids)
    } else {
      const find = kernels[
        pairFinders[this.#kinds.join() as keyof typeof pairFinders]
      ] as PairFinder
      const [a, b] = keys as [number, number]
      this.count = find(a, b, rows, this.#slots, this.#mask, first, second, this.count, gids)
    }
  }

  /** New groups: their numbers begin, and the table takes over texts that would not last. */
  #begun(before: number): void {
    const kernels = this.#kernels
    const added = this.count - before
    kernels.fillF64(this.#numbers + before * numberBytes, added, this.#initial)
    for (const [i, kind] of this.#kinds.entries()) {
      if (kind !== 'utf8') continue
      const views = this.#keys[i]! + before * keyBytes.utf8
      this.#scratch.moveTexts(kernels, views, added, this.#texts)
    }
  }

  #allocate(slots: number): void {
    const arena = this.#arena
    const capacity = slots / slotsPerGroup + vectorRowsMax
    const taken: number[] = []
    try {
      taken.push(arena.alloc(slots * slotBytes, this.#owner))
      taken.push(arena.alloc(capacity * numberBytes, this.#owner))
      // Room for the wider kind of key, so that the table serves both.
      for (let i = 0; i < this.#kinds.length; i++) {
        taken.push(arena.alloc((1 + capacity) * widestKey, this.#owner))
      }
    } catch (error) {
      for (const chunk of taken) arena.free(chunk)
      throw error
    }
    ;[this.#slots, this.#numbers] = taken as [number, number]
    this.#keys = taken.slice(2).map(chunk => chunk + widestKey)
    this.#room = slots
    this.#capacity = capacity
  }

  /** More slots; `gids` is room for the ids of a vector, which are lost. */
  #grow(slots: number, gids: number): void {
    const old = {
      chunks: this.#chunks,
      keys: this.#keys,
      numbers: this.#numbers,
      count: this.count,
    }
    const isMoved = slots > this.#room
    if (isMoved) this.#allocate(slots)
    this.#empty(slots)
    // The old keys are all different, so they get the ids that they had, and their old places.
    this.count = 0
    for (let from = 0; from < old.count; from += vectorRowsMax) {
      const keys = this.#kinds.map((kind, i) => old.keys[i]! + from * keyBytes[kind])
      this.#find(keys, Math.min(vectorRowsMax, old.count - from), gids)
    }
    if (!isMoved) return
    this.#kernels.copyBytes(this.#numbers, old.numbers, old.count * numberBytes)
    for (const chunk of old.chunks) this.#arena.free(chunk)
  }

  get #chunks(): number[] {
    return [this.#slots, this.#numbers, ...this.#keys.map(key => key - widestKey)]
  }

  /** Gives the memory back, but for what the next use begins with. */
  close(): void {
    this.#texts.reset()
    if (this.#slots === 0) return
    for (const chunk of this.#chunks) this.#arena.free(chunk)
    this.#slots = this.#numbers = 0
    this.#keys = []
    this.#room = this.#mask = this.#capacity = 0
  }
}

/** Slots for `count` groups and a vector of rows, which may bring as many more. */
function slotsFor(count: number, rows: number): number {
  let slots = slotsMin
  while (slots < count * slotsPerGroup || slots < (count + rows) * slotsPerGroupMin) slots *= 2
  return slots
}

type PairFinder = (
  firsts: number,
  seconds: number,
  rows: number,
  slots: number,
  mask: number,
  firstKeys: number,
  secondKeys: number,
  count: number,
  gids: number,
) => number
