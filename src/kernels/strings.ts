/**
 * Strings made of strings: views of the results go to `out`, which may be the operand. Results of
 * more than 12 bytes point into their operand's text where they are a part of it; else they are
 * written to `heap`, one behind the other, and the kernel returns how many bytes that took.
 */
import { copyText, lastLoad, loadNear, textOf, writeLongView, writeView } from './memory'

/** `a.toLowerCase()` of ASCII; other bytes stay. `heap` has room for `longBytes`. */
export function lowerViews(a: usize, n: u32, out: usize, heap: usize): usize {
  return foldCase(a, n, out, heap, 65)
}

/** `a.toUpperCase()` of ASCII; other bytes stay. `heap` has room for `longBytes`. */
export function upperViews(a: usize, n: u32, out: usize, heap: usize): usize {
  return foldCase(a, n, out, heap, 97)
}

/**
 * `a.trim()` where `sides` is 3, `trimStart()` 1, `trimEnd()` 2.
 *
 * @param unsure Mask of rows for JavaScript: a byte outside of ASCII stands where trimming stops,
 * and
 * may be white space too.
 * @returns Number of those rows.
 */
export function trimViews(a: usize, n: u32, sides: u32, out: usize, unsure: usize): u32 {
  const last = lastLoad()
  const stop = out + (n << 4)
  let left: u32 = 0
  for (; out !== stop; a += 16, out += 16, unsure++) {
    let start = textOf(a)
    let end = start + load<u32>(a)
    if (sides & 1) while (start !== end && isSpace(load<u8>(start))) start++
    if (sides & 2) while (start !== end && isSpace(load<u8>(end - 1))) end--
    const isUnsure =
      start !== end &&
      (((sides & 1) !== 0 && load<u8>(start) > 127) ||
        ((sides & 2) !== 0 && load<u8>(end - 1) > 127))
    store<u8>(unsure, u8(isUnsure))
    left += u32(isUnsure)
    writeView(out, start, end - start, last)
  }
  return left
}

/** `a.slice(from, to)` of ASCII, with negative places counted from the end. */
export function sliceViews(a: usize, n: u32, from: i32, to: i32, out: usize): void {
  const last = lastLoad()
  const stop = out + (n << 4)
  for (; out !== stop; a += 16, out += 16) {
    const length = load<u32>(a)
    const start = placeIn(from, length)
    const end = placeIn(to, length)
    writeView(out, textOf(a) + start, end > start ? end - start : 0, last)
  }
}

/**
 * `a.slice(from, to)` of any text.
 *
 * @param unsure Mask of the rows with characters of two UTF-16 units, which are for JavaScript.
 * @returns Number of those rows.
 */
export function sliceTexts(a: usize, n: u32, from: i32, to: i32, out: usize, unsure: usize): u32 {
  const last = lastLoad()
  const stop = out + (n << 4)
  let left: u32 = 0
  for (; out !== stop; a += 16, out += 16, unsure++) {
    const text = textOf(a)
    const end = text + load<u32>(a)
    let units: u32 = 0
    let isUnsure = false
    for (let p = text; p !== end; p++) {
      const byte: u32 = load<u8>(p)
      units += u32((byte & 0xc0) !== 0x80)
      isUnsure = isUnsure || byte >= 0xf0
    }
    store<u8>(unsure, u8(isUnsure))
    left += u32(isUnsure)
    const start = unitAt(text, end, placeIn(from, units))
    const finish = unitAt(text, end, placeIn(to, units))
    writeView(out, start, finish > start ? finish - start : 0, last)
  }
  return left
}

/** Where unit `index` begins, in text whose characters are one unit each. */
function unitAt(p: usize, end: usize, index: u32): usize {
  for (; p !== end; p++) {
    if (((load<u8>(p) as u32) & 0xc0) === 0x80) continue
    if (index === 0) return p
    index--
  }
  return end
}

/**
 * Goes on where `lowerViews` or `upperViews` ended: gives the letters of Latin-1 their other
 * case, in place. Characters that have no case are known up to U+00FF, and from U+4000 to
 * U+9FFF.
 *
 * @param upper 1 for upper case.
 * @param unsure Mask of the rows with other characters, which are for JavaScript.
 * @returns Number of those rows.
 */
export function foldLatin(views: usize, n: u32, upper: u32, unsure: usize): u32 {
  const stop = views + (n << 4)
  let left: u32 = 0
  for (; views !== stop; views += 16, unsure++) {
    const length = load<u32>(views)
    const text = textOf(views)
    const isUnsure = !foldText(text, text + length, upper)
    if (length > 12) store<u32>(views, load<u32>(text), 4)
    store<u8>(unsure, u8(isUnsure))
    left += u32(isUnsure)
  }
  return left
}

/** Whether all characters of [p, end) are known; those that are have their other case then. */
function foldText(p: usize, end: usize, upper: u32): boolean {
  while (p !== end) {
    const byte: u32 = load<u8>(p)
    if (byte < 0x80) {
      p++
    } else if (byte === 0xc2) {
      // U+0080 to U+00BF: of these only the micro sign has another case.
      if (upper && load<u8>(p, 1) === 0xb5) return false
      p += 2
    } else if (byte === 0xc3) {
      // U+00C0 to U+00FF: 32 letters and their other case, but for the signs of × and ÷.
      const second: u32 = load<u8>(p, 1)
      if (upper) {
        if (second === 0x9f || second === 0xbf) return false
        if (second >= 0xa0 && second !== 0xb7) store<u8>(p, (second - 0x20) as u8, 1)
      } else if (second < 0x9f && second !== 0x97) store<u8>(p, (second + 0x20) as u8, 1)
      p += 2
    } else if (byte >= 0xe4 && byte <= 0xe9) {
      p += 3
    } else {
      return false
    }
  }
  return true
}

