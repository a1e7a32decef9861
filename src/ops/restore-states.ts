/**
 * States put back as checkpoints have kept them, one side after the other: rows of key and [state,
 * time of its last record], or of key and undefined where the state is gone. It gives no rows.
 *
 * @example
 * new RddNode({ step: stepOf(call, ops.restoreStates, { partitions }), inputs: [rows] })
 */
import { type Operator, type StatesKernel, zippedByKey } from '../engine/operator.ts'
import { expiryOf } from './map-state.ts'

const kernel: StatesKernel = {
  form: 'states',
  access: 'write',
  expiry: expiryOf,
  prepare:
    () =>
    ({ table, vectors }) => {
      for (const { ids, keys, values } of vectors) {
        for (let i = 0; i < keys.length; i++) {
          const kept = values[i] as [unknown, number] | undefined
          if (kept) table.restore(ids[i]!, ...kept)
          else table.remove(ids[i]!)
        }
      }
      table.restored()
    },
}

export const restoreStates: Operator = {
  name: 'restoreStates',
  onAbsent: 'pass',
  pact: params => zippedByKey(params.partitions as number),
  keepsPartitioner: false,
  kernel,
}
