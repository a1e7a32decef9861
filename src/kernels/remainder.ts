/**
 * The remainder of JavaScript's `%`, exact. For integers below 2^52, and else where the quotient is
 * below 2^53, it is computed from the quotient instead of bit by bit.
 */

/** 2^52: products of a quotient and a divisor below it are exact. */
const EXACT: f64 = 4503599627370496
/** Between these, products can be split into two halves without overflow or underflow. */
const SPLIT_MIN: f64 = 1e-100
const SPLIT_MAX: f64 = 1e100
/** 2^27 + 1, Dekker's constant for splitting 53 bits. */
const SPLITTER: f64 = 134217729

/** `a % b` of two pairs. */
export function remainders(a: v128, b: v128): v128 {
  const x = f64x2.abs(a)
  const y = f64x2.abs(b)
  const bound = f64x2.splat(EXACT)
  const areSmall = v128.and(f64x2.lt(x, bound), f64x2.lt(y, bound))
  const areWhole = v128.and(f64x2.eq(f64x2.trunc(x), x), f64x2.eq(f64x2.trunc(y), y))
  if (!i64x2.all_true(v128.and(areSmall, areWhole))) {
    const first = remainder(f64x2.extract_lane(a, 0), f64x2.extract_lane(b, 0))
    const second = remainder(f64x2.extract_lane(a, 1), f64x2.extract_lane(b, 1))
    return f64x2.replace_lane(f64x2.splat(first), 1, second)
  }
  // A divisor of 0 gives 0 * Infinity, NaN as it should be.
  let r = f64x2.sub(x, f64x2.mul(f64x2.trunc(f64x2.div(x, y)), y))
  // Rounding can make the quotient too large by one, never too small.
  r = f64x2.add(r, v128.and(y, f64x2.lt(r, f64x2.splat(0))))
  return v128.bitselect(a, r, f64x2.splat(-0.0))
}

/** `a % b`. */
export function remainder(a: f64, b: f64): f64 {
  const x = abs<f64>(a)
  const y = abs<f64>(b)
  if (x < y) return a
  const quotient = x / y
  if (quotient < 2 * EXACT && y > SPLIT_MIN && x < SPLIT_MAX) {
    return copysign<f64>(subtractProduct(x, trunc<f64>(quotient), y), a)
  }
  return a % b
}

/** x - q * y modulo y, where q is the quotient or one more. */
function subtractProduct(x: f64, q: f64, y: f64): f64 {
  // The product as the sum of two doubles (Dekker 1971). It is near x, so all differences are exact.
  const product = q * y
  const qScaled = q * SPLITTER
  const qHigh = qScaled - (qScaled - q)
  const qLow = q - qHigh
  const yScaled = y * SPLITTER
  const yHigh = yScaled - (yScaled - y)
  const yLow = y - yHigh
  const error = qLow * yLow - (product - qHigh * yHigh - qLow * yHigh - qHigh * yLow)
  const r = x - product - error
  return r < 0 ? r + y : r
}
