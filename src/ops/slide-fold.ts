/**
 * The next value of a sliding reduction, of three sides: values before, those that have left the
 * window, and those that have entered it.
 *
 *   side 0: before ─┐
 *   side 1: left   ─┼─ by key ─▶  value(t) = add(remove(value(t - slide), left), entered)
 *   side 2: entered ┘
 *
 * Keys are in order of first appearance, side after side.
 *
 * @example
 * pairs.reduceByKeyAndWindow((a, b) => a + b, (a, b) => a - b, seconds(30), seconds(10))
 */
import { type Operator, zippedByKey } from '../engine/operator.ts'
import { slideFoldStage } from './columns/slide-fold.ts'

/** Functions: add, remove. With `single`, a key has one value a side at most. */
export const slideFold: Operator = {
  name: 'slideFold',
  onAbsent: 'pass',
  holdsRows: 'unless-reducing',
  pact: params => zippedByKey(params.partitions as number),
  keepsPartitioner: true,
  arity: 2,
  columns: slideFoldStage,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      const table = c.state('table', 'new rt.KeyTable()')
      const sides = c.state('sides', '[]')
      const [id, of] = [c.name('id'), c.name('of')]
      const place = `${of}[${c.side()}]`
      // What a key has of each side, and bits that tell which sides those are.
      return (
        `${check}const ${id} = ${table}.idOf(${key});\n` +
        `if (${id} === ${sides}.length) ${sides}.push([undefined, undefined, undefined, 0]);\n` +
        `const ${of} = ${sides}[${id}];\n` +
        `${place} = ${of}[3] >> ${c.side()} & 1 ? ${c.call(0, place, value)} : ${value};\n` +
        `${of}[3] |= 1 << ${c.side()};\n`
      )
    },
    finish: c => {
      const keys = `${c.state('table', 'new rt.KeyTable()')}.keys`
      const sides = c.state('sides', '[]')
      const [i, key, of, result] = [c.name('i'), c.name('key'), c.name('of'), c.name('result')]
      const [before, left, entered] = [0, 1, 2].map(side => `${of}[${side}]`) as [
        ...[string, string, string],
      ]
      const has = (bits: number): string => `(${of}[3] & ${bits}) === ${bits}`
      return (
        `for (let ${i} = 0; ${i} < ${sides}.length; ${i}++) {\n` +
        `const ${key} = ${keys}[${i}], ${of} = ${sides}[${i}];\n` +
        `if ((${of}[3] & 5) === 0) rt.noWindow(${key});\n` +
        `let ${result} = ${before};\n` +
        `if (${has(3)}) ${result} = ${c.call(1, result, left)};\n` +
        `if (${has(4)}) ${result} = ${has(1)} ? ${c.call(0, result, entered)} : ${entered};\n` +
        `${c.emitPair(key, result)}}\n`
      )
    },
  },
}
