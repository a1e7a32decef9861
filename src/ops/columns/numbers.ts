/** Columns of numbers: where they lie, and one of them made. */
import type { Push } from '../../engine/column-kernel.ts'
import type { ColumnMachine, ColumnShape, ColumnValue } from '../../expressions/columns.ts'

const numberBytes = 8

/** Whether every row is a number. */
export function isNumbers(shape: ColumnShape): boolean {
  return shape.kind === 'float64' || (shape.kind === 'constant' && typeof shape.value === 'number')
}

/** Address of a column of numbers; a constant is written to the scratch memory. */
export function numbersAt(machine: ColumnMachine, column: ColumnValue, rows: number): number {
  if (column.kind === 'float64') return column.at
  const at = machine.scratch.take(rows * numberBytes)
  machine.kernels.fillF64(at, rows, column.kind === 'constant' ? Number(column.value) : 0)
  return at
}

/** Hands on one row, a number. */
export function pushNumber(machine: ColumnMachine, value: number, next: Push): void {
  const mark = machine.scratch.mark()
  const at = machine.scratch.take(numberBytes)
  machine.kernels.fillF64(at, 1, value)
  next({ rows: 1, column: { kind: 'float64', at } })
  machine.scratch.release(mark)
}
