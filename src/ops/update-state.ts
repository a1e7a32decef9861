/**
 * The new state of each key, of what `cogroup` has gathered of it: the state before, and the values
 * of the batch. A key whose function returns undefined is forgotten.
 *
 * @example
 * pairs.updateStateByKey((values, state = 0) => state + values.length)
 */
import type { Operator } from '../engine/operator.ts'

export const updateState: Operator = {
  name: 'updateState',
  onAbsent: 'pass',
  keepsPartitioner: true,
  arity: 2,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value: lists } = c.pair()
      const result = c.name('state')
      return (
        `const ${result} = ${c.call(0, `${lists}[1]`, `${lists}[0][0]`)};\n` +
        `if (${result} !== undefined) {\n${c.emitPair(key, result)}}\n`
      )
    },
  },
}
