/**
 * Find-or-insert: keys to dense group ids 0, 1, 2 … in order of first appearance.
 *
 * ```
 *  slots  u32 each, a power of two of them: group id + 1; 0 is empty
 *  keys   by group id: the first key seen, as it was
 * ```
 * The caller begins with zeroed slots. Before a vector it makes sure that groups stay within half
 * of the slots (a quarter is faster) and within the room for `keys`, even if all rows bring new
 * ones; into larger slots it inserts the old keys again, which gives them the same ids. Views of
 * long strings in `keys` go on pointing to the text of the rows. In front of `keys` there is one
 * cell that is the kernels' to write.
 *
 * All return the new number of groups, of which there were `count`; group ids go to `gids` as u32.
 * The hash is these kernels' own, not the one that places keys.
 */
import { sameBytes } from './memory'

/**
 * Bytes of group ids (128 rows) whose slots are computed and touched before the first of them is
 * looked up: so that several slots are on their way from memory at once. Their offsets lie where
 * the group ids will be.
 */
const AHEAD: usize = 512

/** Bytes of the group ids of 64 rows, one for each bit of a word. */
const STEP: usize = 256

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
  return groupCells<v128, f64>(views, n, slots, mask, keys, count, gids)
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
  return groupCells<f64, f64>(values, n, slots, mask, keys, count, gids)
}

