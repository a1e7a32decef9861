/**
 * One row in, any number out: the elements of the iterable that `f` returns, in its order.
 *
 * @example
 * lines.flatMap(line => line.split(' '))
 */
import type { Operator } from '../engine/operator.ts'
import { flatStage } from './columns/flat.ts'
import { splitStage } from './columns/split.ts'
import { eachOf } from './each-of.ts'

export const flatMap: Operator = {
  name: 'flatMap',
  onAbsent: 'pass',
  rowWise: true,
  columns: c => {
    const lifted = c.expression(0)
    return lifted && (splitStage(c, lifted) ?? flatStage(c, lifted))
  },
  kernel: { form: 'rows', row: c => eachOf(c, c.call(0, c.row()), e => c.emit(e)) },
}
