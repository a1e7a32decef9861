/**
 * Sub-dags that bring several keyed inputs together: the rows of each lie in the partition of their
 * key, or are brought there, and an operator looks at what it finds in a partition, side by side.
 *
 *   input 0 ─ by key ─┐
 *   input 1 ─ by key ─┼─ partition by partition ─▶ cogroup, join ─▶ …
 *   input 2 ─ by key ─┘
 */
import { type Call, stepOf } from '../apply.ts'
import { RddNode, type Step, StreamNode } from '../engine/dag.ts'
import type { Operator, Params } from '../engine/operator.ts'

/** An operator over inputs side by side, and narrow ones behind it. */
export interface Combination {
  readonly combine: Step
  readonly behind: readonly Step[]
}

/** The steps of a combination; made once, so that their programs are too. */
export function combination(
  call: Call,
  operator: Operator,
  params: Params,
  {
    functions = [],
    behind = [],
  }: { functions?: readonly Function[]; behind?: readonly Step[] } = {},
): Combination {
  return { combine: stepOf(call, operator, params, functions), behind }
}

/**
 * The nodes of a combination of inputs, of which a side may have several or none; the last one is
 * the result, and owns the others.
 */
export function combined(
  { combine, behind }: Combination,
  inputs: readonly (readonly RddNode[])[],
): RddNode {
  const first = new RddNode({ step: combine, inputs: inputs.flat() })
  first.sides = inputs.flatMap((nodes, side) => nodes.map(() => side))
  const made = [first]
  for (const step of behind) made.push(new RddNode({ step, inputs: [made.at(-1)!] }))
  const result = made.pop()!
  result.owned = made
  return result
}

/** A stream of pairs of two others that have the same slide. */
export function combinedStream(parents: readonly StreamNode[], of: Combination): StreamNode {
  return new StreamNode({
    parents,
    step: of.combine,
    slide: parents[0]!.slide,
    expand: (_, inputs) =>
      combined(
        of,
        inputs.map(input => [input]),
      ),
  })
}
