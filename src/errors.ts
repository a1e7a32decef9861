/** A position in the user's program: where an operator was called or a function was written. */
export interface Place {
  /** File path or URL as V8 reports it. */
  readonly file: string
  /** Line, from 1. */
  readonly line: number
  /** Column, from 1. */
  readonly column: number
}

export interface PeltonErrorDetails {
  /** A short upper-case word for programs, such as `CAPTURE` or `TASK_FAILED`. */
  readonly code: string
  /** Name of the operator concerned, such as `flatMap`. */
  readonly operator?: string
  /** Where that operator was called. */
  readonly place?: Place
  /** Batch time in milliseconds since the epoch. */
  readonly batchTime?: number
  readonly cause?: unknown
}

/**
 * The one error class of Pelton. The message says what was wrong (with the value), where, and
 * what to do;
 * the fields say the same for programs.
 *
 * @example
 * ssc.awaitTermination().catch(e => { if (e instanceof PeltonError && e.code === 'TASK_FAILED') …
 * })
 */
export class PeltonError extends Error {
  readonly code: string
  readonly operator: string | undefined
  readonly place: Place | undefined
  readonly batchTime: number | undefined

  constructor(message: string, details: PeltonErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'PeltonError'
    this.code = details.code
    this.operator = details.operator
    this.place = details.place
    this.batchTime = details.batchTime
  }
}

/** A call of the user's: under which name it was made, and where it stands. */
export interface Caller {
  readonly label: string
  readonly place?: Place | undefined
}

/** An error of a call that was given what it can't use; the message says all of it. */
export function badCall({ label, place }: Caller, message: string): PeltonError {
  return new PeltonError(message, { code: 'OPTION', operator: label, ...(place && { place }) })
}

/** The same; the message begins with the call's name. */
export function misused(caller: Caller, problem: string): PeltonError {
  return badCall(caller, `${caller.label} ${problem}`)
}

/** An error of a row that is no pair where pairs are needed. */
export function notPair(row: unknown): PeltonError {
  return new PeltonError(
    `${preview(row)} is not a [key, value] pair; map each row to [key, value] first`,
    { code: 'NOT_A_PAIR' },
  )
}

/** `file.ts:12:7`, the form editors turn into a link. */
export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`
}

/** A short, safe rendering of a value for messages: never longer than about `max` characters. */
export function preview(value: unknown, max = 80): string {
  let text: string
  try {
    if (typeof value === 'string')
      text = JSON.stringify(value.length > max ? value.slice(0, max) : value)
    else if (typeof value === 'bigint') text = `${value}n`
    else if (typeof value === 'function') text = `function ${value.name || '(anonymous)'}`
    else if (typeof value === 'object' && value !== null)
      text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)) ?? String(value)
    else text = String(value)
  } catch {
    text = Object.prototype.toString.call(value)
  }
  return text.length > max ? `${text.slice(0, max)}…` : text
}

/** Whether the arena had no room. */
export function isArenaFull(error: unknown): boolean {
  return error instanceof PeltonError && error.code === 'ARENA_FULL'
}
