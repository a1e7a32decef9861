/** How facade methods become steps: place, label and functions of one call. */
import type { Step, StepFunction } from './engine/dag.ts'
import { Step as StepClass } from './engine/dag.ts'
import type { Operator, Params } from './engine/operator.ts'
import { PeltonError, preview } from './errors.ts'
import { analyse, callerPlace } from './functions/index.ts'

/** One call of the user's: where it stands and under which name. */
export interface Call {
  readonly label: string
  readonly place: ReturnType<typeof callerPlace>
}

export function callOf(label: string): Call {
  return { label, place: callerPlace() }
}

/**
 * A step whose functions run in workers: they are analysed here, so that errors point to the
 * call.
 */
export function stepOf(
  call: Call,
  operator: Operator,
  params: Params = {},
  functions: readonly Function[] = [],
): Step {
  const site = { operator: call.label, place: call.place }
  const analysed: StepFunction[] = functions.map(fn => analyse(fn, site))
  return new StepClass(operator, params, analysed, call.place, call.label)
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
  throw new PeltonError(`${call.label} needs a function; got ${preview(fn)}`, {
    code: 'OPTION',
    operator: call.label,
    ...(call.place && { place: call.place }),
  })
}

/** Checks that a list of streams is one, and not empty. */
export function someStreams(call: Call, streams: unknown): void {
  if (Array.isArray(streams) && streams.length > 0) return
  throw new PeltonError(
    `${call.label} needs an array of at least one DStream; got ${preview(streams)}`,
    { code: 'OPTION', operator: call.label, ...(call.place && { place: call.place }) },
  )
}
