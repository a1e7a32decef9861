/**
 * For each element that `f` returns for a pair's value, a pair with the same key.
 *
 * @example
 * pairs.flatMapValues(text => text.split(' '))
 */
import type { Operator } from '../engine/operator.ts'
import { eachOf } from './each-of.ts'

export const flatMapValues: Operator = {
  name: 'flatMapValues',
  onAbsent: 'pass',
  rowWise: true,
  keepsPartitioner: true,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      return check + eachOf(c, c.call(0, value), e => c.emitPair(key, e))
    },
  },
}
