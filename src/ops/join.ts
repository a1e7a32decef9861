/**
 * Pairs of two sides that have the same key: [key, [left, right]], each left value with each right
 * one. An outer join also keeps keys that one side lacks, with undefined in its place.
 *
 * @example
 * orders.leftOuterJoin(payments)
 */
import { type Operator, zippedByKey } from '../engine/operator.ts'
import { eachKey, gather } from './cogroup.ts'

export const join: Operator = {
  name: 'join',
  onAbsent: 'error',
  absentMessage: t => `Couldn't generate RDD from parent at time ${t} ms`,
  keepsPartitioner: true,
  pact: params => zippedByKey(params.partitions as number),
  holdsRows: 'always',
  kernel: {
    form: 'rows',
    row: c => gather(c),
    finish: c => {
      const { keepsLeft, keepsRight } = c.params
      const [left, right] = [c.name('left'), c.name('right')]
      return eachKey(c, (key, lists) => {
        const pad = (list: string, keeps: unknown): string =>
          keeps ? `if (${list}.length === 0) ${list}.push(undefined);\n` : ''
        // A right value without left ones is kept by padding the left side, and vice versa.
        return (
          `${pad(`${lists}[0]`, keepsRight)}${pad(`${lists}[1]`, keepsLeft)}` +
          `for (const ${left} of ${lists}[0]) for (const ${right} of ${lists}[1]) {\n` +
          `${c.emitPair(key, `[${left}, ${right}]`)}}\n`
        )
      })
    },
  },
}
