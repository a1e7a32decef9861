/**
 * Where everything lies in the arena's memory, and the protocol that keeps it right while threads
 * allocate, free and die at the same time. There is no lock: a lock would die with its holder.
 *
 * ```text
 * byte 0      header    magic, capacity, cells in use, peak, high page, spare cell pages
 *             pageBits  1 bit a page    set: the page is taken
 *             openBits  1 bit a page    set: probably a cell page with free cells (a hint only)
 *             pageOwner 1 word a page   > 0 head of a page chunk, -1 cell page, 0 neither
 *             pageSpan  1 word a page   at a head: pages of the run; at its k-th page: -k
 *             cellFree  1 word a page   bit set: that cell is free; 0 for all that is no cell page
 *             cellOwner 1 word a cell   > 0 head of a cell chunk, 0 no head
 *             cellSpan  1 byte a cell   at a head: cells of the run; at its k-th cell: -k
 * firstPage   chunks ...                pages of 64 KiB, or pages divided into 32 cells of 2 KiB
 *
 *    pageBits   1 1 1 1 1 1 1 0 ...     cellFree[6]   0 0 0 1 1 ... 1   (29 cells free)
 *    pageOwner  - 7 0 0 9 3-1 0         cellOwner     7 0 9 0 0 ... 0
 *    pageSpan   - 3-1-2 1 1 1           cellSpan      2-1 1
 *               | `-v-' | | cell page
 *      metadata   owner 7's three pages
 * ```
 *
 * **The truth** of who may write a page is its bit in `pageBits`; of a cell, its bit in `cellFree`.
 * Both change only by one read-modify-write of the whole word, so the outcome depends on the
 * present value alone, never on what a thread saw earlier (no ABA). Whoever took the bits alone
 * writes the owner and span words under them until the bits are given back.
 *
 * **Order of stores**, with what a thread leaves behind that dies after each step:
 *
 * ```text
 * alloc  1 add to cells in use          counter too high           reconcile() counts anew
 *        2 take the bits (CAS)          bits without an owner      reconcile() clears them
 *        3 raise the high page          the same
 *        4 write the span               the same
 *        5 store the owner              a live chunk of a dead owner: reap(owner) frees it
 * free   1 owner -> 0 (CAS)             bits without an owner      reconcile()
 *          (two frees race: one sees 0 and throws)
 *        2 fill with poison             the same
 *        3 give the bits back (and/or)  counter too high           reconcile()
 *        4 subtract from cells in use   nothing
 * open   1 take a page, owner = -1      a cell page without cells  reconcile()
 *        2 cellFree = all but own run   cells without an owner     reconcile()
 *        3 set the open bit             cells not found by search until one of the page is freed
 * close  1 cellFree -1 -> 0 (CAS)       a cell page without cells  reconcile()
 *          (nobody can take a cell of it from here on; who came first makes the CAS fail)
 *        2 clear the open bit           the same
 *        3 pageOwner -> 0               a bit without an owner     reconcile()
 *        4 clear the page bit           nothing
 * long   a run over several words is taken word by word, upwards, and undone when it collides;
 *        of two that collide one goes on. Death leaves bits without an owner: reconcile()
 * ```
 *
 * So a death leaks bits but never hands out the same page twice, and never makes anyone wait.
 *
 * **The open bit** follows `cellFree` with a delay. Who takes the last cell clears the bit, then
 * looks again and sets it if a free came in between; every free checks that it is set. A bit that
 * is set wrongly (page closed meanwhile) leads to `cellFree` 0, where nothing can be taken.
 *
 * **Visibility.** Spans are plain stores; they come before the atomic store of the owner word and
 * are read after an atomic load of it, which orders them.
 *
 * **Capacity** only grows. A thread that dies between `memory.grow` and raising the capacity leaves
 * it too low; the next one who needs pages looks at the real length first.
 */

/** Bytes of a page, the unit of WebAssembly memory too. */
export const PAGE_BYTES = 65536
/** Bytes of a cell. */
export const CELL_BYTES = 2048
export const CELLS_PER_PAGE = 32
/** Requests up to this many bytes get cells, larger ones pages: at most half a page is wasted. */
export const CELL_REQUEST_BYTES_MAX = 32768
/** The most pages that 32-bit pointers reach. */
export const PAGES_MAX = 65536
/** Owner word of a page that is divided into cells. */
export const CELL_PAGE = -1
/** Largest owner: a positive 31-bit integer. */
export const OWNER_MAX = 0x7fffffff

const MAGIC = 0x504c_4101
const HEADER_BYTES = 4096
// Words of the header, each on its own cache line so that counters don't slow each other down.
const MAGIC_WORD = 0
const MAX_PAGES_WORD = 1
export const CAPACITY_WORD = 16
export const IN_USE_WORD = 32
export const PEAK_WORD = 48
export const HIGH_PAGE_WORD = 64
/** Nobody notifies this word: threads wait on it to let a bounded time pass. */
export const PARK_WORD = 80
export const SPARE_WORD = 96
/** Empty cell pages kept open so that alloc, free, alloc does not open and close pages. */
export const SPARES = 8

/**
 * A `WebAssembly.Memory` with `shared: true`. The compiler's types have WebAssembly only together
 * with the whole DOM, and know no shared buffers there.
 */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer
  /** Adds pages of 64 KiB; throws RangeError where there is no room. */
  grow(pages: number): number
}

