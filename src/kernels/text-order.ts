/** The order of strings that JavaScript has: by UTF-16 units. */
import { textOf } from './memory'

/** Whether the text of the view at `a` comes before that at `b`. */
export function isLessView(a: usize, b: usize): boolean {
  // The first bytes decide most comparisons.
  const prefixA = bswap<u32>(load<u32>(a, 4))
  const prefixB = bswap<u32>(load<u32>(b, 4))
  if (prefixA !== prefixB && ((prefixA | prefixB) & 0x80808080) === 0) return prefixA < prefixB
  return compareTexts(textOf(a), load<u32>(a), textOf(b), load<u32>(b)) < 0
}

/** Less than 0, 0 or more as JavaScript would order the texts. */
function compareTexts(a: usize, lengthA: u32, b: usize, lengthB: u32): i32 {
  const shorter = min<u32>(lengthA, lengthB)
  let i: u32 = 0
  while (i + 8 <= shorter && load<u64>(a + i) === load<u64>(b + i)) i += 8
  while (i < shorter && load<u8>(a + i) === load<u8>(b + i)) i++
  if (i === shorter) return lengthA < lengthB ? -1 : i32(lengthA > lengthB)
  const byteA: u32 = load<u8>(a + i)
  const byteB: u32 = load<u8>(b + i)
  // Only of characters from U+D000, whose first bytes differ, may UTF-16 have another order.
  if (byteA < 0xed || byteB < 0xed) return byteA < byteB ? -1 : 1
  return compareUnits(a + i, lengthA - i, b + i, lengthB - i)
}

/** Compares texts that open with different characters, unit by unit. */
function compareUnits(a: usize, lengthA: u32, b: usize, lengthB: u32): i32 {
  const pairA = unitsAt(a)
  const pairB = unitsAt(b)
  if (pairA >> 16 !== pairB >> 16) return pairA >> 16 < pairB >> 16 ? -1 : 1
  // The same upper half, and one of them alone: what follows it decides.
  const secondA = (pairA & 0xffff) !== 0 ? pairA & 0xffff : unitAfter(a, lengthA)
  const secondB = (pairB & 0xffff) !== 0 ? pairB & 0xffff : unitAfter(b, lengthB)
  return secondA < secondB ? -1 : i32(secondA > secondB)
}

/** First unit << 16 | second unit of the character at `p`; no character's second unit is 0. */
function unitsAt(p: usize): u32 {
  const c: u32 = load<u8>(p)
  if (c < 0x80) return c << 16
  const c1: u32 = load<u8>(p, 1) & 63
  if (c < 0xe0) return (((c & 31) << 6) | c1) << 16
  const c2: u32 = load<u8>(p, 2) & 63
  if (c < 0xf0) return (((c & 15) << 12) | (c1 << 6) | c2) << 16
  const code = (((c & 7) << 18) | (c1 << 12) | (c2 << 6) | (load<u8>(p, 3) & 63)) - 0x10000
  return ((0xd800 | (code >> 10)) << 16) | 0xdc00 | (code & 0x3ff)
}

/** The unit that follows a lone half of 3 bytes; 0 at the end. */
function unitAfter(p: usize, length: u32): u32 {
  return length > 3 ? unitsAt(p + 3) >> 16 : 0
}
