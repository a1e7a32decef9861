/**
 * Runs of 64 KiB pages: taken by one compareExchange where a word of the bitmap has room for the
 * whole run, else word by word, upwards, with undo. The protocol is in arena-layout.ts.
 */
import {
  type ArenaTables,
  CAPACITY_WORD,
  findRun,
  HIGH_PAGE_WORD,
  lowBits,
  PAGE_BYTES,
  raiseWord,
  type SharedMemory,
  wholeWords,
} from './arena-layout.ts'

/** A claim starts where the last one of its length succeeded this many times, then at word 0. */
const HINT_TURNS = 32
/** Pages added at once where the memory has to grow: 16 MiB. */
const GROW_PAGES = 256

/** Takes `count` adjacent pages for `owner` and returns the first, or 0 where there are none. */
export function claimPages(tables: ArenaTables, count: number, owner: number): number {
  const page = (count <= 32 && claimInWord(tables, count)) || claimAcrossWords(tables, count)
  if (page === 0) return 0
  const { header, pageSpan, pageOwner } = tables
  if (Atomics.load(header, HIGH_PAGE_WORD) < page + count) {
    raiseWord(header, HIGH_PAGE_WORD, page + count)
  }
  pageSpan[page] = count
  for (let k = 1; k < count; k++) pageSpan[page + k] = -k
  Atomics.store(pageOwner, page, owner)
  return page
}

/** Gives the bits of a run back; its owner word is 0 already. */
export function releasePages(tables: ArenaTables, page: number, count: number): void {
  const { pageBits, wordHint } = tables
  const end = page + count
  for (let from = page; from < end; from = nextWord(from)) {
    Atomics.and(pageBits, from >>> 5, ~maskInWord(from, end))
  }
  if (count <= 32 && page >>> 5 < wordHint[count]!) wordHint[count] = page >>> 5
}

/** Lowest address first, except that a hint skips words that were full a few claims ago. */
function claimInWord(tables: ArenaTables, count: number): number {
  const { header, wordHint, hintTurns } = tables
  const words = Atomics.load(header, CAPACITY_WORD) >>> 5
  let start = 0
  if (hintTurns[count]! > 0) {
    hintTurns[count]!--
    start = wordHint[count]!
  } else hintTurns[count] = HINT_TURNS
  for (let word = start; word < words; word++) {
    const page = claimRun(tables, word, count)
    if (page > 0) return page
  }
  for (let word = 0; word < start; word++) {
    const page = claimRun(tables, word, count)
    if (page > 0) return page
  }
  return 0
}

function claimRun(tables: ArenaTables, word: number, count: number): number {
  const { pageBits, wordHint } = tables
  let taken = Atomics.load(pageBits, word)
  while (taken !== -1) {
    const bit = findRun(~taken, count)
    if (bit < 0) return 0
    const mask = lowBits(count) << bit
    const old = Atomics.compareExchange(pageBits, word, taken, taken | mask)
    if (old === taken) {
      wordHint[count] = word
      return (word << 5) + bit
    }
    taken = old
  }
  return 0
}

/** The lowest run of `count` pages that is free, wherever it starts; 0 where there is none. */
function claimAcrossWords(tables: ArenaTables, count: number): number {
  const { header, pageBits } = tables
  const words = Atomics.load(header, CAPACITY_WORD) >>> 5
  let start = 0
  for (let word = 0; word < words; word++) {
    // Looking first keeps claims, and with them collisions and undoing, to runs that seemed free.
    const taken = Atomics.load(pageBits, word)
    const freeBelow = taken === 0 ? 32 : 31 - Math.clz32(taken & -taken)
    if ((word << 5) + freeBelow - start >= count) {
      const obstacle = takeRun(tables, start, start + count)
      if (obstacle < 0) return start
      // Somebody took pages of it meanwhile: go on with the word where that happened.
      start = obstacle & ~31
      word = (obstacle >>> 5) - 1
    } else if (taken !== 0) start = nextWord(word << 5) - Math.clz32(taken)
  }
  return 0
}

/** Takes the pages from `start` to `end`, or undoes what it took and returns where it collided. */
function takeRun(tables: ArenaTables, start: number, end: number): number {
  const { pageBits } = tables
  for (let from = start; from < end; from = nextWord(from)) {
    const mask = maskInWord(from, end)
    let taken = Atomics.load(pageBits, from >>> 5)
    for (;;) {
      if ((taken & mask) !== 0) {
        if (from > start) releasePages(tables, start, from - start)
        return from
      }
      const old = Atomics.compareExchange(pageBits, from >>> 5, taken, taken | mask)
      if (old === taken) break
      taken = old
    }
  }
  return -1
}

/** The bits in the word of page `from` that belong to the pages from there to `end`. */
function maskInWord(from: number, end: number): number {
  return lowBits(Math.min(32 - (from & 31), end - from)) << (from & 31)
}

function nextWord(page: number): number {
  return (page | 31) + 1
}

/**
 * Makes room for `count` more pages in a memory that was created small. Any thread may; two that
 * grow at once only grow twice. Returns whether there are more pages than before.
 */
export function growPages(tables: ArenaTables, count: number): boolean {
  const { header, memory, maxPages } = tables
  const before = Atomics.load(header, CAPACITY_WORD)
  if (before >= maxPages) return false
  const needed = Math.min(Math.ceil(count / 32) * 32, maxPages - before)
  const step = Math.min(Math.max(needed, GROW_PAGES), maxPages - before)
  if (lengthPages(memory) <= before && !tryGrow(memory, step)) tryGrow(memory, needed)
  raiseWord(header, CAPACITY_WORD, lengthPages(memory))
  return Atomics.load(header, CAPACITY_WORD) > before
}

function lengthPages(memory: SharedMemory): number {
  return wholeWords(memory.buffer.byteLength / PAGE_BYTES)
}

function tryGrow(memory: SharedMemory, pages: number): boolean {
  try {
    memory.grow(pages)
    return true
  } catch {
    // The address space is used up, or another thread has just grown to the maximum.
    return false
  }
}
