/**
 * `f` of a whole partition: it gets a lazy iterable of the rows, once, and returns an iterable.
 * With a second parameter, `f` also gets the partition's number.
 *
 * @example
 * stream.mapPartitions(rows => { let n = 0; for (const _ of rows) n++; return [n] })
 */
import type { Operator } from '../engine/operator.ts'

export const mapPartitions: Operator = {
  name: 'mapPartitions',
  onAbsent: 'pass',
  kernel: {
    form: 'partition',
    run: (rows, [f], _params, partition) => f!(rows, partition),
    emitsOnEmpty: () => true,
  },
}
