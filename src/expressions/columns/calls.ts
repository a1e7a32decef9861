/**
 * What every typed expression can fall back to: JavaScript's own operator, method or function,
 * called for each row of a vector.
 */
import { binaryOperators, staysLeft, unaryOperators } from '../evaluate.ts'
import { constant, type Expression, parameter, withChildren } from '../expression.ts'
import { globalFunctions, mathFunctions, patternCalls } from '../methods.ts'
import { typeOf } from '../specialise.ts'
import { isNeverEmpty } from '../specialise-parts.ts'
import type {
  ColumnExpression,
  ColumnMachine,
  ColumnShape,
  ColumnVector,
  ScalarKind,
} from './shapes.ts'
import { columnOf, shapeOfType, typeOfShape, valuesOf } from './values.ts'

type RowFunction = (...values: any[]) => unknown

/** A node that calls JavaScript for each row; `parts` are its children, in order. */
export function callNode(
  expression: Expression,
  parts: readonly ColumnExpression[],
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const of = rowFunction(expression)
  const shape = of && resultShape(expression, parts)
  if (!shape) return undefined
  const compute = valuesBy(of, parts, machine)
  const kind = scalarOf(shape)
  return {
    shape,
    calls: true,
    run: vector => {
      const rows = compute(vector)
      machine.state.calledValues += vector.rows
      return kind ? columnOf(machine, kind, rows, vector.rows) : { kind: 'values', rows }
    },
  }
}

function scalarOf(shape: ColumnShape): ScalarKind | undefined {
  const { kind } = shape
  return kind === 'float64' || kind === 'utf8' || kind === 'bool' ? kind : undefined
}

/** The function that computes a node from the values of its children. */
export function rowFunction(expression: Expression): RowFunction | undefined {
  switch (expression.kind) {
    case 'item': {
      const { index } = expression
      return of => of[index]
    }
    case 'field': {
      const { name } = expression
      return of => of[name]
    }
    case 'call':
      return (
        patternCalls.get(expression.method)?.of ??
        methodCall(expression.method, expression.args.length)
      )
    case 'math':
      return mathFunctions.get(expression.fn)!.of
    case 'global':
      return globalFunctions.get(expression.fn)!.of
    case 'binary':
      return binaryOperators[expression.operator]
    case 'unary':
      return unaryOperators[expression.operator]
    case 'logical': {
      const stays = staysLeft[expression.operator]
      return (left, right) => (stays(left) ? left : right)
    }
    case 'conditional':
      return (test, yes, no) => (test ? yes : no)
    case 'template': {
      const { texts } = expression
      return (...values) => values.reduce((t, one, i) => `${t}${one}${texts[i + 1]}`, texts[0])
    }
    default:
      return undefined
  }
}

/** A method sees how many arguments it got, so each number of them has a function of its own. */
function methodCall(name: string, args: number): RowFunction {
  if (args === 0) return of => of[name]()
  if (args === 1) return (of, a) => of[name](a)
  if (args === 2) return (of, a, b) => of[name](a, b)
  return (of, ...more) => of[name](...more)
}

/** The results for a vector, as an array. */
function valuesBy(
  of: RowFunction,
  parts: readonly ColumnExpression[],
  machine: ColumnMachine,
): (vector: ColumnVector) => unknown[] {
  return vector => {
    const { rows } = vector
    const [a, b, ...more] = parts.map(part => valuesOf(machine, part.run(vector), part.shape, rows))
    const out = new Array<unknown>(rows)
    if (!a) for (let i = 0; i < rows; i++) out[i] = of()
    else if (!b) for (let i = 0; i < rows; i++) out[i] = of(a[i])
    else if (more.length === 0) for (let i = 0; i < rows; i++) out[i] = of(a[i], b[i])
    else {
      for (let i = 0; i < rows; i++) out[i] = of(a[i], b[i], ...more.map(one => one[i]))
    }
    return out
  }
}

function resultShape(
  expression: Expression,
  parts: readonly ColumnExpression[],
): ColumnShape | undefined {
  const [first] = parts
  // That a list has a first item is known of the list, not of its type.
  if (expression.kind === 'item' && first?.shape.kind === 'values' && first.shape.notEmpty) {
    const { type } = first.shape
    if (expression.index === 0 && type.kind === 'list') return shapeOfType(type.item)
  }
  const made = withChildren(
    expression,
    parts.map(({ shape }, i) => (shape.kind === 'constant' ? constant(shape.value) : parameter(i))),
  )
  const found = typeOf(
    made,
    parts.map(part => typeOfShape(part.shape)),
  )
  if ('reason' in found) return undefined
  const shape = shapeOfType(found.type)
  return shape.kind === 'values' && isNeverEmpty(expression) ? { ...shape, notEmpty: true } : shape
}
