/**
 * The rows of all parents: the partitions of the first, then of the second, and so on.
 *
 * @example
 * errors.union(warnings)
 */
import type { Operator } from '../engine/operator.ts'

export const union: Operator = {
  name: 'union',
  onAbsent: 'error',
  absentMessage: t => `Could not generate RDD from a parent for unifying at time ${t} ms`,
}
