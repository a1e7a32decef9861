/**
 * Each partition as one array of its rows; an empty partition gives an empty array.
 *
 * @example
 * stream.glom()
 */
import type { Operator } from '../engine/operator.ts'

export const glom: Operator = {
  name: 'glom',
  onAbsent: 'pass',
  kernel: {
    form: 'rows',
    row: c => `${c.state('rows', '[]')}.push(${c.row()});\n`,
    finish: c => c.emit(c.state('rows', '[]')),
    emitsOnEmpty: () => true,
  },
}
