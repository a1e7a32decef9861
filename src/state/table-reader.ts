/**
 * States by key as they are read: those that a batch has left, as long as its header is kept, while
 * another one may be writing them. What the header points to stays where it is until the commit;
 * of what changes there, the log knows what it was:
 *
 *   generation, log ─▶ records ─▶ entries of the log ─▶ generation, log: the same? else again
 *
 * A writer fills the log before it changes a record, and counts a generation when it begins and
 * when it is undone.
 */
import type { Arena } from '../columnar/arena.ts'
import type { KernelExports } from '../columnar/kernel-exports.ts'
import { canonicalKey } from '../columnar/keys.ts'
import type { Memory } from '../columnar/memory.ts'
import {
  hasLoneSurrogate,
  INLINE_MAX,
  readWtf8,
  type TextBuffer,
  textBytes,
} from '../columnar/text.ts'
import { cellValue, isAbsentWord } from './cells.ts'
import * as layout from './table-layout.ts'

/** A key, its state, and the time of the batch that touched it last. */
export type StateEntry = readonly [key: unknown, state: unknown, time: number]

/** What a key has come to since its state was saved; without a state where it has none any more. */
export type StateChange = readonly [key: unknown, state?: readonly [state: unknown, time: number]]

/** Records of one partition, copied or where they lie; bytes in the heap stay where they are. */
export interface TableRecords {
  readonly kind: number
  readonly count: number
  readonly words: Uint32Array
  readonly originals: Uint32Array
}

/** What the header of a table says now. */
export function headerOf({ u32 }: Memory, header: number): Uint32Array {
  return u32.slice(header / 4, header / 4 + layout.HEADER_WORDS)
}

/** The entries that a log has at a time. */
interface Entries {
  /** Index of the first one, and how many there are. */
  readonly at: number
  readonly count: number
}

/** The table of a partition as a header says. */
export class TableReader {
  readonly #arena: Arena
  readonly #words: Uint32Array
  /** Index of the header, where another batch may be writing; else 0. */
  readonly #table: number

  /** @param table address of the header in use, where another batch may be writing */
  constructor(arena: Arena, words: Uint32Array, table = 0) {
    this.#arena = arena
    this.#words = words
    this.#table = table / 4
  }

  /** How many keys have a state. */
  get size(): number {
    return this.#words[layout.LIVE]!
  }

  /** The cell of a key, or undefined; `owner` owns a moment's memory for the key. */
  #cell(key: unknown, kernels: KernelExports, owner: number): [number, number] | undefined {
    const id = this.#find(key, kernels, owner)
    if (id === undefined) return undefined
    const stride = layout.strideOf(this.#words[layout.KIND]!)
    const at = this.#words[layout.RECORDS]! / 4 + 2 * (id * stride + stride - 2)
    const cell = this.#unwritten<[low: number, high: number]>(
      () => [this.#arena.u32[at]!, this.#arena.u32[at + 1]!],
      (now, { at: first, count }) => {
        const { u32 } = this.#arena
        const end = first + count * layout.LOG_ENTRY_WORDS
        for (let entry = first; entry < end; entry += layout.LOG_ENTRY_WORDS) {
          if (u32[entry] === id) return [u32[entry + 2]!, u32[entry + 3]!]
        }
        return now
      },
    )
    return isAbsentWord(cell[1]) ? undefined : cell
  }

  /** Whether a key has a state. */
  has(key: unknown, kernels: KernelExports, owner: number): boolean {
    return this.#cell(key, kernels, owner) !== undefined
  }

