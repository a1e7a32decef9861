/**
 * Gear 1's front end: reads a function and, where every part of it is known exactly, gives it back
 * as an expression. What is known is the table of forms; everything else is a reason in words.
 */
import { type Expression, parameter } from '../expressions/index.ts'
import { functionCall } from './lift-calls.ts'
import {
  type Broadcasts,
  type CapturedFunction,
  capturedRoot,
  lineOf,
  portableSource,
} from './lift-captured.ts'
import { calledName, classify, globalKey } from './lift-classify.ts'
import { type ExpressionForm, expressionForms, type Form } from './lift-forms.ts'
import { whyNot, whyNotStatement } from './lift-refusals.ts'
import {
  Budget,
  type Lifter,
  NotLiftable,
  notLiftable,
  once,
  reasons,
  Scope,
  undefinedConstant,
} from './lift-scope.ts'
import {
  functionForms,
  type PatternForm,
  patternForms,
  type StatementForm,
  statementForms,
} from './lift-statements.ts'
import type { PortableFunction } from './portable.ts'
import type { Syntax } from './syntax.ts'

export { portableSource } from './lift-captured.ts'
export { type Reducer, reducerOf } from './lift-reducer.ts'

/** A function as an expression of its parameters. */
export interface Lifted {
  readonly expression: Expression
  /** How many parameters the function declares. */
  readonly parameters: number
}

export interface NotLifted {
  /** Why, in words that follow "the function": "calls stop.has, which is …". */
  readonly reason: string
  /** Line in the function's file, from 1. */
  readonly line?: number
}

export interface LiftOptions {
  /** How many arguments the operator passes; default: as many as the function declares. */
  readonly arity?: number
  /** The values of broadcasts by id, as `portableValue` makes them, where they are known. */
  readonly broadcasts?: Broadcasts
}

/** Every entry of the table, for documents and tests. */
export const liftForms: readonly Form[] = [
  ...functionForms,
  ...patternForms,
  ...statementForms,
  ...expressionForms,
]

const byKey = <F extends Form>(forms: readonly F[]): ReadonlyMap<string, F> =>
  new Map(forms.flatMap(form => form.keys.map(key => [key, form])))
const expressions: ReadonlyMap<string, ExpressionForm> = byKey(expressionForms)
const statements: ReadonlyMap<string, StatementForm> = byKey(statementForms)
const patterns: ReadonlyMap<string, PatternForm> = byKey(patternForms)

/**
 * The function as an expression tree of the same meaning, or the reason why it has none. Captured
 * primitive values become constants, captured helper functions are inlined. Never throws.
 *
 * @example
 * const lifted = lift(portable(handle), { arity: 1 })
 * if ('reason' in lifted) explain(lifted.reason)
 */
export function lift(fn: PortableFunction, options: LiftOptions = {}): Lifted | NotLifted {
  const root = capturedRoot(fn, options.broadcasts)
  try {
    if (root.is === 'function') {
      const { arity = Number.POSITIVE_INFINITY } = options
      const parameters: number = root.analysis.node['params']?.length ?? 0
      const given = Array.from({ length: Math.min(parameters, arity) }, (_, i) => parameter(i))
      return { expression: new SourceLifter(root, new Budget(), []).call(given), parameters }
    }
    if (root.is === 'global') return liftGlobal(root.path, options.arity)
    if (root.is !== 'unknown') return { reason: reasons.notFunction() }
    return { reason: reasons.notSource(root.what) }
  } catch (error) {
    if (!(error instanceof NotLiftable)) throw error
    const { reason, line } = error
    return line === undefined ? { reason } : { reason, line }
  }
}

/**
 * The same for a function given by its source and the values of its free names.
 *
 * @example
 * liftSource('x => x * factor', { factor: 3 })
 */
export function liftSource(
  source: string,
  captured: Readonly<Record<string, unknown>> = {},
  options: LiftOptions = {},
): Lifted | NotLifted {
  return lift(portableSource(source, captured), options)
}

