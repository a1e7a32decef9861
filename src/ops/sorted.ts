/**
 * The rows in the order of a key that `f` gives; equal keys stay in their order. All rows come into
 * one partition, or, where `partitions` says how many, pairs into those of their keys.
 *
 * @example
 * rdd.sortBy(row => row.age)
 */

import { natural } from '../columnar/natural-order.ts'
import { exchangedByKey, gathered, type Operator } from '../engine/operator.ts'
import { sortedStage } from './columns/sorted.ts'

export const sorted: Operator = {
  name: 'sorted',
  onAbsent: 'pass',
  pact: ({ partitions }) =>
    partitions === undefined ? gathered : exchangedByKey(partitions as number),
  columns: sortedStage,
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
