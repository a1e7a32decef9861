/**
 * The hash that says where a key is placed: `hashKey` of src/columnar/keys.ts over columns, so that
 * rows hashed here and keys hashed in JavaScript meet in the same partition.
 *
 * MurmurHash3's 32-bit mixing (Appleby, public domain) over words of 4 bytes: of a string its
 * bytes, zero-padded to at least 3 words and with the length in the seed; of a number the two
 * halves of its bits, -0 as 0 and NaN as one NaN; of a tuple the hashes of its items.
 */
import { textOf } from './memory'

const SEED: u32 = 0x9747b28c
const DATE_SEED: u32 = SEED ^ 0x64
const INT64_SEED: u32 = SEED ^ 0x69
const TUPLE_SEED: u32 = SEED ^ 0x7400
const NAN_BITS: u64 = 0x7ff8000000000000

/** Hashes of `n` strings, as u32 at `out`. */
export function hashViews(views: usize, n: u32, out: usize): void {
  const end = views + (n << 4)
  while (end - views >= 64) {
    const v0 = v128.load(views)
    const v1 = v128.load(views, 16)
    const v2 = v128.load(views, 32)
    const v3 = v128.load(views, 48)
    // Four rows of four words become four vectors of one word each.
    const low01 = v128.shuffle<u32>(v0, v1, 0, 4, 1, 5)
    const low23 = v128.shuffle<u32>(v2, v3, 0, 4, 1, 5)
    const lengths = v128.shuffle<u32>(low01, low23, 0, 1, 4, 5)
    if (v128.any_true(i32x4.gt_u(lengths, i32x4.splat(12)))) {
      for (let i: u32 = 0; i < 16; i += 4) store<u32>(out + i, hashView(views + (i << 2)))
    } else {
      const high01 = v128.shuffle<u32>(v0, v1, 2, 6, 3, 7)
      const high23 = v128.shuffle<u32>(v2, v3, 2, 6, 3, 7)
      let h = v128.xor(lengths, i32x4.splat(SEED as i32))
      h = mix4(h, v128.shuffle<u32>(low01, low23, 2, 3, 6, 7))
      h = mix4(h, v128.shuffle<u32>(high01, high23, 0, 1, 4, 5))
      h = mix4(h, v128.shuffle<u32>(high01, high23, 2, 3, 6, 7))
      v128.store(out, finish4(h))
    }
    views += 64
    out += 16
  }
  for (; views !== end; views += 16, out += 4) store<u32>(out, hashView(views))
}

/** Hashes of `n` numbers, as u32 at `out`. */
export function hashF64(values: usize, n: u32, out: usize): void {
  hashFloats(values, n, SEED, out)
}

/** Hashes of `n` dates, given as milliseconds in f64. */
export function hashDates(values: usize, n: u32, out: usize): void {
  hashFloats(values, n, DATE_SEED, out)
}

/** Hashes of `n` bigints of a 64-bit column. */
export function hashI64(values: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++, values += 8, out += 4) {
    store<u32>(out, finish(mix(mix(INT64_SEED, load<u32>(values)), load<u32>(values, 4))))
  }
}

/** Hashes of `n` rows of a bit column: `ifFalse` or `ifTrue`. */
export function hashBits(bits: usize, n: u32, ifFalse: u32, ifTrue: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const bit = ((load<u8>(bits + (i >> 3)) as u32) >> (i & 7)) & 1
    store<u32>(out + (i << 2), bit ? ifTrue : ifFalse)
  }
}

/** Begins the hashes of `n` tuples of `items` items; `mixHashes` and `finishHashes` follow. */
export function startTupleHashes(hashes: usize, n: u32, items: u32): void {
  const start = TUPLE_SEED ^ items
  for (let i: u32 = 0; i < n; i++) store<u32>(hashes + (i << 2), start)
}

