/** Tells whether text is ASCII, where bytes, UTF-16 units and characters are the same. */
import { lastLoad, loadNear, textOf } from './memory'

/** 1 when all bytes of [text, text + length) are below 128. */
export function isAsciiText(text: usize, length: u32): u32 {
  const end = text + length
  let all = i8x16.splat(0)
  // Blocks of 256 bytes, so that text which is not ASCII ends the search early.
  while (end - text >= 256) {
    for (let i: u32 = 0; i < 256; i += 32) {
      all = v128.or(all, v128.or(v128.load(text + i), v128.load(text + i, 16)))
    }
    if (i8x16.bitmask(all)) return 0
    text += 256
  }
  while (end - text >= 16) {
    all = v128.or(all, v128.load(text))
    text += 16
  }
  const rest = i8x16.bitmask(loadNear(text, lastLoad())) & ((1 << (end - text)) - 1)
  return u32((i8x16.bitmask(all) | rest) === 0)
}

/** 1 when the texts of `n` views are all ASCII. */
export function isAsciiViews(views: usize, n: u32): u32 {
  const end = views + (n << 4)
  let all = i8x16.splat(0)
  for (let view = views; view !== end; view += 16) {
    const length = load<u32>(view)
    if (length <= 12) {
      // The bytes of the length are below 128 too.
      all = v128.or(all, v128.load(view))
    } else if (!isAsciiText(load<u32>(view, 8), length)) {
      return 0
    }
  }
  return u32(i8x16.bitmask(all) === 0)
}

/** 1 if one of `n` texts holds a surrogate, which only WTF-8 can: bytes ED A0 to ED BF. */
export function hasSurrogates(views: usize, n: u32): u32 {
  const end = views + (n << 4)
  for (; views !== end; views += 16) {
    let p = textOf(views)
    const last = p + load<u32>(views) - 1
    if (load<u32>(views) < 3) continue
    for (; p !== last; p++) {
      if (load<u8>(p) === 0xed && load<u8>(p, 1) >= 0xa0) return 1
    }
  }
  return 0
}
