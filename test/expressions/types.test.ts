/**
 * Static types: which expressions have one, the words where they have none, and that a typed
 * expression
 * never throws and gives what its type says, on rows with missing and mixed values.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ColumnType, signature } from '../../src/columnar/schema.ts'
import { evaluate, format, specialise, typeOf } from '../../src/expressions/index.ts'
import type { typeReasons } from '../../src/expressions/type-reasons.ts'
import { liftSource } from '../../src/functions/lift.ts'
import { captured, conforms, options, outcome, programs } from '../functions/lift-draw.ts'

const scalar = (kind: 'utf8' | 'float64' | 'int64' | 'bool' | 'timestamp' | 'any' | 'absent') =>
  ({ kind, nulls: false, undefineds: false }) as const
const none = { nulls: false, undefineds: false }
const list = (one: ColumnType): ColumnType => ({ kind: 'list', item: one, ...none })
const tuple = (...items: ColumnType[]): ColumnType => ({ kind: 'tuple', items, ...none })
const struct = (
  fields: Record<string, ColumnType>,
  shapes: readonly (readonly number[])[] = [Object.keys(fields).map((_, i) => i)],
): ColumnType => ({
  kind: 'struct',
  fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
  shapes,
  ...none,
})
const utf8 = scalar('utf8')
const float64 = scalar('float64')
const int64 = scalar('int64')
const bool = scalar('bool')
const date = scalar('timestamp')
const orNull = (type: ColumnType): ColumnType => ({ ...type, nulls: true })
const orUndefined = (type: ColumnType): ColumnType => ({ ...type, undefineds: true })
/** Everything a test needs, under one name each. */
const row = struct({
  s: utf8,
  n: float64,
  i: int64,
  b: bool,
  d: date,
  sn: orNull(utf8),
  nu: orUndefined(float64),
  both: orNull(orUndefined(utf8)),
  u: orUndefined(scalar('absent')),
  nothing: scalar('absent'),
  any: scalar('any'),
  l: list(utf8),
  ln: list(orNull(utf8)),
  p: tuple(utf8, float64),
  pn: orNull(tuple(utf8, float64)),
  o: struct({ a: float64, k: utf8 }, [[0, 1], [0]]),
})

const lifted = (source: string) => {
  const found = liftSource(source)
  if ('reason' in found) throw new Error(`${source}: ${found.reason}`)
  return found.expression
}

function typed(source: string, ...types: ColumnType[]): string {
  const answer = typeOf(lifted(source), types)
  return 'reason' in answer ? answer.reason : signature(answer.type)
}

