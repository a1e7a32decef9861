/** The table of what is liftable, continued: statements, patterns of names, and function forms. */
import { binary, conditional, type Expression, item } from '../expressions/index.ts'
import type { Form } from './lift-forms.ts'
import {
  keyOf,
  type Lifter,
  memberOf,
  once,
  reasons,
  Scope,
  undefinedConstant,
} from './lift-scope.ts'
import type { Syntax } from './syntax.ts'

export interface StatementForm extends Form {
  /** The value returned from here on; `rest` is what follows the statement. */
  build(node: Syntax, lifter: Lifter, scope: Scope, rest: () => Expression): Expression
}

export interface PatternForm extends Form {
  build(
    node: Syntax,
    value: Expression,
    lifter: Lifter,
    scope: Scope,
    body: () => Expression,
  ): Expression
}

const isDeclaration = (node: Syntax): boolean => node.type === 'VariableDeclaration'

/** A scope in which all names that the statements declare exist, but not yet. */
function declared(list: readonly Syntax[], lifter: Lifter, outer: Scope): Scope {
  const scope = new Scope(outer)
  for (const node of list.filter(isDeclaration))
    for (const { id } of node['declarations'])
      for (const name of namesOf(id)) {
        // A var of an inner block is that of the function, which a later statement may read.
        if (node['kind'] === 'var' && outer.get(name) !== undefined)
          lifter.refuse(reasons.redeclared(name), node)
        scope.set(name, 'later')
      }
  return scope
}

/** The statements of a block. */
const block = (
  list: readonly Syntax[],
  lifter: Lifter,
  outer: Scope,
  after: () => Expression,
): Expression => lifter.statements(list, declared(list, lifter, outer), after)

const branch = (node: Syntax): readonly Syntax[] =>
  node.type === 'BlockStatement' ? node['body'] : [node]

/** Names that a pattern binds. */
export function namesOf(pattern: Syntax | null): string[] {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern['name']]
    case 'AssignmentPattern':
      return namesOf(pattern['left'])
    case 'ArrayPattern':
      return pattern['elements'].flatMap(namesOf)
    case 'ObjectPattern':
      return pattern['properties'].flatMap((p: Syntax) => namesOf(p['value'] ?? p['argument']))
    case 'RestElement':
      return namesOf(pattern['argument'])
    default:
      return []
  }
}

/** Forms of statements. */
export const statementForms: readonly StatementForm[] = [
  {
    name: 'block body with return',
    example: 'x => { return x + 1 }',
    keys: ['ReturnStatement', 'EmptyStatement', 'Directive'],
    patterns: ['body: { return $any }', `body: { 'use strict'; ; return $number }`, 'body: {}'],
    build(node, lifter, scope, rest) {
      if (node.type !== 'ReturnStatement') return rest()
      return node['argument'] ? lifter.expression(node['argument'], scope) : undefinedConstant
    },
  },
  {
    name: 'const declaration',
    example: 'x => { const y = x * x; return y + 1 }',
    keys: ['VariableDeclaration'],
    patterns: [
      'body: { const a = $text, b = $number; let c = a + b; return [a, b, c, c.length] }',
      'body: { var a = $any; return a }',
      'body: { const unused = $any; return $any }',
    ],
    build(node, lifter, scope, rest) {
      const from = (i: number): Expression => {
        const one: Syntax | undefined = node['declarations'][i]
        if (!one) return rest()
        const { id, init } = one as unknown as { id: Syntax; init: Syntax | null }
        if (!init) return lifter.refuse(reasons.noValue(namesOf(id)[0]!), one)
        return lifter.bind(id, lifter.expression(init, scope), scope, () => from(i + 1))
      }
      return from(0)
    },
  },
  {
    name: 'if with return',
    example: `x => { if (x < 0) return 'minus'; if (x > 0) return 'plus'; return 'zero' }`,
    keys: ['IfStatement'],
    patterns: [
      'body: { if ($bool) return $any; return $any }',
      'body: { if ($any) { return $text } else if ($bool) { return $number } return $any }',
      'body: { if ($bool) { const a = $text; if (a) return a } else return $any; return $number }',
    ],
    build(node, lifter, scope, rest) {
      const test = lifter.expression(node['test'], scope)
      const whenTrue = block(branch(node['consequent']), lifter, scope, rest)
      const other: Syntax | null = node['alternate']
      const whenFalse = other ? block(branch(other), lifter, scope, rest) : rest()
      return conditional(test, whenTrue, whenFalse)
    },
  },
  {
    name: 'switch with returns',
    example: `w => { switch (w) { case 'a': case 'b': return 1; default: return 0 } }`,
    keys: ['SwitchStatement'],
    patterns: [
      `body: { switch ($text) { case 'a': case $text: return $any; default: return $any } }`,
      'body: { switch ($number) { case 0: return $any; case 1: { return $any } } return $any }',
    ],
    build(node, lifter, scope, rest) {
      const cases: readonly Syntax[] = node['cases']
      const last = cases.length - 1
      const isGood = cases.every(
        ({ test, consequent }, i) => (test || i === last) && endsInReturn(consequent, i === last),
      )
      if (!isGood) lifter.refuse(reasons.switchCase(), node)
      return once(lifter.expression(node['discriminant'], scope), lifter.budget, value => {
        const inner = declared(
          cases.flatMap(one => one['consequent']),
          lifter,
          scope,
        )
        const from = (i: number): Expression => {
          const one = cases[i]
          if (!one) return rest()
          const body = cases.slice(i).find(({ consequent }) => consequent.length > 0)
          const list: readonly Syntax[] = body?.['consequent'] ?? []
          if (!one['test']) return lifter.statements(list, new Scope(inner), rest)
          const test = binary('===', value, lifter.expression(one['test'], inner))
          const whenTrue = lifter.statements(list, new Scope(inner), rest)
          return conditional(test, whenTrue, from(i + 1))
        }
        return from(0)
      })
    },
  },
  {
    name: 'block',
    example: 'x => { { const y = x + 1; return y } }',
    keys: ['BlockStatement'],
    patterns: ['body: { { const a = $any; return a } }'],
    build: (node, lifter, scope, rest) => block(node['body'], lifter, scope, rest),
  },
]

