/** Parts of split text, read without making a list: `line.split(',')[2]`. */
import type { Expression } from '../expression.ts'
import { made } from './numeric.ts'
import {
  addressOf,
  type ColumnExpression,
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  rowBytes,
} from './shapes.ts'
import { isNumberOf, numberOf } from './text-numbers.ts'
import { bytesOf, constantOf, type Parts, viewsOf } from './text-parts.ts'
import { columnOf, filled, valuesOf } from './values.ts'

type Optional = Extract<ColumnValue, { kind: 'optional' }>

/** A node that makes such a list, reads it, or takes a text that may be missing. */
export function partsNode(
  expression: Expression,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const [of] = parts
  if (!of) return undefined
  const made = splitOf(expression, of)
  if (made) return made
  if (of.shape.kind === 'optional') return ofOptional(expression, parts, machine)
  if (of.shape.kind !== 'parts') return undefined
  if (expression.kind === 'field' && expression.name === 'length') {
    return countOf(of, of.shape.by, machine)
  }
  const place = placeOf(expression)
  if (place === undefined) return undefined
  // There is always a first part, be it empty.
  const isSure = expression.kind === 'item' && place === 0
  return isSure
    ? sure(partOf(of, of.shape.by, place, machine))
    : partOf(of, of.shape.by, place, machine)
}

/** The list of parts, which nobody has made yet. */
function splitOf(expression: Expression, of: ColumnExpression): ColumnExpression | undefined {
  if (expression.kind !== 'call' || expression.method !== 'split') return undefined
  const [by] = expression.args
  if (of.shape.kind !== 'utf8' || expression.args.length !== 1 || by?.kind !== 'constant') {
    return undefined
  }
  const { value } = by
  if (typeof value !== 'string' || value === '' || !value.isWellFormed()) return undefined
  return {
    shape: { kind: 'parts', by: value },
    calls: of.calls,
    run: vector => ({ kind: 'parts', text: of.run(vector) }),
  }
}

/** The place that `list[2]` or `list.at(2)` reads. */
function placeOf(expression: Expression): number | undefined {
  if (expression.kind === 'item') return expression.index
  if (expression.kind !== 'call' || expression.method !== 'at') return undefined
  const [first] = expression.args
  const place = first?.kind === 'constant' ? first.value : undefined
  return typeof place === 'number' && Number.isInteger(place) && place >= 0 && place < 2 ** 31
    ? place
    : undefined
}

function partOf(
  of: ColumnExpression,
  by: string,
  place: number,
  machine: ColumnMachine,
): ColumnExpression {
  const { kernels, scratch, state } = machine
  return {
    shape: { kind: 'optional' },
    calls: of.calls,
    run: vector => {
      const { rows } = vector
      const list = of.run(vector)
      if (state.halves) {
        const lists = valuesOf(machine, list, of.shape, rows) as ArrayLike<readonly string[]>
        return optionalOf(
          machine,
          Array.from(lists, one => one[place]),
          rows,
        )
      }
      const views = addressOf((list as Extract<ColumnValue, { kind: 'parts' }>).text)
      const [separator, length] = bytesOf(machine, by)
      const at = scratch.take(rows * rowBytes.utf8)
      const missing = scratch.take(rows)
      kernels.partViews(views, rows, separator, length, place, at, missing)
      state.kernelValues += rows
      return { kind: 'optional', at, missing }
    },
  }
}

function optionalOf(
  machine: ColumnMachine,
  values: readonly (string | undefined)[],
  rows: number,
): ColumnValue {
  machine.state.calledValues += rows
  const none = values.map(value => value === undefined)
  const missing = addressOf(columnOf(machine, 'bool', none, rows))
  const at = addressOf(
    columnOf(
      machine,
      'utf8',
      values.map(value => value ?? ''),
      rows,
    ),
  )
  return { kind: 'optional', at, missing }
}

/** A text that is never missing. */
function sure(part: ColumnExpression): ColumnExpression {
  const shape: ColumnShape = { kind: 'utf8', made: true }
  return {
    shape,
    calls: part.calls,
    run: vector => ({ kind: 'utf8', at: (part.run(vector) as Optional).at }),
  }
}

function countOf(
  of: ColumnExpression,
  by: string,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const { kernels, memory, state } = machine
  return made(false, [of], machine, (vector, out) => {
    const { rows } = vector
    const list = of.run(vector)
    if (state.halves) {
      const lists = valuesOf(machine, list, of.shape, rows) as ArrayLike<readonly string[]>
      for (let i = 0; i < rows; i++) memory.f64[out / rowBytes.float64 + i] = lists[i]!.length
      return
    }
    const views = addressOf((list as Extract<ColumnValue, { kind: 'parts' }>).text)
    kernels.countParts(views, rows, ...bytesOf(machine, by), out)
  })
}

/** `text ?? other`, and numbers out of a text that may be missing. */
function ofOptional(
  expression: Expression,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const [of, other] = parts as [ColumnExpression, ColumnExpression | undefined]
  const { kernels, scratch, state } = machine
  if (expression.kind === 'logical' && expression.operator === '??') {
    const isText = other?.shape.kind === 'utf8' || typeof constantOf(other!) === 'string'
    if (!isText) return undefined
    return {
      shape: { kind: 'utf8', made: true },
      calls: of.calls || other!.calls,
      run: vector => {
        const { rows } = vector
        const { at, missing } = of.run(vector) as Optional
        const out = scratch.take(rows * rowBytes.utf8)
        kernels.pickViews(missing, viewsOf(machine, other!, vector), at, rows, out)
        state.kernelValues += rows
        return { kind: 'utf8', at: out }
      },
    }
  }
  if (!isNumberOf(expression, parts)) return undefined
  let missing = 0
  const text: ColumnExpression = {
    shape: { kind: 'utf8', made: true },
    calls: of.calls,
    run: vector => {
      const value = of.run(vector) as Optional
      missing = value.missing
      return { kind: 'utf8', at: value.at }
    },
  }
  const number = numberOf(expression, [text, ...parts.slice(1)], machine)
  return made(false, [number], machine, (vector, out) => {
    const at = addressOf(number.run(vector))
    const none = addressOf(filled(machine, 'float64', Number.NaN, vector.rows))
    kernels.pickF64(missing, none, at, vector.rows, out)
  })
}
