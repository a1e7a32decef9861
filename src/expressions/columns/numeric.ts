/** Numbers: arithmetic, bitwise operators, comparisons, and functions of numbers, by kernels. */
import type { KernelExports } from '../../columnar/kernel-exports.ts'
import type { Expression } from '../expression.ts'
import {
  addressOf,
  type ColumnExpression,
  type ColumnMachine,
  type ColumnVector,
  rowBytes,
} from './shapes.ts'

type Name = keyof KernelExports
type OfTwo = (a: number, b: number, n: number, out: number) => void
type OfOne = (a: number, n: number, out: number) => void

/** A node over numbers; undefined where it is none that kernels know. */
export function numericNode(
  expression: Expression,
  parts: readonly ColumnExpression[],
  machine: ColumnMachine,
): ColumnExpression | undefined {
  if (!parts.every(isNumber) || parts.every(part => part.shape.kind === 'constant')) {
    return undefined
  }
  switch (expression.kind) {
    case 'binary':
      return binaryOf(expression.operator, parts[0]!, parts[1]!, machine)
    case 'unary':
      return unaryOf(expression.operator, parts[0]!, machine)
    case 'math':
      return mathOf(expression.fn, parts, machine)
    case 'global':
      return parts.length === 1 ? globalOf(expression.fn, parts[0]!, machine) : undefined
    default:
      return undefined
  }
}

function isNumber({ shape }: ColumnExpression): boolean {
  return shape.kind === 'float64' || numberOf(shape) !== undefined
}

function numberOf(shape: ColumnExpression['shape']): number | undefined {
  return shape.kind === 'constant' && typeof shape.value === 'number' ? shape.value : undefined
}

function binaryOf(
  written: string,
  a: ColumnExpression,
  b: ColumnExpression,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  // Of two numbers == means ===.
  const operator = written === '==' ? '===' : written === '!=' ? '!==' : written
  const k = numberOf(b.shape)
  if (k !== undefined) return byConstant(operator, a, k, machine)
  const first = numberOf(a.shape)
  if (first !== undefined) return fromConstant(operator, first, b, machine)
  const name = columnKernels[operator]
  if (!name) return undefined
  const call = machine.kernels[name] as OfTwo
  const swap = operator === '>' || operator === '>='
  const negate = operator === '!=='
  return made(comparisons.has(operator), [a, b], machine, (vector, out) => {
    const x = addressOf(a.run(vector))
    const y = addressOf(b.run(vector))
    if (swap) call(y, x, vector.rows, out)
    else call(x, y, vector.rows, out)
    if (negate) machine.kernels.notMask(out, vector.rows, out)
  })
}

function byConstant(
  operator: string,
  a: ColumnExpression,
  k: number,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const name = constantKernels[operator]
  if (!name) return undefined
  const call = machine.kernels[name] as OfTwo
  const negate = operator === '!=='
  return made(comparisons.has(operator), [a], machine, (vector, out) => {
    call(addressOf(a.run(vector)), k, vector.rows, out)
    if (negate) machine.kernels.notMask(out, vector.rows, out)
  })
}

function fromConstant(
  operator: string,
  k: number,
  b: ColumnExpression,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const mirrored = mirror[operator]
  if (mirrored) return byConstant(mirrored, b, k, machine)
  const name = fromKernels[operator]
  if (name) {
    const call = machine.kernels[name] as OfTwo
    return made(false, [b], machine, (vector, out) => {
      call(k, addressOf(b.run(vector)), vector.rows, out)
    })
  }
  const other = columnKernels[operator]
  if (!other) return undefined
  const call = machine.kernels[other] as OfTwo
  return made(false, [b], machine, (vector, out) => {
    const y = addressOf(b.run(vector))
    machine.kernels.fillF64(out, vector.rows, k)
    call(out, y, vector.rows, out)
  })
}

function unaryOf(
  operator: string,
  a: ColumnExpression,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  if (operator === '+') return a
  if (operator === '-') return mapped('negF64', a, machine)
  return operator === '~' ? byConstant('^', a, -1, machine) : undefined
}

function mathOf(
  fn: string,
  parts: readonly ColumnExpression[],
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const [first] = parts
  if (fn === 'min' || fn === 'max') {
    return folded(fn, parts, machine)
  }
  const name = mathKernels[fn]
  return name && parts.length === 1 ? mapped(name, first!, machine) : undefined
}

