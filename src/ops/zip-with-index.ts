/**
 * Pairs of a row and its place among all rows, from 0, in one partition.
 *
 * @example
 * rdd.zipWithIndex()
 */
import { gathered, type Operator } from '../engine/operator.ts'

export const zipWithIndex: Operator = {
  name: 'zipWithIndex',
  onAbsent: 'pass',
  pact: () => gathered,
  kernel: { form: 'rows', row: c => c.emitPair(c.row(), `${c.state('index', '0')}++`) },
}