/** A case that has statements ends in a return; the last one need not. */
function endsInReturn(list: readonly Syntax[], isLast: boolean): boolean {
  const end = list.at(-1)
  if (!end || isLast) return !list.some(one => one.type === 'BreakStatement')
  if (end.type === 'BlockStatement')
    return endsInReturn(end['body'], false) && end['body'].length > 0
  return end.type === 'ReturnStatement'
}

/** Forms of names: of parameters and in declarations. */
export const patternForms: readonly PatternForm[] = [
  {
    name: 'a name',
    example: 'renamed => renamed + 1',
    keys: ['Identifier'],
    patterns: [],
    build: (node, value, { budget }, scope, body) =>
      once(value, budget, made => {
        scope.set(node['name'], made)
        return body()
      }),
  },
  {
    name: 'default value',
    example: '(x, step = 1) => x + step',
    keys: ['AssignmentPattern'],
    patterns: [
      'function: (row, other = $number) => [other, $any]',
      'body: { const [a = $text, b = 1] = $pair; return [a, b, $any] }',
    ],
    build: (node, value, lifter, scope, body) =>
      once(value, lifter.budget, given => {
        const byDefault = lifter.expression(node['right'], scope)
        const made = conditional(binary('===', given, undefinedConstant), byDefault, given)
        return lifter.bind(node['left'], made, scope, body)
      }),
  },
  {
    name: 'array pattern',
    example: '([key, value]) => [value, key]',
    keys: ['ArrayPattern'],
    patterns: [
      'body: { const [a, b] = $pair; return [b, a, $any] }',
      'body: { const [, b] = $pair; return b }',
      'body: { const [a, b, c] = $list; return [a, b, c] }',
      'body: { const [a, b] = $text; return [a, b] }',
    ],
    build(node, value, lifter, scope, body) {
      const elements: readonly (Syntax | null)[] = node['elements']
      if (!elements.some(one => one)) lifter.refuse(reasons.emptyPattern(), node)
      return once(value, lifter.budget, of => {
        const from = (i: number): Expression => {
          if (i === elements.length) return body()
          const element = elements[i]
          return element
            ? lifter.bind(element, item(of, i, 'iterate'), scope, () => from(i + 1))
            : from(i + 1)
        }
        return from(0)
      })
    },
  },
  {
    name: 'object pattern',
    example: '({ city, celsius: t }) => [city, t * 1.8 + 32]',
    keys: ['ObjectPattern'],
    patterns: [
      'body: { const { s, n: a, missing = $any } = row; return [s, a, missing] }',
      'body: { const { p: [a, b], n } = row; return [a, b, n, $any] }',
      'body: { const { length } = $text; return length }',
    ],
    build(node, value, lifter, scope, body) {
      const properties: readonly Syntax[] = node['properties']
      if (properties.length === 0) lifter.refuse(reasons.emptyPattern(), node)
      return once(value, lifter.budget, of => {
        const from = (i: number): Expression => {
          const property = properties[i]
          if (!property) return body()
          if (property.type === 'RestElement') lifter.refuse(reasons.spread(), property)
          const name = keyOf(property) ?? lifter.refuse(reasons.computedKey(), property)
          if (name === '__proto__') lifter.refuse(reasons.protoKey(), property)
          return lifter.bind(property['value'], memberOf(of, name), scope, () => from(i + 1))
        }
        return from(0)
      })
    },
  },
]

/** Forms of functions; any of them may be named, and parentheses don't matter. */
export const functionForms: readonly Form[] = [
  {
    name: 'arrow function',
    example: 'x => x + 1',
    keys: ['ArrowFunctionExpression'],
    patterns: ['function: row => ($any)', 'function: (row) => $body'],
  },
  {
    name: 'function expression',
    example: 'function (x) { return x + 1 }',
    keys: ['FunctionExpression'],
    patterns: ['function: function (row) $body', 'function: function named(row) $body'],
  },
]
