/**
 * Whatever RDDs make of RDDs: a function of the user's runs on the main thread for every batch and
 * builds the batch's sub-dag from the parents' RDDs.
 *
 * @example
 * stream.transform((rdd, time) => rdd.filter(x => x > 0))
 */
import type { Operator } from '../engine/operator.ts'

export const transform: Operator = {
  name: 'transform',
  onAbsent: 'error',
  absentMessage: t => `Couldn't generate RDD from parent at time ${t} ms`,
}
