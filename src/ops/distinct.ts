/**
 * The rows without those that equal an earlier one; values are compared as keys are.
 *
 * @example
 * words.distinct()
 */
import { asItLies, exchangedByKey, type Operator } from '../engine/operator.ts'
import { distinctStage } from './columns/distinct.ts'

export const distinct: Operator = {
  name: 'distinct',
  onAbsent: 'pass',
  pact: params => (params.local ? asItLies : exchangedByKey(params.partitions as number)),
  // The row was the key: what comes out need not be a pair, and if it is, it has another key.
  keepsPartitioner: false,
  columns: distinctStage,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, check } = c.params.local ? { key: c.row(), check: '' } : c.pair()
      return `${check}${c.state('table', 'new rt.KeyTable()')}.idOf(${key});\n`
    },
    finish: c => {
      const { keys, key } = {
        keys: `${c.state('table', 'new rt.KeyTable()')}.keys`,
        key: c.name('k'),
      }
      // Rows meet by their hash, which is that of a key: so the first half makes pairs.
      const each = c.params.local ? c.emitPair(key, '1') : c.emit(key)
      return `for (const ${key} of ${keys}) {\n${each}}\n`
    },
  },
}
