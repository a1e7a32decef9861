/**
 * Sub-dags that bring several keyed inputs together: each input's pairs are marked with their side,
 * one exchange brings equal keys to one partition, and an operator looks at what it finds there.
 *
 *   input 0 ─ side 0 ─┐
 *   input 1 ─ side 1 ─┼═ exchange by key ═▶ cogroup, join ─▶ …
 *   input 2 ─ side 2 ─┘
 */
import { type Call, stepOf } from '../apply.ts'
import { RddNode, type Step, StreamNode } from '../engine/dag.ts'
import type { Operator, Params } from '../engine/operator.ts'
import * as ops from '../ops/index.ts'

/** An operator over marked pairs, and what it is given. */
export interface Combination {
  readonly sides: readonly Step[]
  readonly combine: Step
  /** Narrow operators behind it. */
  readonly behind: readonly Step[]
}

/** The steps of a combination of `sides` inputs; made once, so that their programs are too. */
export function combination(
  call: Call,
  operator: Operator,
  params: Params & { readonly sides: number },
  {
    functions = [],
    behind = [],
  }: { functions?: readonly Function[]; behind?: readonly Step[] } = {},
): Combination {
  const { sides } = params
  return {
    sides: Array.from({ length: sides }, (_, side) => stepOf(call, ops.side, { side, sides })),
    combine: stepOf(call, operator, params, functions),
    behind,
  }
}

/**
 * The nodes of a combination of inputs, of which a side may have several or none; the last one is
 * the result, and owns the others.
 */
export function combined(
  { sides, combine, behind }: Combination,
  inputs: readonly (readonly RddNode[])[],
): RddNode {
  const marked = inputs.flatMap((nodes, side) =>
    nodes.map(node => new RddNode({ step: sides[side]!, inputs: [node] })),
  )
  const made = [new RddNode({ step: combine, inputs: marked })]
  for (const step of behind) made.push(new RddNode({ step, inputs: [made.at(-1)!] }))
  const result = made.pop()!
  result.owned = made
  return result
}

/**
 * A step over inputs side by side, of which a side may have several or none, and narrow ones behind
 * it; the last node is the result, and owns the others.
 */
export function sideBySide(
  step: Step,
  behind: readonly Step[],
  sides: readonly (readonly RddNode[])[],
): RddNode {
  const first = new RddNode({ step, inputs: sides.flat() })
  first.sides = sides.flatMap((nodes, side) => nodes.map(() => side))
  const made = [first]
  for (const next of behind) made.push(new RddNode({ step: next, inputs: [made.at(-1)!] }))
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
