/**
 * How many different values there are, in a few hundred bytes: the sketch HyperLogLog (Flajolet,
 * Fusy, Gandouet and Meunier 2007) with hashes of 64 bits (Heule, Nunkesser and Hall 2013), which
 * need no correction for large numbers. Ertl's estimator (2017, arXiv 1702.01284, algorithm 6)
 * needs none for small numbers either, nor tables of measured biases.
 *
 * A value's hash names one of 2^p registers by its first p bits, and the register keeps the highest
 * place that the first 1 among the other bits ever had. The relative standard deviation of the
 * estimate is about 1.04 / √(2^p).
 */
import { canonicalKey, hashKey } from '../columnar/keys.ts'

const hashBits = 64
const precisionMin = 4
/** A quarter of a million registers, a byte each. */
const precisionMax = 18
const spread = 1.04

/** The relative standard deviation of a sketch that is told of none. */
export const relativeSdDefault = 0.05
const relativeSdMin = spread / Math.sqrt(2 ** precisionMax)

/** Why a sketch can't have that relative standard deviation; undefined where it can. */
export function badRelativeSd(relativeSd: unknown): string | undefined {
  if ((relativeSd as number) >= relativeSdMin && (relativeSd as number) < 1) return undefined
  return 'a relative standard deviation from 0.0021 to less than 1'
}

/** Registers that an estimate of that relative standard deviation takes. */
export function registersFor(relativeSd: number): number {
  const precision = Math.ceil(2 * Math.log2(spread / relativeSd))
  return 2 ** Math.min(precisionMax, Math.max(precisionMin, precision))
}

/** Adds a value to a sketch, which changes, and gives it back. Values are compared as keys are. */
export function sketched(registers: Uint8Array, value: unknown): Uint8Array {
  const precision = 31 - Math.clz32(registers.length)
  const high = hashKey(value)
  const place = high >>> (32 - precision)
  const rest = (high << precision) >>> 0
  // The other 32 bits are looked at only where these hold no 1, so they are rarely needed.
  const zeros = rest !== 0 ? Math.clz32(rest) : 32 - precision + Math.clz32(otherHash(value))
  if (zeros + 1 > registers[place]!) registers[place] = zeros + 1
  return registers
}

/** A sketch of the values of both. */
export function joinedSketch(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((register, i) => Math.max(register, b[i]!))
}

/** About how many different values were added. */
export function estimated(registers: Uint8Array): number {
  const count = registers.length
  const places = hashBits - (31 - Math.clz32(count))
  const having = new Array<number>(places + 2).fill(0)
  for (const register of registers) having[register]!++
  let sum = count * tau(1 - having[places + 1]! / count)
  for (let place = places; place >= 1; place--) sum = (sum + having[place]!) / 2
  sum += count * sigma(having[0]! / count)
  return Math.round((count * count) / (2 * Math.LN2 * sum))
}

/** x + Σ x^(2^k) · 2^(k-1): what registers tell that are still empty. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY
  let sum = x
  for (let weight = 1, before = -1; sum !== before; weight *= 2) {
    before = sum
    x *= x
    sum += x * weight
  }
  return sum
}

/** The same for registers that are full. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let sum = 1 - x
  for (let weight = 0.5, before = -1; sum !== before; weight /= 2) {
    before = sum
    x = Math.sqrt(x)
    sum -= (1 - x) ** 2 * weight
  }
  return sum / 3
}

/**
 * 32 bits that do not follow from those of `hashKey`, so that both together are 64: the multiplier
 * of FNV-1a over code units, and the last steps of lowbias32 (Wellons, public domain).
 */
function otherHash(value: unknown): number {
  const text = typeof value === 'string' ? value : canonicalKey(value)
  let h = text.length
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}
