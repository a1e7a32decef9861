/** States by key as a batch writes them; see table-layout.ts for how they lie. */
import type { Arena } from '../columnar/arena.ts'
import { encodeValue } from '../columnar/codec.ts'
import type { KernelExports } from '../columnar/kernel-exports.ts'
import { PeltonError, preview } from '../errors.ts'
import {
  addressOf,
  bytesAt,
  cellValue,
  isAbsent,
  putAbsent,
  putAddress,
  putPlain,
} from './cells.ts'
import { type Expiry, link, relink, takeDue, UNLINKED, type Wheel } from './expiry.ts'
import { type KeyColumn, keyCells } from './key-cells.ts'
import { KeyState } from './key-state.ts'
import * as layout from './table-layout.ts'
import { TableMemory } from './table-memory.ts'

/** The batch that writes. */
export interface TableBatch {
  /** Owner of what the batch takes until it is sealed. */
  readonly attempt: number
  /** Milliseconds. */
  readonly time: number
  readonly expiry: Expiry | undefined
}

/** Ids without a state that a table keeps room for, and bytes, before it is made anew. */
const deadIdsMin = 1024
const deadBytesMin = 256 * 1024
/** Values that need bytes are kept as they are until there are so many of them. */
const heldMax = 4096

/**
 * The table of one partition while one batch writes it; `begin` takes the next. What it changes is
 * in the log before, so that `undoTable` brings it back, whenever this ends.
 */
export class StateTable {
  readonly #kernels: KernelExports
  readonly #memory: TableMemory
  #header = 0
  #log = 0
  #logCapacity = 0
  /** Ids below it lie where the batch before has left them. */
  #base = 0
  #time = 0
  #isExpiring = false
  #due = 0
  /** States that are no numbers, by id: read or written, and not yet bytes. */
  #held = new Map<number, unknown>()
  readonly #restored = new KeyState()
  // What the loops over rows need, as it is until the next vector.
  #f64: Float64Array
  #u32: Uint32Array
  #cells = 0
  #stride = 0
  #wheel: Wheel | undefined

  constructor(arena: Arena, kernels: KernelExports) {
    this.#kernels = kernels
    this.#memory = new TableMemory(arena, kernels)
    this.#f64 = arena.f64
    this.#u32 = arena.u32
  }

  /** Takes up the table whose header is at `header`, for `rows` rows or about so many. */
  begin(header: number, { attempt, time, expiry }: TableBatch, rows: number): void {
    const memory = this.#memory
    this.#header = header
    this.#time = time
    this.#isExpiring = expiry !== undefined
    this.#due = expiry ? time - expiry.timeout : 0
    this.#held.clear()
    memory.open(header, attempt)
    this.#beginLog(rows)
    if (expiry) memory.beginWheel(expiry, this.#due)
    const deadIds = memory.count - memory.live
    const isSparse = deadIds > deadIdsMin && deadIds > memory.live
    const isWasted = memory.heapDead > deadBytesMin && memory.heapDead > memory.heapBytes / 2
    if (isSparse || isWasted) this.#rebuild(memory.kind)
    this.#attach()
  }

  #beginLog(rows: number): void {
    const memory = this.#memory
    this.#log = memory.take(layout.LOG_ENTRIES + rows * layout.LOG_ENTRY_BYTES)
    this.#logCapacity = rows
    this.#base = memory.count
    const { u32 } = memory
    const [at, header] = [this.#log / 4, this.#header / 4]
    u32.copyWithin(at, header, header + layout.HEADER_WORDS)
    u32[at + layout.LOG_COUNT] = 0
    Atomics.add(u32, header + layout.GENERATION, 1)
    Atomics.store(u32, header + layout.LOG, this.#log)
  }

  /** Takes over where things lie now. */
  #attach(): void {
    const memory = this.#memory
    memory.refresh()
    this.#f64 = memory.f64
    this.#u32 = memory.u32
    this.#cells = memory.cells
    this.#stride = memory.stride
    this.#wheel = this.#isExpiring ? memory.wheel : undefined
  }

  /** The old records stay as they are from here on: nothing more has to be noted. */
  #rebuild(kind: number): void {
    this.#flush()
    this.#memory.rebuild(kind)
    this.#base = 0
    this.#attach()
  }