  /** The state of a key, or undefined. */
  get(key: unknown, kernels: KernelExports, owner: number): unknown {
    const cell = this.#cell(key, kernels, owner)
    return cell && cellValue(this.#arena, ...cell)
  }

  /**
   * What `read` gives, and `mend` makes of it and of the log, if none of it was written meanwhile:
   * else it is done again. A writer begins once a task, so that is seldom.
   */
  #unwritten<T>(read: () => T, mend: (now: T, entries: Entries) => T): T {
    if (this.#table === 0) return read()
    const { u32 } = this.#arena
    const load = (word: number): number => Atomics.load(u32, this.#table + word)
    for (;;) {
      const [generation, log] = [load(layout.GENERATION), load(layout.LOG)]
      const isSame = (): boolean =>
        load(layout.GENERATION) === generation && load(layout.LOG) === log
      let result = read()
      if (log !== 0) {
        const count = Atomics.load(this.#arena.u32, log / 4 + layout.LOG_COUNT)
        // A log that is gone may have any count.
        if (!isSame()) continue
        result = mend(result, { at: (log + layout.LOG_ENTRIES) / 4, count })
      }
      if (isSame()) return result
    }
  }

  #find(key: unknown, kernels: KernelExports, owner: number): number | undefined {
    const kind = this.#words[layout.KIND]!
    const isOther = kind === layout.OTHERS
    const isNumber = kind === layout.NUMBERS && typeof key === 'number'
    if (!isOther && !isNumber && !(kind === layout.TEXTS && typeof key === 'string')) return
    const text = isNumber ? undefined : textBytes(isOther ? canonicalKey(key) : (key as string))
    const at = this.#arena.alloc(layout.VIEW_BYTES + (text?.length ?? 0), owner)
    try {
      this.#putKey(at, key, text)
      const find = isNumber ? kernels.findF64Record : kernels.findViewRecord
      const names = [layout.SLOTS, layout.MASK, layout.RECORDS, layout.COUNT]
      const [slots, mask, records, count] = names.map(name => this.#words[name]!)
      const found = find(at, slots!, mask!, records!, count!)
      return found === 0 ? undefined : found - 1
    } finally {
      this.#arena.free(at)
    }
  }

  #putKey(at: number, key: unknown, text: Uint8Array | undefined): void {
    const { u8, u32, f64 } = this.#arena
    if (text === undefined) {
      f64[at / 8] = key as number
      return
    }
    const { length } = text
    u32.fill(0, at / 4, at / 4 + 4)
    u32[at / 4] = length
    if (length <= INLINE_MAX) u8.set(text, at + 4)
    else {
      u8.set(text.subarray(0, 4), at + 4)
      u8.set(text, at + layout.VIEW_BYTES)
      u32[at / 4 + 2] = at + layout.VIEW_BYTES
    }
  }

  /** All records, but for their times. */
  copy(): TableRecords {
    const { kind, count, words, originals } = this.#records()
    const stride = layout.strideOf(kind)
    const copied = this.#unwritten(
      () => words.slice(),
      (all, { at, count: entries }) => {
        const { u32 } = this.#arena
        // The oldest entry of an id is the one that counts, so it is written last.
        for (let i = entries - 1; i >= 0; i--) {
          const entry = at + i * layout.LOG_ENTRY_WORDS
          const id = u32[entry]!
          if (id >= count) continue
          const cell = 2 * (id * stride + stride - 2)
          all[cell] = u32[entry + 2]!
          all[cell + 1] = u32[entry + 3]!
        }
        return all
      },
    )
    return { kind, count, words: copied, originals: originals.slice() }
  }

  #records(): TableRecords {
    const { u32 } = this.#arena
    const [kind, count] = [this.#words[layout.KIND]!, this.#words[layout.COUNT]!]
    const part = (name: number, words: number): Uint32Array => {
      const from = this.#words[name]! / 4
      return u32.subarray(from, from === 0 ? 0 : from + count * words)
    }
    const words = part(layout.RECORDS, 2 * layout.strideOf(kind))
    return { kind, count, words, originals: part(layout.ORIGINALS, 2) }
  }

  /** In the order of ids; nobody may write the table meanwhile. */
  entries(): Generator<StateEntry> {
    return entriesOf(this.#arena, this.#records())
  }

  /** What has changed since it was saved, in the order of ids; nobody may write meanwhile. */
  *changes(header: number): Generator<StateChange> {
    const records = this.#records()
    const saved = this.#arena.f64[header / 8 + layout.SAVED / 2]!
    const stride = layout.strideOf(records.kind)
    const { words, count } = records
    const numbers = numbersOf(words)
    for (let id = 0; id < count; id++) {
      const cell = id * stride + stride - 2
      const time = numbers[cell + 1]!
      if (!(time > saved)) continue
      const high = words[2 * cell + 1]!
      const key = keyOf(records, id, this.#arena)
      if (isAbsentWord(high)) yield [key]
      else yield [key, [cellValue(this.#arena, words[2 * cell]!, high), time]]
    }
  }
}

/** In the order of ids. */
export function* entriesOf(memory: Memory, records: TableRecords): Generator<StateEntry> {
  const { kind, count, words } = records
  const stride = layout.strideOf(kind)
  const numbers = numbersOf(words)
  for (let id = 0; id < count; id++) {
    const cell = id * stride + stride - 2
    const high = words[2 * cell + 1]!
    if (isAbsentWord(high)) continue
    const state = cellValue(memory, words[2 * cell]!, high)
    yield [keyOf(records, id, memory), state, numbers[cell + 1]!]
  }
}

function numbersOf(words: Uint32Array): Float64Array {
  return new Float64Array(words.buffer, words.byteOffset, words.length / 2)
}

function keyOf({ kind, words, originals }: TableRecords, id: number, memory: Memory): unknown {
  const at = 2 * id * layout.strideOf(kind)
  if (kind === layout.NUMBERS) {
    pair[0] = words[at]!
    pair[1] = words[at + 1]!
    return number[0]
  }
  if (kind === layout.TEXTS) return textIn(words, at, memory)
  return cellValue(memory, originals[2 * id]!, originals[2 * id + 1]!)
}

const pair = new Uint32Array(2)
const number = new Float64Array(pair.buffer)

/** The text of a view that lies at an index of words; a long one lies in the heap. */
function textIn(words: Uint32Array, at: number, memory: Memory): string {
  const length = words[at]!
  if (length > INLINE_MAX) return textAt(memory.bytes, words[at + 2]!, length)
  const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength)
  return textAt(bytes, at * 4 + 4, length)
}

/** The text of a view. */
export function textOfView({ u32, bytes }: Memory, view: number): string {
  const length = u32[view / 4]!
  return textAt(bytes, length <= INLINE_MAX ? view + 4 : u32[view / 4 + 2]!, length)
}

function textAt(bytes: Buffer, start: number, length: number): string {
  const text = bytes as TextBuffer
  const end = start + length
  return hasLoneSurrogate(text, start, end)
    ? readWtf8(text, start, end)
    : text.utf8Slice(start, end)
}
