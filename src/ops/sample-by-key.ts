/**
 * Pairs chosen at random, each key's by its own fraction, by a seed: the same seed and partitions
 * choose the same pairs. A key without a fraction is an error.
 *
 * @example
 * clicks.sampleByKey(false, { robot: 0.01, human: 1 }, 42)
 */
import { KeyTable } from '../columnar/keys.ts'
import type { Operator } from '../engine/operator.ts'
import { notPair, PeltonError, preview } from '../errors.ts'
import { poisson, randomOf } from './sample.ts'

export const sampleByKey: Operator = {
  name: 'sampleByKey',
  onAbsent: 'pass',
  keepsPartitioner: true,
  kernel: {
    form: 'partition',
    *run(rows, _functions, params, partition) {
      const table = new KeyTable()
      const fractions = params.fractions as readonly (readonly [unknown, number])[]
      for (const [key] of fractions) table.idOf(key)
      const random = randomOf(params.seed as number, partition)
      for (const row of rows) {
        if (!Array.isArray(row) || row.length !== 2) throw notPair(row)
        const fraction = fractions[table.idOf(row[0])]?.[1]
        if (fraction === undefined) throw noFraction(row[0])
        if (!params.replaces) {
          if (random() < fraction) yield row
        } else for (let copies = poisson(fraction, random); copies > 0; copies--) yield row
      }
    },
  },
}

function noFraction(key: unknown): PeltonError {
  return new PeltonError(
    `there is no fraction for the key ${preview(key)}; give one for each key, 0 for those whose ` +
      'pairs are to be left out',
    { code: 'OPTION', operator: 'sampleByKey' },
  )
}
