/**
 * All values of each key, as [key, values]; values stand in partition order.
 *
 * @example
 * pairs.groupByKey()
 */
import { exchangedByKey, type Operator } from '../engine/operator.ts'
import { foldByKeyStage } from './columns/fold-by-key.ts'
import { emitCombined } from './combine-by-key.ts'

export const groupByKey: Operator = {
  name: 'groupByKey',
  onAbsent: 'pass',
  holdsRows: 'always',
  pact: params => exchangedByKey(params.partitions as number),
  columns: c => foldByKeyStage(c, { passes: false }),
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      const id = c.name('id')
      const table = c.state('table', 'new rt.KeyTable()')
      const groups = c.state('combined', '[]')
      return (
        `${check}const ${id} = ${table}.idOf(${key});\n` +
        `if (${id} === ${groups}.length) ${groups}.push([${value}]);\n` +
        `else ${groups}[${id}].push(${value});\n`
      )
    },
    finish: c => emitCombined(c),
  },
}
