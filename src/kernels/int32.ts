/**
 * Bitwise operators of JavaScript: operands become 32-bit integers (ToInt32), results numbers.
 * Column with column, or `By` a constant on the right; `~a` is `a ^ -1`. `out` may be an operand.
 */

/** 1.5 * 2^52: a sum with it has in its lowest 32 bits the integer that was added. */
const MAGIC: f64 = 6755399441055744
/** 2^51, up to which that holds. */
const MAGIC_LIMIT: f64 = 2251799813685248

export function andInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 32; a += 32, b += 32, out += 32)
    storeInts(out, v128.and(intsAt(a), intsAt(b)))
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(intAt(a) & intAt(b)))
}

export function andInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = i32x4.splat(k)
  for (; end - out >= 32; a += 32, out += 32) storeInts(out, v128.and(intsAt(a), ks))
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(intAt(a) & k))
}

export function orInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 32; a += 32, b += 32, out += 32) storeInts(out, v128.or(intsAt(a), intsAt(b)))
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(intAt(a) | intAt(b)))
}

export function orInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = i32x4.splat(k)
  for (; end - out >= 32; a += 32, out += 32) storeInts(out, v128.or(intsAt(a), ks))
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(intAt(a) | k))
}

export function xorInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 32; a += 32, b += 32, out += 32)
    storeInts(out, v128.xor(intsAt(a), intsAt(b)))
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(intAt(a) ^ intAt(b)))
}

export function xorInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = i32x4.splat(k)
  for (; end - out >= 32; a += 32, out += 32) storeInts(out, v128.xor(intsAt(a), ks))
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(intAt(a) ^ k))
}

/** `a << b`; the count is taken modulo 32, here and below. */
export function shlInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(intAt(a) << intAt(b)))
}

export function shlInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 32; a += 32, out += 32) storeInts(out, i32x4.shl(intsAt(a), k))
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(intAt(a) << k))
}

/** `a >> b`. */
export function shrInt32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) store<f64>(out, f64(intAt(a) >> intAt(b)))
}

export function shrInt32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 32; a += 32, out += 32) storeInts(out, i32x4.shr_s(intsAt(a), k))
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64(intAt(a) >> k))
}

/** `a >>> b`. */
export function shrUint32(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, b += 8, out += 8) {
    store<f64>(out, f64((intAt(a) as u32) >> (intAt(b) as u32)))
  }
}

export function shrUint32By(a: usize, k: i32, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 32; a += 32, out += 32) {
    const ints = i32x4.shr_u(intsAt(a), k)
    v128.store(out, f64x2.convert_low_i32x4_u(ints))
    v128.store(out, f64x2.convert_low_i32x4_u(v128.shuffle<u32>(ints, ints, 2, 3, 2, 3)), 16)
  }
  for (; out !== end; a += 8, out += 8) store<f64>(out, f64((intAt(a) as u32) >> (k as u32)))
}

/** ToInt32 of four numbers. */
function intsAt(p: usize): v128 {
  const low = f64x2.trunc(v128.load(p))
  const high = f64x2.trunc(v128.load(p, 16))
  const limit = f64x2.splat(MAGIC_LIMIT)
  const areSmall = v128.and(f64x2.lt(f64x2.abs(low), limit), f64x2.lt(f64x2.abs(high), limit))
  if (!i64x2.all_true(areSmall)) return eachIntAt(p)
  const magic = f64x2.splat(MAGIC)
  return v128.shuffle<u32>(f64x2.add(low, magic), f64x2.add(high, magic), 0, 2, 4, 6)
}

function eachIntAt(p: usize): v128 {
  let ints = i32x4.splat(intAt(p))
  ints = i32x4.replace_lane(ints, 1, intAt(p + 8))
  ints = i32x4.replace_lane(ints, 2, intAt(p + 16))
  return i32x4.replace_lane(ints, 3, intAt(p + 24))
}

function storeInts(out: usize, ints: v128): void {
  v128.store(out, f64x2.convert_low_i32x4_s(ints))
  v128.store(out, f64x2.convert_low_i32x4_s(v128.shuffle<u32>(ints, ints, 2, 3, 2, 3)), 16)
}

function intAt(p: usize): i32 {
  const x = trunc<f64>(load<f64>(p))
  if (abs<f64>(x) < MAGIC_LIMIT) return reinterpret<u64>(x + MAGIC) as i32
  return wideToInt(reinterpret<u64>(x))
}

/** The integer modulo 2^32 of a number from 2^51, given as its bits; 0 for NaN and infinities. */
function wideToInt(bits: u64): i32 {
  const shift = (((bits >> 52) & 0x7ff) as i32) - 1075
  // From 2^84 all bits are multiples of 2^32; infinities and NaN are among those.
  if (shift >= 32) return 0
  const digits = (bits & 0xfffffffffffff) | 0x10000000000000
  const magnitude = (shift < 0 ? digits >> (-shift as u64) : digits << (shift as u64)) as i32
  return (bits as i64) < 0 ? -magnitude : magnitude
}
