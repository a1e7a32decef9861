/**
 * One pair a key, its values reduced by `f`: first where they lie, then, brought together by the
 * key's hash, in partition order.
 *
 * @example
 * words.map(w => [w, 1]).reduceByKey((a, b) => a + b)
 */
import { asItLies, exchangedByKey, type Operator } from '../engine/operator.ts'
import { reduceStage } from './columns/reduce.ts'
import { combine, emitCombined } from './combine-by-key.ts'

export const reduceByKey: Operator = {
  name: 'reduceByKey',
  onAbsent: 'pass',
  keepsPartitioner: true,
  pact: params => (params.local ? asItLies : exchangedByKey(params.partitions as number)),
  arity: 2,
  columns: reduceStage,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      return check + combine(c, key, value, -1, 0)
    },
    finish: c => emitCombined(c),
  },
}
