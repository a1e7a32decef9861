/**
 * Pairs marked with the side that they come from, so that one exchange brings several streams
 * together: `[key, value]` becomes `[key, [side, …]]` with the value in the side's own place, which
 * keeps the columns of the sides apart.
 *
 * @example
 * a.join(b) // [k, v] of a as [k, [0, v, undefined]], of b as [k, [1, undefined, v]]
 */
import type { Operator } from '../engine/operator.ts'

export const side: Operator = {
  name: 'side',
  onAbsent: 'error',
  absentMessage: t => `Couldn't generate RDD from parent at time ${t} ms`,
  keepsPartitioner: true,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      const places = Array.from({ length: c.params.sides as number }, (_, i) =>
        i === c.params.side ? value : 'undefined',
      )
      return check + c.emitPair(key, `[${[c.params.side, ...places].join(', ')}]`)
    },
  },
}
