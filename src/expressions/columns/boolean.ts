/** Truth: masks of any value, and what picks between values by them. */
import type { Expression } from '../expression.ts'
import { join } from '../types.ts'
import { writtenOut } from './dictionary.ts'
import { made } from './numeric.ts'
import {
  addressOf,
  type ColumnExpression,
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  type ColumnVector,
  rowBytes,
  scalarKind,
} from './shapes.ts'
import { columnOf, filled, typeOfShape, valuesOf } from './values.ts'

/** `!`, `&&`, `||`, conditionals, and booleans compared; undefined for other nodes. */
export function booleanNode(
  expression: Expression,
  parts: readonly ColumnExpression[],
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const [a, b, c] = parts
  switch (expression.kind) {
    case 'unary':
      return expression.operator === '!' ? negated(truthOf(a!, machine), machine) : undefined
    case 'global':
      return expression.fn === 'Boolean' ? truthOf(a!, machine) : undefined
    case 'logical': {
      if (expression.operator === '??') return undefined
      const isAnd = expression.operator === '&&'
      // Both sides are pure, so computing both is what short-circuiting gives.
      if (a!.shape.kind === 'bool' && b!.shape.kind === 'bool')
        return joined(isAnd, a!, b!, machine)
      return isAnd ? picked(a!, b!, a!, machine) : picked(a!, a!, b!, machine)
    }
    case 'conditional':
      return picked(a!, b!, c!, machine)
    case 'binary':
      return a!.shape.kind === 'bool' && b!.shape.kind === 'bool'
        ? compared(expression.operator, a!, b!, machine)
        : undefined
    default:
      return undefined
  }
}

/** The mask of the rows for which a value is truthy. */
export function truthOf(a: ColumnExpression, machine: ColumnMachine): ColumnExpression {
  const { kernels, scratch } = machine
  switch (a.shape.kind) {
    case 'bool':
      return a
    case 'float64':
      return made(true, [a], machine, (vector, out) => {
        const { rows } = vector
        const x = addressOf(a.run(vector))
        // Neither 0, -0 nor NaN.
        const other = scratch.take(rows)
        kernels.eqF64By(x, 0, rows, out)
        kernels.notMask(out, rows, out)
        kernels.eqF64(x, x, rows, other)
        kernels.andMasks(out, other, rows, out)
      })
    case 'utf8':
      return made(true, [a], machine, (vector, out) => {
        const { rows } = vector
        const x = addressOf(a.run(vector))
        kernels.eqViewsBy(x, addressOf(filled(machine, 'utf8', '', 1)), rows, out)
        kernels.notMask(out, rows, out)
      })
    case 'ids': {
      const run = (vector: ColumnVector) => writtenOut(machine, a.run(vector), vector.rows)
      return truthOf({ shape: { kind: 'utf8' }, calls: a.calls, run }, machine)
    }
    case 'optional':
    case 'values':
      return {
        shape: { kind: 'bool' },
        calls: true,
        run: vector => {
          machine.state.calledValues += vector.rows
          const rows = valuesOf(machine, a.run(vector), a.shape, vector.rows)
          return columnOf(machine, 'bool', rows, vector.rows)
        },
      }
    default: {
      // Tuples and objects are true.
      const value = a.shape.kind === 'constant' ? Boolean(a.shape.value) : true
      return {
        shape: { kind: 'constant', value },
        calls: false,
        run: () => ({ kind: 'constant', value }),
      }
    }
  }
}

function negated(a: ColumnExpression, machine: ColumnMachine): ColumnExpression {
  return made(true, [a], machine, (vector, out) => {
    machine.kernels.notMask(addressOf(a.run(vector)), vector.rows, out)
  })
}

function joined(isAnd: boolean, a: ColumnExpression, b: ColumnExpression, machine: ColumnMachine) {
  const call = machine.kernels[isAnd ? 'andMasks' : 'orMasks']
  return made(true, [a, b], machine, (vector, out) => {
    call(addressOf(a.run(vector)), addressOf(b.run(vector)), vector.rows, out)
  })
}

/** `===` and the like of two masks. */
function compared(
  operator: string,
  a: ColumnExpression,
  b: ColumnExpression,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  if (!/^[!=]==?$/.test(operator)) return undefined
  const { kernels, scratch } = machine
  return made(true, [a, b], machine, (vector, out) => {
    const { rows } = vector
    const x = addressOf(a.run(vector))
    const y = addressOf(b.run(vector))
    // They differ where one of them holds and not both.
    const both = scratch.take(rows)
    kernels.andMasks(x, y, rows, both)
    kernels.notMask(both, rows, both)
    kernels.orMasks(x, y, rows, out)
    kernels.andMasks(out, both, rows, out)
    if (operator.startsWith('=')) kernels.notMask(out, rows, out)
  })
}

