/**
 * Comparisons of columns of f64 into masks: one byte a row, 1 where it holds and else 0. With NaN
 * only `!==` holds, which is `eqF64` and `notMask`; `a > b` is `b < a` where both are columns.
 */

export function ltF64(a: usize, b: usize, n: u32, mask: usize): void {
  const end = mask + n
  for (; end - mask >= 4; a += 32, b += 32, mask += 4) {
    const first = f64x2.lt(v128.load(a), v128.load(b))
    storeMask(mask, first, f64x2.lt(v128.load(a, 16), v128.load(b, 16)))
  }
  for (; mask !== end; a += 8, b += 8, mask++) store<u8>(mask, u8(load<f64>(a) < load<f64>(b)))
}

export function leF64(a: usize, b: usize, n: u32, mask: usize): void {
  const end = mask + n
  for (; end - mask >= 4; a += 32, b += 32, mask += 4) {
    const first = f64x2.le(v128.load(a), v128.load(b))
    storeMask(mask, first, f64x2.le(v128.load(a, 16), v128.load(b, 16)))
  }
  for (; mask !== end; a += 8, b += 8, mask++) store<u8>(mask, u8(load<f64>(a) <= load<f64>(b)))
}

export function eqF64(a: usize, b: usize, n: u32, mask: usize): void {
  const end = mask + n
  for (; end - mask >= 4; a += 32, b += 32, mask += 4) {
    const first = f64x2.eq(v128.load(a), v128.load(b))
    storeMask(mask, first, f64x2.eq(v128.load(a, 16), v128.load(b, 16)))
  }
  for (; mask !== end; a += 8, b += 8, mask++) store<u8>(mask, u8(load<f64>(a) === load<f64>(b)))
}

export function ltF64By(a: usize, k: f64, n: u32, mask: usize): void {
  const end = mask + n
  const ks = f64x2.splat(k)
  for (; end - mask >= 4; a += 32, mask += 4) {
    storeMask(mask, f64x2.lt(v128.load(a), ks), f64x2.lt(v128.load(a, 16), ks))
  }
  for (; mask !== end; a += 8, mask++) store<u8>(mask, u8(load<f64>(a) < k))
}

export function leF64By(a: usize, k: f64, n: u32, mask: usize): void {
  const end = mask + n
  const ks = f64x2.splat(k)
  for (; end - mask >= 4; a += 32, mask += 4) {
    storeMask(mask, f64x2.le(v128.load(a), ks), f64x2.le(v128.load(a, 16), ks))
  }
  for (; mask !== end; a += 8, mask++) store<u8>(mask, u8(load<f64>(a) <= k))
}

export function gtF64By(a: usize, k: f64, n: u32, mask: usize): void {
  const end = mask + n
  const ks = f64x2.splat(k)
  for (; end - mask >= 4; a += 32, mask += 4) {
    storeMask(mask, f64x2.gt(v128.load(a), ks), f64x2.gt(v128.load(a, 16), ks))
  }
  for (; mask !== end; a += 8, mask++) store<u8>(mask, u8(load<f64>(a) > k))
}

export function geF64By(a: usize, k: f64, n: u32, mask: usize): void {
  const end = mask + n
  const ks = f64x2.splat(k)
  for (; end - mask >= 4; a += 32, mask += 4) {
    storeMask(mask, f64x2.ge(v128.load(a), ks), f64x2.ge(v128.load(a, 16), ks))
  }
  for (; mask !== end; a += 8, mask++) store<u8>(mask, u8(load<f64>(a) >= k))
}

export function eqF64By(a: usize, k: f64, n: u32, mask: usize): void {
  const end = mask + n
  const ks = f64x2.splat(k)
  for (; end - mask >= 4; a += 32, mask += 4) {
    storeMask(mask, f64x2.eq(v128.load(a), ks), f64x2.eq(v128.load(a, 16), ks))
  }
  for (; mask !== end; a += 8, mask++) store<u8>(mask, u8(load<f64>(a) === k))
}

/** Four results of 64 bits as four bytes of 0 or 1. */
function storeMask(mask: usize, first: v128, second: v128): void {
  const words = v128.shuffle<u32>(first, second, 0, 2, 4, 6)
  const halves = i16x8.narrow_i32x4_s(words, words)
  const bytes = i8x16.narrow_i16x8_s(halves, halves)
  store<u32>(mask, i32x4.extract_lane(bytes, 0) & 0x01010101)
}
