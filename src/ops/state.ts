/**
 * Pairs of key and state that each batch makes of those of the batch before and of its own rows.
 *
 * @example
 * pairs.updateStateByKey((values, state = 0) => state + values.length)
 */
import type { Operator } from '../engine/operator.ts'

export const state: Operator = {
  name: 'state',
  // A batch without an RDD is one without values: every key is still asked.
  onAbsent: 'empty',
  needsOwn: (t, { slide }) => [t - slide],
}
