/**
 * What is lifted, what is not and why, and which reducers are known. Agreement with JavaScript on
 * random
 * programs and rows is in lift-random.test.ts.
 */
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { ColumnType } from '../../src/columnar/schema.ts'
import { evaluate, format, specialise } from '../../src/expressions/index.ts'
import { analyse, closeCapture, portable, portableValue } from '../../src/functions/capture.ts'
import {
  type Lifted,
  lift,
  liftForms,
  liftSource,
  type NotLifted,
  reducerOf,
} from '../../src/functions/lift.ts'
import { liftReasons } from '../../src/functions/lift-reasons.ts'
import { broadcast } from '../../src/functions/shared.ts'

afterAll(closeCapture)

const site = { operator: 'map', place: undefined }
const capture = (fn: Function) => portable(analyse(fn, site))
const scalar = (kind: 'utf8' | 'float64' | 'int64' | 'bool'): ColumnType => ({
  kind,
  nulls: false,
  undefineds: false,
})
const utf8 = scalar('utf8')
const float64 = scalar('float64')

/** The text of a lifted function, specialised for the types if there are any; or the reason. */
function text(lifted: Lifted | NotLifted, ...types: ColumnType[]): string {
  if ('reason' in lifted) return `not lifted: ${lifted.reason}`
  if (types.length === 0) return format(lifted.expression)
  const typed = specialise(lifted.expression, types)
  return 'reason' in typed ? `not typed: ${typed.reason}` : format(typed.expression)
}

