/**
 * One row per batch: `f` over all rows, first within each partition, then over the partitions in
 * order. An empty batch gives no row.
 *
 * @example
 * stream.reduce((a, b) => a + b)
 */
import { asItLies, gathered, type Operator } from '../engine/operator.ts'
import { reduceStage } from './columns/reduce.ts'

export const reduce: Operator = {
  name: 'reduce',
  onAbsent: 'pass',
  arity: 2,
  pact: params => (params.local ? asItLies : gathered),
  columns: reduceStage,
  kernel: {
    form: 'rows',
    row: c => {
      const result = c.state('result', 'undefined')
      const some = c.state('some', 'false')
      const row = c.name('x')
      return (
        `const ${row} = ${c.row()};\n` +
        `if (${some}) ${result} = ${c.call(0, result, row)};\n` +
        `else { ${some} = true; ${result} = ${row}; }\n`
      )
    },
    finish: c => `if (${c.state('some', 'false')}) {\n${c.emit(c.state('result', 'undefined'))}}\n`,
  },
}
