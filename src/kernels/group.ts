/**
 * Find-or-insert: keys to dense group ids 0, 1, 2 … in order of first appearance.
 *
 * ```
 *  slots  u64 each, a power of two of them: hash << 32 | group id + 1; 0 is empty
 *  keys   by group id: the first key seen, as it was
 * ```
 * The caller begins with zeroed slots and grows them (`regroup`) before a vector: as if all its
 * rows brought new keys, groups must stay within half of the slots. `keys` must have room for as
 * many. Views of long strings in `keys` go on pointing to the text of the rows.
 *
 * All return the new number of groups, of which there were `count`; group ids go to `gids` as u32.
 * The hash in the slots is these kernels' own, not the one that places keys.
 */
import { sameBytes } from './memory'

/** Group ids of `n` strings; keys are views. */
export function groupViews(
  views: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
  gids: usize,
): u32 {
  for (let i: u32 = 0; i < n; i++, views += 16) {
    const hash = spread(hashCell<v128>(views))
    let slot = hash & mask
    let gid: u32
    while (true) {
      const entry = load<u64>(slots + (slot << 3))
      if (entry === 0) {
        gid = count++
        store<u64>(slots + (slot << 3), ((hash as u64) << 32) | ((gid + 1) as u64))
        copyCell<v128>(keys + (gid << 4), views)
        break
      }
      gid = (entry as u32) - 1
      if (((entry >> 32) as u32) === hash && sameCell<v128>(keys + (gid << 4), views)) break
      slot = (slot + 1) & mask
    }
    store<u32>(gids + (i << 2), gid)
  }
  return count
}

/** Group ids of `n` numbers: NaN equals NaN, -0 equals 0. Keys are f64. */
export function groupF64(
  values: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
  gids: usize,
): u32 {
  for (let i: u32 = 0; i < n; i++, values += 8) {
    const hash = spread(hashCell<f64>(values))
    let slot = hash & mask
    let gid: u32
    while (true) {
      const entry = load<u64>(slots + (slot << 3))
      if (entry === 0) {
        gid = count++
        store<u64>(slots + (slot << 3), ((hash as u64) << 32) | ((gid + 1) as u64))
        copyCell<f64>(keys + (gid << 3), values)
        break
      }
      gid = (entry as u32) - 1
      if (((entry >> 32) as u32) === hash && sameCell<f64>(keys + (gid << 3), values)) break
      slot = (slot + 1) & mask
    }
    store<u32>(gids + (i << 2), gid)
  }
  return count
}

/** Group ids of `n` pairs of strings. */
export function groupViewsViews(
  firsts: usize,
  seconds: usize,
  n: u32,
  slots: usize,
  mask: u32,
  firstKeys: usize,
  secondKeys: usize,
  count: u32,
  gids: usize,
): u32 {
  return groupPairs<v128, v128>(
    firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids,
  )
}

/** Group ids of `n` pairs of a string and a number. */
export function groupViewsF64(
  firsts: usize,
  seconds: usize,
  n: u32,
  slots: usize,
  mask: u32,
  firstKeys: usize,
  secondKeys: usize,
  count: u32,
  gids: usize,
): u32 {
  return groupPairs<v128, f64>(
    firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids,
  )
}

/** Group ids of `n` pairs of a number and a string. */
export function groupF64Views(
  firsts: usize,
  seconds: usize,
  n: u32,
  slots: usize,
  mask: u32,
  firstKeys: usize,
  secondKeys: usize,
  count: u32,
  gids: usize,
): u32 {
  return groupPairs<f64, v128>(
    firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids,
  )
}

/** Group ids of `n` pairs of numbers. */
export function groupF64F64(
  firsts: usize,
  seconds: usize,
  n: u32,
  slots: usize,
  mask: u32,
  firstKeys: usize,
  secondKeys: usize,
  count: u32,
  gids: usize,
): u32 {
  return groupPairs<f64, f64>(
    firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids,
  )
}

