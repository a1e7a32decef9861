/**
 * Splits a column of strings into parts: `split(separator)` and `split(/\s+/)` of every row.
 *
 * Parts of all rows follow each other at `out`; `counts` gets the number of parts of each row.
 * Parts
 * of more than 12 bytes point into the row's text. `state` is three words, written at the end: the
 * number of rows done; why it stopped before the next row, if so (0: all done, 1: no room for
 * its parts, 2: the row is for JavaScript); and room that is enough for that row. The caller goes
 * on with the rows behind. Rows already done are never touched again.
 */
import { lastLoad, loadNear, sameBytes, textOf, writeView } from './memory'

const NO_ROOM: u32 = 1
const FOR_JAVASCRIPT: u32 = 2
/** What `splitRow` and `spaceRow` return instead of where the parts end. */
const FAILED: usize = 0
/** What `nextCut` returns where there is no separator. */
const NO_CUT: usize = 0

/**
 * `text.split(separator)` of every row.
 *
 * @param length Bytes of the separator at `separator`; at least 1.
 * @param cap Most parts to write.
 * @returns Number of parts.
 */
export function splitViews(
  views: usize,
  n: u32,
  separator: usize,
  length: u32,
  out: usize,
  cap: u32,
  counts: usize,
  state: usize,
): u32 {
  const first = out
  const limit = out + (cap << 4)
  const last = lastLoad()
  for (let row: u32 = 0; row < n; row++, views += 16) {
    const text = textOf(views)
    const bytes = load<u32>(views)
    const end = splitRow(text, text + bytes, separator, length, out, limit, last)
    if (end === FAILED) return stop(state, row, NO_ROOM, bytes / length + 1, out - first)
    store<u32>(counts + (row << 2), (end - out) >> 4)
    out = end
  }
  return stop(state, n, 0, 0, out - first)
}

/**
 * `text.split(/\s+/)` of every row. Rows that may hold white space outside of ASCII are left to
 * JavaScript.
 *
 * @param cap Most parts to write.
 * @returns Number of parts.
 */
export function splitWhitespace(
  views: usize,
  n: u32,
  out: usize,
  cap: u32,
  counts: usize,
  state: usize,
): u32 {
  const first = out
  const limit = out + (cap << 4)
  const last = lastLoad()
  for (let row: u32 = 0; row < n; row++, views += 16) {
    const text = textOf(views)
    const bytes = load<u32>(views)
    if (mayHoldWideSpace(text, text + bytes, last)) {
      return stop(state, row, FOR_JAVASCRIPT, 0, out - first)
    }
    const end = spaceRow(text, text + bytes, out, limit, last)
    if (end === FAILED) return stop(state, row, NO_ROOM, (bytes >> 1) + 2, out - first)
    store<u32>(counts + (row << 2), (end - out) >> 4)
    out = end
  }
  return stop(state, n, 0, 0, out - first)
}

/**
 * `text.split(separator)[place]` of every row. Where there are fewer parts, the mask `missing` is
 * 1 and the part empty. Parts of more than 12 bytes point into the row's text.
 *
 * @param length Bytes of the separator at `separator`; at least 1.
 */
export function partViews(
  views: usize,
  n: u32,
  separator: usize,
  length: u32,
  place: u32,
  out: usize,
  missing: usize,
): void {
  const last = lastLoad()
  const stop = out + (n << 4)
  for (; out !== stop; views += 16, out += 16, missing++) {
    let start = textOf(views)
    const end = start + load<u32>(views)
    let cut = nextCut(start, end, separator, length, last)
    let left = place
    for (; left !== 0 && cut !== NO_CUT; left--) {
      start = cut + length
      cut = nextCut(start, end, separator, length, last)
    }
    store<u8>(missing, u8(left !== 0))
    writeView(out, start, left !== 0 ? 0 : (cut === NO_CUT ? end : cut) - start, last)
  }
}

/** `text.split(separator).length` of every row, as f64. */
export function countParts(views: usize, n: u32, separator: usize, length: u32, out: usize): void {
  const last = lastLoad()
  const stop = out + (n << 3)
  for (; out !== stop; views += 16, out += 8) {
    let start = textOf(views)
    const end = start + load<u32>(views)
    let parts: u32 = 1
    let cut = nextCut(start, end, separator, length, last)
    for (; cut !== NO_CUT; parts++) {
      start = cut + length
      cut = nextCut(start, end, separator, length, last)
    }
    store<f64>(out, f64(parts))
  }
}

