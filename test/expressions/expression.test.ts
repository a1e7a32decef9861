/**
 * The reference interpreter against JavaScript's own words for the cases that kernels get wrong
 * most
 * easily, and what trees are good for: copying, text, parts. Random programs are in
 * test/functions/lift-random.test.ts.
 */
import { describe, expect, test } from 'vitest'
import {
  binary,
  children,
  conditional,
  constant,
  type Expression,
  evaluate,
  field,
  format,
  item,
  local,
  methods,
  parameter,
  substitute,
  usesOf,
  withChildren,
} from '../../src/expressions/index.ts'

const x = parameter(0)
const call = (method: string, ...args: (string | number)[]): Expression => ({
  kind: 'call',
  method,
  of: x,
  args: args.map(arg => constant(arg)),
})

describe('text', () => {
  test.each([
    ['a  b ', ['a', '', 'b', '']],
    ['', ['']],
    [' ', ['', '']],
    ['a\u00a0b', ['a\u00a0b']],
  ])('split of %j by a space', (text, expected) => {
    expect(evaluate(call('split', ' '), [text])).toEqual(expected)
  })

  test.each([
    [call('split', ''), '😀', ['\ud83d', '\ude00']],
    [call('split', ''), '', []],
    [call('split', ',', 2), 'a,b,c', ['a', 'b']],
    [call('slice', 0, 1), '😀x', '\ud83d'],
    [call('slice', -2), 'abc', 'bc'],
    [call('substring', 2, 1), 'abc', 'b'],
    [call('trim'), '\ufeffa\u00a0\u2029', 'a'],
    [call('toLowerCase'), 'İ', 'i\u0307'],
    [call('toUpperCase'), 'ß', 'SS'],
    [call('toLowerCase'), 'ΑΣ', 'ας'],
    [call('charAt', 5), 'abc', ''],
    [call('charCodeAt', 5), 'abc', NaN],
    [call('codePointAt', 0), '😀', 0x1f600],
    [call('at', -1), 'ab\ud800', '\ud800'],
    [call('at', 9), 'ab', undefined],
    [call('padStart', 3, ''), 'a', 'a'],
    [call('indexOf', '', 9), 'abc', 3],
    [call('lastIndexOf', 'a', -1), 'aa', 0],
    [call('startsWith', 'b', 1), 'ab', true],
    [field(x, 'length'), '😀', 2],
    [item(x, 0), '😀', '\ud83d'],
    [item(x, 0, 'iterate'), '😀', '😀'],
    [item(x, 1, 'iterate'), '😀', undefined],
    [binary('<', x, constant('\ufffd')), '\u{1f600}', true],
    [binary('<', x, constant(9)), '10', false],
    [binary('+', x, constant(2)), '1', '12'],
    [{ kind: 'unary', operator: '+', of: x } as const, ' 0x1f ', 31],
  ])('%j of %j', (expression: Expression, value, expected) => {
    expect(evaluate(expression, [value])).toStrictEqual(expected)
  })
})

describe('numbers', () => {
  test.each([
    [binary('+', x, constant(-0)), -0, -0],
    [binary('%', x, constant(2)), -2, -0],
    [binary('%', x, constant(0)), 1, NaN],
    [binary('**', x, constant(NaN)), 1, NaN],
    [binary('>>>', x, constant(0)), -1, 4294967295],
    [binary('|', x, constant(0)), 2 ** 32 + 5, 5],
    [binary('===', x, x), NaN, false],
    [binary('===', x, constant(0)), -0, true],
    [{ kind: 'math', fn: 'max', args: [x, constant(0)] } as const, -0, 0],
    [{ kind: 'math', fn: 'round', args: [x] } as const, -0.5, -0],
    [{ kind: 'math', fn: 'min', args: [x, constant(1)] } as const, NaN, NaN],
  ])('%j of %d', (expression: Expression, value, expected) => {
    expect(evaluate(expression, [value])).toBe(expected)
  })
})

test('what JavaScript throws is thrown', () => {
  expect(() => evaluate(field(x, 'a'), [null])).toThrow(TypeError)
  expect(() => evaluate(call('trim'), [1])).toThrow(TypeError)
  expect(() => evaluate(call('repeat', -1), ['a'])).toThrow(RangeError)
  expect(() => evaluate(binary('+', x, constant(1)), [1n])).toThrow(TypeError)
  expect(() => evaluate(item(x, 0, 'iterate'), [{}])).toThrow(TypeError)
})

test('no method beyond the table is called, whoever made the tree', () => {
  expect(() => evaluate(call('constructor', 'a'), ['a'])).toThrow('no method constructor')
  expect(methods.has('constructor')).toBe(false)
})

test('a let computes its value once, before its body, used or not', () => {
  const value = { kind: 'tuple', items: [x] } as const
  const once: Expression = { kind: 'let', id: 0, value, body: binary('===', local(0), local(0)) }
  expect(evaluate(once, [1])).toBe(true)
  const unused: Expression = { kind: 'let', id: 0, value: field(x, 'a'), body: constant(1) }
  expect(() => evaluate(unused, [null])).toThrow(TypeError)
})

const all: Expression = {
  kind: 'let',
  id: 3,
  value: { kind: 'tuple', items: [x, constant(-0), constant('a`${\n"')] },
  body: conditional(
    binary('>=', field(item(local(3), 2), 'length'), constant(-1)),
    {
      kind: 'struct',
      fields: [
        { name: 'a b', value: { kind: 'unary', operator: 'typeof', of: constant(1n) } },
        { name: 'c', value: { kind: 'template', texts: ['`', '${"\\'], values: [constant(NaN)] } },
        { name: 'd', value: { kind: 'logical', operator: '??', left: x, right: constant(null) } },
      ],
    },
    {
      kind: 'call',
      method: 'concat',
      of: constant('x'),
      args: [
        { kind: 'global', fn: 'String', args: [{ kind: 'math', fn: 'abs', args: [x] }] },
        item(x, 0, 'iterate'),
      ],
    },
  ),
}

test('the text is JavaScript that computes the same', () => {
  const expected = { 'a b': 'bigint', c: '`NaN${"\\', d: 7 }
  expect(evaluate(all, [7])).toEqual(expected)
  expect(new Function('$0', `return ${format(all)}`)(7)).toEqual(expected)
  expect(format(constant(-0))).not.toBe(format(constant(0)))
})

test('an object in front of a body does not make it a block', () => {
  const object: Expression = { kind: 'struct', fields: [{ name: 'a', value: constant(7) }] }
  const one: Expression = { kind: 'let', id: 1, value: constant(1), body: field(object, 'a') }
  expect(new Function(`return ${format(one)}`)()).toBe(7)
})

test('trees survive structured clone', () => {
  const copy = structuredClone(all)
  expect(copy).toEqual(all)
  expect(format(copy)).toBe(format(all))
})

test('a tree is made again from its parts', () => {
  const again = (one: Expression): Expression => withChildren(one, children(one).map(again))
  expect(again(all)).toEqual(all)
})

test('locals are counted and replaced', () => {
  expect(usesOf(3, all)).toBe(1)
  expect(usesOf(0, all)).toBe(0)
  expect(usesOf(3, substitute(3, x, all))).toBe(0)
  expect(substitute(0, x, all)).toBe(all)
})
