/**
 * The tables of methods and functions that an expression may call. Every one is pure whatever it is
 * called on; a signature says for which column types it never throws and what it then returns.
 */
import type { Expression } from './expression.ts'

/**
 * Types of arguments and results by name. `item` is the type of a list's items; a `~` marks results
 * that may be undefined.
 */
export type ArgumentKind = 'utf8' | 'float64' | 'bool' | 'item'
export type ResultKind =
  | 'utf8'
  | 'utf8~'
  | 'float64'
  | 'float64~'
  | 'bool'
  | 'texts'
  | 'item~'
  | 'same'
export type ReceiverKind = 'utf8' | 'float64' | 'int64' | 'bool' | 'timestamp' | 'list'

export interface Signature {
  readonly on: ReceiverKind
  readonly args: readonly ArgumentKind[]
  /** How many of `args` must be given. */
  readonly required: number
  readonly result: ResultKind
  /** Why the arguments might make it throw, or undefined when they can't. */
  readonly hazard?: (args: readonly Expression[]) => string | undefined
}

export interface Method {
  readonly signatures: readonly Signature[]
  /** A function that calls it, for documents and tests. */
  readonly example: string
}

/** Longest text that a constant length may ask for, in UTF-16 units. */
const LENGTH_MAX = 1 << 20

/**
 * Refuses an argument that is not a constant number within limits, beyond which JavaScript
 * throws.
 */
const within =
  (low: number, high: number) =>
  ([first]: readonly Expression[]): string | undefined => {
    if (first === undefined) return undefined
    const value = first.kind === 'constant' ? first.value : undefined
    return typeof value === 'number' && value >= low && value <= high
      ? undefined
      : `needs a constant between ${low} and ${high}`
  }

/** Longest text between the items of a joined list, in UTF-16 units. */
const SEPARATOR_MAX = 16

/** Text joined by itself grows as the square of its length, beyond what JavaScript allows. */
const shortSeparator = ([first]: readonly Expression[]): string | undefined => {
  if (first === undefined) return undefined
  const value = first.kind === 'constant' ? first.value : undefined
  return typeof value === 'string' && value.length <= SEPARATOR_MAX
    ? undefined
    : `needs a constant of at most ${SEPARATOR_MAX} units`
}

/** `utf8 float64? → bool`, a line for each: receiver, method, arguments, result, example. */
const lines: readonly [ReceiverKind, string, string, ResultKind, string, Signature['hazard']?][] = [
  ['utf8', 'split', 'utf8 float64?', 'texts', `line => line.split(' ')`],
  ['utf8', 'startsWith', 'utf8 float64?', 'bool', `w => w.startsWith('a')`],
  ['utf8', 'endsWith', 'utf8 float64?', 'bool', `w => w.endsWith('ing')`],
  ['utf8', 'includes', 'utf8 float64?', 'bool', `line => line.includes('error')`],
  ['utf8', 'indexOf', 'utf8 float64?', 'float64', `line => line.indexOf(':')`],
  ['utf8', 'lastIndexOf', 'utf8 float64?', 'float64', `path => path.lastIndexOf('/')`],
  ['utf8', 'trim', '', 'utf8', 'line => line.trim()'],
  ['utf8', 'trimStart', '', 'utf8', 'line => line.trimStart()'],
  ['utf8', 'trimEnd', '', 'utf8', 'line => line.trimEnd()'],
  ['utf8', 'toLowerCase', '', 'utf8', 'w => w.toLowerCase()'],
  ['utf8', 'toUpperCase', '', 'utf8', 'w => w.toUpperCase()'],
  ['utf8', 'slice', 'float64? float64?', 'utf8', 'w => w.slice(0, 3)'],
  ['utf8', 'substring', 'float64? float64?', 'utf8', 'w => w.substring(1, 3)'],
  ['utf8', 'charAt', 'float64?', 'utf8', 'w => w.charAt(0)'],
  ['utf8', 'charCodeAt', 'float64?', 'float64', 'w => w.charCodeAt(0)'],
  ['utf8', 'codePointAt', 'float64?', 'float64~', 'w => w.codePointAt(0)'],
  ['utf8', 'at', 'float64?', 'utf8~', 'w => w.at(-1)'],
  ['utf8', 'concat', 'utf8? utf8? utf8? utf8?', 'utf8', `w => w.concat('!')`],
  [
    'utf8',
    'padStart',
    'float64 utf8?',
    'utf8',
    `id => id.padStart(5, '0')`,
    within(-1, LENGTH_MAX),
  ],
  ['utf8', 'padEnd', 'float64 utf8?', 'utf8', 'name => name.padEnd(20)', within(-1, LENGTH_MAX)],
  ['utf8', 'repeat', 'float64', 'utf8', 'w => w.repeat(2)', within(0, 1000)],
  ['utf8', 'toString', '', 'utf8', 'w => w.toString()'],
  ['float64', 'toString', 'float64?', 'utf8', 'n => n.toString(16)', within(2, 36)],
  ['int64', 'toString', 'float64?', 'utf8', 'n => n.toString(16)', within(2, 36)],
  ['bool', 'toString', '', 'utf8', 'b => b.toString()'],
  ['float64', 'toFixed', 'float64?', 'utf8', 'n => n.toFixed(2)', within(0, 100)],
  ['timestamp', 'getTime', '', 'float64', 'date => date.getTime()'],
  ['list', 'at', 'float64?', 'item~', `line => line.split(' ').at(-1)`],
  ['list', 'includes', 'item float64?', 'bool', `line => line.split(' ').includes('error')`],
  ['list', 'indexOf', 'item float64?', 'float64', `line => line.split(',').indexOf('id')`],
  ['list', 'slice', 'float64? float64?', 'same', `line => line.split(',').slice(1)`],
  ['list', 'join', 'utf8?', 'utf8', `line => line.split(',').join(';')`, shortSeparator],
]

