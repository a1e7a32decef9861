/**
 * The table of what is liftable: one entry an expression form. Documents and tests read it, so it
 * is all there is: a form without an entry is not lifted.
 */
import {
  type BinaryOperator,
  binary,
  conditional,
  constant,
  type Expression,
  type LogicalOperator,
  type UnaryOperator,
} from '../expressions/index.ts'
import { callForms, methodCall } from './lift-calls.ts'
import { calledName, capturedAt, classify, globalAt, namedConstants } from './lift-classify.ts'
import {
  callee,
  keyOf,
  type Lifter,
  memberOf,
  once,
  reasons,
  type Scope,
  undefinedConstant,
} from './lift-scope.ts'
import type { Syntax } from './syntax.ts'

export interface Form {
  readonly name: string
  /** A function that has it. */
  readonly example: string
  /** Values of the free names of the example. */
  readonly captured?: Readonly<Record<string, unknown>>
  /** Keys of `classify` that the entry answers to. */
  readonly keys: readonly string[]
  /**
   * Programs with holes, such as `text: $text.trim()`: what the result is, and the code. Programs
   * drawn from these must lift. A form that is a part of another has none.
   */
  readonly patterns: readonly string[]
}

export interface ExpressionForm extends Form {
  build(node: Syntax, lifter: Lifter, scope: Scope): Expression
}

/** `a + b` and its like: one entry for operators that share a build. */
const operators = (type: string, list: string): string[] =>
  list.split(' ').map(operator => `${type} ${operator}`)

const binaryBuild: ExpressionForm['build'] = (node, lifter, scope) => {
  const left = lifter.expression(node['left'], scope)
  return binary(node['operator'] as BinaryOperator, left, lifter.expression(node['right'], scope))
}

const names: readonly ExpressionForm[] = [
  {
    name: 'parameter or const',
    example: 'x => x',
    keys: ['local'],
    patterns: [],
    build(node, lifter, scope) {
      const value = scope.get(node['name'])!
      return value === 'later' ? lifter.refuse(reasons.early(node['name']), node) : value
    },
  },
  {
    name: 'literal',
    example: `x => 'a'`,
    keys: ['Literal'],
    patterns: [`text: 'a b'`, `text: ''`, 'number: 0', 'number: 1.5', 'bool: true', 'any: null'],
    build: node => constant(node['bigint'] ? BigInt(node['bigint']) : node['value']),
  },
  {
    name: 'named constant',
    example: 'r => r * r * Math.PI',
    keys: ['named constant'],
    patterns: ['number: Math.PI', 'number: NaN', 'number: -Infinity', 'any: undefined'],
    build: (node, { fn }, scope) => constant(namedConstants.get(globalAt(node, fn, scope)!)),
  },
  {
    name: 'captured constant',
    example: 'x => x * factor',
    captured: { factor: 3 },
    keys: ['captured'],
    patterns: ['number: $number * factor', 'text: prefix + $text'],
    build: (node, { fn }, scope) => capturedConstant(node, { fn }, scope),
  },
  {
    name: 'property of a captured object',
    example: 'x => x > limits.low',
    captured: { limits: { low: 3 } },
    keys: ['captured path'],
    patterns: ['bool: $number > limits.low', 'text: limits.names[0]'],
    build: (node, { fn }, scope) => capturedConstant(node, { fn }, scope),
  },
]

function capturedConstant(node: Syntax, { fn }: Pick<Lifter, 'fn'>, scope: Scope): Expression {
  const found = capturedAt(node, fn, scope) as { readonly value: string }
  return constant(found.value)
}

const operatorForms: readonly ExpressionForm[] = [
  {
    name: 'arithmetic',
    example: 'x => x * 3 + 1',
    keys: operators('BinaryExpression', '+ - * / % **'),
    patterns: '+ - * / % **'.split(' ').map(o => `number: ($number) ${o} ($number)`),
    build: binaryBuild,
  },
  {
    name: 'concatenation',
    example: `w => w + '!'`,
    keys: [],
    patterns: ['text: ($text) + ($text)', 'text: ($text) + ($number)'],
    build: binaryBuild,
  },
  {
    name: 'bitwise arithmetic',
    example: 'x => (x >>> 4) & 15',
    keys: operators('BinaryExpression', '& | ^ << >> >>>'),
    patterns: '& | ^ << >> >>>'.split(' ').map(o => `number: ($number) ${o} ($number)`),
    build: binaryBuild,
  },
  {
    name: 'comparison',
    example: 'x => x >= 10',
    keys: operators('BinaryExpression', '< <= > >='),
    patterns: ['bool: ($number) < ($number)', 'bool: ($text) >= ($text)', 'bool: $text > $number'],
    build: binaryBuild,
  },
  {
    name: 'equality',
    example: `w => w === 'a'`,
    keys: operators('BinaryExpression', '=== !== == !='),
    patterns: [
      'bool: ($number) === ($number)',
      'bool: ($text) !== ($text)',
      'bool: ($text) == ($text)',
      'bool: ($number) != null',
    ],
    build: binaryBuild,
  },
  {
    name: 'sign, not, typeof',
    example: 'x => -x',
    keys: operators('UnaryExpression', '- + ! ~ typeof'),
    patterns: [
      'number: -($number)',
      'number: +($text)',
      'bool: !($any)',
      'number: ~($number)',
      'text: typeof ($any)',
    ],
    build: (node, lifter, scope) => ({
      kind: 'unary',
      operator: node['operator'] as UnaryOperator,
      of: lifter.expression(node['argument'], scope),
    }),
  },
  {
    name: 'and, or, else',
    example: 'x => x > 1 && x < 9',
    keys: operators('LogicalExpression', '&& || ??'),
    patterns: [
      'bool: ($bool) && ($bool)',
      'bool: ($bool) || ($bool)',
      'text: ($text) || ($text)',
      'number: ($number) ?? ($number)',
    ],
    build(node, lifter, scope) {
      const left = lifter.expression(node['left'], scope)
      const operator = node['operator'] as LogicalOperator
      return { kind: 'logical', operator, left, right: lifter.expression(node['right'], scope) }
    },
  },
  {
    name: 'conditional',
    example: `x => x % 2 === 0 ? 'even' : 'odd'`,
    keys: ['ConditionalExpression'],
    patterns: [
      'text: ($bool) ? ($text) : ($text)',
      'number: ($any) ? ($number) : ($number)',
      'any: ($bool) ? ($any) : ($any)',
    ],
    build(node, lifter, scope) {
      const test = lifter.expression(node['test'], scope)
      const whenTrue = lifter.expression(node['consequent'], scope)
      return conditional(test, whenTrue, lifter.expression(node['alternate'], scope))
    },
  },
]

