/**
 * Pairs of key and state, of all keys, as the batch has left them.
 *
 * @example
 * pairs.mapWithState(spec).stateSnapshots()
 */
import { type Operator, type StatesKernel, zippedByKey } from '../engine/operator.ts'

const kernel: StatesKernel = {
  form: 'states',
  access: 'read',
  emitsOnEmpty: () => true,
  prepare:
    (_, { times }) =>
    ({ entries, sink }) => {
      for (const [key, state, time] of entries) sink.pushPair(key, times ? [state, time] : state)
    },
}

export const stateSnapshots: Operator = {
  name: 'stateSnapshots',
  onAbsent: 'pass',
  // The next batch changes the states where they lie.
  everyBatch: true,
  pact: params => zippedByKey(params.partitions as number),
  keepsPartitioner: true,
  kernel,
}
