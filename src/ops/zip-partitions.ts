/**
 * `f` of the rows of partitions with the same number of two RDDs. The rows come marked with the
 * side that they are from, the first one's before the second's.
 *
 * @example
 * a.zipPartitions(b, (left, right) => [left.length + right.length])
 */
import { aligned, type Operator } from '../engine/operator.ts'

export const zipPartitions: Operator = {
  name: 'zipPartitions',
  onAbsent: 'pass',
  pact: () => aligned,
  kernel: {
    form: 'partition',
    emitsOnEmpty: () => true,
    run(rows, [f]) {
      const sides: [unknown[], unknown[]] = [[], []]
      for (const [side, row] of rows as Iterable<[0 | 1, unknown]>) sides[side].push(row)
      return f!(...sides)
    },
  },
}
