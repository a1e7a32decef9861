/**
 * The deterministic workload data: the same bytes for every peer, from splitmix64 with fixed seeds.
 * A scale below 1 keeps the first part of the same sequence.
 *
 * @example
 * generate('w6.f64', '.bench-data/v1', { scale: 0.001 })
 */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { SplitMix64 } from './splitmix.ts'

/** Goes up when the bytes change: folders of cached data carry it in their name. */
export const DATA_VERSION = 1

const VOCABULARY_SIZE = 100_000
const ZIPF_EXPONENT = 1.1
const WORDS_A_LINE = 10
const WORD_LENGTH_MAX = 10
const LINES = 1_000_000
const PAIRS = 10_000_000
const PAIR_IDS = 1_000_000
const WINDOW_KEYS = 6_400_000
const WINDOW_IDS = 100_000
const STATE_IDS = 1_000_000
const UPDATES = 3_000_000
const NUMBERS = 10_000_000
const NUMBER_LIMIT = 1_000_000_000
const CHUNK_LINES = 50_000

const LETTER_A = 97
const SPACE = 32
const NEWLINE = 10

/** Receives the bytes of one file in pieces. A piece is only valid during the call. */
export type Write = (bytes: Uint8Array) => void

/** The words of W1, most frequent first: distinct, 3 to 10 letters a-z. */
export function vocabulary(): string[] {
  const random = new SplitMix64(42)
  const words = new Set<string>()
  while (words.size < VOCABULARY_SIZE) {
    const length = 3 + random.below(8)
    let word = ''
    for (let i = 0; i < length; i++) word += String.fromCharCode(LETTER_A + random.below(26))
    words.add(word)
  }
  return [...words]
}

/** Cumulative Zipf probabilities by rank: entry k is the chance of a rank at most k. */
function zipfCumulative(): Float64Array {
  const cumulative = new Float64Array(VOCABULARY_SIZE)
  let sum = 0
  for (let k = 0; k < VOCABULARY_SIZE; k++) cumulative[k] = sum += 1 / (k + 1) ** ZIPF_EXPONENT
  for (let k = 0; k < VOCABULARY_SIZE; k++) cumulative[k]! /= sum
  return cumulative
}

/** The first rank whose cumulative probability is not below u. */
function rankOf(cumulative: Float64Array, u: number): number {
  let from = 0
  let to = cumulative.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (cumulative[middle]! < u) from = middle + 1
    else to = middle
  }
  return Math.min(from, cumulative.length - 1)
}

function writeLines(lines: number, write: Write): void {
  const words = vocabulary().map(word => Buffer.from(word, 'latin1'))
  const cumulative = zipfCumulative()
  const random = new SplitMix64(1001)
  const out = new Uint8Array(CHUNK_LINES * WORDS_A_LINE * (WORD_LENGTH_MAX + 1))
  for (let first = 0; first < lines; first += CHUNK_LINES) {
    let end = 0
    for (let line = first; line < Math.min(first + CHUNK_LINES, lines); line++) {
      for (let i = 0; i < WORDS_A_LINE; i++) {
        const word = words[rankOf(cumulative, random.unit())]!
        for (let j = 0; j < word.length; j++) out[end++] = word[j]!
        out[end++] = SPACE
      }
      out[end - 1] = NEWLINE
    }
    write(out.subarray(0, end))
  }
}

/** The sparse key of an id: an integer below 2^53, exact as a number, different for every id. */
export function keyOf(id: number): number {
  return new SplitMix64(BigInt(id) * 0xd1342543de82ef95n + 7n).integer53()
}

/** Keys and values are drawn in turn: each file is one walk that keeps every other draw. */
function writePairs(pairs: number, write: Write, of: 'keys' | 'values'): void {
  const random = new SplitMix64(2002)
  const ids = new Float64Array(PAIR_IDS).fill(-1)
  const out = new Float64Array(pairs)
  for (let i = 0; i < pairs; i++) {
    const id = random.below(PAIR_IDS)
    const value = random.unit()
    if (of === 'values') out[i] = value
    else out[i] = ids[id]! >= 0 ? ids[id]! : (ids[id] = keyOf(id))
  }
  write(new Uint8Array(out.buffer))
}

function writeWindowKeys(keys: number, write: Write): void {
  const random = new SplitMix64(3003)
  const known = new Float64Array(WINDOW_IDS).fill(-1)
  const out = new Float64Array(keys)
  for (let i = 0; i < keys; i++) {
    const id = random.below(WINDOW_IDS)
    out[i] = known[id]! >= 0 ? known[id]! : (known[id] = keyOf(id))
  }
  write(new Uint8Array(out.buffer))
}

/** Updates of running states: keys and values are drawn in turn, as those of pairs are. */
function writeUpdates(updates: number, write: Write, of: 'keys' | 'values'): void {
  const random = new SplitMix64(4004)
  const out = new Float64Array(updates)
  for (let i = 0; i < updates; i++) {
    const id = random.below(STATE_IDS)
    const value = random.unit()
    out[i] = of === 'values' ? value : keyOf(id)
  }
  write(new Uint8Array(out.buffer))
}

/** The keys that have a state before the first update. */
function writeStates(states: number, write: Write): void {
  write(new Uint8Array(Float64Array.from({ length: states }, (_, id) => keyOf(id)).buffer))
}

function writeNumbers(numbers: number, write: Write): void {
  const random = new SplitMix64(6006)
  const out = new Float64Array(numbers)
  for (let i = 0; i < numbers; i++) out[i] = random.below(NUMBER_LIMIT)
  write(new Uint8Array(out.buffer))
}

const scaled = (count: number, scale: number): number => Math.max(1, Math.round(count * scale))

/** Every file and how its bytes are made; little-endian, as all of Node's platforms are. */
const FILES = {
  'w1.txt': (scale, write) => writeLines(scaled(LINES, scale), write),
  'w2_keys.f64': (scale, write) => writePairs(scaled(PAIRS, scale), write, 'keys'),
  'w2_vals.f64': (scale, write) => writePairs(scaled(PAIRS, scale), write, 'values'),
  'w3_keys.f64': (scale, write) => writeWindowKeys(scaled(WINDOW_KEYS, scale), write),
  'w4_init.f64': (scale, write) => writeStates(scaled(STATE_IDS, scale), write),
  'w4_keys.f64': (scale, write) => writeUpdates(scaled(UPDATES, scale), write, 'keys'),
  'w4_vals.f64': (scale, write) => writeUpdates(scaled(UPDATES, scale), write, 'values'),
  'w6.f64': (scale, write) => writeNumbers(scaled(NUMBERS, scale), write),
} satisfies Record<string, (scale: number, write: Write) => void>

export type DataFile = keyof typeof FILES

/** Hands the bytes of one data file to `write`, in order. */
export function generateBytes(file: DataFile, scale: number, write: Write): void {
  FILES[file](scale, write)
}

/**
 * Writes one data file into a folder (made if need be). The file appears under its name only when
 * it is complete, so a cut-off run leaves nothing that looks like data.
 */
export function generate(file: DataFile, folder: string, options: { scale: number }): void {
  mkdirSync(folder, { recursive: true })
  const partial = join(folder, `${file}.${process.pid}.partial`)
  const handle = openSync(partial, 'w')
  try {
    generateBytes(file, options.scale, bytes => {
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at)
    })
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  } finally {
    closeSync(handle)
  }
  renameSync(partial, join(folder, file))
}
