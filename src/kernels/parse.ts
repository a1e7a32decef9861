/** Numbers out of text, and text out of numbers. */
import { textOf } from './memory'

/** Digits whose integer is exact in a double, and powers of ten that are. */
const DIGITS_MAX: u32 = 15
/** Numbers below have at most 11 digits, so that their text fits into a view with a minus. */
const PLAIN_LIMIT: f64 = 100000000000

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

/**
 * `String(number)` where it is a whole number of at most 11 digits, whose text lies in its view.
 *
 * @param unsure Mask of the other rows, which are for JavaScript; their texts are empty.
 * @returns Number of those rows.
 */
export function formatNumbers(values: usize, n: u32, out: usize, unsure: usize): u32 {
  const stop = out + (n << 4)
  let left: u32 = 0
  for (; out !== stop; values += 8, out += 16, unsure++) {
    const value = load<f64>(values)
    v128.store(out, i64x2.splat(0))
    // NaN is neither.
    const isPlain = abs<f64>(value) < PLAIN_LIMIT && trunc<f64>(value) === value
    store<u8>(unsure, u8(!isPlain))
    if (isPlain) writeInteger(out, i64(value))
    else left++
  }
  return left
}

/** Writes the view of an integer; the view is zero. */
function writeInteger(view: usize, value: i64): void {
  const isNegative = value < 0
  let rest = (isNegative ? -value : value) as u64
  let digits: u32 = 1
  for (let limit: u64 = 10; rest >= limit; limit *= 10) digits++
  const length = digits + u32(isNegative)
  store<u32>(view, length)
  if (isNegative) store<u8>(view, 45, 4)
  for (let p = view + 3 + length; digits !== 0; digits--, p--) {
    const tenth = rest / 10
    store<u8>(p, (48 + (rest - tenth * 10)) as u8)
    rest = tenth
  }
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
