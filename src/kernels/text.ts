/** Cuts UTF-8 text into views of its lines, or of the parts of its lines. */
import { inlineView, lastLoad, loadNear, writeLongView, writeView } from './memory'

/**
 * Cuts [text, end) at newlines and at a separator, as `line.split(separator)` does for each line:
 * empty parts are kept, an empty line has one empty part. A line ends at `\n` or at `end`, and a
 * `\r` right before that is no part of it; after a final newline there is nothing. Views of more
 * than 12 bytes point into the text.
 *
 * `state` is two words: where to go on, and 1 when a part must follow there even if it is empty.
 * Begin with (text, 0); all is done when it holds (end, 0). Up to 15 bytes beyond `end` are
 * loaded, but none beyond the end of memory.
 *
 * @param separator A byte, neither `\n` nor `\r`.
 * @param cap Most views to write at `out`; at least 1.
 * @returns Number of views.
 */
export function splitText(end: usize, separator: u32, out: usize, cap: u32, state: usize): u32 {
  const first = out
  const limit = out + (cap << 4)
  const separators = i8x16.splat(separator as i8)
  let start: usize = load<u32>(state)
  let open = load<u32>(state, 4)
  const resumed = start
  let p = start
  // Blocks of 64 bytes, while there is room for all parts that one can hold. A part may begin
  // right behind its block, and 16 bytes are loaded from there.
  while (end - p >= 80 && limit - out >= 64 * 16) {
    const v0 = v128.load(p)
    const v1 = v128.load(p, 16)
    const v2 = v128.load(p, 32)
    const v3 = v128.load(p, 48)
    let mask =
      cutsIn(v0, separators) |
      (cutsIn(v1, separators) << 16) |
      (cutsIn(v2, separators) << 32) |
      (cutsIn(v3, separators) << 48)
    const returns = v128.or(
      v128.or(returnsIn(v0), returnsIn(v1)),
      v128.or(returnsIn(v2), returnsIn(v3)),
    )
    const hasReturn = v128.any_true(returns) || (p !== start && load<u8>(p - 1) === 13)
    while (mask !== 0) {
      const cut = p + (ctz(mask) as usize)
      mask &= mask - 1
      let length: u32 = cut - start
      if (hasReturn) length -= endsInReturn(start, cut)
      if (length <= 12) v128.store(out, inlineView(v128.load(start), length))
      else writeLongView(out, start, length)
      out += 16
      start = cut + 1
    }
    p += 64
  }
  const last = lastLoad()
  while (p !== end && out !== limit) {
    let mask = cutsIn(loadNear(p, last), separators)
    if (end - p < 16) mask &= ((1 as u64) << ((end - p) as u64)) - 1
    while (mask !== 0 && out !== limit) {
      const cut = p + (ctz(mask) as usize)
      mask &= mask - 1
      writeView(out, start, cut - start - endsInReturn(start, cut), last)
      out += 16
      start = cut + 1
    }
    p = end - p < 16 ? end : p + 16
  }
  if (start !== resumed) open = u32(load<u8>(start - 1) !== 10)
  if (out !== limit && (start !== end || open)) {
    const returns = u32(start !== end && load<u8>(end - 1) === 13)
    writeView(out, start, end - start - returns, last)
    out += 16
    start = end
    open = 0
  }
  store<u32>(state, start)
  store<u32>(state, open, 4)
  return (out - first) >> 4
}

/**
 * Cuts [text, end) into lines. A line ends at `\n` or at `end`, and a `\r` right before that is
 * no part of it; after a final newline there is nothing. For `cap` and `state` see `splitText`.
 *
 * @returns Number of views.
 */
export function splitLines(end: usize, out: usize, cap: u32, state: usize): u32 {
  // With newlines as separators every line is one part.
  return splitText(end, 10, out, cap, state)
}

/** How many of `length` bytes at `text` are `byte`. */
export function countBytes(text: usize, length: u32, byte: u32): u32 {
  const end = text + length
  const wanted = i8x16.splat(byte as i8)
  let count: u32 = 0
  while (end - text >= 64) {
    let sum = i8x16.eq(v128.load(text), wanted)
    sum = i8x16.add(sum, i8x16.eq(v128.load(text, 16), wanted))
    sum = i8x16.add(sum, i8x16.eq(v128.load(text, 32), wanted))
    sum = i8x16.add(sum, i8x16.eq(v128.load(text, 48), wanted))
    // Every match has added -1.
    if (v128.any_true(sum)) {
      const pairs = i16x8.extadd_pairwise_i8x16_u(i8x16.neg(sum))
      const quads = i32x4.extadd_pairwise_i16x8_u(pairs)
      count += i32x4.extract_lane(quads, 0) + i32x4.extract_lane(quads, 1)
      count += i32x4.extract_lane(quads, 2) + i32x4.extract_lane(quads, 3)
    }
    text += 64
  }
  for (; text !== end; text++) count += u32(load<u8>(text) === byte)
  return count
}

/** Bits of the bytes where a part ends. */
function cutsIn(v: v128, separators: v128): u64 {
  return i8x16.bitmask(v128.or(i8x16.eq(v, separators), i8x16.eq(v, i8x16.splat(10)))) as u32 as u64
}

function returnsIn(v: v128): v128 {
  return i8x16.eq(v, i8x16.splat(13))
}

/** 1 where the part [start, cut) ends in the `\r` of a `\r\n`. */
function endsInReturn(start: usize, cut: usize): u32 {
  if (cut === start || load<u8>(cut) !== 10) return 0
  return u32(load<u8>(cut - 1) === 13)
}
