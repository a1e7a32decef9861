/** Values counted by group id. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import {
  type ColumnShape,
  type ColumnValue,
  type ColumnVector,
  withoutIds,
} from '../../expressions/columns.ts'
import { isNumbers, numbersAt } from './numbers.ts'
import { keyAddresses, keyKinds, pushGroups } from './vectors.ts'

const idBytes = 4

/** A stage for rows that tables take as keys, and for their counts in the other half. */
export function countByValueStage(c: ColumnCode): ColumnStage | undefined {
  const { input, machine, params } = c
  const counts = params.local || input.kind !== 'tuple' ? undefined : input.items[1]
  if (!params.local && !(counts && isNumbers(counts))) return undefined
  const key = params.local ? input : (input as { items: readonly ColumnShape[] }).items[0]!
  const kinds = keyKinds(key)
  if (!kinds) return undefined
  const { kernels, scratch } = machine
  const table = c.groups(key)
  let expected = 0
  const keyOf = ({ column }: ColumnVector): ColumnValue =>
    params.local || column.kind !== 'tuple' ? column : column.items[0]!
  return {
    output: { kind: 'tuple', items: [withoutIds(key), { kind: 'float64' }] },
    begin: () => table.begin(kinds, 0, expected),
    push: vector => {
      const { rows, column } = vector
      if (rows === 0) return
      const mark = scratch.mark()
      const gids = scratch.take(rows * idBytes)
      table.group(keyAddresses(keyOf(vector)), rows, gids)
      if (!counts) kernels.countByGid(gids, rows, table.numbers)
      else if (column.kind === 'tuple') {
        const numbers = numbersAt(machine, column.items[1]!, rows)
        kernels.sumByGid(gids, numbers, rows, table.numbers)
      }
      scratch.release(mark)
    },
    finish: next => {
      expected = table.count
      pushGroups(table, next)
    },
  }
}
