/** Find-or-insert of key columns to group ids, by kernels; numbers by group beside the keys. */
import type { Arena } from './arena.ts'
import type { KernelExports } from './kernel-exports.ts'

const slotBytes = 8
const numberBytes = 8
const viewBytes = 16
const slotsMin = 1 << 12
/** Rows of one kernel call: bounds its time, and how far ahead there must be room. */
export const vectorRowsMax = 4096

export type KeyKind = 'float64' | 'utf8'

/**
 * Groups of one partition at a time. Its memory belongs to the thread and is used again for the
 * next partition; ids are dense, in order of first appearance.
 */
export class GroupTable {
  count = 0
  #arena: Arena
  #kernels: KernelExports
  #owner: number
  #kind: KeyKind = 'float64'
  #slots = 0
  #mask = 0
  #capacity = 0
  #keys = 0
  #numbers = 0
  #initial = 0

  constructor(arena: Arena, kernels: KernelExports, owner: number) {
    this.#arena = arena
    this.#kernels = kernels
    this.#owner = owner
  }

  /** Addresses of keys and of one number a group; they move when the table grows. */
  get keys(): number {
    return this.#keys
  }

  get numbers(): number {
    return this.#numbers
  }

  get kind(): KeyKind {
    return this.#kind
  }

  /** Empties the table; each new group's number starts as `initial`. */
  begin(kind: KeyKind, initial: number): void {
    this.#kind = kind
    this.#initial = initial
    // Emptying a table costs its size: one that has become far too large is made anew.
    if (this.#mask >= slotsMin * 4 && this.count * 16 < this.#capacity) this.close()
    this.count = 0
    if (this.#slots === 0) this.#allocate(slotsMin)
    else this.#arena.u8.fill(0, this.#slots, this.#slots + (this.#mask + 1) * slotBytes)
    this.#kernels.fillF64(this.#numbers, this.#capacity, initial)
  }

  /**
   * Group ids (u32, at `gids`) of up to `vectorRowsMax` keys. Returns the groups there were
   * before.
   */
  group(keys: number, rows: number, gids: number): number {
    if (this.count + rows > this.#capacity) this.#grow(this.count + rows)
    const before = this.count
    const find = this.#kind === 'utf8' ? this.#kernels.groupViews : this.#kernels.groupF64
    this.count = find(keys, rows, this.#slots, this.#mask, this.#keys, before, gids)
    return before
  }

  #allocate(slots: number): void {
    const arena = this.#arena
    const capacity = slots / 2
    const taken: number[] = []
    try {
      taken.push(arena.alloc(slots * slotBytes, this.#owner))
      // Room for the wider kind of key, so that the table serves both.
      taken.push(arena.alloc(capacity * viewBytes, this.#owner))
      taken.push(arena.alloc(capacity * numberBytes, this.#owner))
    } catch (error) {
      for (const chunk of taken) arena.free(chunk)
      throw error
    }
    ;[this.#slots, this.#keys, this.#numbers] = taken as [number, number, number]
    this.#mask = slots - 1
    this.#capacity = capacity
    arena.u8.fill(0, this.#slots, this.#slots + slots * slotBytes)
  }

  #grow(needed: number): void {
    const old = { slots: this.#slots, mask: this.#mask, keys: this.#keys, numbers: this.#numbers }
    let slots = (this.#mask + 1) * 2
    while (slots / 2 < needed) slots *= 2
    this.#allocate(slots)
    const u8 = this.#arena.u8
    this.#kernels.regroup(old.slots, old.mask, this.#slots, this.#mask)
    u8.copyWithin(this.#keys, old.keys, old.keys + this.count * viewBytes)
    this.#kernels.fillF64(this.#numbers, this.#capacity, this.#initial)
    u8.copyWithin(this.#numbers, old.numbers, old.numbers + this.count * numberBytes)
    for (const chunk of [old.slots, old.keys, old.numbers]) this.#arena.free(chunk)
  }

  /** Gives the memory back. */
  close(): void {
    if (this.#slots === 0) return
    for (const chunk of [this.#slots, this.#keys, this.#numbers]) {
      if (chunk !== 0) this.#arena.free(chunk)
    }
    this.#slots = this.#keys = this.#numbers = 0
    this.#mask = this.#capacity = 0
  }
}
