/** Columns of ids: texts that are written out only where somebody needs them. */
import type { Expression } from '../expression.ts'
import { children } from '../expression.ts'
import type { ColumnMachine, ColumnShape, ColumnValue } from './shapes.ts'

/** Whether part of the shape is a column of ids. */
export function hasIds(shape: ColumnShape): boolean {
  if (shape.kind === 'tuple' || shape.kind === 'struct') return shape.items.some(hasIds)
  return shape.kind === 'ids'
}

/** The shape once ids are written out. */
export function withoutIds(shape: ColumnShape): ColumnShape {
  if (shape.kind === 'tuple' || shape.kind === 'struct') {
    return { ...shape, items: shape.items.map(withoutIds) }
  }
  return shape.kind === 'ids' ? { kind: 'utf8' } : shape
}

/** The column with texts, in scratch memory, in place of their ids. */
export function writtenOut(machine: ColumnMachine, value: ColumnValue, rows: number): ColumnValue {
  if (value.kind === 'tuple' || value.kind === 'struct') {
    return { kind: value.kind, items: value.items.map(item => writtenOut(machine, item, rows)) }
  }
  if (value.kind !== 'ids') return value
  const at = machine.scratch.take(rows * viewBytes)
  machine.kernels.gatherViews(value.texts.at, value.at, rows, at)
  return { kind: 'utf8', at }
}

const viewBytes = 16

/** Whether the expression only moves its parameters about: then ids do as well as texts. */
export function onlyMoves(expression: Expression): boolean {
  switch (expression.kind) {
    case 'parameter':
    case 'constant':
      return true
    case 'item':
    case 'field':
    case 'tuple':
    case 'struct':
      return children(expression).every(onlyMoves)
    default:
      return false
  }
}
