/**
 * The new states of a partition's keys: a function takes an iterable of [key, values, state] and
 * gives one of [key, state]. It may leave keys out, which forgets them, and add others.
 *
 * @example
 * pairs.updateStateByKey(function* (rows) {
 *   for (const [key, values, state] of rows) yield [key, (state ?? 0) + values.length]
 * }, { form: 'iterator' })
 */
import type { Operator } from '../engine/operator.ts'

function* asTriples(rows: Iterable<unknown>): Generator<[unknown, unknown, unknown]> {
  for (const [key, [states, values]] of rows as Iterable<[unknown, [unknown[], unknown[]]]>) {
    yield [key, values, states[0]]
  }
}

export const updateStates: Operator = {
  name: 'updateStates',
  onAbsent: 'pass',
  kernel: {
    form: 'partition',
    run: (rows, [f]) => f!(asTriples(rows)) as Iterable<unknown>,
  },
}
