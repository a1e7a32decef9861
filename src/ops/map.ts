/**
 * One row in, one row out: `f` of each row. Order and partitions stay.
 *
 * @example
 * stream.map(word => [word, 1])
 */
import type { Operator } from '../engine/operator.ts'
import { mapOnce } from './columns/once.ts'

export const map: Operator = {
  name: 'map',
  onAbsent: 'pass',
  rowWise: true,
  distinct: true,
  columns: c => {
    const lifted = c.expression(0)
    const expression = lifted && c.compile(lifted)
    // A part without a kernel is called for every row: better once for equal rows.
    if (!expression || expression.calls) {
      const once = mapOnce(c)
      if (once || !expression) return once
    }
    return {
      output: expression.shape,
      push: (vector, next) => next({ rows: vector.rows, column: expression.run(vector) }),
    }
  },
  kernel: { form: 'rows', row: c => c.emit(c.call(0, c.row())) },
}
