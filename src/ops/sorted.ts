/**
 * The rows in the order of a key that `f` gives, in one partition; equal keys stay in their order.
 *
 * @example
 * rdd.sortBy(row => row.age)
 */

import { natural } from '../columnar/natural-order.ts'
import { gathered, type Operator } from '../engine/operator.ts'

export const sorted: Operator = {
  name: 'sorted',
  onAbsent: 'pass',
  pact: () => gathered,
  kernel: {
    form: 'partition',
    *run(rows, [f], { ascending }) {
      const keyed = Array.from(rows, row => ({ row, key: f!(row) as unknown }))
      const sign = ascending ? 1 : -1
      keyed.sort((a, b) => sign * natural(a.key, b.key))
      for (const { row } of keyed) yield row
    },
  },
}
