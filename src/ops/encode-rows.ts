/**
 * The rows of each partition as bytes: what a checkpoint keeps of them. A row of bytes stands for
 * up to `runRows` rows, in their order.
 *
 *   rows 0 … 1023 │ 1024 … 2047 │ …   ─▶   one Uint8Array each, as the codec writes an array
 *
 * @example
 * rdd.through(callOf('checkpoint'), ops.encodeRows)
 */
import { encodeValue } from '../columnar/codec.ts'
import type { Operator } from '../engine/operator.ts'

/** Rows in one piece: many enough that what they share is written once. */
export const runRows = 1024

export const encodeRows: Operator = {
  name: 'encodeRows',
  onAbsent: 'pass',
  keepsPartitioner: true,
  kernel: { form: 'partition', run: encodedRuns },
}

/** Rows as bytes, a run at a time. */
export function* encodedRuns(rows: Iterable<unknown>): Generator<Uint8Array> {
  let held: unknown[] = []
  for (const row of rows) {
    held.push(row)
    if (held.length < runRows) continue
    yield encodeValue(held)
    held = []
  }
  if (held.length > 0) yield encodeValue(held)
}
