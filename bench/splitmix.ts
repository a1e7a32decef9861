/**
 * The splitmix64 generator in 32-bit halves: the same numbers as 64-bit arithmetic, without BigInt,
 * so that ten million draws take about a fifth of a second instead of several.
 *
 * @example
 * const random = new SplitMix64(42)
 * random.below(6) + 1 // a die
 */
export class SplitMix64 {
  /** Upper and lower half of the latest output, as unsigned 32-bit integers. */
  high = 0
  low = 0
  #stateHigh: number
  #stateLow: number

  /** The seed is an unsigned 64-bit integer; numbers must be exact (at most 2^53 - 1). */
  constructor(seed: number | bigint) {
    const bits = BigInt.asUintN(64, BigInt(seed))
    this.#stateHigh = Number(bits >> 32n)
    this.#stateLow = Number(bits & 0xffffffffn)
  }

  /** Draws the next 64 bits into `high` and `low`. */
  next(): void {
    // state += 0x9E3779B97F4A7C15
    const low = this.#stateLow + 0x7f4a7c15
    this.#stateLow = low >>> 0
    this.#stateHigh = (this.#stateHigh + 0x9e3779b9 + (low > 0xffffffff ? 1 : 0)) >>> 0
    let h = this.#stateHigh
    let l = this.#stateLow
    // z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9
    l = (l ^ ((h << 2) | (l >>> 30))) >>> 0
    h = (h ^ (h >>> 30)) >>> 0
    h = (multiplyHigh(l, 0x1ce4e5b9) + Math.imul(h, 0x1ce4e5b9) + Math.imul(l, 0xbf58476d)) >>> 0
    l = Math.imul(l, 0x1ce4e5b9) >>> 0
    // z = (z ^ z >>> 27) * 0x94D049BB133111EB
    l = (l ^ ((h << 5) | (l >>> 27))) >>> 0
    h = (h ^ (h >>> 27)) >>> 0
    h = (multiplyHigh(l, 0x133111eb) + Math.imul(h, 0x133111eb) + Math.imul(l, 0x94d049bb)) >>> 0
    l = Math.imul(l, 0x133111eb) >>> 0
    // z ^ z >>> 31
    this.low = (l ^ ((h << 1) | (l >>> 31))) >>> 0
    this.high = (h ^ (h >>> 31)) >>> 0
  }

  /** The upper 53 bits of the next draw as an integer in [0, 2^53). */
  integer53(): number {
    this.next()
    return this.high * 0x200000 + (this.low >>> 11)
  }

  /** A number in [0, 1) with 53 random bits. */
  unit(): number {
    return this.integer53() / 0x20000000000000
  }

  /** An integer in [0, n), n below 2^32: the upper half of the 128-bit product of draw and n. */
  below(n: number): number {
    this.next()
    const middle = multiplyHigh(this.low, n) + (Math.imul(this.high, n) >>> 0)
    return multiplyHigh(this.high, n) + (middle > 0xffffffff ? 1 : 0)
  }
}

/** The upper 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  // Products of 32 and 16 bits are exact in a double; their sum is not, hence the inner floor.
  const upper = a * (b >>> 16)
  const lower = a * (b & 0xffff)
  return Math.floor((upper + Math.floor(lower / 0x10000)) / 0x10000)
}