test.each([
  ['x.n + 1', 'float64'],
  [`x.s + 'a'`, 'utf8'],
  ['x.i & 1n', 'int64'],
  ['~x.i', 'int64'],
  ['x.i < 3n', 'bool'],
  ['x.b === true', 'bool'],
  ['x.b < x.b', 'bool'],
  ['-x.n', 'float64'],
  ['+x.s', 'float64'],
  ['!x.s', 'bool'],
  ['!x.p', 'bool'],
  ['x.n && x.n', 'float64'],
  [`x.s || 'none'`, 'utf8'],
  ['x.p && x.n', 'float64'],
  ['x.p || x.n', 'tuple(utf8,float64)'],
  ['0 && x.s', 'float64'],
  [`x.sn ?? 'none'`, 'utf8'],
  ['x.sn ?? x.both', 'utf8?~'],
  ['x.nu ?? 0', 'float64'],
  ['x.s ?? 0', 'utf8'],
  ['x.u ?? 1', 'float64'],
  ['x.sn === null', 'bool'],
  ['null !== x.sn', 'bool'],
  ['x.both == null', 'bool'],
  ['x.s === null', 'bool'],
  ['x.s == undefined', 'bool'],
  ['x.n > 0 ? x.s : null', 'utf8?'],
  ['x.n > 0 ? x.sn : undefined', 'utf8?~'],
  ['x.n > 0 ? [x.s, 1] : [null, 2]', 'tuple(utf8?,float64)'],
  ['x.n > 0 ? ({ a: 1 }) : ({ a: null })', 'struct("a":float64?)'],
  ['x.n > 0 ? x.l : x.ln', 'list(utf8?)'],
  ['x.p ? x.s : x.n', 'utf8'],
  [`typeof x.s === 'string' ? x.s.length : x.s.missing`, 'float64'],
  ['typeof x.nothing.a', 'a part of the property a has held no value yet'],
  ['typeof x.d', 'utf8'],
  ['typeof x.u', 'utf8'],
  ['x.missing', 'absent~'],
  ['x.o.a', 'float64'],
  ['x.o.k', 'utf8~'],
  ['x.p[0]', 'utf8'],
  ['x.p[7]', 'absent~'],
  ['x.p.at(-1)', 'float64'],
  ['x.p.at(-1.5)', 'float64'],
  ['x.p.at(5)', 'absent~'],
  ['x.p.length', 'float64'],
  ['x.l[0]', 'utf8~'],
  ['x.l.at(0)', 'utf8~'],
  ['x.s[0]', 'utf8~'],
  [`x.s.split(',')`, 'list(utf8)'],
  [`x.s.split(',')[0]`, 'utf8'],
  [`x.s.split(',')[1]`, 'utf8~'],
  [`x.s.split('')[0]`, 'utf8~'],
  [`x.s.split(',', 0)[0]`, 'utf8~'],
  ['x.s.split(x.s)[0]', 'utf8~'],
  ['x.l.includes(x.s)', 'bool'],
  [`x.l.join('')`, 'utf8'],
  ['x.l.slice(1)', 'list(utf8)'],
  ['x.d.getTime()', 'float64'],
  ['x.n.toFixed(2)', 'utf8'],
  ['x.i.toString()', 'utf8'],
  ['Math.max(x.n, 1, 2)', 'float64'],
  ['Number(x.s)', 'float64'],
  ['parseInt(x.s)', 'float64'],
  ['parseInt(x.s, undefined)', 'float64'],
  ['String(x.b)', 'utf8'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a function.
  ['`${x.n} ${x.s} ${x.b} ${x.i}`', 'utf8'],
  ['x.s + x.n', 'utf8'],
  ['x.b + x.s', 'utf8'],
  ['x.i + x.s + 1', 'utf8'],
  ['x.s && x.n > 1 ? x.s : x.n + x.s', 'utf8'],
  ['!(x.s || x.n) ? 1 : 2', 'float64'],
  ['Boolean(x.s && x.i || x.p)', 'bool'],
  ['[x.any, x.nothing, x.sn]', 'tuple(any,absent,utf8?)'],
  ['({ b: x.n, 1: x.s })', 'struct("1":utf8,"b":float64)'],
  ['x.sn?.length', 'a part of the property length may be null'],
  ['x.pn?.[1]', 'a part of [1] may be null'],
  ['1 + 2', 'float64'],
  ['x', signature(row)],
])('%s: %s', (source, expected) => {
  expect(typed(`x => ${source}`, row)).toBe(expected)
})

/** For each reason the expressions that have it. */
const refused: Record<keyof typeof typeReasons, readonly string[]> = {
  unknownValues: [
    'x.any + 1',
    'x.any === null',
    'x.any ?? 1',
    'x.any ? 1 : 2',
    '!x.any',
    'x.any.a',
  ],
  noValues: ['x.nothing + 1', 'x.nothing === null'],
  bigConstant: ['9223372036854775808n'],
  nullable: [
    'x.sn + x.s',
    'x.nu * 2',
    'x.both.length',
    'x.sn.trim()',
    'x.sn ? 1 : 2',
    'x.sn === x.s',
    '!x.nu',
    'x.sn && x.s',
    'Math.abs(x.nu)',
    'x.s.indexOf(x.sn)',
    'Math.max(x.n, undefined)',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a function.
    '`${x.sn}`',
  ],
  mixed: [
    'x.b - x.n',
    'x.n + x.b',
    'x.n + x.i',
    'x.n < x.s',
    'x.n === x.s',
    'x.n == x.i',
    'x.b ? x.s : x.n',
    'x.b ? x.p : x.l',
    'x.b ? x.p : [1]',
    'x.b ? x.any : x.any',
    'x.b ? ({ a: 1 }) : ({ b: 1 })',
    'x.b && x.n',
    'x.sn ?? 1',
  ],
  wrongKind: [
    'x.b + x.b',
    'x.s * x.s',
    'x.n.length',
    'x.p.name',
    '-x.s',
    '+x.i',
    '-x.d',
    'x.d < x.d',
    'x.n[0]',
  ],
  overflow: ['x.i + 1n', 'x.i * x.i', '-x.i', 'x.i << 1n'],
  identity: ['x.p === x.p', 'x.d == x.d', '[1] === [1]'],
  inherited: ['x.constructor', 'x.toString', 'x.o.valueOf'],
  codePoints: ['{ const [a] = x.s; return a }'],
  notIterable: ['{ const [a] = x.o; return a }', '{ const [a] = x.n; return a }'],
  noMethod: ['x.n.trim()', 'x.b.at(0)', 'x.p.join()', 'x.s.getTime()'],
  argument: [
    'x.s.indexOf(x.n)',
    'x.s.slice(x.s)',
    'Math.abs(x.s)',
    'parseInt(x.n)',
    'x.ln.join()',
    'x.l.includes(1)',
    'x.ln.includes(x.s)',
  ],
  argumentCount: ['x.b.toString(2)'],
  hazard: [
    'x.s.repeat(x.n)',
    'x.s.repeat(-1)',
    'x.l.join(x.s)',
    `x.l.join('more than sixteen units')`,
    'x.s.padStart(x.n)',
    'x.n.toFixed(101)',
    'x.n.toString(1)',
    'x.s.padEnd(1e9)',
  ],
  typeofMixed: ['typeof x.nu', 'typeof x.any'],
  tupleSize: ['[]', '[1, 2, 3, 4, 5, 6, 7, 8, 9]'],
  structSize: ['({})'],
  dynamicItem: ['x.p.at(x.n)', 'x.p.at()'],
}

const words: Record<keyof typeof typeReasons, RegExp> = {
  unknownValues: /^a part of .+ holds mixed values, whose types are not known$/,
  noValues: /^a part of .+ has held no value yet$/,
  bigConstant: /^the bigint \d+ does not fit in 64 bits$/,
  nullable:
    /^(a part|an argument) of .+ may be (null|undefined|null or undefined)$|^a condition may/,
  mixed: /^(\S+|a condition) mixes .+ and .+$/,
  wrongKind: /^.+ is used on .+$/,
  overflow: /^.+ of bigints may leave 64 bits$/,
  identity: /^=== compares .+, which are equal only to themselves$|^== compares dates/,
  inherited: /^the property \w+ may be inherited$/,
  codePoints: /^an array pattern takes text apart by code points$/,
  notIterable: /^an array pattern is used on (objects|numbers)$/,
  noMethod: /^the method \w+ is used on \w+$/,
  argument: /^[\w.]+ is given .+$/,
  argumentCount: /^toString is called with another number of arguments$/,
  hazard: /^\w+ needs a constant (between -?\d+ and \d+|of at most 16 units), else it may throw$/,
  typeofMixed: /^typeof gives several answers for (numbers or undefined|mixed values)$/,
  tupleSize: /^an array of [09] items is no tuple$/,
  structSize: /^an object of 0 fields is no struct$/,
  dynamicItem: /^at needs a constant place to read from a tuple$/,
}

describe('reasons', () => {
  const cases = Object.entries(refused).flatMap(([name, list]) =>
    list.map(source => ({ name, source })),
  )
  test.each(cases)('$name: $source', ({ name, source }) => {
    const fn = source.startsWith('{') ? `x => ${source}` : `x => (${source})`
    expect(typed(fn, row)).toMatch(words[name as keyof typeof words])
  })
})

describe('specialised', () => {
  const special = (source: string, ...types: ColumnType[]): string => {
    const answer = specialise(lifted(source), types)
    return 'reason' in answer ? answer.reason : format(answer.expression)
  }
  test.each([
    ['(x, y = 2) => x * y', '$0 * 2'],
    ['x => 2 * 3 + x', '6 + $0'],
    ['x => -1 + x', '(-1) + $0'],
    [`x => typeof x === 'number' ? x : x.length`, '$0'],
    ['x => { const y = x * x; return y + y }', '(v0 => v0 + v0)($0 * $0)'],
    ['x => { const y = x * x; return y + 1 }', '($0 * $0) + 1'],
    ['x => { const y = x; const z = y; return z + z }', '$0 + $0'],
    ['x => { const unused = x * x; return 1 }', '1'],
    ['x => { const p = [x, x * 2]; return p[1] }', '$0 * 2'],
    ['x => { const o = { a: x, b: 1 }; return o.a + o.b }', '$0 + 1'],
    ['x => ({ a: x }).a', '$0'],
    ['x => x ?? 7', '$0'],
    ['x => x === null || x > 1', '$0 > 1'],
    ['x => [x, undefined].at(1)', 'undefined'],
  ])('%s becomes %s', (source, expected) => {
    expect(special(source, float64)).toBe(expected)
  })
})

describe('random programs on rows with missing values', () => {
  const text = fc.constantFrom('', 'a', ' 1 ', '😀', '\ud800', 'a,b c')
  const number = fc.oneof(fc.constantFrom(0, -0, NaN, 1, -1, Infinity), fc.double())
  const missing = <T>(arbitrary: fc.Arbitrary<T>, ...values: (null | undefined)[]) =>
    fc.oneof(
      { weight: 2, arbitrary: arbitrary as fc.Arbitrary<unknown> },
      fc.constantFrom(...values),
    )
  const fields = {
    s: utf8,
    t: utf8,
    n: float64,
    m: float64,
    b: bool,
    p: tuple(utf8, float64),
    list: list(utf8),
  }
  const worlds: { type: ColumnType; rows: fc.Arbitrary<unknown> }[] = [
    {
      type: struct({
        ...fields,
        s: orNull(utf8),
        m: orUndefined(float64),
        b: orNull(orUndefined(bool)),
      }),
      rows: fc.record({
        s: missing(text, null),
        t: text,
        n: number,
        m: missing(number, undefined),
        b: missing(fc.boolean(), null, undefined),
        p: fc.tuple(text, number),
        list: fc.array(text, { maxLength: 3 }),
      }),
    },
    {
      type: struct({
        ...fields,
        n: int64,
        p: orUndefined(tuple(orNull(utf8), int64)),
        list: list(orUndefined(utf8)),
      }),
      rows: fc.record({
        s: text,
        t: text,
        n: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        m: number,
        b: fc.boolean(),
        p: missing(fc.tuple(missing(text, null), fc.bigInt({ min: -9n, max: 9n })), undefined),
        list: fc.array(missing(text, undefined), { maxLength: 3 }),
      }),
    },
    {
      type: struct({ ...fields, s: tuple(utf8, utf8), n: bool, b: utf8, list: tuple(utf8) }),
      rows: fc.record({
        s: fc.tuple(text, text),
        t: text,
        n: fc.boolean(),
        m: number,
        b: text,
        p: fc.tuple(text, number),
        list: fc.tuple(text),
      }),
    },
  ]

  test.each([0, 1, 2])('world %d', index => {
    const { type, rows } = worlds[index]!
    const seen = { programs: 0, typed: 0 }
    const check = (source: string, value: unknown): void => {
      const found = liftSource(source, captured)
      if ('reason' in found) throw new Error(found.reason)
      seen.programs++
      const answer = specialise(found.expression, [type])
      const expected = outcome(() => evaluate(found.expression, [value]))
      if ('reason' in answer) return
      seen.typed++
      const special = outcome(() => evaluate(answer.expression, [value]))
      if (!isDeepStrictEqual(special, expected))
        throw new Error(`${source}: ${format(answer.expression)}`)
      if (!('value' in (expected as object)))
        throw new Error(`${source} throws, though it is ${signature(answer.type)}`)
      if (!conforms((expected as { value: unknown }).value, answer.type))
        throw new Error(`${source} is not ${signature(answer.type)}`)
    }
    fc.assert(fc.property(programs, rows, check), options(3000))
    expect(seen.typed).toBeGreaterThan(seen.programs / 20)
    expect(seen.typed).toBeLessThan(seen.programs)
  })
})