describe('the table', () => {
  test('names and examples are unique, and every example lifts', () => {
    expect(new Set(liftForms.map(form => form.name)).size).toBe(liftForms.length)
    for (const { example, captured } of liftForms)
      expect(liftSource(example, captured), example).toHaveProperty('expression')
  })

  test('no two entries answer to the same syntax', () => {
    const keys = liftForms.flatMap(form => form.keys)
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('docs/lifting.md lists every entry with its example', () => {
    const file = new URL('../../docs/lifting.md', import.meta.url)
    const rows = readFileSync(file, 'utf8').split('\n')
    const expected = liftForms.map(({ name, example }) => {
      const code = example.replaceAll('|', '\\|')
      return `| ${name} | ${example.includes('`') ? `\`\` ${code} \`\`` : `\`${code}\``} |`
    })
    expect(expected.filter(row => !rows.includes(row))).toEqual([])
    const start = rows.indexOf('| Form | Example |')
    const end = rows.indexOf('', start)
    expect(end - start - 2).toBe(expected.length)
  })
})

describe('written in other ways, lifted alike', () => {
  const same = (types: readonly ColumnType[], expected: string, ...sources: string[]): void => {
    for (const source of sources)
      expect(text(liftSource(source, { one: 1, space: ' ' }), ...types), source).toBe(expected)
  }

  test('of one text', () => {
    same(
      [utf8],
      '$0.split(" ")',
      `line => line.split(' ')`,
      `(other) => ((other).split((' ')))`,
      `line => { return line.split(' ') }`,
      `function (line) { return line.split(' ') }`,
      `function named(line) { return line.split(' ') }`,
      `method(line) { return line.split(' ') }`,
      `line => { const by = ' '; const text = line; return text.split(by) }`,
      `line => { 'use strict'; return line.split(' '); line.nonsense }`,
      `(line, by = ' ') => line.split(by)`,
      'line => line.split(space)',
      `line => line?.split(' ')`,
      `line => (line ?? '').split(' ')`,
      `line => { if (typeof line === 'string') return line.split(' '); return [] }`,
    )
  })

  test('of a pair', () => {
    same(
      [{ kind: 'tuple', items: [utf8, float64], nulls: false, undefineds: false }],
      '[$0[0], $0[1] + 1]',
      '([w, n]) => [w, n + 1]',
      'pair => [pair[0], pair[1] + 1]',
      'pair => { const [w, n] = pair; return [w, n + one] }',
      '([w, n = 7]) => { const next = n + 1; return [w, next] }',
      '({ 0: w, 1: n }) => [w, n + 1]',
      `pair => [pair.at(0), pair['1'] + 1]`,
    )
  })

  test('of an object', () => {
    const fields = [
      { name: 'a', type: float64 },
      { name: 'b', type: float64 },
    ]
    const missing = { nulls: false, undefineds: false }
    same(
      [{ kind: 'struct', fields, shapes: [[0, 1]], ...missing }],
      '$0.a * $0.b',
      'x => x.a * x.b',
      '({ a, b }) => a * b',
      '({ a: left, b: right = 2 }) => left * right',
      `x => x['a'] * x?.b`,
      'x => { const { a } = x, { b } = x; return a * b }',
      'x => { if (x.c) return 0; return x.a * x.b }',
    )
  })

  test('of two numbers', () => {
    same(
      [float64, float64],
      '($0 > $1) ? $0 : $1',
      '(a, b) => a > b ? a : b',
      '(a, b) => { if (a > b) return a; return b }',
      '(a, b) => { if (a > b) { return a } else { return b } }',
      '(a, b) => { switch (true) { default: return a > b ? a : b } }',
    )
  })
})

describe('what was captured', () => {
  const factor = 3
  const limits = { low: 1, names: ['a', 'b'] }
  const words = broadcast({ min: 4 })
  const tidy = (w: string) => w.trim().toLowerCase()
  const helpers = { tidy }

  test.each([
    ['$0 * 3', (x: number) => x * factor],
    ['($0 > 1) && (2 > $0)', (x: number) => x > limits.low && limits.names.length > x],
    ['$0.trim().toLowerCase()', tidy],
    ['$0.trim().toLowerCase() === "a"', (w: string) => tidy(w) === limits.names[0]],
    ['$0.trim().toLowerCase()', (w: string) => helpers.tidy(w)],
    ['$0.length', { method: (w: string) => w.length }.method],
    ['Math.abs($0)', Math.abs],
    ['String($0)', String],
  ])('%s', (expected, fn) => {
    expect(text(lift(capture(fn as Function)))).toBe(expected)
  })

  test('bigints, NaN and -0 stay what they are', () => {
    for (const value of [1n, NaN, -0, null, undefined, Infinity, '', '\ud800']) {
      const lifted = liftSource('() => value', { value }) as Lifted
      expect(Object.is(evaluate(lifted.expression, []), value)).toBe(true)
      expect(Object.is(evaluate(structuredClone(lifted.expression), []), value)).toBe(true)
    }
  })

  test('a name of its own hides a captured one', () => {
    const source = 'x => { if (x.low) { const limits = x; return limits.low } return limits.low }'
    const lifted = liftSource(source, { limits: { low: 1 } })
    expect(text(lifted)).toBe('$0.low ? $0.low : 1')
  })

  test('a broadcast is known where its value is', () => {
    const fn = capture((w: string) => w.length > words.value.min)
    expect(text(lift(fn))).toBe('not lifted: uses words, which is a broadcast')
    const broadcasts = () => portableValue(words.value, 'words', site)
    expect(text(lift(fn, { broadcasts }))).toBe('$0.length > 4')
  })

  test('the reason has the line in the file of the user', () => {
    const fn = (w: string) => {
      const a = w.trim()
      return a.normalize()
    }
    const line = Number(/lift\.test\.ts:(\d+)/.exec(new Error().stack!)![1])
    expect(lift(capture(fn))).toEqual({
      reason: 'calls a.normalize, which is not a known pure function',
      line: line - 2,
    })
  })

  test('parameters beyond those given are undefined', () => {
    expect(text(liftSource('(x, i = 5) => x + i', {}, { arity: 1 }), float64)).toBe('$0 + 5')
    expect(text(liftSource('(x, i) => i', {}, { arity: 1 }))).toBe('undefined')
    expect(text(lift(capture(Math.max), { arity: 3 }))).toBe('Math.max($0, $1, $2)')
  })
})

type Case = string | { readonly source: string; readonly captured: Record<string, unknown> }

/** Reasons with a test of their own, or a part of others. */
const elsewhere = ['notSource', 'notFunction', 'callsItself', 'notPrimitive'] as const

/** For each reason the functions that have it. */
const reasons: Record<Exclude<keyof typeof liftReasons, (typeof elsewhere)[number]>, Case[]> = {
  unparsable: ['class A {}', 'not a function'],
  async: ['async x => x', 'function* f(x) { yield x }'],
  call: [
    'x => unknown(x)',
    'x => x.normalize()',
    'x => Math.random()',
    'x => Date.now()',
    'x => x.f?.()',
    'x => f(x)(x)',
    'function f(x) { return f(x) }',
    'x => x(1)',
    { source: 'w => !stop.has(w)', captured: { stop: new Set() } },
    { source: 'w => list.includes(w)', captured: { list: ['a'] } },
    { source: 'w => stop(w)', captured: { stop: 1 } },
  ],
  argumentCount: ['x => x.trim(1)', 'x => x.split()', 'x => Math.abs()', 'x => Number(x, 1)'],
  computedCall: ['x => x[x.length]()', 'x => x?.[x.length]()'],
  callback: ['x => x.slice(y => y)', 'x => function () {}'],
  spread: [
    'x => [...x]',
    '(...x) => x',
    '([a, ...b]) => a',
    '({ a, ...b }) => a',
    'x => ({ ...x })',
  ],
  hole: ['x => [, x]'],
  regex: ['x => /a/', 'x => x.split(/a/)'],
  new: ['x => new Date(x)'],
  tagged: ['x => String.raw`a`'],
  operator: [`x => 'a' in x`, 'x => x instanceof x', 'x => void x', 'x => delete x.a'],
  assignment: ['x => x = 1', 'x => x++', 'x => x.a = 1'],
  sequence: ['x => (x, 1)'],
  computedKey: ['x => x[x.length]', '({ [`a`]: b }) => b'],
  literalKey: ['x => ({ a() {} })', 'x => ({ get a() { return 1 } })', 'x => ({ [x]: 1 })'],
  repeatedKey: [`x => ({ a: 1, 'a': 2 })`],
  protoKey: ['x => x.__proto__', 'x => ({ __proto__: x })', '({ __proto__: x }) => x'],
  captured: [
    { source: 'x => [x, config]', captured: { config: {} } },
    { source: 'x => config[x.a]', captured: { config: {} } },
    { source: 'x => config.missing', captured: { config: {} } },
    { source: 'x => [x, f]', captured: { f: () => 1 } },
  ],
  unknownName: ['x => process.env.HOME', 'x => unknown', 'x => globalThis', 'x => Math'],
  early: [
    'x => { const a = b; const b = 1; return a }',
    '(x) => { { return y } let y = 1 }',
    'x => { switch (1) { case 1: return x; case 2: const x = 2; return x } }',
  ],
  hidden: [
    'x => { if (x) { var a = 1 } return a }',
    '(a = b, b) => a',
    'function f() { return arguments }',
  ],
  redeclared: ['x => { var a = 1; if (x) { var a = 2 } return a }', 'x => { var x = 2; return x }'],
  loop: [
    'x => { for (const y of x) return y }',
    'x => { for (;;) return 1 }',
    'x => { while (x) return 1 }',
    'x => { for (const y in x) return y }',
    'x => { do { return 1 } while (x) }',
  ],
  throws: ['x => { throw x }'],
  try: ['x => { try { return x } catch { return 1 } }'],
  effect: ['x => { x.trim(); return x }'],
  noValue: ['x => { let a; return x }'],
  declaration: [
    'x => { function f() {} return x }',
    'x => { class A {} return x }',
    'x => class {}',
  ],
  statement: ['x => { a: return x }', 'x => { debugger; return x }'],
  switchCase: [
    'x => { switch (x) { case 1: x; case 2: return 2 } }',
    'x => { switch (x) { default: return 1; case 2: return 2 } }',
    'x => { switch (x) { case 1: break; default: return 2 } }',
    'x => { switch (x) { case 1: {} default: return 2 } }',
  ],
  emptyPattern: ['([]) => 1', '({}) => 1'],
  tooLarge: [`x => ${'x + '.repeat(1500)}x`],
}

describe('reasons for not lifting', () => {
  const literally = (words: string): string => words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const tested = Object.entries(reasons).flatMap(([name, cases]) =>
    cases.map(one => {
      const source = typeof one === 'string' ? one : one.source
      const captured = typeof one === 'string' ? {} : one.captured
      return { name, source, captured }
    }),
  )
  test.each(tested)('$name: $source', ({ name, source, captured }) => {
    const words = (liftReasons as Record<string, (...args: any[]) => string>)[name]!
    const pattern = literally(words('§', '§'))
      .replaceAll('§', '.+')
      .replace(/\.\+ arguments$/, '(1 argument|\\d arguments)')
    const answer = liftSource(source, captured)
    expect(text(answer)).toMatch(new RegExp(`^not lifted: ${pattern}$`))
    expect((answer as NotLifted).line).toBe(1)
  })

  test('what capture refuses', () => {
    expect(text(liftSource('function f(x) { return this }'))).toBe(
      "not lifted: uses 'this', which does not travel to the workers",
    )
  })

  test('helpers that call each other', () => {
    const even = (n: number): boolean => (n === 0 ? true : odd(n - 1))
    const odd = (n: number): boolean => (n === 0 ? false : even(n - 1))
    expect(text(lift(capture((n: number) => even(n))))).toBe('not lifted: calls even within itself')
  })

  test('functions without source', () => {
    const nothing = { root: 0, shared: { broadcasts: [], accumulators: [], resources: [] } }
    const imported = { ...nothing, nodes: [{ type: 'import', url: 'x', path: [] } as const] }
    expect(lift(imported).valueOf()).toEqual({
      reason: 'it is imported from a module, whose source is not known',
    })
    const data = { ...nothing, nodes: [{ type: 'data', value: 1 } as const] }
    expect(lift(data)).toEqual({ reason: 'it is no function' })
    expect(lift(capture(Math.random))).toEqual({
      reason: 'calls Math.random, which is not a known pure function',
    })
  })
})

describe('reducers', () => {
  const of = (source: string, type?: ColumnType) => reducerOf(liftSource(source), type)
  const int64 = scalar('int64')

  test.each([
    ['sum', '(a, b) => a + b'],
    ['sum', '(x, y) => { const z = x + y; return z }'],
    ['sum', '(a, b) => b + a'],
    ['sum', '(a = 0, b = 0) => a + b'],
    ['product', '(a, b) => a * b'],
    ['max', '(a, b) => Math.max(a, b)'],
    ['max', '(a, b) => Math.max(b, a)'],
    ['min', 'function (a, b) { return Math.min(a, b) }'],
    ['first', 'a => a'],
    ['first', '(a, b) => a'],
    ['last', '(_, b) => b'],
    [undefined, '(a, b) => a - b'],
    [undefined, '(a, b) => a + a'],
    [undefined, '(a, b) => a + b + 1'],
    [undefined, '(a, b) => a > b ? a : b'],
    [undefined, '(a, b) => a < b ? a : b'],
    [undefined, '(a, b) => Math.max(a, b, 1)'],
    [undefined, '(a, b) => Math.pow(a, b)'],
    [undefined, '(a, b) => Math.max(a, a)'],
    [undefined, '(a, b) => f(a)'],
    [undefined, '(a, b) => 1'],
  ] as const)('%s: %s', (expected, source) => {
    expect(of(source)).toBe(expected)
  })

  test('Math.max itself', () => {
    expect(reducerOf(lift(capture(Math.max)))).toBe('max')
    expect(reducerOf(lift(capture(Math.min)))).toBe('min')
  })

  test('of other types', () => {
    expect(of('(a, b) => a + b', utf8)).toBeUndefined()
    expect(of('(a, b) => a + b', int64)).toBe('sum')
    expect(of('(a, b) => a > b ? a : b', int64)).toBe('max')
    expect(of('(a, b) => { if (b >= a) return b; return a }', int64)).toBe('max')
    expect(of('(a, b) => a < b ? a : b', int64)).toBe('min')
    expect(of('(a, b) => a < b ? b : a', int64)).toBe('max')
    expect(of('(a, b) => a > b ? a : a', int64)).toBeUndefined()
    expect(of('(a, b) => Math.max(a, b)', int64)).toBeUndefined()
    expect(of('(a, b) => b', utf8)).toBe('last')
    expect(of('(a, b) => a', { ...float64, nulls: true })).toBe('first')
    expect(of('(a, b) => a + b', { ...float64, nulls: true })).toBeUndefined()
  })

  function larger(a: bigint, b: bigint): bigint {
    if (a > b) return a
    return b
  }

  /** What a kernel for the reducer does, with the types that JavaScript has. */
  const kernels: Record<string, (a: any, b: any) => unknown> = {
    sum: (a, b) => a + b,
    product: (a, b) => a * b,
    max: (a, b) => (typeof a === 'bigint' ? larger(a, b) : Math.max(a, b)),
    min: (a, b) => (typeof a === 'bigint' ? -larger(-a, -b as any) : Math.min(a, b)),
    first: a => a,
    last: (_, b) => b,
  }
  const numbers = fc.array(fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, Infinity)), {
    minLength: 1,
  })
  const bigints = fc.array(fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }), { minLength: 1 })

  test.each([
    '(a, b) => a + b',
    '(a, b) => b + a',
    '(a, b) => a * b',
    '(a, b) => b * a',
    '(a, b) => Math.max(b, a)',
    '(a, b) => Math.min(a, b)',
    '(a, b) => a >= b ? a : b',
    '(a, b) => a < b ? a : b',
    '(a, b) => b > a ? a : b',
    '(a, b) => a',
    '(a, b) => b',
  ])('a known reducer folds as the function does: %s', source => {
    const fn = new Function(`return ${source}`)()
    const agrees = (values: readonly unknown[], type: ColumnType): void => {
      const reducer = of(source, type)
      if (reducer === undefined) return
      const expected = values.reduce((a, b) => fn(a, b))
      const found = values.reduce((a, b) => kernels[reducer]!(a, b))
      expect(isDeepStrictEqual(found, expected), `${values}`).toBe(true)
    }
    fc.assert(fc.property(numbers, values => agrees(values, float64)))
    fc.assert(fc.property(bigints, values => agrees(values, int64)))
  })
})
