/**
 * Folds of a column by group id into accumulators of f64 that lie by group id.
 *
 * A fold takes a group's first value as it is. New groups therefore begin with what leaves any
 * value unchanged: -0 for sums (0 would turn a lone -0 into 0), Infinity for minima, -Infinity for
 * maxima; `fillF64` writes it. Counts begin with 0, `firstByGid` and `lastByGid` with anything.
 */

/** Adds 1 to the accumulator of every row's group. */
export function countByGid(gids: usize, n: u32, accumulators: usize): void {
  const end = gids + (n << 2)
  for (; gids !== end; gids += 4) {
    const p = accumulators + (load<u32>(gids) << 3)
    store<f64>(p, load<f64>(p) + 1)
  }
}

/** Adds every row's value to the accumulator of its group, in the order of rows. */
export function sumByGid(gids: usize, values: usize, n: u32, accumulators: usize): void {
  const end = gids + (n << 2)
  for (; gids !== end; gids += 4, values += 8) {
    const p = accumulators + (load<u32>(gids) << 3)
    store<f64>(p, load<f64>(p) + load<f64>(values))
  }
}

/** Keeps the least value of every group, as `Math.min` does: NaN wins, -0 is less than 0. */
export function minByGid(gids: usize, values: usize, n: u32, accumulators: usize): void {
  const end = gids + (n << 2)
  for (; gids !== end; gids += 4, values += 8) {
    const p = accumulators + (load<u32>(gids) << 3)
    store<f64>(p, min<f64>(load<f64>(p), load<f64>(values)))
  }
}

/** Keeps the greatest value of every group, as `Math.max` does: NaN wins, 0 is more than -0. */
export function maxByGid(gids: usize, values: usize, n: u32, accumulators: usize): void {
  const end = gids + (n << 2)
  for (; gids !== end; gids += 4, values += 8) {
    const p = accumulators + (load<u32>(gids) << 3)
    store<f64>(p, max<f64>(load<f64>(p), load<f64>(values)))
  }
}

/**
 * Keeps the first value of every group.
 *
 * @param seen Number of groups before this vector; the vector's new ones follow in order.
 */
export function firstByGid(
  gids: usize,
  values: usize,
  n: u32,
  accumulators: usize,
  seen: u32,
): void {
  const end = gids + (n << 2)
  for (; gids !== end; gids += 4, values += 8) {
    const gid = load<u32>(gids)
    if (gid < seen) continue
    store<u64>(accumulators + (gid << 3), load<u64>(values))
    seen = gid + 1
  }
}

/** Keeps the last value of every group. */
export function lastByGid(gids: usize, values: usize, n: u32, accumulators: usize): void {
  const end = gids + (n << 2)
  for (; gids !== end; gids += 4, values += 8) {
    store<u64>(accumulators + (load<u32>(gids) << 3), load<u64>(values))
  }
}

/** `start` plus all values, from the first to the last. */
export function sumF64(values: usize, n: u32, start: f64): f64 {
  const end = values + (n << 3)
  for (; values !== end; values += 8) start += load<f64>(values)
  return start
}

/** `Math.min` of `start` and all values. */
export function leastF64(values: usize, n: u32, start: f64): f64 {
  const end = values + (n << 3)
  for (; values !== end; values += 8) start = min<f64>(start, load<f64>(values))
  return start
}

/** `Math.max` of `start` and all values. */
export function greatestF64(values: usize, n: u32, start: f64): f64 {
  const end = values + (n << 3)
  for (; values !== end; values += 8) start = max<f64>(start, load<f64>(values))
  return start
}

/** Writes `value` to `n` numbers. */
export function fillF64(out: usize, n: u32, value: f64): void {
  const end = out + (n << 3)
  for (; out !== end; out += 8) store<f64>(out, value)
}
