/**
 * The rows for which the predicate returns a truthy value. Order, partitions and keys stay.
 *
 * @example
 * stream.filter(x => x % 2 === 0)
 */
import type { Operator } from '../engine/operator.ts'

export const filter: Operator = {
  name: 'filter',
  onAbsent: 'pass',
  keepsPartitioner: true,
  kernel: { form: 'rows', row: c => `if (${c.call(0, c.row())}) {\n${c.pass()}}\n` },
}