/** `Math.max` itself, given as the function. */
function liftGlobal(path: string, arity?: number): Lifted | NotLifted {
  const key = globalKey(path)
  const parameters = arity ?? (/^Math\.(?:max|min|hypot|pow|atan2|imul)$/.test(path) ? 2 : 1)
  const args = Array.from({ length: parameters }, (_, i) => parameter(i))
  const expression = key && functionCall(key, args)
  return expression ? { expression, parameters } : { reason: reasons.call(path) }
}

class SourceLifter implements Lifter {
  readonly fn: CapturedFunction
  readonly budget: Budget
  /** Ids of the functions that are being inlined, outermost first. */
  readonly #within: readonly number[]

  constructor(fn: CapturedFunction, budget: Budget, within: readonly number[]) {
    this.fn = fn
    this.budget = budget
    this.#within = within
  }

  /** The function's value for these arguments; parameters beyond them are undefined. */
  call(args: readonly Expression[]): Expression {
    const { analysis } = this.fn
    if (analysis.refusal) {
      const { what, offset } = analysis.refusal
      const isOfFunction = what.startsWith('the function ')
      const reason = isOfFunction ? what.slice('the function '.length) : reasons.unparsable()
      throw new NotLiftable(reason, lineOf(this.fn, offset))
    }
    const { node } = analysis
    if (node['async'] || node['generator']) this.refuse(reasons.async(), node)
    const parameters: readonly Syntax[] = node['params']
    const scope = new Scope()
    const own = node['id']?.['name']
    if (own) scope.set(own, 'later')
    const bind = (i: number): Expression => {
      const one = parameters[i]
      if (!one) return this.#body(node, scope)
      return this.bind(one, args[i] ?? undefinedConstant, scope, () => bind(i + 1))
    }
    return bind(0)
  }

  #body(node: Syntax, parameters: Scope): Expression {
    const body: Syntax = node['body']
    if (body.type !== 'BlockStatement') return this.expression(body, parameters)
    return this.#build(statements, 'BlockStatement', body).build(
      body,
      this,
      parameters,
      () => undefinedConstant,
    )
  }

  expression(node: Syntax, scope: Scope): Expression {
    this.#spend(node)
    const key = classify(node, this, scope)
    const form = expressions.get(key)
    if (!form) return this.refuse(whyNot(node, this.fn, scope), node)
    return form.build(node, this, scope)
  }

  statements(list: readonly Syntax[], scope: Scope, after: () => Expression): Expression {
    const from = (i: number): Expression => {
      const node = list[i]
      if (!node) return after()
      this.#spend(node)
      const key = node['directive'] === undefined ? node.type : 'Directive'
      return this.#build(statements, key, node).build(node, this, scope, () => from(i + 1))
    }
    return from(0)
  }

  bind(pattern: Syntax, value: Expression, scope: Scope, body: () => Expression): Expression {
    this.#spend(pattern)
    return this.#build(patterns, pattern.type, pattern).build(pattern, value, this, scope, body)
  }

  inline(helper: CapturedFunction, args: readonly Expression[], node: Syntax): Expression {
    const within = [...this.#within, this.fn.id]
    if (within.includes(helper.id)) this.refuse(reasons.callsItself(calledName(node)), node)
    // Arguments are computed before the call, in order, whether the helper uses them or not.
    const given = (i: number, made: readonly Expression[]): Expression => {
      const arg = args[i]
      if (!arg) return new SourceLifter(helper, this.budget, within).call(made)
      return once(arg, this.budget, one => given(i + 1, [...made, one]))
    }
    return given(0, [])
  }

  refuse(reason: string, node: Syntax): never {
    throw notLiftable(this.fn, reason, node)
  }

  #build<F extends Form>(forms: ReadonlyMap<string, F>, key: string, node: Syntax): F {
    return forms.get(key) ?? this.refuse(whyNotStatement(node), node)
  }

  #spend(node: Syntax): void {
    if (!this.budget.spend()) this.refuse(reasons.tooLarge(), node)
  }
}
