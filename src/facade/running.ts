/**
 * Streams whose result goes on from the one before: sliding reductions and states by key. Their
 * results are kept in blocks, and the exchange in front of them is not.
 */
import { type Call, stepOf } from '../apply.ts'
import { type Needed, RddNode, StreamNode } from '../engine/dag.ts'
import type { Operator, Params } from '../engine/operator.ts'
import { instantiate } from '../engine/plan.ts'
import { StateStore } from '../engine/state-store.ts'
import * as ops from '../ops/index.ts'
import { changes } from '../ops/sliding.ts'
import { combination, combined } from './combined.ts'

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
  // A slide of one batch takes one pair a key out of the window at most, and brings one in.
  const single = slide === reduced.slide
  const fold = stepOf(call, ops.slideFold, { partitions, single }, [add, remove])
  const of = { combine: fold, behind: filter ? [stepOf(call, ops.filter, {}, [filter])] : [] }
  return running(call, [reduced], ops.sliding, { window, slide }, (time, needed) => {
    const { left } = changes(time, window, slide)
    const sides = [
      rddsOf(needed, ({ parent }) => parent < 0),
      rddsOf(needed, ({ parent, time: at }) => parent === 0 && at <= left.to),
      rddsOf(needed, ({ parent, time: at }) => parent === 0 && at > left.to),
    ]
    return onceOnly(combined(of, sides), time)
  })
}

/** What a state by key is given. */
export interface StateOptions {
  readonly partitions: number
  /** State before the first batch. */
  readonly initial: (() => RddNode) | undefined
  readonly update: Operator
  /** Whether the function gets the batch time and the key first. */
  readonly timed: boolean
  /** Whether keys without values in the batch are left as they are. */
  readonly onlyTouched: boolean
  readonly function: Function
}

/** Pairs of key and state, made of those of the batch before and of the values of the batch. */
export function stateStream(
  call: Call,
  values: StreamNode,
  { partitions, initial, update, timed, onlyTouched, function: f }: StateOptions,
): StreamNode {
  const step = stepOf(call, update, { timed, onlyTouched }, [f])
  const of = combination(call, ops.cogroup, { partitions, sides: 2 }, { behind: [step] })
  return running(call, [values], ops.state, {}, (time, needed) => {
    const before = rddsOf(needed, ({ parent }) => parent < 0)
    const first = before.length === 0 && initial ? [initial()] : before
    const sides = [first, rddsOf(needed, ({ parent }) => parent === 0)]
    return onceOnly(combined(of, sides), time)
  })
}

/** What a state with mapped rows is given. */
export interface MapStateOptions {
  readonly partitions: number
  readonly initial: (() => RddNode) | undefined
  readonly function: Function
  /** Whether the function gets the batch time first. */
  readonly timed: boolean
  /** Milliseconds. */
  readonly timeout: number | undefined
}

/** What `mapWithState` comes to: its rows, and its states in every batch. */
export interface MapState {
  readonly mapped: StreamNode
  readonly states: StateStore
  /** Pairs of key and state; computed where an output reads them. */
  readonly snapshots: StreamNode
}

export function mapState(
  call: Call,
  values: StreamNode,
  { partitions, initial, function: f, timed, timeout }: MapStateOptions,
): MapState {
  const { slide } = values
  const params = { partitions, timed, slide, ...(timeout !== undefined && { timeout }) }
  const of = combination(call, ops.mapState, params, { functions: [f] })
  const states = new StateStore(partitions, params)
  const mapped = running(call, [values], ops.state, {}, async (time, needed, zeroTime) => {
    const own = rddsOf(needed, ({ parent }) => parent < 0)
    const first = own.length === 0 && initial ? [initial()] : []
    const node = combined(of, [first, rddsOf(needed, ({ parent }) => parent === 0)])
    node.states = states
    // Who reads the states of the batch before has to come first.
    const read = snapshots.isRead ? await instantiate(snapshots, time - slide, zeroTime) : null
    node.after = read ? [...own, read] : own
    return onceOnly(node, time)
  })
  mapped.states = states
  const snapshots = snapshotStream(call, mapped, states)
  return { mapped, states, snapshots }
}

/** Pairs of key and state; with `times`, of key and [state, time of its last record]. */
export function snapshotStream(
  call: Call,
  mapped: StreamNode,
  states: StateStore,
  times = false,
): StreamNode {
  const step = stepOf(call, ops.stateSnapshots, { partitions: states.partitions, times })
  const snapshots = new StreamNode({
    parents: [mapped],
    step,
    slide: mapped.slide,
    expand: (time, inputs) => {
      const node = new RddNode({ step, inputs: [] })
      node.states = states
      node.after = inputs
      node.time = time
      return node
    },
  })
  snapshots.persisted = true
  return snapshots
}

function rddsOf(needed: readonly Needed[], is: (one: Needed) => boolean): RddNode[] {
  return needed.filter(is).map(({ rdd }) => rdd)
}

type Make = (
  time: number,
  needed: readonly Needed[],
  zeroTime: number,
) => Promise<RddNode> | RddNode

function running(
  call: Call,
  parents: readonly StreamNode[],
  operator: Operator,
  params: Params,
  make: Make,
): StreamNode {
  const node = new StreamNode({
    parents,
    step: stepOf(call, operator, params),
    slide: (params.slide as number | undefined) ?? parents[0]!.slide,
    expand: (time, _, needed, zeroTime) => make(time, needed, zeroTime),
  })
  node.persisted = true
  return node
}

/** Has a node's exchanges forgotten as soon as its rows are there. */
function onceOnly(node: RddNode, time: number): RddNode {
  node.time = time
  for (const inner of node.owned) inner.keepsExchange = false
  // The exchange may be that of the node itself.
  node.keepsExchange = false
  return node
}
