/**
 * From stream nodes to RDD nodes (which results of which times a batch needs), and from an RDD node
 * to partitions with the chain of kernels that each still has to pass.
 */
import { PeltonError } from '../errors.ts'
import { callbackError } from './callback-error.ts'
import { type Needed, RddNode, type Step, type StreamNode } from './dag.ts'
import type { Piece } from './vector.ts'

/**
 * Kernels to run one after the other without an exchange between them. Chains are interned by
 * their steps, so the program of a chain is compiled once, however many batches run it.
 */
export class Chain {
  readonly steps: readonly Step[]
  #next = new WeakMap<Step, Chain>()

  constructor(steps: readonly Step[] = []) {
    this.steps = steps
  }

  extend(step: Step): Chain {
    let chain = this.#next.get(step)
    if (!chain) this.#next.set(step, (chain = new Chain([...this.steps, step])))
    return chain
  }

  /** Whether a partition without rows can still give some. */
  get emitsOnEmpty(): boolean {
    return this.steps.some(step => step.operator.kernel?.emitsOnEmpty?.(step.params) === true)
  }
}

/** A partition before its chain has run. */
export interface PlacedPartition {
  readonly chain: Chain
  readonly pieces: readonly Piece[]
  /**
   * The place that it had where a kernel over whole partitions was called: behind another parent's
   * partitions it lies elsewhere.
   */
  readonly number?: number
  /** Address of the states of the partition's keys, where its chain has to do with them. */
  readonly table?: number
  /** Batch time of the result that the chain leads to, where one of its steps asks for it. */
  readonly time?: number
}

/**
 * The result of a stream node at a time, or null where it has none ("no RDD", which differs from an
 * empty one). Memoised per time, so that all who need it share one RDD.
 */
export function instantiate(
  node: StreamNode,
  time: number,
  zeroTime: number,
): Promise<RddNode | null> {
  if (!(time > zeroTime) || (time - zeroTime) % node.slide !== 0) return Promise.resolve(null)
  let made = node.generated.get(time)
  if (!made) node.generated.set(time, (made = make(node, time, zeroTime)))
  return made
}

async function make(node: StreamNode, time: number, zeroTime: number): Promise<RddNode | null> {
  const rdd = node.source ? await node.source.compute(time) : await derive(node, time, zeroTime)
  if (rdd && node.persisted) rdd.persisted = true
  if (rdd && isRunning(node)) rdd.endsLineage = true
  if (rdd) rdd.onComputed(() => node.computed.add(time))
  else node.computed.add(time)
  return rdd
}

async function derive(node: StreamNode, time: number, zeroTime: number): Promise<RddNode | null> {
  const { operator } = node.step
  const times = timesNeeded(node, time, zeroTime)
  const needed: Needed[] = []
  for (const own of ownTimesNeeded(node, time, zeroTime)) {
    const rdd = await instantiate(node, own, zeroTime)
    if (rdd) needed.push({ parent: -1, time: own, rdd })
  }
  for (const [parent, stream] of node.parents.entries()) {
    for (const at of times[parent] ?? []) {
      const rdd = await instantiate(stream, at, zeroTime)
      if (rdd) needed.push({ parent, time: at, rdd })
      else if (operator.onAbsent === 'pass') return null
      else if (operator.onAbsent === 'error') throw absent(node, time)
    }
  }
  const inputs = needed.map(({ rdd }) => rdd)
  if (!node.expand) {
    const rdd = new RddNode({ step: node.step, inputs })
    if (operator.timed) rdd.time = time
    return rdd
  }
  try {
    return await node.expand(time, inputs, needed, zeroTime)
  } catch (error) {
    const { label, place } = node.step
    const site = { operator: label, place, code: 'TRANSFORM_FAILED', batchTime: time }
    throw callbackError(error, site)
  }
}

/** For each parent, the times whose results the node needs at `time`. */
export function timesNeeded(
  node: StreamNode,
  time: number,
  zeroTime: number,
): readonly (readonly number[])[] {
  const { operator, params } = node.step
  if (!operator.needs) return node.parents.map(() => [time])
  const parentSlides = node.parents.map(parent => parent.slide)
  const times = operator.needs(time, { slide: node.slide, parentSlides, zeroTime, params })
  for (const list of times) {
    for (const needed of list) {
      if (needed > time)
        throw new Error(`${operator.name} at ${time} asked for the future, ${needed}`)
    }
  }
  return times
}

