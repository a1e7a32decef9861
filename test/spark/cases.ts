import { readFileSync } from 'node:fs'
import { StateSpec } from 'pelton'
import { type Batches, Branch, type Step } from '../oracle.ts'

/** One case of Spark's own suites, as `cases.json` holds it. */
export interface SparkCase {
  readonly id: string
  readonly suite: string
  readonly kind: string
  readonly op: string
  readonly params: {
    readonly pipeline?: readonly JsonStep[]
    readonly left?: readonly JsonStep[]
    readonly right?: readonly JsonStep[]
    /** The operator's name, or the source of the function given to `transformWith`. */
    readonly binary?: string
    readonly then?: readonly JsonStep[]
    readonly numInputPartitions?: number
    readonly signature?: string
    readonly initialState?: readonly (readonly [unknown, unknown])[]
    readonly batchMs?: number
  }
  readonly input: Batches
  readonly input2?: Batches
  /** Of `mapWithState`: the states after each batch. */
  readonly expectedState?: readonly (readonly unknown[])[]
  readonly expected?: readonly (readonly unknown[])[]
  readonly expectedError?: { readonly message?: string; readonly messageContains?: string }
  readonly compare: string
  readonly numBatches: number
}

type JsonStep = readonly [name: string, ...args: unknown[]]

/** All cases of the given kinds. */
export function sparkCases(...kinds: string[]): SparkCase[] {
  const all = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8'))
  return (all as SparkCase[]).filter(one => kinds.includes(one.kind))
}

/**
 * The helpers that the lambdas of `cases.json` may name. They are locals of every function made
 * from a source, so that an engine that ships functions to workers has to find and ship them too.
 */
const helpers = `
  const sum = items => { let total = 0; for (const item of items) total += item; return total };
  const unionAll = rdds => rdds.reduce((all, rdd) => all.union(rdd));`

/**
 * The function whose source is `source`.
 *
 * @example
 * lambda('vals=>sum(vals)')([1, 2]) // 3
 */
export function lambda(source: string): Function {
  return new Function(`'use strict';${helpers}\nreturn (${source})`)()
}

const isLambda = (arg: unknown): arg is string => typeof arg === 'string' && arg.includes('=>')

/** A stream's place in a step: "self" or the steps that lead to it from the stream at hand. */
function branch(streamOrSteps: unknown): Branch {
  const list = streamOrSteps as readonly unknown[]
  if (streamOrSteps === 'self') return new Branch('here', [])
  if (typeof list[0] === 'string') return new Branch('here', toSteps([list as JsonStep]))
  return new Branch('here', toSteps(list.filter(item => !isSelf(item)) as JsonStep[]))
}

const isSelf = (item: unknown): boolean => Array.isArray(item) && item[0] === 'self'

function toSteps(pipeline: readonly JsonStep[]): Step[] {
  return pipeline.map(([name, ...args]): Step => {
    if (name === 'union') return [name, branch(args[0])]
    if (name.startsWith('ssc.'))
      return [name, (args[0] as unknown[]).map(branch), ...args.slice(1).map(argument)]
    return [name, ...args.map(argument)]
  })
}

/** A step's argument; options may hold functions too. */
function argument(arg: unknown): unknown {
  if (isLambda(arg)) return lambda(arg)
  if (typeof arg !== 'object' || arg === null || Array.isArray(arg)) return arg
  return Object.fromEntries(Object.entries(arg).map(([name, value]) => [name, argument(value)]))
}

/** The case's pipeline as steps from its first input. */
export function stepsOf({ params }: SparkCase): Step[] {
  if (params.pipeline) return toSteps(params.pipeline)
  const right = new Branch(1, toSteps(params.right ?? []))
  const binary = params.binary!
  const both: Step = isLambda(binary) ? ['transformWith', right, lambda(binary)] : [binary, right]
  return [...toSteps(params.left ?? []), both, ...toSteps(params.then ?? [])]
}

/** The pipeline of a case of `mapWithState`, whose last step gets a StateSpec. */
export function stateStepsOf({ params }: SparkCase): Step[] {
  const steps = toSteps(params.pipeline!)
  const [name, f] = steps.at(-1)!
  // A function of four parameters gets the time first.
  const make = f.length === 4 ? StateSpec.timedFunction : StateSpec.function
  const spec = make(f as () => unknown)
  const begun = params.initialState ? spec.initialState(params.initialState) : spec
  return [...steps.slice(0, -1), [name, begun]]
}

/** Names of the operators that a case calls, those of its branches included. */
export function operatorsOf(steps: readonly Step[]): string[] {
  const inArgument = (arg: unknown): string[] => {
    if (arg instanceof Branch) return operatorsOf(arg.steps)
    return Array.isArray(arg) ? arg.flatMap(inArgument) : []
  }
  return steps.flatMap(([name, ...args]) => [name, ...args.flatMap(inArgument)])
}