const shapeForms: readonly ExpressionForm[] = [
  {
    name: 'template',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a function.
    example: 'x => `${x}!`',
    keys: ['TemplateLiteral'],
    patterns: [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a function.
      'text: `<${$any}> $${$number} \\n`',
    ],
    build: (node, lifter, scope) => ({
      kind: 'template',
      texts: node['quasis'].map((one: Syntax) => one['value'].cooked),
      values: node['expressions'].map((one: Syntax) => lifter.expression(one, scope)),
    }),
  },
  {
    name: 'tuple',
    example: 'w => [w, 1]',
    keys: ['ArrayExpression'],
    patterns: ['any: [$any]', 'any: [$text, $number, $bool]', 'pair: [$text, $number]'],
    build: (node, lifter, scope) => ({
      kind: 'tuple',
      items: node['elements'].map((one: Syntax | null) =>
        one ? lifter.expression(one, scope) : lifter.refuse(reasons.hole(), node),
      ),
    }),
  },
  {
    name: 'object',
    example: 'w => ({ word: w, size: w.length })',
    keys: ['ObjectExpression'],
    patterns: ['any: ({ a: $any, "b c": $text, 2: $number })', 'any: ({ ["k"]: $any })'],
    build: (node, lifter, scope) => ({
      kind: 'struct',
      fields: fieldsOf(node, lifter, scope),
    }),
  },
  {
    name: 'property',
    example: 'x => x.name',
    keys: ['member'],
    patterns: [
      'number: ($text).length',
      'number: ($list).length',
      'any: row.p[0]',
      'any: row[column]',
      `any: row['n']`,
      'any: ($text)[0]',
      'any: ($pair)[1]',
    ],
    build(node, lifter, scope) {
      const of = lifter.expression(node['object'], scope)
      return member(node, of, lifter, scope)
    },
  },
  {
    name: 'optional chain',
    example: 'x => x.user?.name',
    keys: ['ChainExpression'],
    patterns: ['any: row?.p?.[0]', 'any: row.missing?.a.b', 'text: ($text)?.trim()'],
    build: (node, lifter, scope) => chain(node['expression'], lifter, scope, value => value),
  },
]

function fieldsOf(
  node: Syntax,
  lifter: Lifter,
  scope: Scope,
): { name: string; value: Expression }[] {
  const seen = new Set<string>()
  return node['properties'].map((property: Syntax) => {
    if (property.type === 'SpreadElement') lifter.refuse(reasons.spread(), property)
    if (property['kind'] !== 'init' || property['method'])
      lifter.refuse(reasons.literalKey('a method or accessor'), property)
    const name = keyOf(property) ?? lifter.refuse(reasons.literalKey('a computed key'), property)
    if (name === '__proto__') lifter.refuse(reasons.protoKey(), property)
    if (seen.has(name)) lifter.refuse(reasons.repeatedKey(name), property)
    seen.add(name)
    return { name, value: lifter.expression(property['value'], scope) }
  })
}

/** `of.name` or `of[0]`; a computed key may be a constant. */
function member(node: Syntax, of: Expression, lifter: Lifter, scope: Scope): Expression {
  const key = keyOf(node) ?? computedKey(node, lifter, scope)
  if (key === '__proto__') lifter.refuse(reasons.protoKey(), node)
  return memberOf(of, key)
}

function computedKey(node: Syntax, lifter: Lifter, scope: Scope): string {
  const key = lifter.expression(node['property'], scope)
  return key.kind === 'constant' ? String(key.value) : lifter.refuse(reasons.computedKey(), node)
}

/** Each `?.` ends the whole chain with undefined when what stands before it is missing. */
function chain(
  node: Syntax,
  lifter: Lifter,
  scope: Scope,
  rest: (value: Expression) => Expression,
): Expression {
  const guarded = (isOptional: boolean, value: Expression, body: typeof rest): Expression =>
    isOptional
      ? once(value, lifter.budget, safe =>
          conditional(binary('==', safe, constant(null)), undefinedConstant, body(safe)),
        )
      : body(value)
  const key = classify(node, lifter, scope)
  if (key === 'member')
    return chain(node['object'], lifter, scope, of =>
      guarded(node['optional'], of, safe => rest(member(node, safe, lifter, scope))),
    )
  if (key.startsWith('call .')) {
    const called = callee(node)
    if (node['optional']) lifter.refuse(reasons.call(`${calledName(node)}?.`), node)
    return chain(called['object'], lifter, scope, of =>
      guarded(called['optional'], of, safe => rest(methodCall(node, safe, lifter, scope))),
    )
  }
  return rest(lifter.expression(node, scope))
}

/** Forms of expressions. */
export const expressionForms: readonly ExpressionForm[] = [
  ...names,
  ...operatorForms,
  ...shapeForms,
  ...callForms,
]
