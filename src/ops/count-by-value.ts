/**
 * How often each value occurs, as pairs [value, count]; values are compared as keys are.
 *
 * @example
 * words.countByValue()
 */
import { asItLies, exchangedByKey, type Operator } from '../engine/operator.ts'
import { countByValueStage } from './columns/count-by-value.ts'

export const countByValue: Operator = {
  name: 'countByValue',
  onAbsent: 'pass',
  pact: params => (params.local ? asItLies : exchangedByKey(params.partitions as number)),
  columns: countByValueStage,
  kernel: {
    form: 'rows',
    row: c => {
      const table = c.state('table', 'new rt.KeyTable()')
      const counts = c.state('counts', '[]')
      const id = c.name('id')
      const { key, value, check } = c.params.local
        ? { key: c.row(), value: '1', check: '' }
        : c.pair()
      return (
        `${check}const ${id} = ${table}.idOf(${key});\n` +
        `if (${id} === ${counts}.length) ${counts}.push(${value});\n` +
        `else ${counts}[${id}] += ${value};\n`
      )
    },
    finish: c => {
      const i = c.name('i')
      const { keys, counts } = {
        keys: `${c.state('table', 'new rt.KeyTable()')}.keys`,
        counts: c.state('counts', '[]'),
      }
      const each = c.emitPair(`${keys}[${i}]`, `${counts}[${i}]`)
      return `for (let ${i} = 0; ${i} < ${counts}.length; ${i}++) {\n${each}}\n`
    },
  },
}
