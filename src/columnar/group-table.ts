/** Find-or-insert of key columns to group ids, by kernels; numbers by group beside the keys. */
import type { Arena } from './arena.ts'
import { Heap } from './heap.ts'
import type { KernelExports } from './kernel-exports.ts'
import type { Scratch } from './scratch.ts'

const slotBytes = 4
/** Slots a group: with more of them fewer keys meet in one. */
const slotsPerGroup = 4
const numberBytes = 8
const slotsMin = 1 << 13
/** Uses in a row of a far too large table after which it is made anew. */
const smallUsesMax = 64
/** Rows of one kernel call: bounds its time, and how far ahead there must be room. */
export const vectorRowsMax = 4096

export type KeyKind = 'float64' | 'utf8'

/** Bytes of a key in its column. */
export const keyBytes = { float64: 8, utf8: 16 } as const
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
  /** Forgets all groups; a new group's number is `initial`. */
  begin(kinds: readonly KeyKind[], initial?: number): void
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
  #slots = 0
  #mask = 0
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

  /** Empties the table for keys of one or two columns; a new group's number is `initial`. */
  begin(kinds: readonly KeyKind[], initial = 0): void {
    // Emptying a table costs its size: one that has become far too large is made anew.
    this.#smallUses = this.count * 16 < this.#capacity ? this.#smallUses + 1 : 0
    const isTooLarge = this.#mask >= slotsMin * 4 && this.#smallUses > smallUsesMax
    if (isTooLarge || kinds.length > this.#keys.length) this.close()
    this.#kinds = kinds
    this.#initial = initial
    this.count = 0
    this.#texts.reset()
    if (this.#slots === 0) this.#allocate(slotsMin)
    else this.#kernels.zeroBytes(this.#slots, (this.#mask + 1) * slotBytes)
  }

  /**
   * Group ids (u32, at `gids`) of up to `vectorRowsMax` keys, whose columns lie at `keys`. Returns
   * the groups there were before.
   */
  group(keys: readonly number[], rows: number, gids: number): number {
    if (this.count + rows > this.#capacity) this.#grow(this.count + rows, gids)
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
    const capacity = slots / slotsPerGroup
    const taken: number[] = []
    try {
      taken.push(arena.alloc(slots * slotBytes, this.#owner))
      taken.push(arena.alloc(capacity * numberBytes, this.#owner))
      // Room for the wider kind of key, so that the table serves both.
      for (let i = 0; i < this.#kinds.length; i++) {
        taken.push(arena.alloc(capacity * widestKey, this.#owner))
      }
    } catch (error) {
      for (const chunk of taken) arena.free(chunk)
      throw error
    }
    ;[this.#slots, this.#numbers] = taken as [number, number]
    this.#keys = taken.slice(2)
    this.#mask = slots - 1
    this.#capacity = capacity
    this.#kernels.zeroBytes(this.#slots, slots * slotBytes)
  }

  /** More room; `gids` is room for the ids of a vector, which are lost. */
  #grow(needed: number, gids: number): void {
    const old = { slots: this.#slots, keys: this.#keys, numbers: this.#numbers, count: this.count }
    let slots = (this.#mask + 1) * 2
    while (slots / slotsPerGroup < needed) slots *= 2
    this.#allocate(slots)
    // The old keys are all different, so they get the ids that they had.
    this.count = 0
    for (let from = 0; from < old.count; from += vectorRowsMax) {
      const keys = this.#kinds.map((kind, i) => old.keys[i]! + from * keyBytes[kind])
      this.#find(keys, Math.min(vectorRowsMax, old.count - from), gids)
    }
    this.#kernels.copyBytes(this.#numbers, old.numbers, old.count * numberBytes)
    for (const chunk of [old.slots, old.numbers, ...old.keys]) this.#arena.free(chunk)
  }

  /** Gives the memory back, but for what the next use begins with. */
  close(): void {
    this.#texts.reset()
    if (this.#slots === 0) return
    for (const chunk of [this.#slots, this.#numbers, ...this.#keys]) this.#arena.free(chunk)
    this.#slots = this.#numbers = 0
    this.#keys = []
    this.#mask = this.#capacity = 0
  }
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
