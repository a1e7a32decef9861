/** Columns of a vector as JavaScript values, for functions that are called. */
import { decodeViews } from '../../columnar/decode.ts'
import type { KeyGroups } from '../../columnar/group-table.ts'
import type { ColumnMachine, ColumnShape, ColumnValue } from '../../expressions/columns.ts'

const numberBytes = 8

/** Whether `decodeColumn` knows the shape. */
export function canDecode(shape: ColumnShape): boolean {
  return ['float64', 'utf8', 'bool', 'constant'].includes(shape.kind)
}

/**
 * The values of a column without parts. Numbers are a view of the memory: valid as long as the
 * column is, and not to be written.
 */
export function decodeColumn(
  machine: ColumnMachine,
  column: ColumnValue,
  rows: number,
): ArrayLike<unknown> {
  const { memory, kernels } = machine
  switch (column.kind) {
    case 'float64':
      return memory.f64.subarray(column.at / numberBytes, column.at / numberBytes + rows)
    case 'utf8':
      return decodeViews(memory, kernels, column.at, rows)
    case 'bool':
      return Array.from(memory.u8.subarray(column.at, column.at + rows), byte => byte === 1)
    case 'constant':
      return new Array(rows).fill(column.value)
    default:
      throw new Error(`a ${column.kind} has no values`)
  }
}

/** The keys of a table, by group id. */
export function decodeKeys(machine: ColumnMachine, table: KeyGroups): ArrayLike<unknown> {
  const columns = table.kinds.map((kind, i) =>
    decodeColumn(machine, { kind, at: table.keys[i]! }, table.count),
  )
  const [first, second] = columns
  if (!second) return first instanceof Float64Array ? first.slice() : first!
  return Array.from(first!, (key, i) => [key, second[i]])
}
