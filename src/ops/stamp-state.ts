/**
 * Initial states as `mapState` keeps them: with the batch time at which they were last touched.
 *
 * @example
 * pairs.mapWithState(spec.initialState([['a', 1]]))
 */
import type { Operator } from '../engine/operator.ts'

export const stampState: Operator = {
  name: 'stampState',
  onAbsent: 'pass',
  keepsPartitioner: true,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      return check + c.emitPair(key, `[${value}, ${c.time()}]`)
    },
  },
}
