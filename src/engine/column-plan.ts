/** Which steps of a chain run over columns: made once per program and shape of its input. */
import type { GroupTable } from '../columnar/group-table.ts'
import { type ColumnMachine, type ColumnShape, compileColumns } from '../expressions/columns.ts'
import type { ColumnStage } from './column-kernel.ts'
import type { Operator } from './operator.ts'
import type { ProgramStep } from './program.ts'

/** The steps that columns can do, in order, and how many of the chain they are. */
export interface ColumnPlan {
  readonly stages: readonly ColumnStage[]
  readonly steps: number
}

/** What a thread lends to its stages. */
export interface ColumnTools {
  readonly operators: ReadonlyMap<string, Operator>
  readonly machine: ColumnMachine
  groups(): GroupTable
}

/** The plan for a chain whose input has the given shape; null where the row loop must run it. */
export function planColumns(
  steps: readonly ProgramStep[],
  shape: ColumnShape,
  { operators, machine, groups }: ColumnTools,
): ColumnPlan | null {
  const stages: ColumnStage[] = []
  let input = shape
  for (const step of steps) {
    const stage = operators.get(step.operator)?.columns?.({
      params: step.params,
      input,
      machine,
      expression: index => step.lifted[index]?.expression,
      reducer: index => step.lifted[index]?.reducer,
      compile: expression => compileColumns(expression, [input], machine),
      groups,
    })
    if (!stage) return null
    stages.push(stage)
    if (stage.output === undefined) return { stages, steps: stages.length }
    input = stage.output
  }
  // Without an aggregate at its end the chain gains little: the row loop has it.
  return null
}