/** Where the next separator of [p, end) begins. */
function nextCut(p: usize, end: usize, separator: usize, length: u32, last: usize): usize {
  const opening = i8x16.splat(load<i8>(separator))
  while (p !== end) {
    let mask = inRange(i8x16.eq(loadNear(p, last), opening), end - p)
    while (mask !== 0) {
      const cut = p + ctz(mask)
      if (length === 1) return cut
      if (end - cut >= length && sameBytes(cut, separator, length)) return cut
      mask &= mask - 1
    }
    p = end - p < 16 ? end : p + 16
  }
  return NO_CUT
}

function stop(state: usize, rows: u32, reason: u32, room: u32, bytes: usize): u32 {
  store<u32>(state, rows)
  store<u32>(state, reason, 4)
  store<u32>(state, room, 8)
  return bytes >> 4
}

/** Writes the parts of [p, end); returns where they end. */
function splitRow(
  p: usize,
  end: usize,
  separator: usize,
  length: u32,
  out: usize,
  limit: usize,
  last: usize,
): usize {
  const opening = i8x16.splat(load<i8>(separator))
  let start = p
  while (p !== end) {
    let mask = inRange(i8x16.eq(loadNear(p, last), opening), end - p)
    while (mask !== 0) {
      const cut = p + ctz(mask)
      mask &= mask - 1
      if (length > 1) {
        // A separator may not begin within the one before it.
        if (cut < start || end - cut < length) continue
        if (!sameBytes(cut, separator, length)) continue
      }
      if (out === limit) return FAILED
      writeView(out, start, cut - start, last)
      out += 16
      start = cut + length
    }
    p = end - p < 16 ? end : p + 16
  }
  if (out === limit) return FAILED
  writeView(out, start, end - start, last)
  return out + 16
}

function spaceRow(p: usize, end: usize, out: usize, limit: usize, last: usize): usize {
  const origin = p
  let start = p
  while (p !== end) {
    let mask = inRange(spaces(loadNear(p, last)), end - p)
    while (mask !== 0) {
      const cut = p + ctz(mask)
      mask &= mask - 1
      // Further spaces of a run do not end a part; the first byte of the row may.
      if (cut !== start || cut === origin) {
        if (out === limit) return FAILED
        writeView(out, start, cut - start, last)
        out += 16
      }
      start = cut + 1
    }
    p = end - p < 16 ? end : p + 16
  }
  if (out === limit) return FAILED
  writeView(out, start, end - start, last)
  return out + 16
}

/** Marks tab, line feed, vertical tab, form feed, carriage return and space. */
function spaces(v: v128): v128 {
  const controls = i8x16.lt_u(i8x16.sub(v, i8x16.splat(9)), i8x16.splat(5))
  return v128.or(controls, i8x16.eq(v, i8x16.splat(32)))
}

/** Bits of the marked bytes, of the first `bytes` ones. */
function inRange(marks: v128, bytes: usize): u32 {
  const mask = i8x16.bitmask(marks) as u32
  return bytes < 16 ? mask & ((1 << bytes) - 1) : mask
}

/** Whether a byte opens a character that may be white space: U+00A0, U+1680, U+2000 … U+FEFF. */
function mayHoldWideSpace(p: usize, end: usize, last: usize): boolean {
  while (p !== end) {
    const v = loadNear(p, last)
    if (inRange(v, end - p) !== 0) {
      // Signed: 0xe1 to 0xe3 are -31 to -29, 0xc2 is -62, 0xef is -17.
      const middle = i8x16.lt_u(i8x16.add(v, i8x16.splat(31)), i8x16.splat(3))
      const edges = v128.or(i8x16.eq(v, i8x16.splat(-62)), i8x16.eq(v, i8x16.splat(-17)))
      if (inRange(v128.or(middle, edges), end - p) !== 0) return true
    }
    p = end - p < 16 ? end : p + 16
  }
  return false
}
