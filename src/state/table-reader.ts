/**
 * States by key as they are read: those that the last committed batch has left, while another one
 * may be writing, or those of a batch that has ended and is not committed yet.
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

/** Which of the states: as a batch that has ended left them, or as committed. */
export type Version = 'sealed' | 'committed'

/** A key, its state, and the time of the batch that touched it last. */
export type StateEntry = readonly [key: unknown, state: unknown, time: number]

/** Records of one partition, copied or where they lie; bytes in the heap stay where they are. */
export interface TableRecords {
  readonly kind: number
  readonly count: number
  readonly words: Uint32Array
  readonly originals: Uint32Array
}

/** The table of a partition, for one look at it. */
export class TableReader {
  readonly #arena: Arena
  /** Index of the words that say where things are: the header, or its copy in the log. */
  readonly #at: number
  readonly #log: number

  constructor(arena: Arena, header: number, version: Version) {
    const log = version === 'committed' ? Atomics.load(arena.u32, header / 4 + layout.LOG) : 0
    this.#arena = arena
    this.#log = log / 4
    this.#at = log === 0 ? header / 4 : log / 4
  }

  #word(name: number): number {
    return this.#arena.u32[this.#at + name]!
  }

  /** How many keys have a state. */
  get size(): number {
    return this.#word(layout.LIVE)
  }

  /** The state of a key, or undefined; `owner` owns a moment's memory for the key. */
  get(key: unknown, kernels: KernelExports, owner: number): unknown {
    const id = this.#find(key, kernels, owner)
    if (id === undefined || id >= this.#word(layout.COUNT)) return undefined
    const { u32 } = this.#arena
    const stride = layout.strideOf(this.#word(layout.KIND))
    const cell = this.#word(layout.RECORDS) / 4 + 2 * (id * stride + stride - 2)
    // The cell first and the log then: a writer fills the log before it changes a cell.
    let [low, high] = [u32[cell]!, u32[cell + 1]!]
    const entry = this.#entryOf(id)
    if (entry !== undefined) [low, high] = [u32[entry + 2]!, u32[entry + 3]!]
    return isAbsentWord(high) ? undefined : cellValue(this.#arena, low, high)
  }

  #find(key: unknown, kernels: KernelExports, owner: number): number | undefined {
    const kind = this.#word(layout.KIND)
    const isOther = kind === layout.OTHERS
    const isNumber = kind === layout.NUMBERS && typeof key === 'number'
    if (!isOther && !isNumber && !(kind === layout.TEXTS && typeof key === 'string')) return
    const text = isNumber ? undefined : textBytes(isOther ? canonicalKey(key) : (key as string))
    const at = this.#arena.alloc(layout.VIEW_BYTES + (text?.length ?? 0), owner)
    try {
      this.#putKey(at, key, text)
      const find = isNumber ? kernels.findF64Record : kernels.findViewRecord
      const [slots, mask, keys] = [layout.SLOTS, layout.MASK, layout.RECORDS].map(w =>
        this.#word(w),
      )
      const found = find(at, slots!, mask!, keys!)
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

  /** The first entry that the log has for an id: what its cell was when the batch began. */
  #entryOf(id: number): number | undefined {
    if (this.#log === 0) return undefined
    for (const entry of this.#entries()) if (this.#arena.u32[entry] === id) return entry
    return undefined
  }

  *#entries(): Generator<number> {
    const { u32 } = this.#arena
    const count = Atomics.load(u32, this.#log + layout.LOG_COUNT)
    for (let i = 0; i < count; i++) {
      yield this.#log + layout.LOG_ENTRIES / 4 + i * layout.LOG_ENTRY_WORDS
    }
  }

  /** All records as they are now, but for times. */
  copy(): TableRecords {
    const { u32 } = this.#arena
    const { kind, count, words, originals } = this.#records()
    const copied = words.slice()
    const stride = layout.strideOf(kind)
    if (this.#log !== 0) {
      // The oldest entry of an id is the one that counts, and it is written last.
      for (const entry of [...this.#entries()].reverse()) {
        const id = u32[entry]!
        if (id >= count) continue
        const cell = 2 * (id * stride + stride - 2)
        copied[cell] = u32[entry + 2]!
        copied[cell + 1] = u32[entry + 3]!
      }
    }
    return { kind, count, words: copied, originals: originals.slice() }
  }

  #records(): TableRecords {
    const { u32 } = this.#arena
    const [kind, count] = [this.#word(layout.KIND), this.#word(layout.COUNT)]
    const part = (name: number, words: number): Uint32Array => {
      const from = this.#word(name) / 4
      return u32.subarray(from, from === 0 ? 0 : from + count * words)
    }
    const words = part(layout.RECORDS, 2 * layout.strideOf(kind))
    return { kind, count, words, originals: part(layout.ORIGINALS, 2) }
  }

  /** In the order of ids; nobody may write the table meanwhile. */
  entries(): Generator<StateEntry> {
    return entriesOf(this.#arena, this.#records())
  }
}

/** In the order of ids. */
export function* entriesOf(
  memory: Memory,
  { kind, count, words, originals }: TableRecords,
): Generator<StateEntry> {
  const stride = layout.strideOf(kind)
  const numbers = new Float64Array(words.buffer, words.byteOffset, words.length / 2)
  for (let id = 0; id < count; id++) {
    const cell = id * stride + stride - 2
    const high = words[2 * cell + 1]!
    if (isAbsentWord(high)) continue
    let key: unknown
    if (kind === layout.NUMBERS) key = numbers[id * stride]
    else if (kind === layout.TEXTS) key = textIn(words, 2 * id * stride, memory)
    else key = cellValue(memory, originals[2 * id]!, originals[2 * id + 1]!)
    yield [key, cellValue(memory, words[2 * cell]!, high), numbers[cell + 1]!]
  }
}

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
