/**
 * Bitwise operators of JavaScript: operands become 32-bit integers (ToInt32), results numbers.
 * Column with column, or `By` a constant on the right; `~a` is `a ^ -1`. `out` may be an operand.
 */

export function andInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(int32At(a) & int32At(b)))
}

export function andInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(int32At(a) & k))
}

export function orInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(int32At(a) | int32At(b)))
}

export function orInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(int32At(a) | k))
}

export function xorInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(int32At(a) ^ int32At(b)))
}

export function xorInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(int32At(a) ^ k))
}

/** `a << b`; the count is taken modulo 32, here and below. */
export function shlInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(int32At(a) << int32At(b)))
}

export function shlInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(int32At(a) << k))
}

/** `a >> b`. */
export function shrInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(int32At(a) >> int32At(b)))
}

export function shrInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(int32At(a) >> k))
}

/** `a >>> b`. */
export function shrUint32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) {
    store<f64>(out, f64((int32At(a) as u32) >> (int32At(b) as u32)))
  }
}

export function shrUint32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, out += 8) {
    store<f64>(out, f64((int32At(a) as u32) >> (k as u32)))
  }
}

/** 2^63; written without an exponent it would be an integer, and overflow. */
const I64_END: f64 = 9.223372036854775808e18

function int32At(p: usize): i32 {
  const x = load<f64>(p)
  // Below 2^63 the lower half of the integer part is the answer.
  if (abs<f64>(x) < I64_END) return i64(x) as i32
  return toInt32(reinterpret<u64>(x))
}

/** The integer modulo 2^32 of a number from 2^63, given as its bits; 0 for NaN and infinities. */
function toInt32(bits: u64): i32 {
  const shift = ((bits >> 52) & 0x7ff) - 1075
  // From 2^84 all bits are multiples of 2^32; infinities and NaN are among those.
  if (shift >= 32) return 0
  const magnitude = (((bits & 0xfffffffffffff) | 0x10000000000000) << shift) as i32
  return (bits as i64) < 0 ? -magnitude : magnitude
}
