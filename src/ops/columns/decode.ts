/** Columns of a vector as JavaScript values, for functions that are called. */
import type { KeyGroups } from '../../columnar/group-table.ts'
import { type ColumnMachine, type ColumnShape, valuesOf } from '../../expressions/columns.ts'

/** Whether values of the shape are plain: neither rows with parts nor lists. */
export function canDecode(shape: ColumnShape): boolean {
  return ['float64', 'utf8', 'bool', 'constant'].includes(shape.kind)
}

/** The keys of a table, by group id. */
export function decodeKeys(machine: ColumnMachine, table: KeyGroups): ArrayLike<unknown> {
  const columns = table.kinds.map((kind, i) =>
    valuesOf(machine, { kind, at: table.keys[i]! }, { kind }, table.count),
  )
  const [first, second] = columns
  if (!second) return first instanceof Float64Array ? first.slice() : first!
  return Array.from(first!, (key, i) => [key, second[i]])
}
