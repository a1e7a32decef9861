/** Which steps of a chain run over columns: made once per program and shape of its input. */
import type { GroupTable } from '../columnar/group-table.ts'
import { type ColumnMachine, type ColumnShape, compileColumns } from '../expressions/columns.ts'
import type { PortableFunction } from '../functions/portable.ts'
import type { ColumnStage } from './column-kernel.ts'
import { cutLines } from './column-lines.ts'
import { canKeep } from './column-rows.ts'
import type { Operator } from './operator.ts'
import type { BuiltinFunction, ProgramStep } from './program.ts'

/** The steps that columns can do, in order, and how many of the chain they are. */
export interface ColumnPlan {
  readonly stages: readonly ColumnStage[]
  readonly steps: number
  /** Shape of what comes out; undefined for pairs of JavaScript values. */
  readonly output: ColumnShape | undefined
}

/** A chain as its thread has compiled it. */
export interface ColumnChain {
  readonly steps: readonly ProgramStep[]
  /** The functions of all steps, one behind the other. */
  readonly fns: readonly Function[]
}

/** What a thread lends to its stages. */
export interface ColumnTools {
  readonly operators: ReadonlyMap<string, Operator>
  readonly machine: ColumnMachine
  /** The table for the aggregate of a plan that comes as number `index`. */
  groups(index: number): GroupTable
  failed(error: unknown, step: number, row: unknown): unknown
}

/** The plan for a chain whose input has the given shape; null where the row loop must run it. */
export function planColumns(
  chain: ColumnChain,
  shape: ColumnShape,
  tools: ColumnTools,
): ColumnPlan | null {
  const stages: ColumnStage[] = []
  let best: ColumnPlan | null = null
  let input = shape
  let tables = 0
  let firstFunction = 0
  for (const [index, step] of chain.steps.entries()) {
    const first = firstFunction
    const stageFor = (rows: ColumnShape): ColumnStage | undefined =>
      tools.operators.get(step.operator)?.columns?.({
        params: step.params,
        input: rows,
        machine: tools.machine,
        expression: i => step.lifted[i]?.expression,
        reducer: i => step.lifted[i]?.reducer,
        fn: i => chain.fns[first + i]!,
        isRepeatable: i => isRepeatable(step.functions[i]!),
        failed: (error, row) => tools.failed(error, index, row),
        compile: (expression, of = rows) => compileColumns(expression, [of], tools.machine),
        groups: () => tools.groups(tables++),
      })
    let stage = stageFor(input)
    if (!stage && input.kind === 'lines') {
      const cut = cutLines(tools.machine)
      stages.push(cut)
      stage = stageFor(cut.output!)
    }
    if (!stage) break
    firstFunction += step.functions.length
    stages.push(stage)
    const { output } = stage
    // Rows of a shape that no block holds must not be where columns end.
    if (!output || canKeep(output)) best = { stages: [...stages], steps: index + 1, output }
    if (!output) break
    input = output
  }
  return best
}

function isRepeatable(fn: PortableFunction | BuiltinFunction): boolean {
  if ('builtin' in fn) return true
  return fn.shared.accumulators.length === 0 && fn.shared.resources.length === 0
}
