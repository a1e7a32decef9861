/**
 * Draws programs and rows at random; the programs are made of the patterns in the lifter's
 * table.
 */
import { inspect } from 'node:util'
import fc from 'fast-check'
import type { ColumnType } from '../../src/columnar/schema.ts'
import { liftForms } from '../../src/functions/lift.ts'

/** Values of the names that patterns use; the functions are captured helpers. */
export const captured = {
  factor: 3,
  prefix: 'pre',
  column: 'n',
  limits: { low: 3, names: ['first', 'second'] },
  tidy: (w: string) => w.trim().toLowerCase(),
  between(n: number, low: number, high = 9) {
    if (n < low) return 'below'
    return n > high ? 'above' : n
  },
}

/** Compiles the source of a function, with `captured` in sight. */
export function compile(source: string): (...args: unknown[]) => unknown {
  const names = Object.keys(captured)
  return new Function(...names, `'use strict'; return (${source})`)(...Object.values(captured))
}

export interface Pattern {
  readonly form: string
  /** What the code gives: text, number, bool, list, pair, any, body, or function. */
  readonly kind: string
  readonly code: string
}

export const patterns: readonly Pattern[] = liftForms.flatMap(form =>
  form.patterns.map(pattern => {
    const [, kind, code] = /^(\w+): (.*)$/s.exec(pattern)!
    return { form: form.name, kind: kind!, code: code! }
  }),
)

const leaves: Readonly<Record<string, readonly string[]>> = {
  text: ['row.s', 'row.t'],
  number: ['row.n', 'row.m'],
  bool: ['row.b'],
  list: ['row.list'],
  pair: ['row.p'],
  body: ['{ return row.s }'],
  function: ['row => row.s'],
}
const values = ['text', 'number', 'bool', 'list', 'pair']

/** The choices of a program: numbers read one by one; where they end the program ends soon. */
class Tape {
  #at = 0
  readonly #numbers: readonly number[]
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }
  pick<T>(list: readonly T[]): T {
    return list[(this.#numbers[this.#at++] ?? 0) % list.length]!
  }
  get isOver(): boolean {
    return this.#at >= this.#numbers.length
  }
}

function fill(code: string, tape: Tape, depth: number): string {
  return code.replace(/\$(text|number|bool|list|pair|any|body)\b/g, (_, kind: string) =>
    draw(kind, tape, depth),
  )
}

function draw(kind: string, tape: Tape, depth: number): string {
  if (kind === 'any') {
    const own = patterns.filter(one => one.kind === 'any')
    const isOwn = !tape.isOver && depth > 0 && tape.pick([false, true])
    return isOwn ? fill(tape.pick(own).code, tape, depth - 1) : draw(tape.pick(values), tape, depth)
  }
  const known = tape.isOver || depth <= 0 ? [] : patterns.filter(one => one.kind === kind)
  const code = tape.pick([...leaves[kind]!, ...known.map(one => one.code)])
  return fill(code, tape, depth - 1)
}

const tapes = fc.array(fc.nat(10_000), { maxLength: 60 }).map(numbers => new Tape(numbers))
const parameterNames = ['row', 'x', 'line', '$', '_1', 'ünï']

function rename(source: string, tape: Tape): string {
  const name = tape.pick(parameterNames)
  return source.replaceAll(/\brow\b/g, () => name)
}

/** Sources of functions of one row. */
export const programs: fc.Arbitrary<string> = tapes.map(tape =>
  rename(draw('function', tape, 6), tape),
)

/** Sources of functions that have the pattern. */
export function programsWith({ kind, code }: Pattern): fc.Arbitrary<string> {
  return tapes.map(tape => {
    const filled = fill(code, tape, 3)
    if (kind === 'function') return rename(filled, tape)
    return rename(kind === 'body' ? `row => ${filled}` : `row => (${filled})`, tape)
  })
}

const units = [
  0x20, 0x61, 0x62, 0x5a, 0x2c, 0x31, 0xdf, 0x130, 0xd83d, 0xde00, 0xdc00, 0xfeff, 0xa0,
]
const wildText = fc.oneof(
  fc.constantFrom('', ' ', 'a', '12', ' 0x1f ', 'first', '😀', '\ud800', '\udc00x', 'İß'),
  fc.string({ maxLength: 8 }),
  fc
    .array(fc.constantFrom(...units), { maxLength: 12 })
    .map(codes => String.fromCharCode(...codes)),
  fc.string({ unit: 'binary', maxLength: 6 }),
  { weight: 1, arbitrary: fc.constantFrom('long 😀 '.repeat(600), '\udfff'.repeat(500)) },
)
const wildNumber = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 31, -(2 ** 31), 1e21),
  fc.integer({ min: -20, max: 20 }),
  fc.integer(),
  fc.double(),
)

