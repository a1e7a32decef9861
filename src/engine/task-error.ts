/** What a task that failed tells the user: operator, place, row, the user's own stack, a remedy. */
import { formatPlace, PeltonError, type Place } from '../errors.ts'
import type { Step } from './dag.ts'
import type { Chain } from './plan.ts'
import { type LostTaskError, outOfHeap } from './pool.ts'
import type { TaskFailure } from './program.ts'

/** The task at hand. */
export interface TaskSite {
  readonly job: { readonly batchTime: number | undefined }
  readonly chains: readonly Chain[]
  /** The step that reads what the task puts out, where that is an exchange. */
  readonly reader?: Step
  /** Attempts so far. */
  readonly tries: number
}

/** Errors that another attempt would only repeat. */
export const finalCodes: ReadonlySet<string> = new Set([
  'NOT_A_PAIR',
  'NOT_ITERABLE',
  'VALUE',
  'CAPTURE',
])

const stepsNamedMax = 5

const named = (label: string, place: Place | undefined): string =>
  place ? `${label} at ${formatPlace(place)}` : label

/** The error of a task whose function threw, or whose rows did not fit. */
export function failedTask(failure: TaskFailure, site: TaskSite): PeltonError {
  const { tries, job, reader } = site
  const cause = new Error(failure.message)
  cause.name = failure.name
  cause.stack = failure.stack
  // Rows without a key are noticed when they are dealt out by key: for the sake of the next step.
  const { only, running } = suspectsOf(site)
  const blamed = failure.code === 'NOT_A_PAIR' ? reader : only
  const operator = failure.operator ?? blamed?.label
  const place = failure.operator ? failure.place : blamed?.place
  const where = operator ? named(operator, place) : `a task${running}`
  const row = failure.row === undefined ? '' : ` on the row ${failure.row}`
  const attempts = finalCodes.has(failure.code) ? '' : `; tried ${tries} times`
  const kind = failure.name === 'Error' || failure.name === 'PeltonError' ? '' : `${failure.name}: `
  const error = new PeltonError(`${where} failed${row}: ${kind}${failure.message}${attempts}`, {
    code: failure.code,
    ...(operator && { operator }),
    ...(place && { place }),
    ...(job.batchTime !== undefined && { batchTime: job.batchTime }),
    cause,
  })
  // The user's own stack is what leads to the mistake; the scheduler's would lead here.
  error.stack = `${error.name}: ${error.message}\n${frames(failure.stack)}`
  return error
}

/** The frames of the user's functions: those before the generated loop that called them. */
function frames(stack: string): string {
  const lines = stack.split('\n').filter(line => /^\s+at /.test(line))
  const end = lines.findIndex(line => line.includes('(eval at #loop'))
  return lines.slice(0, end < 0 ? undefined : end).join('\n')
}

/** The error of a task that took its worker along. */
export function lostTask(lost: LostTaskError, site: TaskSite): PeltonError {
  const { tries, job } = site
  const { only, running } = suspectsOf(site)
  return new PeltonError(
    `${lost.message}${running && `,${running}`}; tried ${tries} times. ${remedy(lost)}`,
    {
      code: 'WORKER_LOST',
      ...(only && { operator: only.label }),
      ...(only?.place && { place: only.place }),
      ...(job.batchTime !== undefined && { batchTime: job.batchTime }),
      cause: lost.reason,
    },
  )
}

/** The steps of a task that have functions of the user's; with several, it may have been any. */
function suspectsOf({ chains }: TaskSite): { only: Step | undefined; running: string } {
  const steps = [...new Set(chains.flatMap(chain => chain.steps))]
  const suspects = steps.filter(step => step.functions.some(fn => !('builtin' in fn)))
  const names = suspects.slice(0, stepsNamedMax).map(step => named(step.label, step.place))
  if (suspects.length > stepsNamedMax) names.push('…')
  return {
    only: suspects.length === 1 ? suspects[0] : undefined,
    running: names.length > 0 ? ` running ${names.join(', ')}` : '',
  }
}

function remedy({ timedOut, reason }: LostTaskError): string {
  if (timedOut) return 'Look for a loop that does not end, or raise taskTimeout'
  if ((reason as { code?: unknown } | null)?.code === outOfHeap) {
    return 'Keep less in the functions, or raise workerHeap'
  }
  return 'Functions that run in workers must not end the thread, for example by process.exit()'
}
