/**
 * The number of rows of each batch, as one row; 0 for an empty batch.
 *
 * @example
 * stream.count()
 */
import { asItLies, gathered, type Operator } from '../engine/operator.ts'
import { countStage, totalStage } from './columns/count.ts'

export const count: Operator = {
  name: 'count',
  onAbsent: 'error',
  absentMessage: t => `Couldn't generate RDD from parent at time ${t} ms`,
  pact: params => (params.local ? asItLies : gathered),
  columns: c => (c.params.local ? countStage(c) : totalStage(c)),
  kernel: {
    form: 'rows',
    row: c => `${c.state('n', '0')} += ${c.params.local ? '1' : c.row()};\n`,
    finish: c => c.emit(c.state('n', '0')),
    emitsOnEmpty: () => true,
  },
}
