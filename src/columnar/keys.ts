/**
 * Equality and hashes of keys, as grouping sees them: structural, NaN equals NaN, -0 equals 0,
 * null equals undefined. The hash is a function of the value alone, so every thread agrees.
 */
import { encodeValue } from './codec.ts'
import { INLINE_MAX, type TextBuffer, textBytesMax, writeText } from './text.ts'

const seed = 0x9747b28c
/** Added to the seed, so that a date and its number of milliseconds differ, and so on. */
const dateMark = 0x64
const int64Mark = 0x69
const tupleMark = 0x7400

/** Room for the bytes of most strings that are not ASCII. */
const textScratch = Buffer.alloc(4096) as TextBuffer
const scratch = new Float64Array(1)
const scratchWords = new Uint32Array(scratch.buffer)

/** Final avalanche of MurmurHash3 (Appleby, public domain). */
function finish(h: number): number {
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** One 32-bit word into a running MurmurHash3 state. */
function mix(h: number, word: number): number {
  word = Math.imul(word, 0xcc9e2d51)
  word = (word << 15) | (word >>> 17)
  h ^= Math.imul(word, 0x1b873593)
  h = (h << 13) | (h >>> 19)
  return (Math.imul(h, 5) + 0xe6546b64) | 0
}

function hashNumber(value: number, start: number): number {
  if (Number.isNaN(value)) return finish(mix(mix(start, 0), 0x7ff80000))
  // Adding 0 turns -0 into 0.
  scratch[0] = value + 0
  return finish(mix(mix(start, scratchWords[0]!), scratchWords[1]!))
}

function hashBigInt(value: bigint): number {
  if (BigInt.asIntN(64, value) !== value) return hashString(canonicalKey(value))
  const low = Number(BigInt.asUintN(32, value))
  return finish(mix(mix(seed ^ int64Mark, low), Number(BigInt.asIntN(32, value >> 32n))))
}

/** Over the string's bytes, which are its character codes as long as it is ASCII. */
function hashString(text: string): number {
  const length = text.length
  let h = seed ^ length
  let all = 0
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    all |= a | b | c | d
    h = mix(h, a | (b << 8) | (c << 16) | (d << 24))
  }
  if (i < length) {
    let word = 0
    for (let j = i; j < length; j++) {
      const code = text.charCodeAt(j)
      all |= code
      word |= code << (8 * (j - i))
    }
    h = mix(h, word)
    i += 4
  }
  for (; i < INLINE_MAX; i += 4) h = mix(h, 0)
  return all < 0x80 ? finish(h) : hashBytes(text)
}

function hashBytes(text: string): number {
  const room = textBytesMax(text) + INLINE_MAX
  const bytes = room <= textScratch.length ? textScratch : (Buffer.alloc(room) as TextBuffer)
  const length = writeText(bytes, 0, text)
  const end = Math.max(length, INLINE_MAX)
  bytes.fill(0, length, end + 4)
  let h = seed ^ length
  for (let i = 0; i < end; i += 4) h = mix(h, bytes.readInt32LE(i))
  return finish(h)
}

function hashTuple(items: readonly unknown[]): number {
  let h = seed ^ tupleMark ^ items.length
  for (let i = 0; i < items.length; i++) h = mix(h, hashKey(items[i]))
  return finish(h)
}

/**
 * A 32-bit hash of a key. The kernels of src/kernels/hash.ts give the same for columns of strings,
 * numbers, dates, bigints and tuples of those; change both together.
 *
 * @example
 * hashKey(['a', 1]) === hashKey(['a', 1])
 */
export function hashKey(key: unknown): number {
  if (typeof key === 'string') return hashString(key)
  if (typeof key === 'number') return hashNumber(key, seed)
  if (Array.isArray(key)) return hashTuple(key)
  if (typeof key === 'bigint') return hashBigInt(key)
  if (key instanceof Date) return hashNumber(key.getTime(), seed ^ dateMark)
  return hashString(canonicalKey(key))
}

/**
 * A text that two keys share exactly when they are equal as keys. Every part opens with a letter of
 * its type and says its length, so no two different values can spell the same text.
 */
export function canonicalKey(key: unknown): string {
  switch (typeof key) {
    case 'string':
      return `s${key.length}:${key}`
    case 'number':
      return key === 0 ? 'n0;' : `n${key};`
    case 'boolean':
      return key ? 't' : 'f'
    case 'bigint':
      return `i${key};`
    case 'undefined':
      return 'z'
  }
  if (key === null) return 'z'
  if (Array.isArray(key)) {
    let text = `a${key.length}:`
    for (let i = 0; i < key.length; i++) text += canonicalKey(key[i])
    return text
  }
  const object = key as object
  if (object instanceof Date) return `d${object.getTime()};`
  const prototype = Object.getPrototypeOf(object)
  if (prototype === Object.prototype || prototype === null) {
    const names = Object.keys(object).sort()
    let text = `o${names.length}:`
    for (const name of names) {
      text += `${name.length}:${name}${canonicalKey((object as Record<string, unknown>)[name])}`
    }
    return text
  }
  if (object instanceof Map) {
    const entries = [...object].map(([k, v]) => canonicalKey(k) + canonicalKey(v)).sort()
    return `m${entries.length}:${entries.join('')}`
  }
  if (object instanceof Set) {
    const entries = [...object].map(canonicalKey).sort()
    return `e${entries.length}:${entries.join('')}`
  }
  const bytes = Buffer.from(encodeValue(object)).toString('latin1')
  return `b${bytes.length}:${bytes}`
}

