/** Errors of the user's functions that run on the main thread. */
import { formatPlace, PeltonError, type Place, preview } from '../errors.ts'

/** The call whose function threw. */
export interface CallbackSite {
  readonly operator: string
  readonly place: Place | undefined
  readonly code: string
  readonly batchTime: number
}

/** The error with operator, place and batch, and with the stack of the user's own function. */
export function callbackError(error: unknown, site: CallbackSite): PeltonError {
  if (error instanceof PeltonError) return error
  const { operator, place, code, batchTime } = site
  const where = place ? `${operator} at ${formatPlace(place)}` : operator
  const reason = error instanceof Error ? error.message : `its function threw ${preview(error)}`
  const wrapped = new PeltonError(`${where} failed in the batch at ${batchTime} ms: ${reason}`, {
    code,
    operator,
    batchTime,
    cause: error,
    ...(place && { place }),
  })
  if (error instanceof Error && error.stack) {
    const frames = error.stack.split('\n').filter(line => /^\s+at /.test(line))
    wrapped.stack = [`${wrapped.name}: ${wrapped.message}`, ...frames].join('\n')
  }
  return wrapped
}
