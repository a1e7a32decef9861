/** Rows found once by group id. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import { type ColumnShape, type ColumnValue, withoutIds } from '../../expressions/columns.ts'
import { keyAddresses, keyKinds, pushGroups } from './vectors.ts'

const idBytes = 4

/** A stage for rows that tables take as keys; the second half gets them as keys of pairs. */
export function distinctStage(c: ColumnCode): ColumnStage | undefined {
  const { input, machine, params } = c
  if (!params.local && input.kind !== 'tuple') return undefined
  const key = params.local ? input : (input as { items: readonly ColumnShape[] }).items[0]!
  const kinds = keyKinds(key)
  if (!kinds) return undefined
  const { scratch } = machine
  const table = c.groups(key)
  let expected = 0
  const keyOf = (column: ColumnValue): ColumnValue =>
    params.local || column.kind !== 'tuple' ? column : column.items[0]!
  return {
    output: params.local
      ? { kind: 'tuple', items: [withoutIds(key), { kind: 'float64' }] }
      : withoutIds(key),
    // The number of a group stands for nothing: it makes a pair of the row.
    begin: () => table.begin(kinds, 1, expected),
    push: ({ rows, column }) => {
      if (rows === 0) return
      const mark = scratch.mark()
      table.group(keyAddresses(keyOf(column)), rows, scratch.take(rows * idBytes))
      scratch.release(mark)
    },
    finish: next => {
      expected = table.count
      pushGroups(table, vector => {
        next(params.local ? vector : { rows: vector.rows, column: keyOf(vector.column) })
      })
    },
  }
}
