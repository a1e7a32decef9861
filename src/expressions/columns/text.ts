/**
 * Text by kernels: predicates and lengths here, what is made of text in the files beside. Where a
 * kernel is exact for some texts only, JavaScript is called for the others.
 */
import type { Expression } from '../expression.ts'
import { callNode } from './calls.ts'
import { made } from './numeric.ts'
import { addressOf, type ColumnExpression, type ColumnMachine, rowBytes } from './shapes.ts'
import { inCase, joined, sliced, templateOf, trimmed } from './text-made.ts'
import { isNumberOf, isString, numberOf, stringOf } from './text-numbers.ts'
import {
  bytesOf,
  constantOf,
  eachMarkedText,
  markNotAscii,
  type Parts,
  placeOf,
  type TextValue,
  textPart,
  unlessHalves,
  viewsOf,
} from './text-parts.ts'
import { filled, isAscii } from './values.ts'

/** A node over text; undefined where it is none that kernels know. */
export function textNode(
  expression: Expression,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  if (isString(expression, parts)) return stringOf(parts[0]!, machine)
  if (expression.kind === 'template') return templateOf(expression, parts, machine)
  if (!parts.some(part => part.shape.kind === 'utf8')) return undefined
  if (isNumberOf(expression, parts)) return numberOf(expression, parts, machine)
  switch (expression.kind) {
    case 'call':
      return methodOf(expression, parts, machine)
    case 'field':
      return expression.name === 'length' ? lengthOf(parts[0]!, machine) : undefined
    case 'binary':
      return binaryOf(expression, parts, machine)
    case 'global':
      return expression.fn === 'String' ? parts[0] : undefined
    default:
      return undefined
  }
}

function methodOf(
  expression: Extract<Expression, { kind: 'call' }>,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const [of, ...args] = parts as [ColumnExpression, ...ColumnExpression[]]
  if (of.shape.kind !== 'utf8') return undefined
  const constants = args.map(constantOf)
  const [first] = constants as [number | undefined]
  const areNumbers = constants.every(one => typeof one === 'number')
  const { method } = expression
  switch (method) {
    case 'startsWith':
    case 'endsWith':
    case 'includes':
    case 'indexOf':
      return args.length === 1 && typeof constants[0] === 'string'
        ? searched(expression, method, of, constants[0], machine)
        : undefined
    case 'trim':
      return trimmed(expression, of, 3, machine)
    case 'trimStart':
      return trimmed(expression, of, 1, machine)
    case 'trimEnd':
      return trimmed(expression, of, 2, machine)
    case 'toLowerCase':
      return inCase(expression, of, 'lowerViews', machine)
    case 'toUpperCase':
      return inCase(expression, of, 'upperViews', machine)
    case 'toString':
      return of
    case 'concat':
      return joined(expression, parts, machine)
    case 'slice':
    case 'substring':
    case 'charAt':
      return areNumbers ? sliced(expression, of, constants as number[], machine) : undefined
    case 'charCodeAt':
      return areNumbers ? charCodeOf(of, placeOf(first ?? 0), machine) : undefined
    default:
      return undefined
  }
}

function binaryOf(
  expression: Extract<Expression, { kind: 'binary' }>,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const { operator } = expression
  if (operator === '+') return joined(expression, parts, machine)
  return /^[!=]==?$/.test(operator)
    ? equal(operator.startsWith('!'), parts, machine)
    : compared(operator, parts, machine)
}

/** `<` and the like. */
function compared(operator: string, [left, right]: Parts, machine: ColumnMachine) {
  const compare = machine.kernels[operator.endsWith('=') ? 'leViews' : 'ltViews']
  const [a, b] = operator.startsWith('>') ? [right!, left!] : [left!, right!]
  return made(true, [a, b], machine, (vector, out) => {
    compare(viewsOf(machine, a, vector), viewsOf(machine, b, vector), vector.rows, out)
  })
}

function equal(isNot: boolean, [left, right]: Parts, machine: ColumnMachine): ColumnExpression {
  const { kernels } = machine
  const [a, b] = left!.shape.kind === 'constant' ? [right!, left!] : [left!, right!]
  const text = constantOf(b)
  return made(true, [a, b], machine, (vector, out) => {
    const x = addressOf(a.run(vector))
    if (typeof text === 'string') {
      kernels.eqViewsBy(x, addressOf(filled(machine, 'utf8', text, 1)), vector.rows, out)
    } else kernels.eqViews(x, addressOf(b.run(vector)), vector.rows, out)
    if (isNot) kernels.notMask(out, vector.rows, out)
  })
}

function lengthOf(of: ColumnExpression, machine: ColumnMachine): ColumnExpression {
  return made(false, [of], machine, (vector, out) => {
    machine.kernels.textLengths(addressOf(of.run(vector)), vector.rows, out)
  })
}

/** Where a constant text is: whether it is at all, or its place. */
function searched(
  expression: Expression,
  method: 'startsWith' | 'endsWith' | 'includes' | 'indexOf',
  of: ColumnExpression,
  text: string,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const slow = callNode(expression, [of, textPart(text)], machine)
  if (!slow || !text.isWellFormed()) return slow
  const { kernels } = machine
  const isPlace = method === 'indexOf'
  const fast = made(!isPlace, [of], machine, (vector, out) => {
    const { rows } = vector
    const column = of.run(vector) as TextValue
    const [at, length] = bytesOf(machine, text)
    if (!isPlace) return kernels[method](column.at, at, length, rows, out)
    const ascii = isAscii(machine, column, rows) ? 1 : 0
    kernels.indexOfText(column.at, at, length, ascii, rows, out)
  })
  return unlessHalves(machine, fast, slow)
}

function charCodeOf(of: ColumnExpression, index: number, machine: ColumnMachine) {
  return made(false, [of], machine, (vector, out) => {
    const { rows } = vector
    const column = of.run(vector) as TextValue
    machine.kernels.charCodes(column.at, index, rows, out)
    const unsure = machine.scratch.take(rows)
    if (markNotAscii(machine, column, rows, unsure) === 0) return
    const { f64 } = machine.memory
    eachMarkedText(machine, column, unsure, rows, (row, text) => {
      f64[out / rowBytes.float64 + row] = text.charCodeAt(index)
    })
  })
}