/** Views of one thread over the metadata, and that thread's hints. */
export interface ArenaTables {
  readonly memory: SharedMemory
  readonly maxPages: number
  /** First page behind the metadata. */
  readonly firstPage: number
  readonly limitCells: number
  readonly header: Int32Array
  readonly pageBits: Int32Array
  readonly openBits: Int32Array
  readonly pageOwner: Int32Array
  readonly pageSpan: Int32Array
  readonly cellFree: Int32Array
  readonly cellOwner: Int32Array
  readonly cellSpan: Int8Array
  /** This thread's own: by run length, the bitmap word where the last claim succeeded. */
  readonly wordHint: Int32Array
  /** This thread's own: by run length, claims left before the search restarts at word 0. */
  readonly hintTurns: Int32Array
  /** This thread's own: the cell page that served last; 0 for none. */
  cellPage: number
  /** This thread's own: where the search for open cell pages goes on. */
  cellCursor: number
}

interface Offsets {
  readonly pageBits: number
  readonly openBits: number
  readonly pageOwner: number
  readonly pageSpan: number
  readonly cellFree: number
  readonly cellOwner: number
  readonly cellSpan: number
  readonly firstPage: number
}

function offsetsFor(maxPages: number): Offsets {
  let end = HEADER_BYTES
  const table = (bytes: number): number => {
    const start = end
    end = Math.ceil((end + bytes) / 64) * 64
    return start
  }
  return {
    pageBits: table(maxPages / 8),
    openBits: table(maxPages / 8),
    pageOwner: table(maxPages * 4),
    pageSpan: table(maxPages * 4),
    cellFree: table(maxPages * 4),
    cellOwner: table(maxPages * CELLS_PER_PAGE * 4),
    cellSpan: table(maxPages * CELLS_PER_PAGE),
    firstPage: Math.ceil(end / PAGE_BYTES),
  }
}

/** Pages that the metadata of an arena of `maxPages` pages takes. */
export function metadataPages(maxPages: number): number {
  return offsetsFor(maxPages).firstPage
}

/** Views over the metadata, which is always inside the memory and needs no refreshing. */
export function openTables(
  memory: SharedMemory,
  maxPages: number,
  limitCells: number,
): ArenaTables {
  const { buffer } = memory
  const at = offsetsFor(maxPages)
  return {
    memory,
    maxPages,
    firstPage: at.firstPage,
    limitCells,
    header: new Int32Array(buffer, 0, HEADER_BYTES / 4),
    pageBits: new Int32Array(buffer, at.pageBits, maxPages / 32),
    openBits: new Int32Array(buffer, at.openBits, maxPages / 32),
    pageOwner: new Int32Array(buffer, at.pageOwner, maxPages),
    pageSpan: new Int32Array(buffer, at.pageSpan, maxPages),
    cellFree: new Int32Array(buffer, at.cellFree, maxPages),
    cellOwner: new Int32Array(buffer, at.cellOwner, maxPages * CELLS_PER_PAGE),
    cellSpan: new Int8Array(buffer, at.cellSpan, maxPages * CELLS_PER_PAGE),
    wordHint: new Int32Array(33),
    hintTurns: new Int32Array(33),
    cellPage: 0,
    cellCursor: 0,
  }
}

/** Writes the header of a fresh, zeroed memory and marks the pages of the metadata as taken. */
export function formatTables(tables: ArenaTables): void {
  const { header, pageBits, firstPage } = tables
  for (let page = 0; page < firstPage; page++) pageBits[page >>> 5]! |= 1 << (page & 31)
  header[MAX_PAGES_WORD] = tables.maxPages
  header[HIGH_PAGE_WORD] = firstPage
  header[CAPACITY_WORD] = wholeWords(tables.memory.buffer.byteLength / PAGE_BYTES)
  Atomics.store(header, MAGIC_WORD, MAGIC)
}

/** Whether `memory` holds an arena of `maxPages` pages. */
export function isFormatted(memory: SharedMemory, maxPages: number): boolean {
  if (memory.buffer.byteLength < HEADER_BYTES) return false
  const header = new Int32Array(memory.buffer, 0, HEADER_BYTES / 4)
  return Atomics.load(header, MAGIC_WORD) === MAGIC && header[MAX_PAGES_WORD] === maxPages
}

/** Pages rounded down to whole words of the bitmap. */
export function wholeWords(pages: number): number {
  return pages - (pages % 32)
}

/** Raises a word of the header to at least `value`. */
export function raiseWord(header: Int32Array, word: number, value: number): void {
  let seen = Atomics.load(header, word)
  while (seen < value) {
    const old = Atomics.compareExchange(header, word, seen, value)
    if (old === seen) return
    seen = old
  }
}

/** A mask of `length` (1 to 32) low bits. */
export function lowBits(length: number): number {
  return length === 32 ? -1 : (1 << length) - 1
}

/** The lowest bit where `length` (1 to 32) set bits begin, or -1. */
export function findRun(bits: number, length: number): number {
  for (let have = 1; have < length; ) {
    const step = Math.min(have, length - have)
    bits &= bits >>> step
    have += step
  }
  return bits === 0 ? -1 : 31 - Math.clz32(bits & -bits)
}

/**
 * Ends the life of the chunk whose owner word is `owners[index]`: exactly one caller gets true.
 * With `owner` given, only while that is the owner.
 */
export function takeHead(owners: Int32Array, index: number, owner = 0): boolean {
  let seen = Atomics.load(owners, index)
  while (seen > 0 && (owner === 0 || seen === owner)) {
    const old = Atomics.compareExchange(owners, index, seen, 0)
    if (old === seen) return true
    seen = old
  }
  return false
}