/** Times of the node's own earlier results that it needs at `time`; none before the first batch. */
export function ownTimesNeeded(
  node: StreamNode,
  time: number,
  zeroTime: number,
): readonly number[] {
  const { operator, params } = node.step
  if (!operator.needsOwn) return []
  const parentSlides = node.parents.map(parent => parent.slide)
  const times = operator.needsOwn(time, { slide: node.slide, parentSlides, zeroTime, params })
  for (const own of times) {
    if (own >= time) throw new Error(`${operator.name} at ${time} asked for itself at ${own}`)
  }
  return times.filter(own => own > zeroTime)
}

function absent(node: StreamNode, time: number): PeltonError {
  const { operator, place, label } = node.step
  const message =
    operator.absentMessage?.(time) ?? `Couldn't generate RDD from parent at time ${time} ms`
  return new PeltonError(
    `${message}. A parent of ${label} gave no RDD for this batch; give it an empty RDD instead`,
    { code: 'ABSENT_RDD', operator: label, batchTime: time, ...(place && { place }) },
  )
}

/** How far back a node looks. */
export interface LookBack {
  /** Milliseconds from a result of its own to the oldest earlier one that it needs. */
  readonly own: number
  /** The same for results of each parent. */
  readonly parents: readonly number[]
}

const sampleSlides = 1_000_000

/** How far back the results of a node look, long after the beginning: by `needs` alone. */
export function lookBack(node: StreamNode): LookBack {
  const sample = node.slide * sampleSlides
  const since = (times: readonly number[] = []): number => sample - Math.min(sample, ...times)
  const times = timesNeeded(node, sample, 0)
  return {
    own: since(ownTimesNeeded(node, sample, 0)),
    parents: node.parents.map((_, parent) => since(times[parent])),
  }
}

/**
 * How long after its batch each node must keep a result, in milliseconds: what its children look
 * back, and at least `minimumMs`. What a child keeps in blocks it needs its parents for once only:
 *
 * ```text
 *   input ─▶ map ─▶ reduceByKey, in blocks ─▶ window of 30 s
 *     └─ until that has been computed            └─ 30 s back
 * ```
 */
export function setRetention(outputs: readonly StreamNode[], minimumMs: number): void {
  const seen = new Set<StreamNode>()
  const visit = (node: StreamNode, keepMs: number, briefMs: number): void => {
    node.isRead = true
    const kept = Math.max(keepMs, minimumMs)
    const brief = Math.max(briefMs, minimumMs)
    if (seen.has(node) && node.rememberMs >= kept && node.briefMs >= brief) return
    seen.add(node)
    const { own, parents } = lookBack(node)
    node.rememberMs = Math.max(node.rememberMs, kept, own)
    node.briefMs = Math.max(node.briefMs, brief, own)
    for (const [p, parent] of node.parents.entries()) {
      const back = parents[p]!
      // A look back would read a result again at a later time, with a reader of that time.
      const after = back > 0 ? kept : brief
      visit(parent, kept + back, back + (keepsRows(node, back) ? 0 : after))
    }
  }
  for (const output of outputs) visit(output, 0, 0)
  for (const node of reachable(outputs)) {
    const { parents } = lookBack(node)
    for (const [p, parent] of node.parents.entries()) addLazy(parent, node, parents[p]!)
  }
}

/** Whether a result is kept in blocks, so that those of its parents are needed for it once. */
function keepsRows(node: StreamNode, back: number): boolean {
  return isRunning(node) || keepsLazily(node, back)
}

/** Whether a node's rows are kept in blocks, though not before somebody asks for them. */
function keepsLazily(node: StreamNode, back: number): boolean {
  return node.persisted && back === 0 && !node.step.operator.keptInParents && !isRunning(node)
}

/** Notes who must have computed its rows before those of a node may go. */
function addLazy(node: StreamNode, child: StreamNode, back: number): void {
  if (isRunning(child) || back > 0) return
  const found = keepsLazily(child, back) ? [child] : child.lazyReaders
  for (const reader of found) {
    if (node.lazyReaders.includes(reader)) continue
    node.lazyReaders.push(reader)
    for (const parent of node.parents) addLazy(parent, node, 0)
  }
}

/** Whether a node's result is computed in every batch, and kept: others go on from it. */
export function isRunning({ step: { operator } }: StreamNode): boolean {
  return operator.needsOwn !== undefined || operator.everyBatch === true
}

/** All nodes that the outputs depend on, each once, parents first. */
export function reachable(outputs: readonly StreamNode[]): StreamNode[] {
  const seen = new Set<StreamNode>()
  const visit = (node: StreamNode): void => {
    if (seen.has(node)) return
    for (const parent of node.parents) visit(parent)
    seen.add(node)
  }
  for (const output of outputs) visit(output)
  return [...seen]
}
