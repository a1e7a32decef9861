/**
 * Runs `f` on the rows of each partition for what it does, not for what it returns.
 *
 * @example
 * rdd.foreachPartition(rows => { for (const row of rows) db.get().insert(row) })
 */
import type { Operator } from '../engine/operator.ts'

export const foreachPartition: Operator = {
  name: 'foreachPartition',
  onAbsent: 'pass',
  actsOutside: true,
  kernel: {
    form: 'partition',
    emitsOnEmpty: () => true,
    run(rows, [f], _params, partition) {
      f!(rows, partition)
      return []
    },
  },
}
