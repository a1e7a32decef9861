/**
 * One kind of the rows that `mapState` gives: mapped rows, or snapshots, pairs of key and state.
 *
 * @example
 * pairs.mapWithState(spec).stateSnapshots()
 */
import type { Operator } from '../engine/operator.ts'

export const pickState: Operator = {
  name: 'pickState',
  onAbsent: 'pass',
  kernel: {
    form: 'rows',
    row: c => {
      const row = c.name('row')
      const head = `const ${row} = ${c.row()};\n`
      if (c.params.what === 'mapped') {
        return `${head}if (${row}[0] === 1) {\n${c.emit(`${row}[4]`)}}\n`
      }
      return `${head}if (${row}[0] === 0) {\n${c.emitPair(`${row}[1]`, `${row}[2]`)}}\n`
    },
  },
}
