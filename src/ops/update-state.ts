/**
 * The new state of each key, of what `cogroup` has gathered of it: the state before, and the values
 * of the batch. A key whose function returns undefined is forgotten. In its timed form the function
 * gets the batch time and the key too. With `onlyTouched`, keys without values stay as they are.
 *
 * @example
 * pairs.updateStateByKey((values, state = 0) => state + values.length)
 */
import type { Operator } from '../engine/operator.ts'

export const updateState: Operator = {
  name: 'updateState',
  onAbsent: 'pass',
  keepsPartitioner: true,
  arity: 4,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value: lists } = c.pair()
      const result = c.name('state')
      const [values, state] = [`${lists}[1]`, `${lists}[0][0]`]
      const timed = c.params.timed ? [c.time(), key] : []
      const called = c.callOn(`[${key}, ${values}]`, 0, ...timed, values, state)
      const next = c.params.onlyTouched ? `${values}.length === 0 ? ${state} : ${called}` : called
      return (
        `const ${result} = ${next};\n` +
        `if (${result} !== undefined) {\n${c.emitPair(key, result)}}\n`
      )
    },
  },
}
