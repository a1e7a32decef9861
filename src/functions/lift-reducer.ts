/** Reducers that kernels know: `(a, b) => a + b` and its like. */
import type { ColumnType } from '../columnar/schema.ts'
import { type Binary, type Expression, specialise } from '../expressions/index.ts'
import type { Lifted } from './lift.ts'

/**
 * What a reducer computes when it is folded over values from left to right, the first value being
 * the first result:
 *
 * - `sum`: `a + b` in that order, so that floats round as they do in JavaScript; `-0` alone stays
 *   `-0`. Bigints don't overflow.
 * - `product`: `a * b`, likewise.
 * - `max`, `min`: as `Math.max` and `Math.min`: NaN if any value is NaN, and -0 less than 0.
 * - `first`, `last`: one of the values as it is.
 */
export type Reducer = 'sum' | 'product' | 'max' | 'min' | 'first' | 'last'

/**
 * Which builtin reducer a function of two parameters is, for values of the given type; numbers
 * without null and undefined by default. `a > b ? a : b` is `max` for bigints only: of NaN and of
 * 0 and -0 it gives one that depends on the order, unlike `Math.max`.
 *
 * @example
 * reducerOf(liftSource('(a, b) => a + b')) // 'sum'
 */
export function reducerOf(
  lifted: Lifted | { readonly reason: string },
  type: ColumnType = { kind: 'float64', nulls: false, undefineds: false },
): Reducer | undefined {
  if ('reason' in lifted) return undefined
  // What it does with two values of the type; defaults of parameters fall away.
  const plain = simple(lifted.expression, type)
  if (isParameter(plain, 0)) return 'first'
  if (isParameter(plain, 1)) return 'last'
  if (type.nulls || type.undefineds) return undefined
  if (plain.kind === 'binary' && ofBoth(plain.left, plain.right)) return arithmetic(plain, type)
  if (type.kind === 'float64' && plain.kind === 'math' && plain.args.length === 2) {
    const [a, b] = plain.args
    const isExtreme = plain.fn === 'max' || plain.fn === 'min'
    return isExtreme && ofBoth(a!, b!) ? (plain.fn as Reducer) : undefined
  }
  return type.kind === 'int64' ? ternary(plain) : undefined
}

/** Arithmetic of bigints has no type of its own, since it may leave 64 bits. */
function simple(expression: Expression, type: ColumnType): Expression {
  const answer = specialise(expression, [type, type])
  return 'reason' in answer ? expression : answer.expression
}

function arithmetic({ operator }: Binary, { kind }: ColumnType): Reducer | undefined {
  if (kind !== 'float64' && kind !== 'int64') return undefined
  // Either order: sums and products of two numbers are the same both ways.
  if (operator === '+') return 'sum'
  return operator === '*' ? 'product' : undefined
}

/** `a > b ? a : b` and the ways to write it. */
function ternary(plain: Expression): Reducer | undefined {
  if (plain.kind !== 'conditional' || plain.test.kind !== 'binary') return undefined
  const { test, whenTrue, whenFalse } = plain
  const { operator, left, right } = test as Binary
  if (!/^[<>]=?$/.test(operator) || !ofBoth(left, right) || !ofBoth(whenTrue, whenFalse))
    return undefined
  const takesLarger = operator.startsWith('>') === isSame(left, whenTrue)
  return takesLarger ? 'max' : 'min'
}

const isParameter = (expression: Expression, index: number): boolean =>
  expression.kind === 'parameter' && expression.index === index

const isSame = (a: Expression, b: Expression): boolean =>
  a.kind === 'parameter' && b.kind === 'parameter' && a.index === b.index

const ofBoth = (a: Expression, b: Expression): boolean =>
  (isParameter(a, 0) && isParameter(b, 1)) || (isParameter(a, 1) && isParameter(b, 0))
