/**
 * Of each key that has changed since the states were last saved, what it has come to: pairs of key
 * and [state, time of its last record], or of key and undefined where it has no state any more.
 * That is what a checkpoint adds to those before it.
 *
 * @example
 * new RddNode({ step: stepOf(call, ops.stateChanges, { partitions }), inputs: [] })
 */
import { type Operator, type StatesKernel, zippedByKey } from '../engine/operator.ts'

const kernel: StatesKernel = {
  form: 'states',
  access: 'read',
  emitsOnEmpty: () => true,
  prepare:
    () =>
    ({ changes, sink }) => {
      for (const [key, state] of changes) sink.pushPair(key, state)
    },
}

export const stateChanges: Operator = {
  name: 'stateChanges',
  onAbsent: 'pass',
  pact: params => zippedByKey(params.partitions as number),
  keepsPartitioner: true,
  kernel,
}
