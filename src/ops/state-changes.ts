/**
 * Of each key that has changed since the states were last saved, what it has come to: pairs of key
 * and [state, time of its last record], or of key and undefined where it has no state any more.
 * That is what a checkpoint adds to those before it; it comes as bytes, as `encodeRows` makes them.
 *
 * @example
 * new RddNode({ step: stepOf(call, ops.stateChanges, { partitions }), inputs: [] })
 */
import { type Operator, type StatesKernel, zippedByKey } from '../engine/operator.ts'
import { encodedRuns } from './encode-rows.ts'

const kernel: StatesKernel = {
  form: 'states',
  access: 'read',
  emitsOnEmpty: () => true,
  prepare:
    () =>
    ({ changes, sink }) => {
      for (const bytes of encodedRuns(changes)) sink.push(bytes)
    },
}

export const stateChanges: Operator = {
  name: 'stateChanges',
  onAbsent: 'pass',
  pact: params => zippedByKey(params.partitions as number),
  // The keys of a piece are where it is.
  keepsPartitioner: true,
  kernel,
}
