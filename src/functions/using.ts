import { PeltonError, preview } from '../errors.ts'

const given = new WeakMap<Function, object>()

/**
 * Names the values a function needs by hand, so that they need not be read through Node's
 * inspector: the way to capture where the inspector is missing or denied. The values are read at
 * `start()`. The function is returned as it is. Names that `values` lacks are read through the
 * inspector if there is one. Throws a PeltonError (`CAPTURE`) when the arguments have other types.
 *
 * @example
 * const stop = new Set(['a', 'the'])
 * words.filter(using({ stop }, word => !stop.has(word)))
 */
export function using<V extends object, F extends Function>(values: V, fn: F): F {
  if (typeof values !== 'object' || values === null)
    throw new PeltonError(
      `using: expected an object of values, got ${preview(values)}. Write using({ name }, fn).`,
      { code: 'CAPTURE', operator: 'using' },
    )
  if (typeof fn !== 'function')
    throw new PeltonError(
      `using: expected a function after the values, got ${preview(fn)}. Write using({ name }, fn).`,
      { code: 'CAPTURE', operator: 'using' },
    )
  given.set(fn, values)
  return fn
}

/** The values that `using()` gave to a function. */
export const givenValues = (fn: Function): object | undefined => given.get(fn)
