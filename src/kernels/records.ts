/**
 * Records of states: a key, and behind it 16 bytes that change (a cell and a time).
 *
 *   record  │ key, 8 or 16 bytes │ cell f64 │ time f64 │
 *   entry   │ id u32 │ – │ cell f64 │ time f64 │          what a record was, before it changes
 */

const ENTRY: usize = 24

/**
 * Writes entries for those of `n` ids that are below `limit`; `changing` is where the 16 bytes of
 * record 0 lie, and `stride` the size of a record.
 *
 * @returns Number of entries.
 */
export function logRecords(
  ids: usize,
  n: u32,
  limit: u32,
  changing: usize,
  stride: u32,
  entries: usize,
): u32 {
  const start = entries
  for (const end = ids + (n << 2); ids !== end; ids += 4) {
    const id = load<u32>(ids)
    if (id >= limit) continue
    store<u64>(entries, id as u64)
    v128.store(entries, v128.load(changing + id * stride), 8)
    entries += ENTRY
  }
  return ((entries - start) / ENTRY) as u32
}
