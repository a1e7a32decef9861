/**
 * The next value of a sliding reduction, of what `cogroup` has gathered of a key: the value before,
 * the values that have left the window, and those that have entered it.
 *
 *   value(t) = add(remove(value(t - slide), left), entered)
 *
 * @example
 * pairs.reduceByKeyAndWindow((a, b) => a + b, (a, b) => a - b, seconds(30), seconds(10))
 */
import type { Operator } from '../engine/operator.ts'

/** Functions: add, remove, and perhaps a filter of pairs. */
export const slideFold: Operator = {
  name: 'slideFold',
  onAbsent: 'pass',
  keepsPartitioner: true,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value: lists } = c.pair()
      const [before, left, entered] = [0, 1, 2].map(i => `${lists}[${i}]`)
      const [result, i] = [c.name('result'), c.name('i')]
      const reduced = (list: string, into: string): string =>
        `let ${into} = ${list}[0];\nfor (let ${i} = 1; ${i} < ${list}.length; ${i}++) ` +
        `${into} = ${c.call(0, into, `${list}[${i}]`)};\n`
      const [gone, come] = [c.name('gone'), c.name('come')]
      const emit = c.emitPair(key, result)
      const kept = c.params.filters
        ? `if (${c.call(2, `[${key}, ${result}]`)}) {\n${emit}}\n`
        : emit
      return (
        `if (${before}.length === 0 && ${entered}.length === 0) rt.noWindow(${key});\n` +
        `let ${result} = ${before}[0];\n` +
        `if (${before}.length > 0 && ${left}.length > 0) {\n${reduced(left!, gone)}` +
        `${result} = ${c.call(1, result, gone)};\n}\n` +
        `if (${entered}.length > 0) {\n${reduced(entered!, come)}` +
        `${result} = ${before}.length > 0 ? ${c.call(0, result, come)} : ${come};\n}\n${kept}`
      )
    },
  },
}
