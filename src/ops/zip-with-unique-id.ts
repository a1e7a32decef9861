/**
 * Pairs of a row and a number that no other row has: of n partitions, partition k gives k, n + k,
 * 2n + k and so on. Unlike `zipWithIndex` it moves no rows.
 *
 * @example
 * rdd.zipWithUniqueId()
 */
import type { Operator } from '../engine/operator.ts'

export const zipWithUniqueId: Operator = {
  name: 'zipWithUniqueId',
  onAbsent: 'pass',
  kernel: {
    form: 'partition',
    *run(rows, _functions, params, partition) {
      let id = partition
      for (const row of rows) {
        yield [row, id]
        id += params.partitions as number
      }
    },
  },
}
