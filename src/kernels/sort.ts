/**
 * Stable orders of rows. `order` comes with the indexes of rows (u32) to be put in order, as they
 * stand; `scratch` is working memory. Both hold the same rows afterwards: the result is in
 * `order`.
 */
import { isLessView } from './text-order'

/** A pair to be sorted: u64 key, u32 row. */
const PAIR_BYTES: usize = 12
/** Counts of the 256 values of each of a key's 8 bytes. */
const COUNTS_BYTES: usize = 8192

/** Writes 0, 1, 2 … n - 1 to `order`. */
export function firstRows(order: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i++, order += 4) store<u32>(order, i)
}

/**
 * Orders rows by number, as `(a, b) => a - b` does: 0 and -0 are equal. NaNs come last.
 *
 * @param scratch 24 bytes a row, and 8 KiB.
 */
export function orderF64(values: usize, n: u32, order: usize, scratch: usize): void {
  const pairs = scratch + COUNTS_BYTES
  for (let i: u32 = 0; i < n; i++) {
    const row = load<u32>(order + (i << 2))
    store<u64>(pairs + i * PAIR_BYTES, sortable(load<f64>(values + (row << 3))))
    store<u32>(pairs + i * PAIR_BYTES, row, 8)
  }
  const sorted = sortPairs(scratch, pairs, pairs + n * PAIR_BYTES, n)
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(order + (i << 2), load<u32>(sorted + i * PAIR_BYTES, 8))
  }
}

/**
 * Orders rows by string, as JavaScript does without a comparator: by UTF-16 units.
 *
 * @param scratch 24 bytes a row, and 8 KiB.
 */
export function orderViews(views: usize, n: u32, order: usize, scratch: usize): void {
  const pairs = scratch + COUNTS_BYTES
  let isPlain = true
  for (let i: u32 = 0; i < n; i++) {
    const row = load<u32>(order + (i << 2))
    const opening = openingOf(views + (row << 4))
    isPlain = isPlain && hasPlainOrder(opening)
    store<u64>(pairs + i * PAIR_BYTES, opening)
    store<u32>(pairs + i * PAIR_BYTES, row, 8)
  }
  if (!isPlain) {
    mergeSort(views, order, n, scratch)
    return
  }
  const spare = pairs + n * PAIR_BYTES
  const sorted = sortPairs(scratch, pairs, spare, n)
  const free = sorted === pairs ? spare : pairs
  let start: u32 = 0
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(order + (i << 2), load<u32>(sorted + i * PAIR_BYTES, 8))
    // A run of rows with the same opening is sorted by what follows it.
    const isEnd =
      i + 1 === n || load<u64>(sorted + i * PAIR_BYTES) !== load<u64>(sorted + (i + 1) * PAIR_BYTES)
    if (!isEnd) continue
    const first = order + (start << 2)
    if (!isSettled(views, first, i + 1 - start)) mergeSort(views, first, i + 1 - start, free)
    start = i + 1
  }
}

/** Insertion sorts runs of 8, then merges run with run. */
function mergeSort(views: usize, order: usize, n: u32, scratch: usize): void {
  for (let start: u32 = 0; start < n; start += 8) {
    const end = min<u32>(start + 8, n)
    for (let i = start + 1; i < end; i++) {
      const row = load<u32>(order + (i << 2))
      let j = i
      while (
        j > start &&
        isLessView(views + (row << 4), views + (load<u32>(order + ((j - 1) << 2)) << 4))
      ) {
        store<u32>(order + (j << 2), load<u32>(order + ((j - 1) << 2)))
        j--
      }
      store<u32>(order + (j << 2), row)
    }
  }
  let from = order
  let to = scratch
  for (let width: u32 = 8; width < n; width <<= 1) {
    for (let start: u32 = 0; start < n; start += width << 1) {
      merge(views, from, to, start, min<u32>(start + width, n), min<u32>(start + (width << 1), n))
    }
    const swapped = from
    from = to
    to = swapped
  }
  if (from !== order) memory.copy(order, from, n << 2)
}

/** Sorts pairs by key, one byte after the other from the lowest. Returns where the result is. */
function sortPairs(counts: usize, pairs: usize, spare: usize, n: u32): usize {
  const size = n * PAIR_BYTES
  memory.fill(counts, 0, COUNTS_BYTES)
  for (let p = pairs; p !== pairs + size; p += PAIR_BYTES) {
    const key = load<u64>(p)
    for (let byte: u32 = 0; byte < 8; byte++) {
      const count = counts + (byte << 10) + ((((key >> (byte << 3)) as u32) & 255) << 2)
      store<u32>(count, load<u32>(count) + 1)
    }
  }
  let from = pairs
  let to = spare
  for (let byte: u32 = 0; byte < 8; byte++) {
    if (!startsOf(counts + (byte << 10), n)) continue
    for (let p = from; p !== from + size; p += PAIR_BYTES) {
      const key = load<u64>(p)
      const place = counts + (byte << 10) + ((((key >> (byte << 3)) as u32) & 255) << 2)
      const at = load<u32>(place)
      store<u32>(place, at + 1)
      store<u64>(to + at * PAIR_BYTES, key)
      store<u32>(to + at * PAIR_BYTES, load<u32>(p, 8), 8)
    }
    const swapped = from
    from = to
    to = swapped
  }
  return from
}

/** The first 8 bytes of a text, zero-padded, so that they compare as the text does. */
function openingOf(view: usize): u64 {
  const length = load<u32>(view)
  return bswap<u64>(load<u64>(length <= 12 ? view + 4 : (load<u32>(view, 8) as usize)))
}

/** False when a byte is 0xee or more, from where UTF-16 has an order of its own. */
function hasPlainOrder(opening: u64): boolean {
  // Per byte: the upper bit, where adding 0x12 to the rest carries into it as well.
  const carried = ((opening & 0x7f7f7f7f7f7f7f7f) + 0x1212121212121212) & opening
  return (carried & 0x8080808080808080) === 0
}

/** Whether texts with the same first 8 bytes are equal: they are short, and of one length. */
function isSettled(views: usize, order: usize, n: u32): boolean {
  if (n === 1) return true
  const length = load<u32>(views + (load<u32>(order) << 4))
  if (length > 8) return false
  for (let i: u32 = 1; i < n; i++) {
    if (load<u32>(views + (load<u32>(order + (i << 2)) << 4)) !== length) return false
  }
  return true
}

/** Bits that compare, unsigned, as the numbers do. */
function sortable(value: f64): u64 {
  if (isNaN<f64>(value)) return 0xffffffffffffffff
  const bits = reinterpret<u64>(value + 0.0)
  return (bits as i64) < 0 ? ~bits : bits | 0x8000000000000000
}

/** Turns 256 counts into starts; false when one of them counts all rows, so nothing would move. */
function startsOf(counts: usize, n: u32): boolean {
  let sum: u32 = 0
  for (let i: u32 = 0; i < 256; i++, counts += 4) {
    const count = load<u32>(counts)
    if (count === n) return false
    store<u32>(counts, sum)
    sum += count
  }
  return true
}

function merge(views: usize, from: usize, to: usize, start: u32, middle: u32, end: u32): void {
  let left = start
  let right = middle
  for (let i = start; i < end; i++) {
    const rowLeft = load<u32>(from + (left << 2))
    const rowRight = load<u32>(from + (right << 2))
    const takeRight =
      right < end &&
      (left === middle || isLessView(views + (rowRight << 4), views + (rowLeft << 4)))
    store<u32>(to + (i << 2), takeRight ? rowRight : rowLeft)
    if (takeRight) right++
    else left++
  }
}
