/** Groups of rows that have ids already: nothing is hashed. */
import { type Dictionary, IdColumn } from './dictionary.ts'
import { type KeyGroups, type KeyKind, vectorRowsMax } from './group-table.ts'
import type { KernelExports } from './kernel-exports.ts'
import type { ChunkMemory } from './memory.ts'

const idBytes = 4
const numberBytes = 8
const viewBytes = 16
/** Bytes that are filled with zeros in the time that one word takes on its own. */
const fewTimes = 32

/** Memory of one thread for groups by id, used again for the next partition. */
export class IdGroupMemory {
  readonly kernels: KernelExports
  /** By id of the dictionary: number of the group plus 1, or 0. */
  readonly locals: IdColumn
  /** By group: id, number, key. */
  readonly order: IdColumn
  readonly numbers: IdColumn
  readonly views: IdColumn
  /** Groups whose numbers are in `locals`. */
  used = 0
  #memory: ChunkMemory

  constructor(memory: ChunkMemory, kernels: KernelExports, owner: number) {
    const column = (bytes: number): IdColumn => new IdColumn(memory, kernels, owner, bytes)
    this.#memory = memory
    this.kernels = kernels
    this.locals = column(idBytes)
    this.order = column(idBytes)
    this.numbers = column(numberBytes)
    this.views = column(viewBytes)
  }

  /** Forgets the numbers of groups: one by one where they are few. */
  clear(): void {
    const count = this.used
    this.used = 0
    if (count * fewTimes > this.locals.bytes) this.locals.clear()
    else {
      const { u32 } = this.#memory
      const [order, locals] = [this.order.at / idBytes, this.locals.at / idBytes]
      for (let i = 0; i < count; i++) u32[locals + u32[order + i]!] = 0
    }
  }

  close(): void {
    this.used = 0
    for (const column of [this.locals, this.order, this.numbers, this.views]) column.close()
  }
}

/**
 * The groups of texts of a dictionary, numbered in order of first appearance in the partition:
 * ids of the dictionary tell what the thread has seen before, which results must not.
 */
export class IdGroups implements KeyGroups {
  readonly kinds: readonly KeyKind[] = ['utf8']
  count = 0
  #memory: IdGroupMemory
  #texts: Dictionary
  #initial = 0

  constructor(memory: IdGroupMemory, texts: Dictionary) {
    this.#memory = memory
    this.#texts = texts
  }

  get numbers(): number {
    return this.#memory.numbers.at
  }

  /** Written anew by every call. */
  get keys(): readonly number[] {
    const { kernels, order, views } = this.#memory
    views.ensure(this.count)
    for (let from = 0; from < this.count; from += vectorRowsMax) {
      const rows = Math.min(vectorRowsMax, this.count - from)
      const to = views.at + from * viewBytes
      kernels.gatherViews(this.#texts.at, order.at + from * idBytes, rows, to)
    }
    return [views.at]
  }

  begin(_kinds: readonly KeyKind[], initial = 0): void {
    this.#memory.clear()
    this.#initial = initial
    this.count = 0
  }

  group([ids]: readonly number[], rows: number, gids: number): number {
    const { kernels, locals, order, numbers } = this.#memory
    const before = this.count
    locals.ensure(this.#texts.count)
    order.ensure(before + rows)
    numbers.ensure(before + rows)
    this.count = kernels.localIds(ids!, rows, locals.at, before, order.at, gids)
    this.#memory.used = this.count
    const added = this.count - before
    kernels.fillF64(numbers.at + before * numberBytes, added, this.#initial)
    return before
  }
}
