/**
 * Questions about strings, answered into masks: one byte a row, 1 where it holds and else 0.
 *
 * All work on bytes. In UTF-8 a text is found in another exactly where its bytes are; only with
 * lone surrogates (WTF-8) can halves of one character match in JavaScript and not here.
 */
import { lastLoad, loadNear, sameBytes, textOf } from './memory'
import { isLessView } from './text-order'

/** `a === text` for the text of one view. */
export function eqViewsBy(a: usize, view: usize, n: u32, mask: usize): void {
  const end = mask + n
  for (; mask !== end; a += 16, mask++) store<u8>(mask, u8(sameViews(a, view)))
}

/** `a === b`. */
export function eqViews(a: usize, b: usize, n: u32, mask: usize): void {
  const end = mask + n
  for (; mask !== end; a += 16, b += 16, mask++) store<u8>(mask, u8(sameViews(a, b)))
}

/** `a < b`, by UTF-16 units. */
export function ltViews(a: usize, b: usize, n: u32, mask: usize): void {
  const end = mask + n
  for (; mask !== end; a += 16, b += 16, mask++) store<u8>(mask, u8(isLessView(a, b)))
}

/** `a <= b`, by UTF-16 units. */
export function leViews(a: usize, b: usize, n: u32, mask: usize): void {
  const end = mask + n
  for (; mask !== end; a += 16, b += 16, mask++) store<u8>(mask, u8(!isLessView(b, a)))
}

/** `a.startsWith(text)` for `length` bytes at `text`. */
export function startsWith(a: usize, text: usize, length: u32, n: u32, mask: usize): void {
  const end = mask + n
  const last = lastLoad()
  const opening = loadNear(text, last)
  const wanted = lowBits(length)
  for (; mask !== end; a += 16, mask++) {
    let holds = load<u32>(a) >= length
    if (holds) {
      const p = textOf(a)
      holds = isAt(p, opening, wanted, last)
      if (holds && length > 16) holds = sameBytes(p + 16, text + 16, length - 16)
    }
    store<u8>(mask, u8(holds))
  }
}

/** `a.endsWith(text)` for `length` bytes at `text`. */
export function endsWith(a: usize, text: usize, length: u32, n: u32, mask: usize): void {
  const end = mask + n
  const last = lastLoad()
  const opening = loadNear(text, last)
  const wanted = lowBits(length)
  for (; mask !== end; a += 16, mask++) {
    const bytes = load<u32>(a)
    let holds = bytes >= length
    if (holds) {
      const p = textOf(a) + (bytes - length)
      holds = isAt(p, opening, wanted, last)
      if (holds && length > 16) holds = sameBytes(p + 16, text + 16, length - 16)
    }
    store<u8>(mask, u8(holds))
  }
}

/** `a.includes(text)` for `length` bytes at `text`. */
export function includes(a: usize, text: usize, length: u32, n: u32, mask: usize): void {
  const end = mask + n
  const last = lastLoad()
  for (; mask !== end; a += 16, mask++) {
    const bytes = load<u32>(a)
    store<u8>(
      mask,
      u8(length === 0 || (bytes >= length && placeIn(textOf(a), bytes, text, length, last) >= 0)),
    )
  }
}

/** `a.indexOf(text)` for `length` bytes at `text`, as f64. `ascii`: 1 when `a` is all ASCII. */
export function indexOfText(
  a: usize,
  text: usize,
  length: u32,
  ascii: u32,
  n: u32,
  out: usize,
): void {
  const end = out + (n << 3)
  const last = lastLoad()
  for (; out !== end; a += 16, out += 8) {
    const bytes = load<u32>(a)
    let place: i32 = length === 0 ? 0 : -1
    if (length !== 0 && bytes >= length) {
      const p = textOf(a)
      place = placeIn(p, bytes, text, length, last)
      if (place > 0 && ascii === 0) place = unitsIn(p, p + place)
    }
    store<f64>(out, f64(place))
  }
}

/** 1 where all bytes are below 128: the rows that other kernels can take as they are. */
export function asciiMask(a: usize, n: u32, mask: usize): void {
  const end = mask + n
  const last = lastLoad()
  for (; mask !== end; a += 16, mask++) {
    const bytes = load<u32>(a)
    let holds: boolean
    if (bytes <= 12) {
      holds = (load<u64>(a, 8) & 0x8080808080808080) === 0 && (load<u32>(a, 4) & 0x80808080) === 0
    } else {
      let p: usize = load<u32>(a, 8)
      const stop = p + bytes
      while (stop - p >= 16 && i8x16.bitmask(v128.load(p)) === 0) p += 16
      holds = stop - p < 16 && (i8x16.bitmask(loadNear(p, last)) & lowBits(stop - p)) === 0
    }
    store<u8>(mask, u8(holds))
  }
}

function sameViews(a: usize, b: usize): boolean {
  const low = load<u64>(a)
  if (load<u64>(b) !== low) return false
  const high = load<u64>(a, 8)
  if (load<u64>(b, 8) === high) return true
  return (low as u32) > 12 && sameBytes(high as usize, load<u32>(b, 8), low as u32)
}

/** Bits of the first `bytes` of 16 bytes. */
function lowBits(bytes: u32): i32 {
  return bytes < 16 ? (1 << bytes) - 1 : 0xffff
}

/** Whether the wanted ones of the 16 bytes at `p` are those of `opening`. */
function isAt(p: usize, opening: v128, wanted: i32, last: usize): boolean {
  return (i8x16.bitmask(i8x16.eq(loadNear(p, last), opening)) & wanted) === wanted
}

/**
 * The byte at which the text first is in [p, p + bytes), or -1: looks for its first and last byte
 * at their distance.
 */
function placeIn(p: usize, bytes: u32, text: usize, length: u32, last: usize): i32 {
  const start = p
  const first = i8x16.splat(load<i8>(text))
  const final = i8x16.splat(load<i8>(text + length - 1))
  let places = bytes - length + 1
  while (true) {
    const both = v128.and(
      i8x16.eq(loadNear(p, last), first),
      i8x16.eq(loadNear(p + length - 1, last), final),
    )
    let found = i8x16.bitmask(both) & lowBits(places)
    while (found !== 0) {
      const place = p + ctz(found)
      if (length <= 2 || sameBytes(place, text, length)) return (place - start) as i32
      found &= found - 1
    }
    if (places <= 16) return -1
    places -= 16
    p += 16
  }
}

/** UTF-16 units of [p, end). */
function unitsIn(p: usize, end: usize): u32 {
  let units: u32 = 0
  for (; p !== end; p++) {
    const byte: u32 = load<u8>(p)
    units += u32((byte & 0xc0) !== 0x80) + u32(byte >= 0xf0)
  }
  return units
}
