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

/**
 * Bytes of group ids (128 rows) whose hashes are computed, and slots touched, before the first of
 * them is looked up: so that several slots are on their way from memory at once. Their hashes lie
 * where the group ids will be.
 */
const AHEAD: usize = 512

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
  return groupCells<v128>(views, n, slots, mask, keys, count, gids)
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
  return groupCells<f64>(values, n, slots, mask, keys, count, gids)
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
  return groupPairs<v128, v128>(firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids)
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
  return groupPairs<v128, f64>(firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids)
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
  return groupPairs<f64, v128>(firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids)
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
  return groupPairs<f64, f64>(firsts, seconds, n, slots, mask, firstKeys, secondKeys, count, gids)
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

/** A column of cells: `v128` is a view, `f64` a number. */
function groupCells<T>(
  cells: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
  gids: usize,
): u32 {
  const end = gids + (n << 2)
  let touched: u32 = 0
  while (gids !== end) {
    const stop = end - gids > AHEAD ? gids + AHEAD : end
    let cell = cells
    for (let p = gids; p !== stop; p += 4, cell += sizeof<T>()) {
      const hash = spread(hashCell<T>(cell))
      store<u32>(p, hash)
      touched |= load<u32>(slots + ((hash & mask) << 3))
    }
    for (; gids !== stop; gids += 4, cells += sizeof<T>()) {
      const hash = load<u32>(gids)
      let slot = hash & mask
      let gid: u32
      while (true) {
        const entry = load<u64>(slots + (slot << 3))
        gid = (entry as u32) - 1
        if (entry === 0) {
          gid = count++
          store<u64>(slots + (slot << 3), newEntry(hash, gid))
          copyCell<T>(keys + gid * sizeof<T>(), cells)
          break
        }
        if (hashOf(entry) === hash && sameCell<T>(keys + gid * sizeof<T>(), cells)) break
        slot = (slot + 1) & mask
      }
      store<u32>(gids, gid)
    }
  }
  return count + tooMany(touched)
}

/** A column of pairs as two columns of cells. */
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
  const end = gids + (n << 2)
  let touched: u32 = 0
  while (gids !== end) {
    const stop = end - gids > AHEAD ? gids + AHEAD : end
    let first = firsts
    let second = seconds
    for (let p = gids; p !== stop; p += 4, first += sizeof<A>(), second += sizeof<B>()) {
      const hash = spread(hashPair(hashCell<A>(first), hashCell<B>(second)))
      store<u32>(p, hash)
      touched |= load<u32>(slots + ((hash & mask) << 3))
    }
    for (; gids !== stop; gids += 4, firsts += sizeof<A>(), seconds += sizeof<B>()) {
      const hash = load<u32>(gids)
      let slot = hash & mask
      let gid: u32
      while (true) {
        const entry = load<u64>(slots + (slot << 3))
        gid = (entry as u32) - 1
        if (entry === 0) {
          gid = count++
          store<u64>(slots + (slot << 3), newEntry(hash, gid))
          copyCell<A>(firstKeys + gid * sizeof<A>(), firsts)
          copyCell<B>(secondKeys + gid * sizeof<B>(), seconds)
          break
        }
        if (
          hashOf(entry) === hash &&
          sameCell<A>(firstKeys + gid * sizeof<A>(), firsts) &&
          sameCell<B>(secondKeys + gid * sizeof<B>(), seconds)
        ) {
          break
        }
        slot = (slot + 1) & mask
      }
      store<u32>(gids, gid)
    }
  }
  return count + tooMany(touched)
}

function newEntry(hash: u32, gid: u32): u64 {
  return ((hash as u64) << 32) | ((gid + 1) as u64)
}

function hashOf(entry: u64): u32 {
  return (entry >> 32) as u32
}

/** Always 0, as there is no memory for 2^31 groups; but the compiler must load what is touched. */
function tooMany(touched: u32): u32 {
  return touched >> 31
}

function hashPair(first: u64, second: u64): u64 {
  return ((first ^ (first >> 32)) * 0x9fb21c651e98df25) ^ second
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

function sameCell<T>(key: usize, p: usize): boolean {
  if (isFloat<T>()) {
    const a = load<f64>(key)
    const b = load<f64>(p)
    if (isNaN<f64>(a)) return isNaN<f64>(b) as boolean
    return a === b
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
