/** What the table of liftable forms builds with: scopes, local names, and the ways to give up. */
import { constant, type Expression, field, item, local } from '../expressions/index.ts'
import { type CapturedFunction, lineOf } from './lift-captured.ts'
import { liftReasons as reasons } from './lift-reasons.ts'
import type { Syntax } from './syntax.ts'

/** Names of a function or block. A name that is declared further down is `later`. */
export class Scope {
  readonly #names = new Map<string, Expression | 'later'>()
  readonly #outer: Scope | undefined

  constructor(outer?: Scope) {
    this.#outer = outer
  }

  get(name: string): Expression | 'later' | undefined {
    return this.#names.get(name) ?? this.#outer?.get(name)
  }

  set(name: string, value: Expression | 'later'): void {
    this.#names.set(name, value)
  }
}

/** Thrown where a form is not known; carries the reason to the caller of `lift`. */
export class NotLiftable {
  readonly reason: string
  readonly line: number | undefined
  constructor(reason: string, line: number | undefined) {
    this.reason = reason
    this.line = line
  }
}

/** What the forms share: numbers for locals and a limit on size, over inlined helpers too. */
export class Budget {
  #locals = 0
  #nodes = 0
  /** Most nodes of one expression. */
  readonly #nodesMax = 2000

  nextLocal(): number {
    return this.#locals++
  }

  /** Counts one more node; false when there are too many. */
  spend(): boolean {
    return ++this.#nodes <= this.#nodesMax
  }
}

/** What a form may ask of the lifter. */
export interface Lifter {
  readonly fn: CapturedFunction
  readonly budget: Budget
  expression(node: Syntax, scope: Scope): Expression
  /** The value of a list of statements; `after` is what follows them, if they don't return. */
  statements(list: readonly Syntax[], scope: Scope, after: () => Expression): Expression
  /** Binds the names of a pattern to parts of a value, within the body. */
  bind(pattern: Syntax, value: Expression, scope: Scope, body: () => Expression): Expression
  /** The body of a captured helper, with these arguments. */
  inline(helper: CapturedFunction, args: readonly Expression[], node: Syntax): Expression
  refuse(reason: string, node: Syntax): never
}

/** Whether computing the value again, or not at all, makes no difference. */
export const isSimple = (value: Expression): boolean =>
  value.kind === 'parameter' || value.kind === 'constant' || value.kind === 'local'

/** Computes a value once, where JavaScript does, and names it for the body. */
export function once(
  value: Expression,
  budget: Budget,
  body: (value: Expression) => Expression,
): Expression {
  if (isSimple(value)) return body(value)
  const id = budget.nextLocal()
  return { kind: 'let', id, value, body: body(local(id)) }
}

export const undefinedConstant: Expression = constant(undefined)

/** An error for a place in the source. */
export function notLiftable(fn: CapturedFunction, reason: string, node: Syntax): NotLiftable {
  return new NotLiftable(reason, lineOf(fn, node.start - fn.analysis.base))
}

/** The name a call or constant is written with: `stop.has`, `Math.max`. */
export function nameOf(node: Syntax): string {
  switch (node.type) {
    case 'Identifier':
      return /^__(?:vite_ssr|vi)_import_\d+__$/.test(node['name']) ? '' : node['name']
    case 'ThisExpression':
      return 'this'
    case 'MemberExpression': {
      const key = keyOf(node)
      const of = nameOf(node['object'])
      return of === '' ? (key ?? '[…]') : key === undefined ? `${of}[…]` : `${of}.${key}`
    }
    case 'SequenceExpression':
      return nameOf(node['expressions'].at(-1))
    case 'ChainExpression':
      return nameOf(node['expression'])
    default:
      return '…'
  }
}

/** The constant name of a member, in the form that JavaScript keeps it; undefined if computed. */
export function keyOf(node: Syntax): string | undefined {
  const property: Syntax = node['property'] ?? node['key']
  if (!node['computed'] && property.type === 'Identifier') return property['name']
  return property.type === 'Literal' && !property['regex'] ? String(property['value']) : undefined
}

/** `of.name`, or `of[0]` where the name is a place. */
export const memberOf = (of: Expression, key: string): Expression =>
  /^(?:0|[1-9]\d{0,8})$/.test(key) ? item(of, Number(key)) : field(of, key)

/** Vite calls imports as `(0, name)(…)`. */
export function callee(node: Syntax): Syntax {
  const called: Syntax = node['callee']
  if (called.type !== 'SequenceExpression') return called
  const [first, second] = called['expressions']
  return called['expressions'].length === 2 && first.type === 'Literal' ? second : called
}

export { reasons }
