/** Reducers that kernels know. */
import type { Reducer } from '../../functions/lift.ts'

/**
 * By group id, and over a whole column. The initial value is what leaves every first value as it
 * is: -0 + x is x for every x, also for -0; the least of x and Infinity is x, NaN included.
 */
export const reducers = {
  sum: { byGroup: 'sumByGid', ofColumn: 'sumF64', initial: -0 },
  min: { byGroup: 'minByGid', ofColumn: 'leastF64', initial: Number.POSITIVE_INFINITY },
  max: { byGroup: 'maxByGid', ofColumn: 'greatestF64', initial: Number.NEGATIVE_INFINITY },
} as const

/** What kernels need to know of a reducer; undefined for one that only its function knows. */
export function knownReducer(reducer: Reducer | undefined) {
  return reducer === 'sum' || reducer === 'min' || reducer === 'max' ? reducers[reducer] : undefined
}
