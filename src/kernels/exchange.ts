/**
 * Rows to where they belong: hashes → partitions → how many rows each → order of rows → columns
 * gathered in that order. All of it is stable.
 */
import { copyText } from './memory'

/** Partition of every row: its hash modulo `partitions` (1 to 65,536), as u16 at `out`. */
export function partitionOf(hashes: usize, n: u32, partitions: u32, out: usize): void {
  const end = out + (n << 1)
  if ((partitions & (partitions - 1)) === 0) {
    const mask = partitions - 1
    for (; out !== end; out += 2, hashes += 4) store<u16>(out, (load<u32>(hashes) & mask) as u16)
    return
  }
  for (; out !== end; out += 2, hashes += 4) {
    store<u16>(out, (load<u32>(hashes) % partitions) as u16)
  }
}

/** Adds to the `counts` (u32) of partitions the rows that belong to each. */
export function countPartitions(partitionOfRow: usize, n: u32, counts: usize): void {
  const end = partitionOfRow + (n << 1)
  for (; partitionOfRow !== end; partitionOfRow += 2) {
    const p = counts + ((load<u16>(partitionOfRow) as u32) << 2)
    store<u32>(p, load<u32>(p) + 1)
  }
}

/** Turns `n` counts (u32) into the sums of all counts before each. Returns the sum of all. */
export function prefixSums(counts: usize, n: u32): u32 {
  let sum: u32 = 0
  for (let i: u32 = 0; i < n; i++, counts += 4) {
    const count = load<u32>(counts)
    store<u32>(counts, sum)
    sum += count
  }
  return sum
}

/**
 * Writes the indexes of rows ordered by partition (u32) at `order`. `starts` holds where each
 * partition's rows begin (see `prefixSums`), and afterwards where they end.
 */
export function orderByPartition(partitionOfRow: usize, n: u32, starts: usize, order: usize): void {
  for (let i: u32 = 0; i < n; i++, partitionOfRow += 2) {
    const p = starts + ((load<u16>(partitionOfRow) as u32) << 2)
    const place = load<u32>(p)
    store<u32>(p, place + 1)
    store<u32>(order + (place << 2), i)
  }
}

/**
 * Writes where every row goes when rows are ordered by partition (u32) at `places`; may be called
 * for one vector after the other. `starts` is as for `orderByPartition`.
 */
export function placeByPartition(
  partitionOfRow: usize,
  n: u32,
  starts: usize,
  places: usize,
): void {
  const end = places + (n << 2)
  for (; places !== end; places += 4, partitionOfRow += 2) {
    const p = starts + ((load<u16>(partitionOfRow) as u32) << 2)
    const place = load<u32>(p)
    store<u32>(p, place + 1)
    store<u32>(places, place)
  }
}

/** Writes every view to its place (u32). Long ones point where they pointed. */
export function scatterViews(views: usize, places: usize, n: u32, out: usize): void {
  const end = places + (n << 2)
  for (; places !== end; places += 4, views += 16) {
    v128.store(out + (load<u32>(places) << 4), v128.load(views))
  }
}

/** Writes every 64-bit value to its place (u32). */
export function scatterF64(values: usize, places: usize, n: u32, out: usize): void {
  const end = places + (n << 2)
  for (; places !== end; places += 4, values += 8) {
    store<u64>(out + (load<u32>(places) << 3), load<u64>(values))
  }
}

/** Writes every byte to its place (u32), as for masks. */
export function scatterBytes(bytes: usize, places: usize, n: u32, out: usize): void {
  const end = places + (n << 2)
  for (; places !== end; places += 4, bytes++) store<u8>(out + load<u32>(places), load<u8>(bytes))
}

/** Writes the views of the rows listed at `rows` (u32). Long ones point where they pointed. */
export function gatherViews(views: usize, rows: usize, n: u32, out: usize): void {
  const end = rows + (n << 2)
  for (; rows !== end; rows += 4, out += 16) {
    v128.store(out, v128.load(views + (load<u32>(rows) << 4)))
  }
}

/** Writes the 64-bit values of the rows listed at `rows` (u32). */
export function gatherF64(values: usize, rows: usize, n: u32, out: usize): void {
  const end = rows + (n << 2)
  for (; rows !== end; rows += 4, out += 8) {
    store<u64>(out, load<u64>(values + (load<u32>(rows) << 3)))
  }
}

/** Writes the 32-bit values of the rows listed at `rows` (u32). */
export function gatherU32(values: usize, rows: usize, n: u32, out: usize): void {
  const end = rows + (n << 2)
  for (; rows !== end; rows += 4, out += 4) {
    store<u32>(out, load<u32>(values + (load<u32>(rows) << 2)))
  }
}

/** Writes the bytes of the rows listed at `rows` (u32), as for masks. */
export function gatherBytes(bytes: usize, rows: usize, n: u32, out: usize): void {
  const end = rows + (n << 2)
  for (; rows !== end; rows += 4, out++) store<u8>(out, load<u8>(bytes + load<u32>(rows)))
}

/** Bytes of those of `n` texts that do not lie in their views. */
export function longBytes(views: usize, n: u32): usize {
  const end = views + (n << 4)
  let sum: usize = 0
  for (; views !== end; views += 16) {
    const length = load<u32>(views)
    sum += length > 12 ? length : 0
  }
  return sum
}

/**
 * Copies the texts that do not lie in their views to `target`, one behind the other, and lets the
 * views point there.
 *
 * @returns Number of bytes copied, which is `longBytes`.
 */
export function copyLong(views: usize, n: u32, target: usize): usize {
  const end = views + (n << 4)
  const first = target
  for (; views !== end; views += 16) {
    const length = load<u32>(views)
    if (length <= 12) continue
    copyText(target, load<u32>(views, 8), length)
    store<u32>(views, target, 8)
    target += length
  }
  return target - first
}
