import { formatPlace, PeltonError, type Place } from '../errors.ts'

/** The operator call a function was given to; errors about the function name it. */
export interface Site {
  /** Name of the operator, such as `map`. */
  readonly operator: string
  /** Where the operator was called, if that is known. */
  readonly place: Place | undefined
}

/**
 * Why something can't travel to the workers, and what to do instead: two halves of an error
 * message.
 */
export interface Refusal {
  readonly what: string
  readonly remedy: string
}

/**
 * The error for a function or value that can't travel. `at` is the place of the offending code;
 * without it the operator's place stands in the message.
 */
export function captureError(
  site: Site,
  refusal: Refusal,
  at?: Place | undefined,
  cause?: unknown,
): PeltonError {
  const place = at ?? site.place
  const where = place ? ` (${formatPlace(place)})` : ''
  return new PeltonError(`${site.operator}: ${refusal.what}${where}. ${refusal.remedy}.`, {
    code: 'CAPTURE',
    operator: site.operator,
    ...(site.place ? { place: site.place } : {}),
    ...(cause === undefined ? {} : { cause }),
  })
}

export const isCaptureError = (error: unknown): error is PeltonError =>
  error instanceof PeltonError && error.code === 'CAPTURE'

/**
 * Vite gives imports names such as `__vite_ssr_import_3__`; messages show the name the user wrote.
 */
export function readablePath(path: string): string {
  return path
    .replace(/\b__(?:vite_ssr|vi)_import_\d+__\.default\b/g, 'default import')
    .replace(/\b__(?:vite_ssr|vi)_import_\d+__\.?/g, '')
}

const RESOURCE = 'open one in each worker with resource(() => …)'
const NO_MUTATION =
  'A worker would change only its own copy: count with accumulator(), keep state in ' +
  'updateStateByKey() or mapWithState(), return the new value, share read-only data with ' +
  'broadcast(), or keep a cache per worker with resource()'

/** The refusals that need no details beyond a name; the remedy is part of each. */
export const refusals = {
  this: (): Refusal => ({
    what: "the function uses 'this', which does not travel to the workers",
    remedy: "Read what you need into a const before the call and use that instead of 'this'",
  }),
  super: (): Refusal => ({
    what: "the function uses 'super', which does not travel to the workers",
    remedy: 'Call a plain function instead, or export the function from a module',
  }),
  eval: (): Refusal => ({
    what: 'the function uses eval, so the variables it needs are unknown',
    remedy: 'Write the code out, or export the function from a module',
  }),
  importMeta: (): Refusal => ({
    what: 'the function uses import.meta, which belongs to the module it was written in',
    remedy: 'Read it into a const outside the function, such as `const url = import.meta.url`',
  }),
  newTarget: (): Refusal => ({
    what: 'the function uses new.target of the function around it',
    remedy: 'Read it into a const before the call and use that',
  }),
  outerArguments: (): Refusal => ({
    what: "the function uses 'arguments' of the function around it",
    remedy: 'Name the arguments, or copy them first: `const args = [...arguments]`',
  }),
  privateMember: (name: string): Refusal => ({
    what: `the function uses the private member #${name} of a class`,
    remedy: 'Read it into a const before the call, or export the function from a module',
  }),
  class: (name: string): Refusal => ({
    what: `${name} is a class; classes do not travel to the workers`,
    remedy: 'Export it from a module and import it, or make an instance per worker with resource()',
  }),
  unparsable: (source: string): Refusal => ({
    what: `the source of the function can't be parsed on its own: ${source.slice(0, 60)}`,
    remedy: 'Write it as an arrow function, or export the function from a module',
  }),
  assigned: (name: string): Refusal => ({
    what: `the function assigns the captured variable ${name}`,
    remedy: NO_MUTATION,
  }),
  mutated: (path: string, how: string): Refusal => ({
    what: `the function changes the captured ${path} by ${how}`,
    remedy: NO_MUTATION,
  }),
  undefinedName: (name: string): Refusal => ({
    what: `the function uses ${name}, which is not defined`,
    remedy: `Declare or import ${name}, or give it by hand: using({ ${name} }, …)`,
  }),
  uninitialised: (name: string): Refusal => ({
    what: `the function uses ${name} before its declaration has run`,
    remedy: `Move the declaration of ${name} above the call of start()`,
  }),
  noInspector: (name: string): Refusal => ({
    what:
      `the value of ${name} can't be read, because Node's inspector is missing or denied here ` +
      '(as under --permission without --allow-inspector)',
    remedy: `Give the value by hand: using({ ${name} }, …)`,
  }),
  bound: (path: string): Refusal => ({
    what: `${path} is a bound function, whose target and arguments can't be read`,
    remedy: 'Write an arrow function instead: `x => f(argument, x)`',
  }),
  native: (path: string): Refusal => ({
    what: `${path} is a native function without source`,
    remedy: 'Write an arrow function that calls it, with everything it needs as named variables',
  }),
  proxy: (path: string): Refusal => ({
    what: `${path} is a Proxy, whose handler does not travel to the workers`,
    remedy: 'Copy what you need into a plain object: `{ ...value }`',
  }),
  functionProperty: (path: string, key: string): Refusal => ({
    what: `${path} is a function with the property ${key}; its properties do not travel`,
    remedy:
      'Keep the function and its properties in separate variables, or import it from a module',
  }),
  symbol: (path: string, text: string): Refusal => ({
    what: `${path} is a symbol (${text}); symbols have no identity across threads`,
    remedy: 'Use a string instead',
  }),
  symbolKey: (path: string, text: string): Refusal => ({
    what: `${path} has a symbol as a key (${text}); symbols have no identity across threads`,
    remedy: 'Use a string key instead',
  }),
  getter: (path: string): Refusal => ({
    what: `${path} is a getter or setter; only plain values travel`,
    remedy: 'Read it once into a plain object: `{ ...value }`',
  }),
  ownProperty: (path: string, kind: string): Refusal => ({
    what: `${path} is an extra property on a ${kind}, which would be lost`,
    remedy: 'Keep it in a variable of its own',
  }),
  sharedMemory: (path: string): Refusal => ({
    what: `${path} is a SharedArrayBuffer; shared memory can't be captured`,
    remedy: 'Copy it into an ordinary one with slice(), or use broadcast()',
  }),
  promise: (path: string): Refusal => ({
    what: `${path} is a Promise; promises do not travel between threads`,
    remedy: 'Await it first and capture the result',
  }),
  weak: (path: string, kind: string): Refusal => ({
    what: `${path} is a ${kind}; weak references do not travel between threads`,
    remedy: 'Use a Map or Set, or make one per worker with resource(() => …)',
  }),
  handle: (path: string, kind: string): Refusal => ({
    what: `${path} is a ${kind}; sockets, streams, servers and other handles stay in their thread`,
    remedy: `Capture its settings as plain data and ${RESOURCE}`,
  }),
  instance: (path: string, kind: string): Refusal => ({
    what:
      `${path} is an instance of the class ${kind}; ` +
      'instances lose their methods across threads',
    remedy: `Capture its plain data, ${RESOURCE}, or call a function exported from a module`,
  }),
  url: (path: string): Refusal => ({
    what: `${path} is an instance of the class URL, which does not travel between threads`,
    remedy: 'Capture its href (a string) and write `new URL(href)` in the function',
  }),
  uncloneable: (path: string, reason: string): Refusal => ({
    what: `${path} can't be copied (${reason})`,
    remedy: 'Capture plain data instead, or use broadcast() or resource()',
  }),
} as const