const table = new Map<string, { signatures: Signature[]; example: string }>()
for (const [on, name, list, result, example, hazard] of lines) {
  const words = list === '' ? [] : list.split(' ')
  const signature: Signature = {
    on,
    args: words.map(word => word.replace('?', '') as ArgumentKind),
    required: words.filter(word => !word.endsWith('?')).length,
    result,
    ...(hazard ? { hazard } : {}),
  }
  const known = table.get(name)
  if (known) known.signatures.push(signature)
  else table.set(name, { signatures: [signature], example })
}

/** Methods of text, numbers, dates and lists, by name. */
export const methods: ReadonlyMap<string, Method> = table

/**
 * Calls with a regular expression, each by a name that no method can have: the source after the
 * dot.
 */
export const patternCalls: ReadonlyMap<string, Method & { readonly of: (text: any) => unknown }> =
  new Map([
    [
      'split(/\\s+/)',
      {
        signatures: [{ on: 'utf8', args: [], required: 0, result: 'texts' }],
        example: 'line => line.split(/\\s+/)',
        of: text => text.split(/\s+/),
      },
    ],
  ])

/** Whether some receiver has the method with so many arguments. */
export function takesArguments(method: Method, count: number): boolean {
  return method.signatures.some(({ args, required }) => count >= required && count <= args.length)
}

export interface KnownFunction {
  readonly of: (...args: any[]) => any
  readonly argsMin: number
  readonly argsMax: number
}

const mathArity: Readonly<Record<string, number>> = { pow: 2, atan2: 2, imul: 2 }
const mathNames =
  'abs acos acosh asin asinh atan atan2 atanh cbrt ceil clz32 cos cosh exp expm1 floor fround ' +
  'log ' +
  'log10 log1p log2 pow round sign sin sinh sqrt tan tanh trunc imul'

const functionOf = (name: string): [string, KnownFunction] => {
  const of = Math[name as 'abs']
  return [name, { of, argsMin: mathArity[name] ?? 1, argsMax: mathArity[name] ?? 1 }]
}

/** Most arguments of `Math.max` and the like. */
const ARGUMENTS_MAX = 8

/** Functions of `Math`, all from numbers to a number. */
export const mathFunctions: ReadonlyMap<string, KnownFunction> = new Map([
  ...mathNames.split(' ').map(functionOf),
  ['max', { of: Math.max, argsMin: 1, argsMax: ARGUMENTS_MAX }],
  ['min', { of: Math.min, argsMin: 1, argsMax: ARGUMENTS_MAX }],
  ['hypot', { of: Math.hypot, argsMin: 1, argsMax: ARGUMENTS_MAX }],
])

export interface GlobalFunction extends KnownFunction {
  /** Kinds of column for the first argument; further arguments are numbers. */
  readonly on: readonly ReceiverKind[]
  readonly result: 'utf8' | 'float64' | 'bool'
  readonly example: string
}

// Unlike those of Number, these turn their argument into a number first.
const { isNaN: convertedIsNaN, isFinite: convertedIsFinite } = globalThis

const scalars: readonly ReceiverKind[] = ['utf8', 'float64', 'int64', 'bool']
const one = { argsMin: 1, argsMax: 1 }
const onNumber = { ...one, on: ['float64'], result: 'bool' } as const

/**
 * Functions that stand by themselves or are statics of `Number`, by the name they are called by.
 */
export const globalFunctions: ReadonlyMap<string, GlobalFunction> = new Map<string, GlobalFunction>(
  [
    ['Number', { ...one, of: Number, on: scalars, result: 'float64', example: 'w => Number(w)' }],
    ['String', { ...one, of: String, on: scalars, result: 'utf8', example: 'n => String(n)' }],
    ['Boolean', { ...one, of: Boolean, on: scalars, result: 'bool', example: 'w => Boolean(w)' }],
    ['parseInt', { ...text(parseInt), argsMax: 2, example: 'w => parseInt(w, 10)' }],
    ['parseFloat', { ...text(parseFloat), example: 'w => parseFloat(w)' }],
    ['Number.parseInt', { ...text(parseInt), argsMax: 2, example: 'w => Number.parseInt(w, 10)' }],
    ['Number.parseFloat', { ...text(parseFloat), example: 'w => Number.parseFloat(w)' }],
    ['isNaN', { ...onNumber, of: convertedIsNaN, example: 'n => isNaN(n)' }],
    ['isFinite', { ...onNumber, of: convertedIsFinite, example: 'n => isFinite(n)' }],
    ['Number.isNaN', { ...onNumber, of: Number.isNaN, example: 'n => Number.isNaN(n)' }],
    ['Number.isFinite', { ...onNumber, of: Number.isFinite, example: 'n => Number.isFinite(n)' }],
    [
      'Number.isInteger',
      { ...onNumber, of: Number.isInteger, example: 'n => Number.isInteger(n)' },
    ],
    [
      'Number.isSafeInteger',
      { ...onNumber, of: Number.isSafeInteger, example: 'n => Number.isSafeInteger(n)' },
    ],
    [
      'String.fromCharCode',
      {
        of: String.fromCharCode,
        argsMin: 1,
        argsMax: ARGUMENTS_MAX,
        on: ['float64'],
        result: 'utf8',
        example: 'n => String.fromCharCode(n)',
      },
    ],
  ],
)

function text(of: (text: string) => number): Omit<GlobalFunction, 'example'> {
  return { ...one, of, on: ['utf8'], result: 'float64' }
}
