/**
 * The main thread's side of sending functions to workers. A function is analysed where its operator
 * is called, so that errors point there, and its captured values are read when the stream starts.
 */
import { preview } from '../errors.ts'
import { type Analysis, counters } from './analysis.ts'
import { FunctionEncoder } from './function-encoder.ts'
import { disconnect, noteCallers } from './inspector.ts'
import type { PortableFunction } from './portable.ts'
import { captureError, type Site } from './refusal.ts'
import { givenValues } from './using.ts'

export type { PortableFunction } from './portable.ts'
export type { Site } from './refusal.ts'

/** A function that passed analysis; its values have not been read yet. */
export interface FunctionHandle {
  /** Unique in the process. */
  readonly id: number
  readonly fn: Function
  readonly site: Site
  /**
   * What its source says; absent for functions that travel by name. Equal sources share one object.
   * It may hold a `refusal`, when the function is imported in workers instead.
   */
  readonly analysis: Analysis | undefined
}

let lastId = 0

/**
 * Parses a function given to an operator, finds what it captures, and refuses what its source alone
 * shows can't travel (`this`, eval, writes to captured variables, …). Sources are parsed once,
 * however many closures are made from them. Throws a PeltonError (`CAPTURE`).
 *
 * @example
 * const handle = analyse(word => !stop.has(word), { operator: 'filter', place: callerPlace() })
 */
export function analyse(fn: Function, site: Site): FunctionHandle {
  if (typeof fn !== 'function')
    throw captureError(site, {
      what: `expected a function, got ${preview(fn)}`,
      remedy: 'Pass a function, such as `x => x`',
    })
  const before = counters.parses
  const analysis = new FunctionEncoder(site).check(fn)
  // A source not seen before may stand in a script not seen before.
  if (counters.parses > before) noteCallers()
  return { id: ++lastId, fn, site, analysis }
}

/**
 * Reads the values that a function captures, as they are now, and returns the function as plain
 * data. Throws a PeltonError (`CAPTURE`) that names the variable, the place and the remedy for what
 * can't travel.
 */
export function portable(handle: FunctionHandle): PortableFunction {
  const key = identityOf(handle)
  const known = key === undefined ? undefined : selfContained.get(key)
  if (known) return known
  const made = portableValue(handle.fn, '', handle.site)
  if (key !== undefined) {
    if (selfContained.size >= selfContainedMax) selfContained.clear()
    selfContained.set(key, made)
  }
  return made
}

const selfContainedMax = 1024
/** Functions without free names, by where they were given and what they say. */
const selfContained = new Map<string, PortableFunction>()

/**
 * Tells functions apart that capture nothing: such a function made anew in every batch is the same
 * every time, and its scopes need not be read. Undefined for those that capture something.
 */
export function identityOf({ fn, site, analysis }: FunctionHandle): string | undefined {
  if (!analysis || !site.place || analysis.refusal || analysis.importName !== undefined) return
  if (analysis.free.size > 0 || givenValues(fn)) return undefined
  const { file, line, column } = site.place
  return `${file}:${line}:${column} ${site.operator} ${analysis.source}`
}

/**
 * The same for any value, such as that of a broadcast: what structured clone keeps and functions
 * too. `name` is how messages call it. `revive` brings it back.
 */
export function portableValue(value: unknown, name: string, site: Site): PortableFunction {
  const encoder = new FunctionEncoder(site)
  return encoder.finish(encoder.value(value, { path: name, via: '', place: undefined }))
}

/** Ends the inspector session that captures opened; a later capture opens another. */
export function closeCapture(): void {
  disconnect()
}