/** Group ids of `n` values of 64 bits, which are equal when their bits are. */
export function groupBits(
  values: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
  gids: usize,
): u32 {
  return groupCells<u64, f64>(values, n, slots, mask, keys, count, gids)
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

/** As `groupF64`, with keys that open records of 24 bytes. */
export function groupF64Records(
  values: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
  gids: usize,
): u32 {
  return groupCells<f64, u8>(values, n, slots, mask, keys, count, gids)
}

/** As `groupViews`, with keys that open records of 32 bytes. */
export function groupViewRecords(
  views: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
  gids: usize,
): u32 {
  return groupCells<v128, u8>(views, n, slots, mask, keys, count, gids)
}

/** The group id + 1 of a number among the first `count` records; 0 where it is in none. */
export function findF64Record(value: usize, slots: usize, mask: u32, keys: usize, count: u32): u32 {
  return findRecord<f64>(value, slots, mask, keys, count)
}

/** The group id + 1 of the text of a view among the first `count` records; 0 where in none. */
export function findViewRecord(view: usize, slots: usize, mask: u32, keys: usize, count: u32): u32 {
  return findRecord<v128>(view, slots, mask, keys, count)
}

/** Another thread may be adding groups to the slots, whose records are none of these. */
function findRecord<T>(cell: usize, slots: usize, mask: u32, keys: usize, count: u32): u32 {
  let slot = slotOf<T>(cell, clz<u64>(mask as u64))
  while (true) {
    const group = load<u32>(slots + slot)
    if (group === 0) return 0
    if (group <= count && sameCell<T>(keys + (group - 1) * strideOf<T, u8>(), cell)) return group
    slot = (slot + 4) & (mask << 2)
  }
}

/** Bytes from one key to the next: of records where `S` is an integer, else of cells. */
function strideOf<T, S>(): usize {
  return isInteger<S>() ? sizeof<T>() + 16 : sizeof<T>()
}

/**
 * A column of cells: `v128` is a view, `f64` a number, `u64` the bits of a value.
 *
 * Some rows at a time: first the slot of each, and whether the key found there is its own, without
 * any branch that depends on data; then, in order, the rows for which it is not. Where most rows
 * bring new groups, nothing is compared in the first pass, which then only has slots on their way
 * from memory.
 */
function groupCells<T, S>(
  cells: usize,
  n: u32,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
  gids: usize,
): u32 {
  const end = gids + (n << 2)
  const shift = clz<u64>(mask as u64)
  // What a slot holds tells its key's place from here on; an empty slot has this impossible one.
  const front = keys - strideOf<T, S>()
  if (isFloat<T>()) store<f64>(front, NaN)
  else if (!isInteger<T>()) store<u64>(front, ~(0 as u64))
  let isNews = true
  while (gids !== end) {
    const before = count
    const stop = end - gids > STEP ? gids + STEP : end
    let misses = ~(0 as u64) >> ((64 - ((stop - gids) >> 2)) as u64)
    if (isInteger<S>()) count += tooMany(touchRecords<T, S>(cells, gids, stop, slots, shift, front))
    if (isNews) {
      let touched: u32 = 0
      for (let p = gids, cell = cells; p !== stop; p += 4, cell += sizeof<T>()) {
        const slot = slotOf<T>(cell, shift)
        store<u32>(p, slot)
        touched |= load<u32>(slots + slot)
      }
      count += tooMany(touched)
    } else {
      misses = 0
      let bit: u64 = 1
      let p = gids
      let cell = cells
      // Two rows a turn.
      for (const even = stop - ((stop - p) & 4); p !== even; p += 8, bit <<= 2) {
        const other = cell + sizeof<T>()
        const slot = slotOf<T>(cell, shift)
        const otherSlot = slotOf<T>(other, shift)
        const group = load<u32>(slots + slot)
        const otherGroup = load<u32>(slots + otherSlot)
        let hit = looksSame<T>(front + group * strideOf<T, S>(), cell)
        let otherHit = looksSame<T>(front + otherGroup * strideOf<T, S>(), other)
        if (isInteger<T>()) {
          // Any 64 bits may be a value.
          hit &= (group !== 0) as u32
          otherHit &= (otherGroup !== 0) as u32
        }
        store<u32>(p, select<u32>(group - 1, slot, hit))
        store<u32>(p, select<u32>(otherGroup - 1, otherSlot, otherHit), 4)
        misses |= select<u64>(0, bit, hit) | select<u64>(0, bit << 1, otherHit)
        cell = other + sizeof<T>()
      }
      if (p !== stop) {
        store<u32>(p, slotOf<T>(cell, shift))
        misses |= bit
      }
    }
    for (; misses !== 0; misses &= misses - 1) {
      const i = ctz<u64>(misses) as usize
      count = findOrAdd<T, S>(cells + i * sizeof<T>(), gids + (i << 2), slots, mask, keys, count)
    }
    isNews = (count - before) << 3 > stop - gids
    cells += ((stop - gids) >> 2) * sizeof<T>()
    gids = stop
  }
  return count
}

/**
 * Has slots and records of some rows on their way from memory: all slots first, so that as many
 * loads as the processor can remember wait at the same time. Other tables fit into its cache.
 */
function touchRecords<T, S>(
  cells: usize,
  gids: usize,
  stop: usize,
  slots: usize,
  shift: u64,
  front: usize,
): u32 {
  let touched: u32 = 0
  for (let p = gids, cell = cells; p !== stop; p += 4, cell += sizeof<T>()) {
    store<u32>(p, load<u32>(slots + slotOf<T>(cell, shift)))
  }
  for (let p = gids; p !== stop; p += 4) {
    const group = load<u32>(p)
    touched |= load<u32>(front + group * strideOf<T, S>()) & group
  }
  return touched
}

/** The group id, at `p`, of a cell whose slot lies there; returns the number of groups. */
function findOrAdd<T, S>(
  cell: usize,
  p: usize,
  slots: usize,
  mask: u32,
  keys: usize,
  count: u32,
): u32 {
  let slot = load<u32>(p)
  while (true) {
    const group = load<u32>(slots + slot)
    if (group === 0) {
      copyCell<T>(keys + count * strideOf<T, S>(), cell)
      store<u32>(p, count)
      store<u32>(slots + slot, count + 1)
      return count + 1
    }
    if (sameCell<T>(keys + (group - 1) * strideOf<T, S>(), cell)) {
      store<u32>(p, group - 1)
      return count
    }
    slot = (slot + 4) & (mask << 2)
  }
}

/** The slot where the search for a cell begins, as an offset in bytes. */
function slotOf<T>(cell: usize, shift: u64): u32 {
  return ((hashCell<T>(cell) >> shift) as u32) << 2
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
  const wrap = mask << 2
  let touched: u32 = 0
  while (gids !== end) {
    const stop = end - gids > AHEAD ? gids + AHEAD : end
    let first = firsts
    let second = seconds
    for (let p = gids; p !== stop; p += 4, first += sizeof<A>(), second += sizeof<B>()) {
      const hash = spread(hashPair(hashCell<A>(first), hashCell<B>(second)))
      store<u32>(p, (hash & mask) << 2)
      touched |= load<u32>(slots + ((hash & mask) << 2))
    }
    for (; gids !== stop; gids += 4, firsts += sizeof<A>(), seconds += sizeof<B>()) {
      let slot = load<u32>(gids)
      while (true) {
        const group = load<u32>(slots + slot)
        if (group === 0) {
          copyCell<A>(firstKeys + count * sizeof<A>(), firsts)
          copyCell<B>(secondKeys + count * sizeof<B>(), seconds)
          store<u32>(gids, count)
          store<u32>(slots + slot, ++count)
          break
        }
        if (
          sameCell<A>(firstKeys + (group - 1) * sizeof<A>(), firsts) &&
          sameCell<B>(secondKeys + (group - 1) * sizeof<B>(), seconds)
        ) {
          store<u32>(gids, group - 1)
          break
        }
        slot = (slot + 4) & wrap
      }
    }
  }
  return count + tooMany(touched)
}

/** Always 0, as there is no memory for 2^31 groups; but the compiler must load what is touched. */
function tooMany(touched: u32): u32 {
  return touched >> 31
}

function hashPair(first: u64, second: u64): u64 {
  return ((first ^ (first >> 32)) * 0x9fb21c651e98df25) ^ second
}

/** 64 bits, of which the upper ones choose the slot (multiply-shift hashing). */
function hashCell<T>(p: usize): u64 {
  if (isFloat<T>()) {
    const value = load<f64>(p) + 0.0
    const bits = isNaN<f64>(value) ? 0x7ff8000000000000 : reinterpret<u64>(value)
    return (bits ^ (bits >> 32)) * 0x9e3779b97f4a7c15
  }
  if (isInteger<T>()) {
    const bits = load<u64>(p)
    return (bits ^ (bits >> 32)) * 0x9e3779b97f4a7c15
  }
  const low = load<u64>(p)
  const high = load<u64>(p, 8)
  if ((low as u32) <= 12) return low * 0x9e3779b97f4a7c15 + high * 0xd6e8feb86659fd93
  return hashBytes(high as usize, low as u32) * 0x9e3779b97f4a7c15
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
    if (a === b) return true
    return isNaN<f64>(a) && isNaN<f64>(b)
  }
  if (isInteger<T>()) return load<u64>(key) === load<u64>(p)
  const low = load<u64>(p)
  if (load<u64>(key) !== low) return false
  if (load<u64>(key, 8) === load<u64>(p, 8)) return true
  // Long texts may lie in several places.
  return (low as u32) > 12 && sameBytes(load<u32>(key, 8), load<u32>(p, 8), low as u32)
}

/** 1 where two cells are the same bit by bit; where not, they may still be the same. */
function looksSame<T>(key: usize, p: usize): u32 {
  if (isFloat<T>()) return (load<f64>(key) === load<f64>(p)) as u32
  if (isInteger<T>()) return (load<u64>(key) === load<u64>(p)) as u32
  return (((load<u64>(key) ^ load<u64>(p)) | (load<u64>(key, 8) ^ load<u64>(p, 8))) === 0) as u32
}

function copyCell<T>(to: usize, from: usize): void {
  if (isFloat<T>() || isInteger<T>()) store<u64>(to, load<u64>(from))
  else v128.store(to, v128.load(from))
}
