/**
 * The rows for which the predicate returns a truthy value. Order, partitions and keys stay.
 *
 * @example
 * stream.filter(x => x % 2 === 0)
 */
import type { Operator } from '../engine/operator.ts'
import { addressOf, truthOf } from '../expressions/columns.ts'
import { filterOnce } from './columns/once.ts'
import { selected } from './columns/select.ts'

export const filter: Operator = {
  name: 'filter',
  onAbsent: 'pass',
  rowWise: true,
  distinct: true,
  keepsPartitioner: true,
  columns: c => {
    const lifted = c.expression(0)
    // Only the truth of what it returns matters.
    const value = lifted && c.compile({ kind: 'global', fn: 'Boolean', args: [lifted] })
    // A part without a kernel is called for every row: better once for equal rows.
    if (!value || value.calls) {
      const once = filterOnce(c)
      if (once || !value) return once
    }
    if (c.input.kind === 'lines') return undefined
    const predicate = truthOf(value, c.machine)
    const { shape } = predicate
    return {
      output: c.input,
      push: (vector, next) => {
        if (shape.kind !== 'constant') {
          next(selected(c.machine, vector, addressOf(predicate.run(vector))))
        } else if (shape.value) next(vector)
      },
      pushCounts: (vector, next) => {
        if (shape.kind !== 'constant') {
          const mask = addressOf(predicate.run(vector))
          next({ rows: c.machine.kernels.countMask(mask, vector.rows), column: vector.column })
        } else if (shape.value) next(vector)
      },
    }
  },
  kernel: { form: 'rows', row: c => `if (${c.call(0, c.row())}) {\n${c.pass()}}\n` },
}
