/**
 * States put back as a checkpoint has kept them, in rows of key and [state, time of its last
 * record]. It gives no rows.
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
          const [state, time] = values[i] as [unknown, number]
          table.restore(ids[i]!, state, time)
        }
      }
    },
}

export const restoreStates: Operator = {
  name: 'restoreStates',
  onAbsent: 'pass',
  pact: params => zippedByKey(params.partitions as number),
  keepsPartitioner: false,
  kernel,
}
