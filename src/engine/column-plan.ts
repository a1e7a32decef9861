/** Which steps of a chain run over columns: made once per program and shape of its input. */
import type { KeyGroups } from '../columnar/group-table.ts'
import {
  type ColumnMachine,
  type ColumnShape,
  compileColumns,
  hasIds,
  onlyMoves,
  whyNoType,
  withoutIds,
  writtenOut,
} from '../expressions/columns.ts'
import type { Expression } from '../expressions/index.ts'
import type { PortableFunction } from '../functions/portable.ts'
import type { ColumnStage, OncePerValue } from './column-kernel.ts'
import { cutLines } from './column-lines.ts'
import { type ColumnRows, canKeep } from './column-rows.ts'
import type { PureFunction } from './distinct.ts'
import type { Operator } from './operator.ts'
import type { BuiltinFunction, ProgramStep } from './program.ts'
import { shapeInWords } from './shape-words.ts'
import type { StepMeter } from './step-meter.ts'

/** The steps that columns can do, in order, and how many of the chain they are. */
export interface ColumnPlan {
  readonly stages: readonly ColumnStage[]
  /** For each stage, the step that it is part of. */
  readonly stepOf: readonly number[]
  readonly steps: number
  /** Why columns go no further, in words; of use where they don't do all steps. */
  readonly reason: string
  /** Shape of what comes out; undefined for pairs of JavaScript values. */
  readonly output: ColumnShape | undefined
}

/** A chain as its thread has compiled it. */
export interface ColumnChain {
  readonly steps: readonly ProgramStep[]
  /** The functions of all steps, one behind the other. */
  readonly fns: readonly Function[]
  /** Where it is counted what its steps do. */
  readonly meter: StepMeter
}

/** What a thread lends to its stages. */
export interface ColumnTools {
  readonly operators: ReadonlyMap<string, Operator>
  readonly machine: ColumnMachine
  /** Rows to be kept, for the stage of a plan that comes as number `index` of those. */
  rows(index: number): ColumnRows
  /** Groups of keys of a shape, for the aggregate of a plan that comes as number `index`. */
  groups(index: number, key: ColumnShape): KeyGroups
  /** Function `index` of the chain, called once for equal values; undefined where it is off. */
  distinct(index: number, fn: PureFunction, shape: ColumnShape): OncePerValue | undefined
  failed(error: unknown, step: number, row: unknown): unknown
}

/** The plan for a chain whose input has the given shape; without steps where there is none. */
export function planColumns(
  chain: ColumnChain,
  shape: ColumnShape,
  tools: ColumnTools,
): ColumnPlan {
  const stages: ColumnStage[] = []
  const stepOf: number[] = []
  let best: PlanParts = { stages: [], stepOf: [], steps: 0, output: undefined }
  // Rows that only go elsewhere, as they are.
  if (chain.steps.length === 0 && canKeep(shape)) best = { ...best, output: shape }
  let reason: string | undefined
  let input = shape
  const make = stageMaker(chain, tools)
  for (const [index, step] of chain.steps.entries()) {
    let stage = make(step, index, input)
    const adapter = stage ? undefined : adapterOf(input, tools.machine)
    if (adapter) {
      stages.push(adapter)
      stepOf.push(index)
      stage = make(step, index, adapter.output!)
    }
    reason = stage ? undefined : whyNoStage(step, withoutIds(adapter?.output ?? input))
    if (!stage) break
    stages.push(stage)
    stepOf.push(index)
    const { output } = stage
    // Rows of a shape that no block holds must not be where columns end.
    if (!output || canKeep(withoutIds(output))) best = planOf(stages, stepOf, tools.machine)
    if (!output) break
    input = output
  }
  return { ...best, reason: reason ?? notKept(best, input) }
}

/** Why there is no stage for a step. The types of functions of several rows are not known here. */
function whyNoStage({ label, lifted, functions }: ProgramStep, input: ColumnShape): string {
  const [known] = lifted
  const why =
    known && functions.length === 1 && !known.reducer && whyNoType(known.expression, [input])
  return `${label} has no kernel for ${shapeInWords(input)}${why ? `, as ${why}` : ''}`
}

/** Why columns end where they do, although every step had a stage. */
function notKept({ output, steps }: PlanParts, last: ColumnShape): string {
  if (steps > 0 && !output) return 'the step before gives JavaScript values'
  return `no block holds ${shapeInWords(withoutIds(last))} as columns`
}

type PlanParts = Omit<ColumnPlan, 'reason'>

function planOf(
  stages: readonly ColumnStage[],
  stepOf: readonly number[],
  machine: ColumnMachine,
): PlanParts {
  const last = stepOf.at(-1)!
  const steps = last + 1
  const output = stages.at(-1)!.output
  if (!output || !hasIds(output)) {
    return { stages: [...stages], stepOf: [...stepOf], steps, output }
  }
  return {
    stages: [...stages, writeOut(output, machine)],
    stepOf: [...stepOf, last],
    steps,
    output: withoutIds(output),
  }
}

/** What makes another shape of rows that an operator does not know as they are. */
function adapterOf(input: ColumnShape, machine: ColumnMachine): ColumnStage | undefined {
  if (input.kind === 'lines') return cutLines(machine)
  return hasIds(input) ? writeOut(input, machine) : undefined
}

/** A stage that is no step of the chain: ids become texts for what knows texts only. */
function writeOut(input: ColumnShape, machine: ColumnMachine): ColumnStage {
  return {
    output: withoutIds(input),
    push: ({ rows, column }, next) => {
      const mark = machine.scratch.mark()
      next({ rows, column: writtenOut(machine, column, rows) })
      machine.scratch.release(mark)
    },
  }
}

type StageMaker = (step: ProgramStep, index: number, input: ColumnShape) => ColumnStage | undefined

function stageMaker(chain: ColumnChain, tools: ColumnTools): StageMaker {
  const { machine } = tools
  let tables = 0
  let kept = 0
  return (step, index, input) => {
    const before = chain.steps.slice(0, index)
    const first = before.reduce((sum, { functions }) => sum + functions.length, 0)
    const compile = (expression: Expression, of = input) => {
      // Kernels know texts, not their ids; but ids can be moved about.
      if (hasIds(of) && !onlyMoves(expression)) return undefined
      return compileColumns(expression, [of], machine)
    }
    return tools.operators.get(step.operator)?.columns?.({
      params: step.params,
      input,
      machine,
      expression: i => step.lifted[i]?.expression,
      reducer: i => step.lifted[i]?.reducer,
      fn: i => chain.fns[first + i]!,
      isRepeatable: i => isRepeatable(step.functions[i]!),
      failed: (error, row) => tools.failed(error, index, row),
      compile,
      rows: () => tools.rows(kept++),
      groups: key => tools.groups(tables++, key),
      distinct: (i, of = input) => {
        const results = step.pure[i]
        return results && tools.distinct(first + i, { fn: chain.fns[first + i]!, ...results }, of)
      },
    })
  }
}

function isRepeatable(fn: PortableFunction | BuiltinFunction): boolean {
  if ('builtin' in fn) return true
  return fn.shared.accumulators.length === 0 && fn.shared.resources.length === 0
}
