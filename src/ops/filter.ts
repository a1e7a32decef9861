/**
 * The rows for which the predicate returns a truthy value. Order, partitions and keys stay.
 *
 * @example
 * stream.filter(x => x % 2 === 0)
 */
import type { Operator } from '../engine/operator.ts'
import { addressOf } from '../expressions/columns.ts'
import { selected } from './columns/select.ts'

export const filter: Operator = {
  name: 'filter',
  onAbsent: 'pass',
  distinct: true,
  keepsPartitioner: true,
  columns: c => {
    const lifted = c.expression(0)
    const predicate = lifted && c.compile(lifted)
    if (predicate?.shape.kind !== 'bool' || c.input.kind === 'lines') return undefined
    return {
      output: c.input,
      push: (vector, next) => next(selected(c.machine, vector, addressOf(predicate.run(vector)))),
    }
  },
  kernel: { form: 'rows', row: c => `if (${c.call(0, c.row())}) {\n${c.pass()}}\n` },
}