/** The least or greatest of several: constants among them are one constant. */
function folded(
  fn: 'min' | 'max',
  parts: readonly ColumnExpression[],
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const columns = parts.filter(part => part.shape.kind === 'float64')
  const constants = parts.flatMap(part => numberOf(part.shape) ?? [])
  const least = columns.reduce((a, b) => binaryOf(fn, a, b, machine)!)
  return constants.length === 0 ? least : byConstant(fn, least, Math[fn](...constants), machine)
}

function globalOf(
  fn: string,
  a: ColumnExpression,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const { kernels, scratch } = machine
  switch (fn) {
    case 'Number':
      return a
    case 'isNaN':
    case 'Number.isNaN':
      return made(true, [a], machine, (vector, out) => {
        const x = addressOf(a.run(vector))
        kernels.eqF64(x, x, vector.rows, out)
        kernels.notMask(out, vector.rows, out)
      })
    case 'isFinite':
    case 'Number.isFinite':
    case 'Number.isInteger':
    case 'Number.isSafeInteger':
      return made(true, [a], machine, ({ rows, ...vector }, out) => {
        const x = addressOf(a.run({ rows, ...vector }))
        const other = scratch.take(rows * rowBytes.float64)
        kernels.absF64(x, rows, other)
        if (fn.endsWith('SafeInteger')) kernels.leF64By(other, Number.MAX_SAFE_INTEGER, rows, out)
        else kernels.ltF64By(other, Number.POSITIVE_INFINITY, rows, out)
        if (!fn.endsWith('Integer')) return
        kernels.truncF64(x, rows, other)
        const whole = scratch.take(rows)
        kernels.eqF64(x, other, rows, whole)
        kernels.andMasks(out, whole, rows, out)
      })
    default:
      return undefined
  }
}

function mapped(name: Name, a: ColumnExpression, machine: ColumnMachine): ColumnExpression {
  const call = machine.kernels[name] as OfOne
  return made(false, [a], machine, (vector, out) =>
    call(addressOf(a.run(vector)), vector.rows, out),
  )
}

/** A node whose column is written by `fill`: numbers, or a mask. */
export function made(
  isMask: boolean,
  parts: readonly ColumnExpression[],
  machine: ColumnMachine,
  fill: (vector: ColumnVector, out: number) => void,
): ColumnExpression {
  const kind = isMask ? 'bool' : 'float64'
  return {
    shape: { kind },
    calls: parts.some(part => part.calls),
    run: vector => {
      const out = machine.scratch.take(vector.rows * rowBytes[kind])
      fill(vector, out)
      machine.state.kernelValues += vector.rows
      return { kind, at: out }
    },
  }
}

const comparisons = new Set(['<', '<=', '>', '>=', '===', '!=='])

const columnKernels: Readonly<Record<string, Name>> = {
  '+': 'addF64',
  '-': 'subF64',
  '*': 'mulF64',
  '/': 'divF64',
  '%': 'remF64',
  '<': 'ltF64',
  '<=': 'leF64',
  '>': 'ltF64',
  '>=': 'leF64',
  '===': 'eqF64',
  '!==': 'eqF64',
  '&': 'andInt32',
  '|': 'orInt32',
  '^': 'xorInt32',
  '<<': 'shlInt32',
  '>>': 'shrInt32',
  '>>>': 'shrUint32',
  min: 'minF64',
  max: 'maxF64',
}

const constantKernels: Readonly<Record<string, Name>> = {
  '+': 'addF64By',
  '-': 'subF64By',
  '*': 'mulF64By',
  '/': 'divF64By',
  '%': 'remF64By',
  '<': 'ltF64By',
  '<=': 'leF64By',
  '>': 'gtF64By',
  '>=': 'geF64By',
  '===': 'eqF64By',
  '!==': 'eqF64By',
  '&': 'andInt32By',
  '|': 'orInt32By',
  '^': 'xorInt32By',
  '<<': 'shlInt32By',
  '>>': 'shrInt32By',
  '>>>': 'shrUint32By',
  min: 'minF64By',
  max: 'maxF64By',
}

/** `k op column` as `column op' k`, where the two are the same to the last bit. */
const mirror: Readonly<Record<string, string>> = {
  '+': '+',
  '*': '*',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '===': '===',
  '!==': '!==',
  '&': '&',
  '|': '|',
  '^': '^',
}

const fromKernels: Readonly<Record<string, Name>> = {
  '-': 'subF64From',
  '/': 'divF64From',
  '%': 'remF64From',
}

const mathKernels: Readonly<Record<string, Name>> = {
  abs: 'absF64',
  sqrt: 'sqrtF64',
  floor: 'floorF64',
  ceil: 'ceilF64',
  trunc: 'truncF64',
  round: 'roundF64',
  sign: 'signF64',
}