/** Rows of the type `rowType`. */
export const rows = fc.record({
  s: wildText,
  t: wildText,
  n: wildNumber,
  m: wildNumber,
  b: fc.boolean(),
  p: fc.tuple(wildText, wildNumber),
  list: fc.array(wildText, { maxLength: 4 }),
})

const wild: fc.Arbitrary<unknown> = fc.oneof(
  wildText,
  wildNumber,
  fc.constantFrom(null, undefined, true, false),
  fc.bigInt({ min: -9n, max: 9n }),
  fc.array(fc.oneof(wildText, wildNumber), { maxLength: 3 }),
  fc.constant({ length: 2, a: 1 }),
)

/** Rows for which programs were not made: fields of any type, missing fields, no objects at all. */
export const wildRows: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 1, arbitrary: wild },
  {
    weight: 5,
    arbitrary: fc.record(
      { s: wild, t: wild, n: wild, m: wild, b: wild, p: wild, list: wild },
      { requiredKeys: ['s', 'n', 'p'] },
    ),
  },
)

const none = { nulls: false, undefineds: false }
const utf8 = { kind: 'utf8', ...none } as const
const float64 = { kind: 'float64', ...none } as const
const fields: [string, ColumnType][] = [
  ['s', utf8],
  ['t', utf8],
  ['n', float64],
  ['m', float64],
  ['b', { kind: 'bool', ...none }],
  ['p', { kind: 'tuple', items: [utf8, float64], ...none }],
  ['list', { kind: 'list', item: utf8, ...none }],
]
export const rowType: ColumnType = {
  kind: 'struct',
  fields: fields.map(([name, type]) => ({ name, type })),
  shapes: [fields.map((_, i) => i)],
  ...none,
}

/** The result of a call, or the class of what it throws. */
export function outcome(call: () => unknown): unknown {
  try {
    return { value: call() }
  } catch (error) {
    return { throws: (error as Error).constructor.name }
  }
}

/** Whether a value may lie in a column of the type. */
export function conforms(value: any, type: ColumnType): boolean {
  if (value === null) return type.nulls
  if (value === undefined) return type.undefineds
  switch (type.kind) {
    case 'utf8':
      return typeof value === 'string'
    case 'float64':
      return typeof value === 'number'
    case 'int64':
      return typeof value === 'bigint'
    case 'bool':
      return typeof value === 'boolean'
    case 'timestamp':
      return value instanceof Date
    case 'list':
      return Array.isArray(value) && value.every(one => conforms(one, type.item))
    case 'tuple':
      return (
        Array.isArray(value) &&
        value.length === type.items.length &&
        type.items.every((one, i) => conforms(value[i], one))
      )
    case 'struct': {
      const keys = type.fields.map(one => one.name)
      return (
        Object.keys(value).join() === keys.join() &&
        type.fields.every(one => conforms(value[one.name], one.type))
      )
    }
    default:
      return false
  }
}

/** Options for fast-check that keep long texts out of the message, but not the seed. */
export const options = (numRuns: number): fc.Parameters<unknown> => ({
  numRuns,
  reporter(run) {
    if (!run.failed) return
    const { seed, counterexamplePath: path, counterexample, errorInstance } = run
    const shown = inspect(counterexample, { depth: 9, maxStringLength: 80 })
    throw new Error(`seed ${seed}, path ${path}: ${shown}`, { cause: errorInstance })
  },
})
