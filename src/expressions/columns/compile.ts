/**
 * Expressions over vectors of columns. The expression is first made one of static types, so that
 * every part of it may be computed for all rows; then each node becomes calls of kernels, or of
 * JavaScript where there is none.
 */
import {
  children,
  constant,
  type Expression,
  field,
  item,
  type Primitive,
  parameter,
  withParameters,
} from '../expression.ts'
import { specialise } from '../specialise.ts'
import { booleanNode } from './boolean.ts'
import { callNode, rowFunction } from './calls.ts'
import { numericNode } from './numeric.ts'
import { partsNode } from './parts.ts'
import type { ColumnExpression, ColumnMachine, ColumnShape, ColumnValue } from './shapes.ts'
import { textNode } from './text.ts'
import { typeOfShape } from './values.ts'

/**
 * Compiles an expression of parameters of the given shapes, of which only the first is read.
 * Undefined where it has no static type, or where it reads text whose lines are not cut yet.
 */
export function compileColumns(
  expression: Expression,
  parameters: readonly ColumnShape[],
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const made = simplified(expression, parameters)
  return made && new Compiler(parameters[0]!, machine).compile(made)
}

/**
 * The expression for parameters of the given shapes, without what their types make superfluous;
 * undefined where it has no static type.
 */
export function simplified(
  expression: Expression,
  parameters: readonly ColumnShape[],
): Expression | undefined {
  const made = typed(expression, parameters)
  return 'reason' in made ? undefined : made.expression
}

/** Why there is no static type for rows of these shapes, in words; undefined where there is one. */
export function whyNoType(
  expression: Expression,
  parameters: readonly ColumnShape[],
): string | undefined {
  const made = typed(expression, parameters)
  return 'reason' in made ? made.reason : undefined
}

function typed(
  expression: Expression,
  parameters: readonly ColumnShape[],
): ReturnType<typeof specialise> {
  const inputs = parameters.map((shape, i) => withConstants(shape, parameter(i)))
  return specialise(withParameters(expression, inputs), parameters.map(typeOfShape))
}

/** The expression at `path`, in which columns that hold one value are that value. */
function withConstants(shape: ColumnShape, path: Expression): Expression {
  if (shape.kind === 'constant') return constant(shape.value)
  if (!hasConstants(shape)) return path
  if (shape.kind === 'tuple') {
    const items = shape.items.map((one, i) => withConstants(one, item(path, i)))
    return { kind: 'tuple', items }
  }
  if (shape.kind !== 'struct') return path
  const fields = shape.items.map((one, i) => {
    const name = shape.names[i]!
    return { name, value: withConstants(one, field(path, name)) }
  })
  return { kind: 'struct', fields }
}

function hasConstants(shape: ColumnShape): boolean {
  if (shape.kind === 'constant') return true
  return (shape.kind === 'tuple' || shape.kind === 'struct') && shape.items.some(hasConstants)
}

class Compiler {
  readonly #input: ColumnShape
  readonly #machine: ColumnMachine
  readonly #locals = new Map<number, ColumnExpression>()
  readonly #compiled = new Map<Expression, ColumnExpression>()

  constructor(input: ColumnShape, machine: ColumnMachine) {
    this.#input = input
    this.#machine = machine
  }

  compile(expression: Expression): ColumnExpression | undefined {
    const known = this.#compiled.get(expression)
    if (known) return known
    const made = this.#compile(expression)
    if (made) this.#compiled.set(expression, made)
    return made
  }

  #compile(written: Expression): ColumnExpression | undefined {
    const expression = this.#withoutMissing(written)
    switch (expression.kind) {
      case 'parameter':
        if (expression.index > 0 || this.#input.kind === 'lines') return undefined
        return { shape: this.#input, calls: false, run: vector => vector.column }
      case 'constant':
        return constantOf(expression.value)
      case 'local':
        return this.#locals.get(expression.id)
      case 'let':
        return this.#let(expression)
      default: {
        const parts = children(expression).map(child => this.compile(child))
        if (parts.some(part => part === undefined)) return undefined
        return this.#node(expression, parts as ColumnExpression[])
      }
    }
  }

  #node(expression: Expression, parts: readonly ColumnExpression[]): ColumnExpression | undefined {
    const machine = this.#machine
    return (
      rowNode(expression, parts) ??
      folded(expression, parts) ??
      partsNode(expression, parts, machine) ??
      numericNode(expression, parts, machine) ??
      booleanNode(expression, parts, machine) ??
      textNode(expression, parts, machine) ??
      callNode(expression, parts, machine)
    )
  }

