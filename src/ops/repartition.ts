/**
 * The same rows dealt out evenly over exactly `partitions` partitions.
 *
 * @example
 * stream.repartition(8)
 */
import type { Operator } from '../engine/operator.ts'

export const repartition: Operator = {
  name: 'repartition',
  onAbsent: 'error',
  absentMessage: t => `Couldn't generate RDD from parent at time ${t} ms`,
  pact: params => ({
    how: 'exchanged',
    partitioner: { kind: 'round-robin', partitions: params.partitions as number },
  }),
}
