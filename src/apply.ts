/** How facade methods become steps: place, label and functions of one call. */
import type { Step, StepFunction } from './engine/dag.ts'
import { Step as StepClass } from './engine/dag.ts'
import type { Operator, Params } from './engine/operator.ts'
import { misused, PeltonError, preview } from './errors.ts'
import { analyse, callerPlace, identityOf } from './functions/index.ts'

/** One call of the user's: where it stands and under which name. */
export interface Call {
  readonly label: string
  readonly place: ReturnType<typeof callerPlace>
}

/** The call that is being put together of others. */
let whole: Call | undefined

/** The call of the user's that is being made. Parts of another one carry its label and place. */
export function callOf(label: string): Call {
  return whole ?? { label, place: callerPlace() }
}

/**
 * Puts an operator together of calls of others: in messages and in `explain()` all of them are it.
 *
 * @example composed('countByWindow', () => this.map(() => 1).reduceByWindow(add, remove, window))
 */
export function composed<R>(label: string, build: (call: Call) => R): R {
  const outer = whole
  const call = callOf(label)
  whole = call
  try {
    return build(call)
  } finally {
    whole = outer
  }
}

const stepsMax = 1024
/** Steps of calls that are the same whenever they are made, by what is said in them. */
const steps = new Map<string, Step>()

/**
 * A step whose functions run in workers: they are analysed here, so that errors point to the call.
 * A call that a function of foreachRDD makes again in every batch gives the same step, and so the
 * same program, where its functions capture nothing.
 */
export function stepOf(
  call: Call,
  operator: Operator,
  params: Params = {},
  functions: readonly Function[] = [],
): Step {
  const site = { operator: call.label, place: call.place }
  const analysed: StepFunction[] = functions.map(fn => analyse(fn, site))
  const key = sameness(call, operator, params, analysed)
  const known = key === undefined ? undefined : steps.get(key)
  if (known) return known
  const step = new StepClass(operator, params, analysed, call.place, call.label)
  if (key === undefined) return step
  if (steps.size >= stepsMax) steps.clear()
  steps.set(key, step)
  return step
}

/** What two calls have in common whose steps are the same; undefined where that is not known. */
function sameness(
  { label, place }: Call,
  operator: Operator,
  params: Params,
  functions: readonly StepFunction[],
): string | undefined {
  if (!place) return undefined
  const parts: string[] = [operator.name, label, place.file, `${place.line}:${place.column}`]
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue
    if (!['string', 'number', 'boolean'].includes(typeof value)) return undefined
    parts.push(name, typeof value, Object.is(value, -0) ? '-0' : String(value))
  }
  for (const fn of functions) {
    const identity = 'builtin' in fn ? fn.builtin : identityOf(fn)
    if (identity === undefined) return undefined
    parts.push(identity)
  }
  return JSON.stringify(parts)
}

/** Checks a number of partitions; undefined gives the default. */
export function partitionsOption(
  label: string,
  value: number | undefined,
  fallback: number,
): number {
  if (value === undefined) return fallback
  if (Number.isInteger(value) && value >= 1 && value <= 65_536) return value
  throw new PeltonError(
    `${label}: the number of partitions is ${preview(value)}; ` +
      'it must be a whole number from 1 to 65536',
    { code: 'OPTION', operator: label },
  )
}

/** Checks the path of a file or directory. */
export function pathOption(label: string, what: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return
  throw new PeltonError(`${label}: the ${what} is ${preview(value)}; give a path such as 'out/a'`, {
    code: 'OPTION',
    operator: label,
  })
}

/** Checks that a function for the main thread is one. */
export function mainThreadFunction(call: Call, fn: unknown): void {
  if (typeof fn === 'function') return
  throw misused(call, `needs a function; got ${preview(fn)}`)
}

/** Checks that a list of streams is one, and not empty. */
export function someStreams(call: Call, streams: unknown): void {
  if (Array.isArray(streams) && streams.length > 0) return
  throw misused(call, `needs an array of at least one DStream; got ${preview(streams)}`)
}