  /**
   * `text.at(-1) ?? ''` without a value that may be missing: a place that is there holds a unit, so
   * it is `text.slice(-1) || ''`.
   */
  #withoutMissing(expression: Expression): Expression {
    if (expression.kind !== 'logical' || expression.operator !== '??') return expression
    const { left } = expression
    const place = placeOf(left)
    if (place === undefined || this.compile(children(left)[0]!)?.shape.kind !== 'utf8') {
      return expression
    }
    const args = place === -1 ? [constant(-1)] : [constant(place), constant(place + 1)]
    const unit: Expression = { kind: 'call', method: 'slice', of: children(left)[0]!, args }
    return { ...expression, operator: '||', left: unit }
  }

  /** The value is computed once for a vector, and read by every use of its local. */
  #let({ id, value, body }: Extract<Expression, { kind: 'let' }>): ColumnExpression | undefined {
    const made = this.compile(value)
    if (!made) return undefined
    let current: ColumnValue = { kind: 'constant', value: undefined }
    this.#locals.set(id, { shape: made.shape, calls: made.calls, run: () => current })
    const inner = this.compile(body)
    return (
      inner && {
        shape: inner.shape,
        calls: made.calls || inner.calls,
        run: vector => {
          current = made.run(vector)
          return inner.run(vector)
        },
      }
    )
  }
}

/** What is computed from constants only, such as the length of a tuple, is one. */
function folded(
  expression: Expression,
  parts: readonly ColumnExpression[],
): ColumnExpression | undefined {
  const values = parts.map(part => (part.shape.kind === 'constant' ? [part.shape.value] : []))
  const of = values.every(value => value.length === 1) ? rowFunction(expression) : undefined
  const value = of?.(...values.flat())
  return of && typeof value !== 'object' ? constantOf(value as Primitive) : undefined
}

/** The place that `x[0]` or `x.at(0)` reads, where it is a constant whole number. */
function placeOf(expression: Expression): number | undefined {
  if (expression.kind === 'item') {
    return expression.access === 'index' ? expression.index : undefined
  }
  if (expression.kind !== 'call' || expression.method !== 'at') return undefined
  const [first] = expression.args
  const place = first?.kind === 'constant' ? first.value : undefined
  return typeof place === 'number' && Number.isSafeInteger(place) ? place : undefined
}

type RowValue = Extract<ColumnValue, { kind: 'tuple' | 'struct' }>

/** Tuples, objects, and their parts: nothing is computed. */
function rowNode(
  expression: Expression,
  parts: readonly ColumnExpression[],
): ColumnExpression | undefined {
  switch (expression.kind) {
    case 'tuple':
      return rowOf(parts, { kind: 'tuple', items: parts.map(part => part.shape) })
    case 'struct': {
      // An object literal puts keys that are whole numbers first.
      const entries = expression.fields.map(({ name }, i) => [name, parts[i]!] as const)
      const sorted = Object.entries(Object.fromEntries(entries))
      const items = sorted.map(([, part]) => part)
      const names = sorted.map(([name]) => name)
      return rowOf(items, { kind: 'struct', names, items: items.map(part => part.shape) })
    }
    case 'item':
    case 'field': {
      const [of] = parts
      const { shape } = of!
      if (shape.kind !== 'tuple' && shape.kind !== 'struct') return undefined
      if (shape.kind === 'tuple' && expression.kind === 'field') {
        return expression.name === 'length' ? constantOf(shape.items.length) : undefined
      }
      const name = expression.kind === 'item' ? String(expression.index) : expression.name
      const index = shape.kind === 'tuple' ? Number(name) : shape.names.indexOf(name)
      const part = shape.items[index]
      return (
        part && {
          shape: part,
          calls: of!.calls,
          run: vector => (of!.run(vector) as RowValue).items[index]!,
        }
      )
    }
    default:
      return undefined
  }
}

function rowOf(
  parts: readonly ColumnExpression[],
  shape: Extract<ColumnShape, { kind: 'tuple' | 'struct' }>,
): ColumnExpression {
  return {
    shape,
    calls: parts.some(part => part.calls),
    run: vector => ({ kind: shape.kind, items: parts.map(part => part.run(vector)) }),
  }
}

function constantOf(value: Extract<Expression, { kind: 'constant' }>['value']): ColumnExpression {
  return {
    shape: { kind: 'constant', value },
    calls: false,
    run: () => ({ kind: 'constant', value }),
  }
}
