/**
 * The expression tree: what the engine knows exactly of a user's function. Its one meaning is
 * JavaScript's, as `evaluate` spells it out; kernels must agree with it to the last case.
 *
 * Trees are plain data that structured clone keeps. Locals are numbered, each number is bound by
 * one `let` only, and a `let` evaluates its value once, before its body.
 */

/** What a constant may be. */
export type Primitive = string | number | boolean | null | undefined | bigint

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '**'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '>>>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '==='
  | '!=='
  | '=='
  | '!='

export type UnaryOperator = '-' | '+' | '!' | '~' | 'typeof'
export type LogicalOperator = '&&' | '||' | '??'

export interface Parameter {
  readonly kind: 'parameter'
  /** From 0; a parameter that is not given is undefined. */
  readonly index: number
}

export interface Constant {
  readonly kind: 'constant'
  readonly value: Primitive
}

export interface Local {
  readonly kind: 'local'
  readonly id: number
}

export interface Let {
  readonly kind: 'let'
  readonly id: number
  readonly value: Expression
  readonly body: Expression
}

export interface Item {
  readonly kind: 'item'
  readonly of: Expression
  /** A whole number, 0 or more. */
  readonly index: number
  /** `of[index]`, or the place in an array pattern: text is then taken by code points. */
  readonly access: 'index' | 'iterate'
}

export interface Field {
  readonly kind: 'field'
  readonly of: Expression
  readonly name: string
}

export interface Tuple {
  readonly kind: 'tuple'
  readonly items: readonly Expression[]
}

export interface Struct {
  readonly kind: 'struct'
  /** In the order of the source; no name occurs twice. */
  readonly fields: readonly { readonly name: string; readonly value: Expression }[]
}

export interface Call {
  readonly kind: 'call'
  /** One of `methods`. */
  readonly method: string
  readonly of: Expression
  readonly args: readonly Expression[]
}

export interface MathCall {
  readonly kind: 'math'
  /** One of `mathFunctions`, without `Math.`. */
  readonly fn: string
  readonly args: readonly Expression[]
}

export interface GlobalCall {
  readonly kind: 'global'
  /** One of `globalFunctions`, such as `Number` or `Number.isInteger`. */
  readonly fn: string
  readonly args: readonly Expression[]
}

export interface Binary {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly left: Expression
  readonly right: Expression
}

export interface Unary {
  readonly kind: 'unary'
  readonly operator: UnaryOperator
  readonly of: Expression
}

export interface Logical {
  readonly kind: 'logical'
  readonly operator: LogicalOperator
  readonly left: Expression
  readonly right: Expression
}

export interface Conditional {
  readonly kind: 'conditional'
  readonly test: Expression
  readonly whenTrue: Expression
  readonly whenFalse: Expression
}

export interface Template {
  readonly kind: 'template'
  /** One more than values: the text before, between and after them. */
  readonly texts: readonly string[]
  readonly values: readonly Expression[]
}

export type Expression =
  | Parameter
  | Constant
  | Local
  | Let
  | Item
  | Field
  | Tuple
  | Struct
  | Call
  | MathCall
  | GlobalCall
  | Binary
  | Unary
  | Logical
  | Conditional
  | Template

export const parameter = (index: number): Parameter => ({ kind: 'parameter', index })
export const constant = (value: Primitive): Constant => ({ kind: 'constant', value })
export const local = (id: number): Local => ({ kind: 'local', id })
export const item = (of: Expression, index: number, access: Item['access'] = 'index'): Item => ({
  kind: 'item',
  of,
  index,
  access,
})
export const field = (of: Expression, name: string): Field => ({ kind: 'field', of, name })
export const binary = (operator: BinaryOperator, left: Expression, right: Expression): Binary => ({
  kind: 'binary',
  operator,
  left,
  right,
})
export const conditional = (
  test: Expression,
  whenTrue: Expression,
  whenFalse: Expression,
): Conditional => ({ kind: 'conditional', test, whenTrue, whenFalse })

/** The expressions directly within one, in the order JavaScript evaluates them. */
export function children(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'parameter':
    case 'constant':
    case 'local':
      return []
    case 'let':
      return [expression.value, expression.body]
    case 'item':
    case 'field':
    case 'unary':
      return [expression.of]
    case 'tuple':
      return expression.items
    case 'struct':
      return expression.fields.map(one => one.value)
    case 'call':
      return [expression.of, ...expression.args]
    case 'math':
    case 'global':
      return expression.args
    case 'binary':
    case 'logical':
      return [expression.left, expression.right]
    case 'conditional':
      return [expression.test, expression.whenTrue, expression.whenFalse]
    case 'template':
      return expression.values
  }
}

/** The same expression over other children, given in the order of `children`. */
export function withChildren(of: Expression, made: readonly Expression[]): Expression {
  switch (of.kind) {
    case 'parameter':
    case 'constant':
    case 'local':
      return of
    case 'let':
      return { ...of, value: made[0]!, body: made[1]! }
    case 'item':
    case 'field':
    case 'unary':
      return { ...of, of: made[0]! }
    case 'tuple':
      return { ...of, items: made }
    case 'struct':
      return { ...of, fields: of.fields.map(({ name }, i) => ({ name, value: made[i]! })) }
    case 'call':
      return { ...of, of: made[0]!, args: made.slice(1) }
    case 'math':
    case 'global':
      return { ...of, args: made }
    case 'binary':
    case 'logical':
      return { ...of, left: made[0]!, right: made[1]! }
    case 'conditional':
      return { ...of, test: made[0]!, whenTrue: made[1]!, whenFalse: made[2]! }
    case 'template':
      return { ...of, values: made }
  }
}

/** How often a local is used. */
export function usesOf(id: number, within: Expression): number {
  if (within.kind === 'local') return within.id === id ? 1 : 0
  return children(within).reduce((sum, child) => sum + usesOf(id, child), 0)
}

/** The expression with every use of a local replaced. */
export function substitute(id: number, by: Expression, within: Expression): Expression {
  if (within.kind === 'local') return within.id === id ? by : within
  const before = children(within)
  if (before.length === 0) return within
  const after = before.map(child => substitute(id, by, child))
  return after.every((child, i) => child === before[i]) ? within : withChildren(within, after)
}

/** The expression with its parameters replaced, by index; those beyond become undefined. */
export function withParameters(within: Expression, by: readonly Expression[]): Expression {
  if (within.kind === 'parameter') return by[within.index] ?? constant(undefined)
  const before = children(within)
  return before.length === 0
    ? within
    : withChildren(
        within,
        before.map(child => withParameters(child, by)),
      )
}