/** Copies the entries of `oldSlots` into larger slots, which are zeroed. */
export function regroup(oldSlots: usize, oldMask: u32, slots: usize, mask: u32): void {
  for (let i: u32 = 0; i <= oldMask; i++) {
    const entry = load<u64>(oldSlots + (i << 3))
    if (entry === 0) continue
    let slot = ((entry >> 32) as u32) & mask
    while (load<u64>(slots + (slot << 3)) !== 0) slot = (slot + 1) & mask
    store<u64>(slots + (slot << 3), entry)
  }
}

/** A column of pairs as two columns of cells: `v128` is a view, `f64` a number. */
function groupPairs<A, B>(
  firsts: usize,
  seconds: usize,
  n: u32,
  slots: usize,
  mask: u32,
  firstKeys: usize,
  secondKeys: usize,
  count: u32,
  gids: usize,
): u32 {
  for (let i: u32 = 0; i < n; i++, firsts += sizeof<A>(), seconds += sizeof<B>()) {
    const first = hashCell<A>(firsts)
    const hash = spread(((first ^ (first >> 32)) * 0x9fb21c651e98df25) ^ hashCell<B>(seconds))
    let slot = hash & mask
    let gid: u32
    while (true) {
      const entry = load<u64>(slots + (slot << 3))
      if (entry === 0) {
        gid = count++
        store<u64>(slots + (slot << 3), ((hash as u64) << 32) | ((gid + 1) as u64))
        copyCell<A>(firstKeys + gid * sizeof<A>(), firsts)
        copyCell<B>(secondKeys + gid * sizeof<B>(), seconds)
        break
      }
      gid = (entry as u32) - 1
      if (
        ((entry >> 32) as u32) === hash &&
        sameCell<A>(firstKeys + gid * sizeof<A>(), firsts) &&
        sameCell<B>(secondKeys + gid * sizeof<B>(), seconds)
      ) {
        break
      }
      slot = (slot + 1) & mask
    }
    store<u32>(gids + (i << 2), gid)
  }
  return count
}

/** 64 bits in which every bit of the cell has a part, the upper ones more than the lower ones. */
function hashCell<T>(p: usize): u64 {
  if (isFloat<T>()) {
    const value = load<f64>(p) + 0.0
    const bits = isNaN<f64>(value) ? 0x7ff8000000000000 : reinterpret<u64>(value)
    return (bits ^ (bits >> 32)) * 0x9e3779b97f4a7c15
  }
  const low = load<u64>(p)
  const high = load<u64>(p, 8)
  if ((low as u32) <= 12) {
    return (low * 0x9e3779b97f4a7c15) ^ rotl<u64>(high * 0xff51afd7ed558ccd, 32)
  }
  return hashBytes(high as usize, low as u32)
}

/** The hash of more than 12 bytes. */
function hashBytes(p: usize, length: u32): u64 {
  let h = (length as u64) * 0x9e3779b97f4a7c15
  const end = p + length
  for (; end - p > 8; p += 8) h = rotl<u64>(h ^ load<u64>(p), 23) * 0xff51afd7ed558ccd
  // The last eight bytes, some of them twice.
  return rotl<u64>(h ^ load<u64>(end - 8), 23) * 0xff51afd7ed558ccd
}

/** 32 well-mixed bits; the lower ones choose the slot. */
function spread(h: u64): u32 {
  return (((h ^ (h >> 32)) * 0xd6e8feb86659fd93) >> 32) as u32
}

function sameCell<T>(key: usize, p: usize): bool {
  if (isFloat<T>()) {
    const a = load<f64>(key)
    const b = load<f64>(p)
    return a === b || (isNaN<f64>(a) && isNaN<f64>(b))
  }
  const low = load<u64>(p)
  if (load<u64>(key) !== low) return false
  const high = load<u64>(p, 8)
  if (load<u64>(key, 8) === high) return true
  return (low as u32) > 12 && sameBytes(load<u32>(key, 8), high as usize, low as u32)
}

function copyCell<T>(to: usize, from: usize): void {
  if (isFloat<T>()) store<u64>(to, load<u64>(from))
  else v128.store(to, v128.load(from))
}
