/** Durations are milliseconds; these say so in the program. */

/** `n` milliseconds. */
export function milliseconds(n: number): number {
  return n
}

/** `n` seconds in milliseconds. @example new StreamingContext({ batchInterval: seconds(1) }) */
export function seconds(n: number): number {
  return n * 1000
}

/** `n` minutes in milliseconds. */
export function minutes(n: number): number {
  return n * 60_000
}