/** `yes` where the test is truthy, else `no`. */
function picked(
  test: ColumnExpression,
  yes: ColumnExpression,
  no: ColumnExpression,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const mask = truthOf(test, machine)
  const shape = pickedShape(yes.shape, no.shape)
  if (!shape || mask.shape.kind !== 'bool') return undefined
  return {
    shape,
    calls: test.calls || yes.calls || no.calls || hasValues(shape),
    run: vector => {
      const at = addressOf(mask.run(vector))
      const pick = new Pick(machine, at, vector.rows)
      return pick.value(shape, [yes.run(vector), yes.shape], [no.run(vector), no.shape])
    },
  }
}

type Shaped = readonly [ColumnValue, ColumnShape]

class Pick {
  readonly #machine: ColumnMachine
  readonly #mask: number
  readonly #rows: number

  constructor(machine: ColumnMachine, mask: number, rows: number) {
    this.#machine = machine
    this.#mask = mask
    this.#rows = rows
  }

  value(shape: ColumnShape, [yes, yesShape]: Shaped, [no, noShape]: Shaped): ColumnValue {
    if (shape.kind === 'constant') return shape
    if (shape.kind === 'tuple' || shape.kind === 'struct') {
      const part = (value: ColumnValue, of: ColumnShape, i: number): Shaped => [
        (value as Extract<ColumnValue, { kind: 'tuple' | 'struct' }>).items[i]!,
        (of as Extract<ColumnShape, { kind: 'tuple' | 'struct' }>).items[i]!,
      ]
      const items = shape.items.map((one, i) =>
        this.value(one, part(yes, yesShape, i), part(no, noShape, i)),
      )
      return { kind: shape.kind, items }
    }
    if (shape.kind === 'float64' || shape.kind === 'utf8' || shape.kind === 'bool') {
      return this.#scalars(shape.kind, yes, no)
    }
    return this.#values([yes, yesShape], [no, noShape])
  }

  #scalars(kind: 'float64' | 'utf8' | 'bool', yes: ColumnValue, no: ColumnValue): ColumnValue {
    const { kernels, scratch, state } = this.#machine
    const rows = this.#rows
    const column = (value: ColumnValue): number =>
      addressOf(value.kind === 'constant' ? filled(this.#machine, kind, value.value, rows) : value)
    const [a, b] = [column(yes), column(no)]
    const at = scratch.take(rows * rowBytes[kind])
    state.kernelValues += rows
    if (kind === 'float64') kernels.pickF64(this.#mask, a, b, rows, at)
    else if (kind === 'utf8') kernels.pickViews(this.#mask, a, b, rows, at)
    else {
      const other = scratch.take(rows)
      kernels.andMasks(this.#mask, a, rows, at)
      kernels.notMask(this.#mask, rows, other)
      kernels.andMasks(other, b, rows, other)
      kernels.orMasks(at, other, rows, at)
    }
    return { kind, at }
  }

  #values([yes, yesShape]: Shaped, [no, noShape]: Shaped): ColumnValue {
    const machine = this.#machine
    const rows = this.#rows
    const a = valuesOf(machine, yes, yesShape, rows)
    const b = valuesOf(machine, no, noShape, rows)
    machine.state.calledValues += rows
    const mask = machine.memory.u8.subarray(this.#mask, this.#mask + rows)
    return { kind: 'values', rows: Array.from(mask, (one, i) => (one === 1 ? a[i] : b[i])) }
  }
}

/** The shape of values that come from one of two columns; undefined where there is none. */
function pickedShape(a: ColumnShape, b: ColumnShape): ColumnShape | undefined {
  if (a.kind === 'constant' && b.kind === 'constant' && Object.is(a.value, b.value)) return a
  const kind = scalarKind(a)
  if (kind && kind === scalarKind(b)) {
    if (kind !== 'utf8') return { kind }
    // A constant's text is written to scratch memory.
    const isMade = [a, b].some(one => one.kind === 'constant' || (one.kind === 'utf8' && one.made))
    return isMade ? { kind, made: true } : { kind }
  }
  const isRow = a.kind === 'tuple' || a.kind === 'struct'
  if (isRow && (b.kind === 'tuple' || b.kind === 'struct') && a.kind === b.kind) {
    const isLike = a.kind === 'tuple' || String(a.names) === String((b as typeof a).names)
    if (!isLike || a.items.length !== b.items.length) return undefined
    const items = a.items.map((one, i) => pickedShape(one, b.items[i]!))
    if (items.some(one => one === undefined)) return undefined
    return { ...a, items: items as ColumnShape[] }
  }
  const type = join(typeOfShape(a), typeOfShape(b))
  return type && { kind: 'values', type }
}

function hasValues(shape: ColumnShape): boolean {
  if (shape.kind === 'tuple' || shape.kind === 'struct') return shape.items.some(hasValues)
  return shape.kind === 'values'
}