/**
 * `a + b`. `heap` has room for the bytes of all results. Both are UTF-8: halves of a character
 * that meet would have to become one.
 */
export function concatViews(a: usize, b: usize, n: u32, out: usize, heap: usize): usize {
  const first = heap
  const last = lastLoad()
  const stop = out + (n << 4)
  for (; out !== stop; a += 16, b += 16, out += 16) {
    const left = load<u32>(a)
    const right = load<u32>(b)
    if (left + right <= 12) {
      // The bytes behind the left text are zero, so the right one can be put over them.
      const moved = i8x16.swizzle(
        v128.load(b),
        i8x16.add(
          i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
          i8x16.splat(-left as i8),
        ),
      )
      const text = i8x16.ge_s(
        i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        i8x16.splat((4 + left) as i8),
      )
      const both = v128.or(v128.load(a), v128.and(moved, text))
      v128.store(out, i32x4.replace_lane(both, 0, left + right))
    } else {
      copyText(heap, textOf(a), left)
      copyText(heap + left, textOf(b), right)
      writeView(out, heap, left + right, last)
      heap += left + right
    }
  }
  return heap - first
}

/** `a.length`: UTF-16 units, as f64. */
export function textLengths(a: usize, n: u32, out: usize): void {
  const last = lastLoad()
  const stop = out + (n << 3)
  for (; out !== stop; a += 16, out += 8) {
    const bytes = load<u32>(a)
    let units = bytes
    if (bytes <= 12) {
      // The length's own bytes are below 128, and those behind the text are zero.
      units += extraUnits(v128.load(a))
    } else {
      let p: usize = load<u32>(a, 8)
      const end = p + bytes
      for (; end - p >= 16; p += 16) units += extraUnits(v128.load(p))
      const rest = i8x16.lt_s(
        i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        i8x16.splat((end - p) as i8),
      )
      units += extraUnits(v128.and(loadNear(p, last), rest))
    }
    store<f64>(out, f64(units))
  }
}

/** `a.charCodeAt(index)` of ASCII, as f64; NaN where there is no character. */
export function charCodes(a: usize, index: i32, n: u32, out: usize): void {
  const stop = out + (n << 3)
  for (; out !== stop; a += 16, out += 8) {
    const isIn = (index as u32) < load<u32>(a)
    store<f64>(out, isIn ? f64(load<u8>(textOf(a) + index)) : NaN)
  }
}

/** Turns letters from the 26 that begin with `letter` into those of the other case. */
function foldCase(a: usize, n: u32, out: usize, heap: usize, letter: u32): usize {
  const first = heap
  const last = lastLoad()
  const stop = out + (n << 4)
  const letters = i8x16.splat(letter as i8)
  for (; out !== stop; a += 16, out += 16) {
    const bytes = load<u32>(a)
    if (bytes <= 12) {
      const view = v128.load(a)
      v128.store(out, i32x4.replace_lane(otherCase(view, letters), 0, bytes))
    } else {
      const from = load<u32>(a, 8)
      let i: u32 = 0
      for (; i + 16 <= bytes; i += 16) {
        v128.store(heap + i, otherCase(v128.load(from + i), letters))
      }
      // What is left over is copied by bytes: the heap may be full behind it.
      const rest = otherCase(loadNear(from + i, last), letters)
      if (i < bytes) storeFirst(heap + i, rest, bytes - i)
      writeLongView(out, heap, bytes)
      heap += bytes
    }
  }
  return heap - first
}

function otherCase(v: v128, letters: v128): v128 {
  const areLetters = i8x16.lt_u(i8x16.sub(v, letters), i8x16.splat(26))
  return v128.xor(v, v128.and(areLetters, i8x16.splat(32)))
}

/** Stores the first 1 to 15 bytes of `v`. */
function storeFirst(p: usize, v: v128, bytes: u32): void {
  let low = i64x2.extract_lane(v, 0) as u64
  if (bytes >= 8) {
    store<u64>(p, low)
    low = i64x2.extract_lane(v, 1) as u64
    p += 8
    bytes -= 8
  }
  for (; bytes !== 0; bytes--, p++, low >>= 8) store<u8>(p, low as u8)
}

/** White space of ASCII. */
function isSpace(byte: u32): boolean {
  return byte === 32 || byte - 9 < 5
}

/** The place that an index of `slice` means. */
function placeIn(index: i32, length: u32): u32 {
  if (index >= 0) return min<u32>(index as u32, length)
  const back = -(index as i64) as u64
  return back >= (length as u64) ? 0 : length - (back as u32)
}

/** UTF-16 units less bytes: a character of 2 or 3 bytes is one unit, one of 4 bytes two. */
function extraUnits(v: v128): u32 {
  const following = i8x16.bitmask(i8x16.lt_s(v, i8x16.splat(-64))) as u32
  const openingFour = i8x16.bitmask(i8x16.ge_u(v, i8x16.splat(-16))) as u32
  return popcnt<u32>(openingFour) - popcnt<u32>(following)
}
