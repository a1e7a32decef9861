/**
 * The rows as they are; `f` is called on each for what it does: to count, or to log.
 *
 * @example
 * lines.tap(line => seen.add(line.length))
 */
import type { Operator } from '../engine/operator.ts'

export const tap: Operator = {
  name: 'tap',
  onAbsent: 'pass',
  rowWise: true,
  actsOutside: true,
  keepsPartitioner: true,
  kernel: { form: 'rows', row: c => `${c.call(0, c.row())};\n${c.pass()}` },
}
