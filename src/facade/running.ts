/**
 * Streams whose result goes on from the one before: sliding reductions and states by key. Their
 * results are kept in blocks, and the exchange in front of them is not.
 */
import { type Call, stepOf } from '../apply.ts'
import { type Needed, type RddNode, StreamNode } from '../engine/dag.ts'
import type { Operator, Params } from '../engine/operator.ts'
import * as ops from '../ops/index.ts'
import { type Combination, combination, combined } from './combined.ts'

/** What a sliding reduction is given. */
export interface SlidingOptions {
  readonly window: number
  readonly slide: number
  readonly partitions: number
  readonly add: Function
  readonly remove: Function
  readonly filter: Function | undefined
}

/** A reduction by key over a window, of a stream that is reduced already. */
export function slidingStream(
  call: Call,
  reduced: StreamNode,
  { window, slide, partitions, add, remove, filter }: SlidingOptions,
): StreamNode {
  const functions = filter ? [add, remove, filter] : [add, remove]
  const fold = stepOf(call, ops.slideFold, { filters: filter !== undefined }, functions)
  const of = combination(call, ops.cogroup, { partitions, sides: 3 }, [fold])
  return running(call, [reduced], ops.sliding, { window, slide }, (time, needed) => {
    const { left } = ops.changes(time, window, slide)
    return computedOnce(of, [
      rddsOf(needed, ({ parent }) => parent < 0),
      rddsOf(needed, ({ parent, time: at }) => parent === 0 && at <= left.to),
      rddsOf(needed, ({ parent, time: at }) => parent === 0 && at > left.to),
    ])
  })
}

/** What a state by key is given. */
export interface StateOptions {
  readonly partitions: number
  /** State before the first batch. */
  readonly initial: (() => RddNode) | undefined
  readonly update: Operator
  readonly function: Function
}

/** Pairs of key and state, made of those of the batch before and of the values of the batch. */
export function stateStream(
  call: Call,
  values: StreamNode,
  { partitions, initial, update, function: f }: StateOptions,
): StreamNode {
  const step = stepOf(call, update, {}, [f])
  const of = combination(call, ops.cogroup, { partitions, sides: 2 }, [step])
  return running(call, [values], ops.state, {}, (_, needed) => {
    const before = rddsOf(needed, ({ parent }) => parent < 0)
    const first = before.length === 0 && initial ? [initial()] : before
    return computedOnce(of, [first, rddsOf(needed, ({ parent }) => parent === 0)])
  })
}

function rddsOf(needed: readonly Needed[], is: (one: Needed) => boolean): RddNode[] {
  return needed.filter(is).map(({ rdd }) => rdd)
}

function running(
  call: Call,
  parents: readonly StreamNode[],
  operator: Operator,
  params: Params,
  make: (time: number, needed: readonly Needed[]) => RddNode,
): StreamNode {
  const node = new StreamNode({
    parents,
    step: stepOf(call, operator, params),
    slide: (params.slide as number | undefined) ?? parents[0]!.slide,
    expand: (time, _, needed) => make(time, needed),
  })
  node.persisted = true
  return node
}

function computedOnce(of: Combination, sides: readonly (readonly RddNode[])[]): RddNode {
  const node = combined(of, sides)
  for (const inner of node.owned) inner.keepsExchange = false
  return node
}
