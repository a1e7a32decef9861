/** What a context says when it can't go on. */
import { PeltonError, preview } from './errors.ts'

/** Says that a context, called by its class, does not begin again. */
export function stopped(owner: string): PeltonError {
  return new PeltonError(`${owner} has already been stopped; make a new one`, {
    code: 'STATE',
    operator: owner,
  })
}

/** Says that `getOrCreate` needs a function that makes a context. */
export function notCreated(given: unknown): PeltonError {
  return new PeltonError(
    `getOrCreate needs a function that returns a StreamingContext; got ${preview(given)}`,
    { code: 'OPTION', operator: 'getOrCreate' },
  )
}

/** Says that `create` must leave starting to others. */
export function begunTooEarly(): PeltonError {
  return new PeltonError(
    'getOrCreate: the context has been started or stopped already; return it as it is, and ' +
      'start what getOrCreate gives',
    { code: 'STATE', operator: 'getOrCreate' },
  )
}

/** Says that a context can't go on from one directory and write to another. */
export function otherDirectory(own: string, directory: string): PeltonError {
  return new PeltonError(
    `getOrCreate: the context was made with the checkpoint directory ${own}, and is to go on ` +
      `from ${directory}; name one of them`,
    { code: 'OPTION', operator: 'getOrCreate' },
  )
}

/** Says that results can't be remembered for two different times. */
export function rememberedAlready(durationMs: number): PeltonError {
  return new PeltonError(
    `Remember duration already set as ${durationMs} ms. Cannot set it again.`,
    { code: 'STATE', operator: 'remember' },
  )
}

/** Says what a time to remember is. */
export function badDuration(duration: unknown): PeltonError {
  return new PeltonError(`remember(${preview(duration)}): give a positive number of milliseconds`, {
    code: 'OPTION',
    operator: 'remember',
  })
}

/** Says that a program without outputs computes nothing. */
export function noOutputs(): PeltonError {
  return new PeltonError(
    'No output operations registered, so nothing to execute: call print(), foreachRDD() or ' +
      'another ' +
      'output on a stream before start()',
    { code: 'STATE', operator: 'start' },
  )
}

/** An error of a source as one of ours. */
export function asError(error: unknown, operator: string): PeltonError {
  if (error instanceof PeltonError) return error
  const message = error instanceof Error ? error.message : preview(error)
  return new PeltonError(`${operator} failed: ${message}`, {
    code: 'INPUT_FAILED',
    operator,
    cause: error,
  })
}

/** A worker that imports the user's program must not run it again. */
export function refuseInWorkers(owner: string): void {
  if (!(Symbol.for('pelton.worker') in globalThis)) return
  throw new PeltonError(
    `a ${owner} was made in a worker: a function that runs there imports the module that ` +
      'starts the program, so the program began again. Move the imported helpers into a module ' +
      'of ' +
      'their own that starts nothing',
    { code: 'IN_WORKER', operator: owner },
  )
}
