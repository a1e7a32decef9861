/**
 * How the states of a partition's keys lie in the arena. A header of words points to columns by id;
 * ids are dense, in the order in which the keys first came.
 *
 * ```
 *  header ─▶ slots     u32: id + 1 by hash of the key; find-or-insert of kernels/group.ts
 *         ─▶ records   by id: │ key: f64, or view of a text │ value │ time │, in one cache line
 *                      value: a number, or what no number looks like (cells.ts)
 *                      time: f64, of the batch that touched the state last
 *         ─▶ links, heads   ids by time (expiry.ts)
 *         ─▶ heap      chunks, one linked to the one before: bytes, which never change
 *         ─▶ log       while a batch writes: the header as it was, and cells before they change
 * ```
 * A batch changes values, times, links, heads and empty slots where they lie, and nothing else of
 * what it has found: whatever grows is copied, and the old copy stays until the batch is committed.
 * The header changes last. So the log brings back what was there, whenever the writer stops:
 *
 * ```
 *  begin ─▶ log ─▶ cells of a vector into the log ─▶ the vector's rows ─▶ … ─▶ end ─▶ commit
 *                  └──────────── undo, by whoever gets to know of the failure ──────┘
 * ```
 */

/** Words of the header. Addresses are 0 where there is nothing. */
export const LOG = 0
export const COUNT = 1
/** Ids that have a state. */
export const LIVE = 2
/** Ids that the columns have room for. */
export const CAPACITY = 3
export const SLOTS = 4
export const MASK = 5
/** What keys are: one of the kinds below. */
export const KIND = 6
export const RECORDS = 7
export const LINKS = 8
export const HEADS = 9
/** The keys as they were, as cells, where records have their canonical text. */
export const ORIGINALS = 10
/** The last chunk of the heap: address of the one before, and from `HEAP_START` on bytes. */
export const HEAP = 11
/** Bytes used of it. */
export const HEAP_USED = 12
/** Bytes of all its chunks, and of those that nobody refers to any more. */
export const HEAP_BYTES = 13
export const HEAP_DEAD = 14
/** Buckets of `heads`; their width in milliseconds, and until when they have been emptied, f64. */
export const BUCKETS = 15
export const WIDTH = 16
export const WALKED = 18
/** Words that a batch brings forward, and that the log has a copy of. */
export const HEADER_WORDS = 20
/** Counts beginnings and undoings, so that a reader knows that it has read across one. */
export const GENERATION = 20
/**
 * Time of the last batch whose states have been saved elsewhere, f64; infinite where they never
 * are. Records of later times have changed since: also those that lost their state, which keep
 * their place until that has been saved too.
 */
export const SAVED = 22
export const TABLE_WORDS = 24

/** The log begins with a copy of the header. */
export const LOG_COUNT = 20
export const LOG_ENTRIES = 24 * 4
/** id, nothing, the cell, the time. */
export const LOG_ENTRY_BYTES = 24
export const LOG_ENTRY_WORDS = 6

export const HEAP_START = 8
/** In front of the records: room for a key that the kernels write. */
export const FRONT = 32

/** Kinds of keys: none yet, numbers, texts, and all others by their canonical text. */
export const NO_KEYS = 0
export const NUMBERS = 1
export const TEXTS = 2
export const OTHERS = 3

export const CELL_BYTES = 8
export const ID_BYTES = 4
export const VIEW_BYTES = 16

/** Numbers (8 bytes) of a record; the last two are value and time. */
export function strideOf(kind: number): number {
  return kind === NUMBERS ? 3 : 4
}

/** The columns that a header points to, as words of the header. */
const columns = [SLOTS, RECORDS, LINKS, HEADS, ORIGINALS]

const chunkOf = (word: number, address: number): number =>
  word === RECORDS ? address - FRONT : address

/** The heap's chunks from one on, those before it behind it; `until` ends the list. */
function heapFrom(u32: Uint32Array, first: number, until = 0): number[] {
  const chunks: number[] = []
  for (let at = first; at !== 0 && at !== until; at = u32[at / 4]!) chunks.push(at)
  return chunks
}

/** Chunks of the columns that the words at `at` (an index) point to, and those at `but` do not. */
function columnChunks(u32: Uint32Array, at: number, but?: number): number[] {
  return columns.flatMap(word => {
    const address = u32[at + word]!
    const isOther = address !== 0 && (but === undefined || address !== u32[but + word])
    return isOther ? [chunkOf(word, address)] : []
  })
}

/** All chunks that the words at `at` point to, but for the log. */
export function chunksOf(u32: Uint32Array, at: number): number[] {
  return [...columnChunks(u32, at), ...heapFrom(u32, u32[at + HEAP]!)]
}

/** Chunks that the words at `at` point to and those at `before` do not. */
export function addedChunks(u32: Uint32Array, before: number, at: number): number[] {
  return [...columnChunks(u32, at, before), ...heapFrom(u32, u32[at + HEAP]!, u32[before + HEAP]!)]
}

/** Chunks that the words at `before` point to and those at `at` do not. */
export function replacedChunks(u32: Uint32Array, before: number, at: number): number[] {
  const found = columnChunks(u32, before, at)
  const heap = u32[before + HEAP]!
  // A heap grows by chunks that lead to those before; one that does not has taken their place.
  const isKept = heap === 0 || heapFrom(u32, u32[at + HEAP]!).includes(heap)
  return isKept ? found : [...found, ...heapFrom(u32, heap)]
}
