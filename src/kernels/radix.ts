/**
 * Sums by numeric key where keys outgrow the cache: rows are first scattered by the upper bits of
 * their keys' hashes, so that each part's table fits.
 *
 * A pair is 16 bytes: f64 key, f64 value. All NaNs are one key, as are 0 and -0, whose first one
 * seen is kept.
 */

const NAN_BITS: u64 = 0x7ff8000000000000

/** Adds to the `counts` (u32, 2^(64 - shift) of them) of parts the keys that belong to each. */
export function countRadix(keys: usize, n: u32, shift: u32, counts: usize): void {
  const end = keys + (n << 3)
  for (; keys !== end; keys += 8) {
    const p = counts + (((mix(keyBits(load<f64>(keys))) >> shift) as u32) << 2)
    store<u32>(p, load<u32>(p) + 1)
  }
}

/**
 * Writes rows as pairs, ordered by part. `starts` holds the row where each part begins, and
 * afterwards where it ends.
 */
export function scatterRadix(
  keys: usize,
  values: usize,
  n: u32,
  shift: u32,
  starts: usize,
  pairs: usize,
): void {
  const end = keys + (n << 3)
  for (; keys !== end; keys += 8, values += 8) {
    const bits = keyBits(load<f64>(keys))
    const p = starts + (((mix(bits) >> shift) as u32) << 2)
    const place = load<u32>(p)
    store<u32>(p, place + 1)
    const pair = pairs + (place << 4)
    store<u64>(pair, bits)
    store<u64>(pair, load<u64>(values), 8)
  }
}

/**
 * Sums `n` pairs by key, in their order, and goes on from `count` groups.
 *
 * @param slots A power of two of u32, at least twice the number of groups; zeroed at first.
 * @param keys Keys by group, in order of first appearance, as f64.
 * @param sums Sums by group, as f64.
 * @returns The new number of groups.
 */
export function sumPairs(
  pairs: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  sums: usize,
  count: u32,
): u32 {
  const end = pairs + (n << 4)
  for (; pairs !== end; pairs += 16) {
    const bits = load<u64>(pairs)
    // Rows of one part share the upper bits of the hash; these are from its middle.
    let slot = ((mix(bits) >> 20) as u32) & mask
    while (true) {
      const p = slots + (slot << 2)
      const group = load<u32>(p) << 3
      if (group === 0) {
        store<u64>(keys + (count << 3), bits)
        store<u64>(sums + (count << 3), load<u64>(pairs, 8))
        store<u32>(p, ++count)
        break
      }
      if (isSameKey(load<u64>(keys + group - 8), bits)) {
        const sum = sums + group - 8
        store<f64>(sum, load<f64>(sum) + load<f64>(pairs, 8))
        break
      }
      slot = (slot + 1) & mask
    }
  }
  return count
}

function isSameKey(a: u64, b: u64): boolean {
  return a === b || (a | b) << 1 === 0
}

function keyBits(key: f64): u64 {
  return isNaN<f64>(key) ? NAN_BITS : reinterpret<u64>(key)
}

function mergeZeros(bits: u64): u64 {
  return bits << 1 === 0 ? 0 : bits
}

function mix(bits: u64): u64 {
  let h = mergeZeros(bits) * 0x9e3779b97f4a7c15
  h ^= h >> 32
  return h * 0xd6e8feb86659fd93
}
