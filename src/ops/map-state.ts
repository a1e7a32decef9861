/**
 * The rows that a function of each record and of its key's state gives; the states stay in tables
 * from batch to batch, where only those of the batch's keys are touched.
 *
 *   side 0: [key, first state]      ─┬─▶ states
 *   side 1: [key, value]            ─┴─ call ─▶ mapped rows
 *
 * Records are taken in their order, states before them. A key without a record for longer than the
 * timeout gets a last call.
 *
 * @example
 * pairs.mapWithState(StateSpec.function((key, value, state) => state.getOption()))
 */
import {
  type Operator,
  type Params,
  type StatesKernel,
  type StatesWork,
  zippedByKey,
} from '../engine/operator.ts'
import type { Expiry } from '../state/expiry.ts'
import { KeyState } from '../state/key-state.ts'

/** Made for each program, so that V8 inlines its function. */
const loop = `'use strict';
return (ids, keys, values, table, state, sink, time, failed) => {
  let i = 0;
  try {
    for (; i < keys.length; i++) {
      const id = ids[i];
      table.load(id, state, false);
      const mapped = CALL;
      table.store(id, state);
      if (mapped !== undefined) sink.push(mapped);
    }
  } catch (error) { throw failed(error, [keys[i], values[i]]) }
}`

type Loop = (
  ids: Uint32Array,
  keys: ArrayLike<unknown>,
  values: ArrayLike<unknown>,
  table: StatesWork['table'],
  state: KeyState,
  sink: StatesWork['sink'],
  time: number,
  failed: StatesWork['failed'],
) => void

const kernel: StatesKernel = {
  form: 'states',
  access: 'write',
  expiry: expiryOf,
  emitsOnEmpty: params => params.timeout !== undefined,
  prepare([f], { timed }) {
    const call = `f(${timed ? 'time, ' : ''}keys[i], values[i], state)`
    const each = new Function('f', loop.replace('CALL', call))(f) as Loop
    const state = new KeyState()
    return ({ table, vectors, time, sink, failed }) => {
      for (const { side, ids, keys, values } of vectors) {
        if (side === 1) each(ids, keys, values, table, state, sink, time, failed)
        else for (let i = 0; i < keys.length; i++) putFirst(table, ids[i]!, values[i], state)
      }
      for (const id of table.expired()) {
        const key = table.keyOf(id)
        table.load(id, state, true)
        try {
          const mapped = timed ? f!(time, key, undefined, state) : f!(key, undefined, state)
          if (mapped !== undefined) sink.push(mapped)
        } catch (error) {
          throw failed(error, [key, undefined])
        }
        table.remove(id)
      }
    }
  },
}

export const mapState: Operator = {
  name: 'mapState',
  onAbsent: 'empty',
  pact: params => zippedByKey(params.partitions as number),
  // What comes out is no pair.
  keepsPartitioner: false,
  arity: 4,
  kernel,
}

function putFirst(table: StatesWork['table'], id: number, value: unknown, state: KeyState): void {
  state.wrap(false, undefined, false).update(value)
  table.store(id, state)
}

/** When states time out, as the parameters of their step say. */
export function expiryOf({ timeout, slide }: Params): Expiry | undefined {
  return timeout === undefined ? undefined : { timeout: timeout as number, slide: slide as number }
}
