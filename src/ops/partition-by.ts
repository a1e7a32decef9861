/**
 * Pairs where the hash of their key puts them: keyed operators with as many partitions then need no
 * exchange.
 *
 * @example
 * pairs.partitionBy(8)
 */
import { exchangedByKey, type Operator } from '../engine/operator.ts'

export const partitionBy: Operator = {
  name: 'partitionBy',
  onAbsent: 'pass',
  keepsPartitioner: true,
  pact: params => exchangedByKey(params.partitions as number),
}
