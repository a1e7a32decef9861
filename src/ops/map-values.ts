/**
 * `f` of the value of each pair; the key, and with it the partition, stays.
 *
 * @example
 * counts.mapValues(n => n * 100)
 */
import type { Operator } from '../engine/operator.ts'
import { mapValuesStage } from './columns/map-values.ts'

export const mapValues: Operator = {
  name: 'mapValues',
  onAbsent: 'pass',
  rowWise: true,
  distinct: true,
  keepsPartitioner: true,
  columns: mapValuesStage,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      return check + c.emitPair(key, c.call(0, value))
    },
  },
}
