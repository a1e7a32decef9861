/**
 * One pair a key, its values reduced by `f`: first where they lie, then, brought together by the
 * key's hash, in partition order. The first half lets rows pass where their keys hardly repeat.
 *
 * @example
 * words.map(w => [w, 1]).reduceByKey((a, b) => a + b)
 */
import { asItLies, exchangedByKey, type Operator } from '../engine/operator.ts'
import { combining } from './columns/combining.ts'
import { reduceByKeyStage } from './columns/reduce-by-key.ts'
import { combine, emitAll, emitCombined } from './combine-by-key.ts'

export const reduceByKey: Operator = {
  name: 'reduceByKey',
  onAbsent: 'pass',
  holdsRows: 'unless-reducing',
  keepsPartitioner: true,
  pact: params => (params.local ? asItLies : exchangedByKey(params.partitions as number)),
  arity: 2,
  columns: reduceByKeyStage,
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      const combined = combine(c, key, value, -1, 0)
      if (!c.params.local) return check + combined
      const seen = c.state('seen', '0')
      const passes = c.state('passes', 'false')
      return (
        `${check}if (${passes}) {\n${c.emitPair(key, value)}} else {\n${combined}` +
        `if (++${seen} === ${combining.sampleRows}) {\n` +
        `${passes} = ${c.state('combined', '[]')}.length > ${combining.keysMax};\n` +
        `if (${passes}) {\n${emitAll(c)}}\n}\n}\n`
      )
    },
    finish: c => emitCombined(c),
  },
}
