/** `f` of each row, where it gives lists or tuples: their items, one behind the other. */
import { vectorRowsMax } from '../../columnar/group-table.ts'
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import {
  type ColumnShape,
  type ColumnValue,
  columnOf,
  itemType,
  shapeOfType,
  valuesOf,
} from '../../expressions/columns.ts'
import type { Expression } from '../../expressions/index.ts'

/** A stage that hands on items as JavaScript made them. */
export function flatStage(c: ColumnCode, expression: Expression): ColumnStage | undefined {
  const lists = c.compile(expression)
  const type = lists && itemType(lists.shape)
  if (!type) return undefined
  const output = shapeOfType(type)
  const { machine } = c
  return {
    output,
    push: (vector, next) => {
      const mark = machine.scratch.mark()
      const rows = valuesOf(machine, lists.run(vector), lists.shape, vector.rows)
      const items: unknown[] = []
      for (let i = 0; i < vector.rows; i++) {
        for (const one of rows[i] as readonly unknown[]) items.push(one)
      }
      for (let from = 0; from < items.length; from += vectorRowsMax) {
        const inner = machine.scratch.mark()
        const some = items.slice(from, from + vectorRowsMax)
        next({ rows: some.length, column: columnFor(c, output, some) })
        machine.scratch.release(inner)
      }
      machine.scratch.release(mark)
    },
  }
}

function columnFor(c: ColumnCode, shape: ColumnShape, rows: readonly unknown[]): ColumnValue {
  const { kind } = shape
  return kind === 'float64' || kind === 'utf8' || kind === 'bool'
    ? columnOf(c.machine, kind, rows, rows.length)
    : { kind: 'values', rows }
}
