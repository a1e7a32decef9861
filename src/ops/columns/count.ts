/** Rows counted without looking at them. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'

/** A stage that gives one number, the rows of the partition. */
export function countStage(c: ColumnCode): ColumnStage | undefined {
  if (c.input.kind === 'lines') return undefined
  let rows = 0
  return {
    output: undefined,
    begin: () => {
      rows = 0
    },
    push: vector => {
      rows += vector.rows
    },
    finish: () => rows,
  }
}
