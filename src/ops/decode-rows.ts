/**
 * The rows that `encodeRows` has made bytes of, in the same partitions and the same order.
 *
 * @example
 * bytes.through(callOf('checkpoint'), ops.decodeRows)
 */
import { decodeValue } from '../columnar/codec.ts'
import type { Operator } from '../engine/operator.ts'

export const decodeRows: Operator = {
  name: 'decodeRows',
  onAbsent: 'pass',
  keepsPartitioner: true,
  kernel: {
    form: 'partition',
    *run(pieces) {
      for (const piece of pieces) yield* decodeValue(piece as Uint8Array) as unknown[]
    },
  },
}
