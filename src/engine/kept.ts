/**
 * Which results a program that goes on after a batch still needs: those of the past that a later
 * batch asks for, by `needs` alone. A checkpoint keeps these and nothing else.
 *
 *   parent  1   2   3   4   5 │ 6   7      window 3: the batch at 6 asks for 4, 5 and 6,
 *                   ·   └───┴─│─┘          so 4 and 5 are kept when 5 has ended
 *                        time ┘
 */
import type { StreamNode } from './dag.ts'
import { isRunning, lookBack, ownTimesNeeded, timesNeeded } from './plan.ts'

/** A result to keep. */
export interface KeptResult {
  readonly node: StreamNode
  readonly time: number
  /**
   * Whether its rows are asked for. Of a node that keeps states in tables, only that there was a
   * result may be.
   */
  readonly rows: boolean
}

/** What of the results at `time` and before it batches after it ask for; each once. */
export function keptResults(
  nodes: readonly StreamNode[],
  time: number,
  zeroTime: number,
): KeptResult[] {
  const kept = new Map<StreamNode, Map<number, KeptResult>>()
  const keep = (node: StreamNode, at: number, rows: boolean): void => {
    if (node.step.operator.keptInParents && rows) {
      for (const [p, needs] of timesNeeded(node, at, zeroTime).entries()) {
        for (const needed of needs) keep(node.parents[p]!, needed, true)
      }
      return
    }
    let byTime = kept.get(node)
    if (!byTime) kept.set(node, (byTime = new Map()))
    const before = byTime.get(at)
    if (!before || (rows && !before.rows)) byTime.set(at, { node, time: at, rows })
  }
  for (const node of nodes) {
    const own = times(node, -1, node, { time, zeroTime })
    for (const at of own) keep(node, at, node.states === undefined)
    // Who writes states waits for the one before, and for whoever read what it wrote.
    if (isRunning(node) && own.length === 0) keep(node, lastTick(node, time, zeroTime), false)
    for (const [p, parent] of node.parents.entries()) {
      for (const at of times(node, p, parent, { time, zeroTime })) keep(parent, at, true)
    }
  }
  return [...kept.values()].flatMap(byTime => [...byTime.values()])
}

/** The times up to `time` of a parent (-1 for its own) that results of a node after it ask for. */
function times(
  node: StreamNode,
  index: number,
  parent: StreamNode,
  { time, zeroTime }: { readonly time: number; readonly zeroTime: number },
): number[] {
  const { own, parents } = lookBack(node)
  const back = index < 0 ? own : parents[index]!
  const found = new Set<number>()
  const next = lastTick(node, time, zeroTime) + node.slide
  const first = lastTick(parent, next - back - 1, zeroTime) + parent.slide
  const most = (lastTick(parent, time, zeroTime) - first) / parent.slide + 1
  // The first result of a window that slides by less than it holds asks for all there are.
  for (let at = next; at - back <= time && found.size < most; at += node.slide) {
    const needed =
      index < 0 ? ownTimesNeeded(node, at, zeroTime) : timesNeeded(node, at, zeroTime)[index]!
    for (const one of needed) if (one <= time && one > zeroTime) found.add(one)
  }
  return [...found]
}

/** The last time up to `time` at which a node has a result. */
function lastTick({ slide }: StreamNode, time: number, zeroTime: number): number {
  return zeroTime + Math.floor((time - zeroTime) / slide) * slide
}
