/** Functions of one number, as `Math` has them, over columns of f64. `out` may be `a`. */

/** `-a`. */
export function negF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.neg(v128.load(a)))
  if (out !== end) store<f64>(out, -load<f64>(a))
}

export function absF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.abs(v128.load(a)))
  if (out !== end) store<f64>(out, abs<f64>(load<f64>(a)))
}

export function sqrtF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.sqrt(v128.load(a)))
  if (out !== end) store<f64>(out, sqrt<f64>(load<f64>(a)))
}

export function floorF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.floor(v128.load(a)))
  if (out !== end) store<f64>(out, floor<f64>(load<f64>(a)))
}

export function ceilF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.ceil(v128.load(a)))
  if (out !== end) store<f64>(out, ceil<f64>(load<f64>(a)))
}

export function truncF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.trunc(v128.load(a)))
  if (out !== end) store<f64>(out, trunc<f64>(load<f64>(a)))
}

/** `Math.round`: halves go up, and what becomes 0 keeps its sign. */
export function roundF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, rounded(v128.load(a)))
  if (out !== end) store<f64>(out, f64x2.extract_lane(rounded(f64x2.splat(load<f64>(a))), 0))
}

/** `Math.sign`: 1, -1, or the number itself where it is 0, -0 or NaN. */
export function signF64(a: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; a += 8, out += 8) {
    const x = load<f64>(a)
    store<f64>(out, x > 0 ? 1 : x < 0 ? -1 : x)
  }
}

function rounded(x: v128): v128 {
  const up = f64x2.ceil(x)
  const tooFar = f64x2.gt(f64x2.sub(up, f64x2.splat(0.5)), x)
  return f64x2.sub(up, v128.and(tooFar, f64x2.splat(1)))
}