/** Whether two values are the same key. */
export function sameKey(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a === 'string' || typeof b === 'string') return false
  return canonicalKey(a) === canonicalKey(b)
}

const emptySlot = -1
const slotsMin = 64
const slotsHintMax = 2 ** 20
/** Slots that the last table grew to: the next partition's is likely to be as large. */
let slotsHint = slotsMin
/** The same for strings. */
let stringSlotsHint = slotsMin

/**
 * Find-or-insert of keys to dense ids 0, 1, 2 … in order of first appearance. Strings go through a
 * Map, numbers through open addressing over typed arrays, everything else through its canonical
 * text.
 *
 * @example
 * const table = new KeyTable()
 * table.idOf('a') // 0
 * table.idOf(7) // 1
 * table.idOf('a') // 0
 */
export class KeyTable {
  /** The first key seen of each id. */
  readonly keys: unknown[] = []
  #stringSlots = new Int32Array(0)
  #stringHashes = new Int32Array(0)
  #stringMask = -1
  #stringCount = 0
  #others = new Map<string, number>()
  #slots = new Int32Array(0)
  #values = new Float64Array(0)
  #mask = -1
  #numbers = 0
  #hasNaN = -1

  get size(): number {
    return this.keys.length
  }

  idOf(key: unknown): number {
    if (typeof key === 'string') return this.#idOfString(key)
    if (typeof key === 'number') return this.#idOfNumber(key)
    return this.#idOfOther(key)
  }

  #idOfString(key: string): number {
    if (this.#stringMask < 0) this.#allocateStrings(stringSlotsHint)
    const length = key.length
    let h = length
    for (let i = 0; i < length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x5bd1e995)
    h ^= h >>> 15
    const slots = this.#stringSlots
    const hashes = this.#stringHashes
    const mask = this.#stringMask
    const keys = this.keys
    let slot = h & mask
    for (;;) {
      const id = slots[slot]!
      if (id === emptySlot) break
      if (hashes[slot] === h && keys[id] === key) return id
      slot = (slot + 1) & mask
    }
    const id = keys.length
    slots[slot] = id
    hashes[slot] = h
    keys.push(key)
    if (++this.#stringCount * 2 > mask) this.#growStrings()
    return id
  }

  #allocateStrings(slots: number): void {
    this.#stringSlots = new Int32Array(slots).fill(emptySlot)
    this.#stringHashes = new Int32Array(slots)
    this.#stringMask = slots - 1
  }

  #growStrings(): void {
    const slots = this.#stringSlots
    const hashes = this.#stringHashes
    const mask = this.#stringMask * 2 + 1
    this.#allocateStrings(mask + 1)
    stringSlotsHint = Math.min(mask + 1, slotsHintMax)
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] === emptySlot) continue
      const h = hashes[i]!
      let slot = h & mask
      while (this.#stringSlots[slot] !== emptySlot) slot = (slot + 1) & mask
      this.#stringSlots[slot] = slots[i]!
      this.#stringHashes[slot] = h
    }
  }

  #idOfNumber(key: number): number {
    if (Number.isNaN(key)) {
      if (this.#hasNaN < 0) this.#hasNaN = this.keys.push(key) - 1
      return this.#hasNaN
    }
    if (this.#mask < 0) this.#allocate(slotsHint)
    const slots = this.#slots
    const values = this.#values
    const mask = this.#mask
    let slot = slotOf(key) & mask
    for (;;) {
      const id = slots[slot]!
      if (id === emptySlot) break
      if (values[slot] === key) return id
      slot = (slot + 1) & mask
    }
    const id = this.keys.length
    slots[slot] = id
    values[slot] = key
    this.keys.push(key)
    if (++this.#numbers * 2 > mask) this.#grow()
    return id
  }

  #allocate(slots: number): void {
    this.#slots = new Int32Array(slots).fill(emptySlot)
    this.#values = new Float64Array(slots)
    this.#mask = slots - 1
  }

  #grow(): void {
    const slots = this.#slots
    const values = this.#values
    const mask = this.#mask * 2 + 1
    this.#allocate(mask + 1)
    slotsHint = Math.min(mask + 1, slotsHintMax)
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] === emptySlot) continue
      const value = values[i]!
      let slot = slotOf(value) & mask
      while (this.#slots[slot] !== emptySlot) slot = (slot + 1) & mask
      this.#slots[slot] = slots[i]!
      this.#values[slot] = value
    }
  }

  #idOfOther(key: unknown): number {
    const text = canonicalKey(key)
    const found = this.#others.get(text)
    if (found !== undefined) return found
    const id = this.keys.length
    this.#others.set(text, id)
    this.keys.push(key)
    return id
  }
}

/** A cheap hash of a number's bits; -0 and 0 share a slot, as they are equal to `===`. */
function slotOf(key: number): number {
  scratch[0] = key + 0
  const h = Math.imul(scratchWords[0]!, 0x9e3779b1) ^ Math.imul(scratchWords[1]!, 0x85ebca77)
  return h ^ (h >>> 15)
}
