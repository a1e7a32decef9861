/** Numbers out of text. */
import { textOf } from './memory'

/** Digits whose integer is exact in a double, and powers of ten that are. */
const DIGITS_MAX: u32 = 15

/**
 * `Number(text)` where the text is a plain decimal: an optional minus, digits, and perhaps a
 * point and more digits, no more than 15 digits in all. There the quotient of two exact
 * integers is the number nearest to the decimal, as it should be. `parseFloat` gives the same,
 * and `parseInt` the same number truncated.
 *
 * @param unsure Mask of the other rows, which are for JavaScript; their numbers are NaN.
 * @returns Number of those rows.
 */
export function parseNumbers(views: usize, n: u32, out: usize, unsure: usize): u32 {
  const stop = out + (n << 3)
  let left: u32 = 0
  for (; out !== stop; views += 16, out += 8, unsure++) {
    const value = decimal(textOf(views), load<u32>(views))
    const isUnsure = isNaN<f64>(value)
    store<f64>(out, value)
    store<u8>(unsure, u8(isUnsure))
    left += u32(isUnsure)
  }
  return left
}

/** The number, or NaN where this is no plain decimal. */
function decimal(p: usize, length: u32): f64 {
  if (length - 1 > DIGITS_MAX + 1) return NaN
  const end = p + length
  const isNegative = load<u8>(p) === 45
  if (isNegative) p++
  const first = p
  let digits: u64 = 0
  while (p !== end) {
    const digit = (load<u8>(p) as u32) - 48
    if (digit > 9) break
    digits = digits * 10 + (digit as u64)
    p++
  }
  let count: u32 = p - first
  if (count === 0) return NaN
  let scale: f64 = 1
  if (p !== end) {
    if (load<u8>(p) !== 46) return NaN
    for (p++; p !== end; p++) {
      const digit = (load<u8>(p) as u32) - 48
      if (digit > 9) return NaN
      digits = digits * 10 + (digit as u64)
      scale *= 10
      count++
    }
  }
  if (count > DIGITS_MAX) return NaN
  const value = f64(digits) / scale
  return isNegative ? -value : value
}
