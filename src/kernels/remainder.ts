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
  const y = f64x2.abs(b)
  const bound = f64x2.splat(EXACT)
  const isUnfit = v128.or(f64x2.ge(y, bound), f64x2.ne(f64x2.trunc(y), y))
  if (v128.any_true(isUnfit)) return eachRemainder(a, b)
  // A divisor of 0 gives 0 * Infinity, NaN as it should be.
  // And no quotient is rounded up to a whole number: from there to the next quotient below is more
  // than half a step of doubles, as x is below 2^53.
  const x = f64x2.abs(a)
  const isUnfitDividend = v128.or(f64x2.ge(x, bound), f64x2.ne(f64x2.trunc(x), x))
  if (v128.any_true(isUnfitDividend)) return eachRemainder(a, b)
  const r = f64x2.sub(x, f64x2.mul(f64x2.trunc(f64x2.div(x, y)), y))
  return v128.or(r, v128.and(a, f64x2.splat(-0.0)))
}

/** What numbers must stay below so that `remaindersBy` is exact; 0 for an unfit divisor. */
export function exactLimit(b: f64): f64 {
  const y = abs<f64>(b)
  return y < EXACT && trunc<f64>(y) === y ? EXACT : 0
}

/**
 * `a % b` for divisors that are whole and below 2^52 where `limit` is not 0; `y` is |b| and
 * `inverse` is 1 / y.
 */
export function remaindersBy(a: v128, b: v128, y: v128, inverse: v128, limit: v128): v128 {
  const x = f64x2.abs(a)
  // Not whole, which NaN is not either, or too large.
  const isUnfit = v128.or(f64x2.ge(x, limit), f64x2.ne(f64x2.trunc(x), x))
  if (v128.any_true(isUnfit)) return eachRemainder(a, b)
  // Multiplying takes a third of the time of dividing, and the quotient is wrong by 1 at most: two
  // roundings of 2^-53 each of a number below 2^52. A divisor of 0 gives 0 * Infinity, NaN.
  const r = f64x2.sub(x, f64x2.mul(f64x2.trunc(f64x2.mul(x, inverse)), y))
  const tooLow = v128.and(f64x2.lt(r, f64x2.splat(0)), y)
  const tooHigh = v128.and(f64x2.ge(r, y), y)
  const exact = f64x2.sub(f64x2.add(r, tooLow), tooHigh)
  return v128.or(exact, v128.and(a, f64x2.splat(-0.0)))
}

function eachRemainder(a: v128, b: v128): v128 {
  const first = remainder(f64x2.extract_lane(a, 0), f64x2.extract_lane(b, 0))
  const second = remainder(f64x2.extract_lane(a, 1), f64x2.extract_lane(b, 1))
  return f64x2.replace_lane(f64x2.splat(first), 1, second)
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
  // The product as the sum of two doubles (Dekker 1971). It is near x, so all differences are
  // exact.
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
