/**
 * Arithmetic on columns of f64: column with column, `By` a constant on the right, `From` one on the
 * left. Results are bit for bit JavaScript's, but for the payload of NaNs. `out` may be an operand.
 */
import { exactLimit, remainder, remainders, remaindersBy } from './remainder'

export function addF64(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, f64x2.add(v128.load(a), v128.load(b)))
  }
  if (out !== end) store<f64>(out, load<f64>(a) + load<f64>(b))
}

export function addF64By(a: usize, k: f64, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.add(v128.load(a), ks))
  if (out !== end) store<f64>(out, load<f64>(a) + k)
}

export function subF64(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, f64x2.sub(v128.load(a), v128.load(b)))
  }
  if (out !== end) store<f64>(out, load<f64>(a) - load<f64>(b))
}

export function subF64By(a: usize, k: f64, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.sub(v128.load(a), ks))
  if (out !== end) store<f64>(out, load<f64>(a) - k)
}

export function subF64From(k: f64, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; b += 16, out += 16) v128.store(out, f64x2.sub(ks, v128.load(b)))
  if (out !== end) store<f64>(out, k - load<f64>(b))
}

export function mulF64(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, f64x2.mul(v128.load(a), v128.load(b)))
  }
  if (out !== end) store<f64>(out, load<f64>(a) * load<f64>(b))
}

export function mulF64By(a: usize, k: f64, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.mul(v128.load(a), ks))
  if (out !== end) store<f64>(out, load<f64>(a) * k)
}

export function divF64(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, f64x2.div(v128.load(a), v128.load(b)))
  }
  if (out !== end) store<f64>(out, load<f64>(a) / load<f64>(b))
}

export function divF64By(a: usize, k: f64, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.div(v128.load(a), ks))
  if (out !== end) store<f64>(out, load<f64>(a) / k)
}

export function divF64From(k: f64, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; b += 16, out += 16) v128.store(out, f64x2.div(ks, v128.load(b)))
  if (out !== end) store<f64>(out, k / load<f64>(b))
}

/** The remainder `a % b`, with the sign of `a`. */
export function remF64(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, remainders(v128.load(a), v128.load(b)))
  }
  if (out !== end) store<f64>(out, remainder(load<f64>(a), load<f64>(b)))
}

export function remF64By(a: usize, k: f64, n: u32, out: usize): void {
  const end = out + (n << 3)
  const limit = f64x2.splat(exactLimit(k))
  const ks = f64x2.splat(k)
  const magnitude = f64x2.abs(ks)
  const inverse = f64x2.div(f64x2.splat(1), magnitude)
  for (; end - out >= 16; a += 16, out += 16) {
    v128.store(out, remaindersBy(v128.load(a), ks, magnitude, inverse, limit))
  }
  if (out !== end) store<f64>(out, remainder(load<f64>(a), k))
}

export function remF64From(k: f64, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; b += 16, out += 16) v128.store(out, remainders(ks, v128.load(b)))
  if (out !== end) store<f64>(out, remainder(k, load<f64>(b)))
}

/** `Math.min(a, b)`: NaN wins, -0 is less than 0. */
export function minF64(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, f64x2.min(v128.load(a), v128.load(b)))
  }
  if (out !== end) store<f64>(out, min<f64>(load<f64>(a), load<f64>(b)))
}

export function minF64By(a: usize, k: f64, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.min(v128.load(a), ks))
  if (out !== end) store<f64>(out, min<f64>(load<f64>(a), k))
}

/** `Math.max(a, b)`: NaN wins, 0 is more than -0. */
export function maxF64(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, f64x2.max(v128.load(a), v128.load(b)))
  }
  if (out !== end) store<f64>(out, max<f64>(load<f64>(a), load<f64>(b)))
}

export function maxF64By(a: usize, k: f64, n: u32, out: usize): void {
  const end = out + (n << 3)
  const ks = f64x2.splat(k)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, f64x2.max(v128.load(a), ks))
  if (out !== end) store<f64>(out, max<f64>(load<f64>(a), k))
}