  /**
   * Ids (u32, at `ids`) of a vector's keys, new ones without a state. `values` gives the keys as
   * values, for those that are no column, or another one than those before.
   */
  ids(column: KeyColumn, values: () => ArrayLike<unknown>, rows: number, ids: number): void {
    const memory = this.#memory
    const { kind, at } = keyCells(memory.arena, column, values, memory.kind, memory.take)
    if (memory.kind === layout.NO_KEYS) memory.begin(kind)
    else if (memory.kind !== kind) this.#rebuild(kind)
    memory.ensure(rows)
    const before = memory.count
    memory.find(at, rows, ids)
    if (memory.count > before) {
      memory.added(before)
      if (kind === layout.OTHERS) this.#putOriginals(before, values(), ids)
    }
    memory.drop(at)
    this.#attach()
    this.#note(ids, rows)
  }

  #putOriginals(before: number, keys: ArrayLike<unknown>, ids: number): void {
    let next = before
    for (let i = 0; next < this.#memory.count; i++) {
      if (this.#memory.u32[ids / 4 + i] === next) this.#memory.putOriginal(next++, keys[i])
    }
  }

  /** Puts what the vector may change into the log; its rows come afterwards. */
  #note(ids: number, rows: number): void {
    if (this.#base === 0) return
    this.#ensureLog(rows)
    const count = this.#u32[this.#log / 4 + layout.LOG_COUNT]!
    const entries = this.#log + layout.LOG_ENTRIES + count * layout.LOG_ENTRY_BYTES
    const { logRecords } = this.#kernels
    const added = logRecords(ids, rows, this.#base, this.#cells * 8, this.#stride * 8, entries)
    // Only now may records change: an exchange is a barrier on every machine.
    Atomics.exchange(this.#u32, this.#log / 4 + layout.LOG_COUNT, count + added)
  }

  #ensureLog(rows: number): void {
    const count = this.#u32[this.#log / 4 + layout.LOG_COUNT]!
    if (count + rows <= this.#logCapacity) return
    const memory = this.#memory
    const capacity = Math.max(count + rows, this.#logCapacity * 2)
    const old = this.#log
    const log = memory.take(layout.LOG_ENTRIES + capacity * layout.LOG_ENTRY_BYTES)
    this.#kernels.copyBytes(log, old, layout.LOG_ENTRIES + count * layout.LOG_ENTRY_BYTES)
    this.#logCapacity = capacity
    this.#log = log
    Atomics.store(memory.u32, this.#header / 4 + layout.LOG, log)
    memory.drop(old)
    this.#attach()
  }

  #cellOf(id: number): number {
    return this.#cells + id * this.#stride
  }

  /** Has a state stand for that of an id. */
  load(id: number, state: KeyState, timingOut: boolean): void {
    const value = this.#f64[this.#cells + id * this.#stride]!
    if (!Number.isNaN(value)) state.wrap(true, value, timingOut)
    else this.#loadOther(id, state, timingOut)
  }

  #loadOther(id: number, state: KeyState, timingOut: boolean): void {
    if (this.#held.has(id)) {
      state.wrap(true, this.#held.get(id), timingOut)
      return
    }
    const u32 = this.#u32
    const cell = this.#cellOf(id)
    if (isAbsent(u32, cell)) {
      state.wrap(false, undefined, timingOut)
      return
    }
    const value = cellValue(this.#memory.arena, u32[2 * cell]!, u32[2 * cell + 1]!)
    // What a function changes within an object lasts, as in Spark, without `update`.
    if (typeof value === 'object' && value !== null) this.#held.set(id, value)
    state.wrap(true, value, timingOut)
  }

  /** What a call has done to the state, which `load` had stand for that of an id. */
  store(id: number, state: KeyState): void {
    const { outcome } = state
    if (outcome === 'updated') {
      const value = state.get()
      const cell = this.#cells + id * this.#stride
      const before = this.#f64[cell]!
      if (Number.isNaN(before)) this.#replace(id, cell)
      if (typeof value === 'number' && !Number.isNaN(value)) this.#f64[cell] = value
      else if (!putPlain(this.#u32, cell, value)) this.#hold(id, cell, value)
      this.#touch(id, cell)
    } else if (outcome === 'removed') this.remove(id)
    else if (this.#isExpiring && state.exists()) this.#touch(id, this.#cellOf(id))
  }

  /** Puts a state as another run has left it, with the time of its last record. */
  restore(id: number, value: unknown, time: number): void {
    const now = this.#time
    this.#time = time
    this.#restored.wrap(false, undefined, false).update(value)
    this.store(id, this.#restored)
    this.#time = now
  }

  /**
   * Called behind the last `restore`: states that came several times are found by the time of their
   * last one.
   */
  restored(): void {
    this.#flush()
    if (this.#wheel) relink(this.#memory, this.#wheel, this.#memory.count)
  }

  /** The cell is to be overwritten; it may have bytes, or no state. */
  #replace(id: number, cell: number): void {
    const isHeld = this.#held.delete(id)
    if (isAbsent(this.#u32, cell)) {
      if (!isHeld) this.#memory.live++
    } else this.#letGo(cell)
  }

  #letGo(cell: number): void {
    const address = addressOf(this.#u32, cell)
    if (address !== 0) this.#memory.heapDead += 4 + this.#u32[address / 4]!
  }

  #hold(id: number, cell: number, value: unknown): void {
    // No number is left there that would be taken for the state.
    putAbsent(this.#u32, cell)
    this.#held.set(id, value)
  }

  #touch(id: number, cell: number): void {
    this.#f64[cell + 1] = this.#time
    const wheel = this.#wheel
    if (wheel && this.#u32[wheel.links / 4 + id] === UNLINKED) link(this.#memory, wheel, id)
  }

  /** Forgets the state of an id; its key keeps its place for a while. */
  remove(id: number): void {
    const cell = this.#cellOf(id)
    const isHeld = this.#held.delete(id)
    const wasAbsent = isAbsent(this.#u32, cell)
    if (wasAbsent && !isHeld) return
    if (!wasAbsent) this.#letGo(cell)
    putAbsent(this.#u32, cell)
    // So that it is known to have changed in this batch.
    this.#f64[cell + 1] = this.#time
    this.#memory.live--
  }

  /** Called between vectors: values that need bytes get them when there are many. */
  rest(): void {
    if (this.#held.size > heldMax) this.#flush()
  }

  #flush(): void {
    const memory = this.#memory
    for (const [id, value] of this.#held) {
      const cell = this.#cellOf(id)
      const bytes = this.#encoded(id, value)
      const address = addressOf(this.#u32, cell)
      if (address !== 0) {
        if (Buffer.compare(bytes, bytesAt(memory.arena, address)) === 0) continue
        this.#letGo(cell)
      }
      const at = memory.putBytes(bytes)
      putAddress(this.#u32, cell, at)
    }
    this.#held.clear()
    this.#attach()
  }

  #encoded(id: number, state: unknown): Uint8Array {
    try {
      return encodeValue(state)
    } catch (error) {
      const [key, why] = [preview(this.keyOf(id)), (error as Error).message]
      throw new PeltonError(`the state of key ${key} can't be kept: ${why}`, {
        code: 'VALUE',
        cause: error,
      })
    }
  }

  /** The ids, in their order, whose last record lies too far back; called after all rows. */
  expired(): readonly number[] {
    this.#flush()
    const memory = this.#memory
    if (!this.#wheel || memory.count === 0) return []
    const due = takeDue(memory, this.#wheel, memory.walked, this.#due)
    memory.walked = this.#due
    if (due.length > 0) {
      const ids = memory.take(due.length * layout.ID_BYTES)
      this.#attach()
      this.#u32.set(due, ids / 4)
      this.#note(ids, due.length)
      memory.drop(ids)
    }
    return due
  }

  keyOf(id: number): unknown {
    return this.#memory.keyOf(id)
  }

  /** Ends the batch: from here on the table is what it has made of it. */
  end(): void {
    this.#flush()
    this.#memory.end()
  }
}
