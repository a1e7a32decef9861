/**
 * Ids of dictionaries: rows that hold, instead of a value, the place of a value among all different
 * ones; and what is known by id.
 */

/** In `states`: nothing is known yet; it is listed; or what is known, its answer as bit 0. */
const UNKNOWN: u8 = 0
const LISTED: u8 = 4

/**
 * Bit 0 of the state of every id, as a mask. Ids whose state is 0 are written to `missing` (u32),
 * each once, and their state becomes 4.
 *
 * @returns How many are missing: with none, the mask is right.
 */
export function masksById(ids: usize, n: u32, states: usize, mask: usize, missing: usize): u32 {
  const first = missing
  const end = ids + (n << 2)
  for (; ids !== end; ids += 4, mask++) {
    const id = load<u32>(ids)
    const state = load<u8>(states + id)
    store<u8>(mask, state & 1)
    if (state === UNKNOWN) {
      store<u8>(states + id, LISTED)
      store<u32>(missing, id)
      missing += 4
    }
  }
  return (missing - first) >> 2
}

/**
 * Writes, for every id, the new id that `targets` (u32) has for it. Those are kept plus 2: 0
 * stands for one that is not known, and 1 for one that is listed: such ids are written to
 * `missing` (u32), each once.
 *
 * @returns How many are missing: with none, what was written is right.
 */
export function idsById(ids: usize, n: u32, targets: usize, out: usize, missing: usize): u32 {
  const first = missing
  const end = ids + (n << 2)
  for (; ids !== end; ids += 4, out += 4) {
    const id = load<u32>(ids)
    const target = load<u32>(targets + (id << 2))
    store<u32>(out, target - 2)
    if (target === 0) {
      store<u32>(targets + (id << 2), 1)
      store<u32>(missing, id)
      missing += 4
    }
  }
  return (missing - first) >> 2
}

/**
 * Numbers ids anew in order of first appearance: 0, 1, 2 … `locals` (u32) has the new number of
 * an id plus 1, or 0; `order` (u32) gets the old id of every new number, and has room for
 * one of every row. There are `count` so far.
 *
 * @returns The new count.
 */
export function localIds(
  ids: usize,
  n: u32,
  locals: usize,
  count: u32,
  order: usize,
  out: usize,
): u32 {
  const end = ids + (n << 2)
  for (; ids !== end; ids += 4, out += 4) {
    const id = load<u32>(ids)
    const known = load<u32>(locals + (id << 2))
    // New ids come too often for a branch on them to be foreseen.
    store<u32>(order + (count << 2), id)
    count += u32(known === 0)
    const local = select<u32>(known, count, known !== 0)
    store<u32>(locals + (id << 2), local)
    store<u32>(out, local - 1)
  }
  return count
}

/** Writes the ids of the rows that the mask has. Up to `n` are written. Returns how many. */
export function filterIds(ids: usize, mask: usize, n: u32, out: usize): u32 {
  const first = out
  const end = mask + n
  for (; mask !== end; mask++, ids += 4) {
    store<u32>(out, load<u32>(ids))
    out += (load<u8>(mask) as u32) << 2
  }
  return (out - first) >> 2
}

/** Joins two columns of ids into one of 64 bits: the second in the upper half. */
export function pairIds(first: usize, second: usize, n: u32, out: usize): void {
  const end = first + (n << 2)
  for (; first !== end; first += 4, second += 4, out += 8) {
    store<u32>(out, load<u32>(first))
    store<u32>(out, load<u32>(second), 4)
  }
}