/** Mixes the hashes of one item of every tuple into `hashes`. */
export function mixHashes(hashes: usize, itemHashes: usize, n: u32): void {
  const end = hashes + (n << 2)
  for (; end - hashes >= 16; hashes += 16, itemHashes += 16) {
    v128.store(hashes, mix4(v128.load(hashes), v128.load(itemHashes)))
  }
  for (; hashes !== end; hashes += 4, itemHashes += 4) {
    store<u32>(hashes, mix(load<u32>(hashes), load<u32>(itemHashes)))
  }
}

/** Ends the hashes of `n` tuples. */
export function finishHashes(hashes: usize, n: u32): void {
  const end = hashes + (n << 2)
  for (; end - hashes >= 16; hashes += 16) v128.store(hashes, finish4(v128.load(hashes)))
  for (; hashes !== end; hashes += 4) store<u32>(hashes, finish(load<u32>(hashes)))
}

function hashView(view: usize): u32 {
  const length = load<u32>(view)
  let h = SEED ^ length
  let p = textOf(view)
  if (length <= 12) return finish(mix(mix(mix(h, load<u32>(p)), load<u32>(p, 4)), load<u32>(p, 8)))
  const end = p + length
  for (; end - p >= 4; p += 4) h = mix(h, load<u32>(p))
  if (p !== end) {
    // The last word overlaps the one before it: there may be no memory behind the text.
    h = mix(h, load<u32>(end - 4) >> ((4 - (end - p)) << 3))
  }
  return finish(h)
}

function hashFloats(values: usize, n: u32, seed: u32, out: usize): void {
  const end = values + (n << 3)
  const start = i32x4.splat(seed as i32)
  for (; end - values >= 32; values += 32, out += 16) {
    const a = canonical2(v128.load(values))
    const b = canonical2(v128.load(values, 16))
    let h = mix4(start, v128.shuffle<u32>(a, b, 0, 2, 4, 6))
    h = mix4(h, v128.shuffle<u32>(a, b, 1, 3, 5, 7))
    v128.store(out, finish4(h))
  }
  for (; values !== end; values += 8, out += 4) {
    const value = load<f64>(values) + 0.0
    const bits = isNaN<f64>(value) ? NAN_BITS : reinterpret<u64>(value)
    store<u32>(out, finish(mix(mix(seed, bits as u32), (bits >> 32) as u32)))
  }
}

/** -0 becomes 0, every NaN the same NaN. */
function canonical2(v: v128): v128 {
  const value = f64x2.add(v, f64x2.splat(0))
  return v128.bitselect(value, i64x2.splat(NAN_BITS as i64), f64x2.eq(value, value))
}

function mix(h: u32, word: u32): u32 {
  h ^= rotl<u32>(word * 0xcc9e2d51, 15) * 0x1b873593
  return rotl<u32>(h, 13) * 5 + 0xe6546b64
}

function finish(h: u32): u32 {
  h ^= h >> 16
  h *= 0x85ebca6b
  h ^= h >> 13
  h *= 0xc2b2ae35
  return h ^ (h >> 16)
}

function mix4(h: v128, words: v128): v128 {
  let k = i32x4.mul(words, i32x4.splat(0xcc9e2d51))
  k = v128.or(i32x4.shl(k, 15), i32x4.shr_u(k, 17))
  h = v128.xor(h, i32x4.mul(k, i32x4.splat(0x1b873593)))
  h = v128.or(i32x4.shl(h, 13), i32x4.shr_u(h, 19))
  return i32x4.add(i32x4.add(h, i32x4.shl(h, 2)), i32x4.splat(0xe6546b64))
}

function finish4(h: v128): v128 {
  h = v128.xor(h, i32x4.shr_u(h, 16))
  h = i32x4.mul(h, i32x4.splat(0x85ebca6b))
  h = v128.xor(h, i32x4.shr_u(h, 13))
  h = i32x4.mul(h, i32x4.splat(0xc2b2ae35))
  return v128.xor(h, i32x4.shr_u(h, 16))
}
