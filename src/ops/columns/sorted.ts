/** Rows ordered by a known key: columns are kept, and gathered in the order that kernels find. */
import { vectorRowsMax } from '../../columnar/group-table.ts'
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import { canKeep, isRow, type leafBytes } from '../../engine/column-rows.ts'
import type { ColumnMachine, ColumnShape, ColumnValue } from '../../expressions/columns.ts'
import { gathered } from './select.ts'

const idBytes = 4
/** What the kernels that sort need beside the rows. */
const scratchBytes = { row: 24, once: 8192 } as const

/** A stage for rows that columns hold, by a number or a text. */
export function sortedStage(c: ColumnCode): ColumnStage | undefined {
  const { input, machine, params } = c
  const lifted = c.expression(0)
  if (!lifted || !canKeep(input)) return undefined
  const key = c.compile(lifted)
  const kind = key?.shape.kind
  if (!key || (kind !== 'float64' && kind !== 'utf8')) return undefined
  const shape: ColumnShape = { kind: 'tuple', items: [key.shape, input] }
  const rows = c.rows()
  const { kernels } = machine
  return {
    output: input,
    begin: () => rows.begin(shape),
    push: vector => {
      const mark = machine.scratch.mark()
      const keys = key.run(vector)
      rows.push({ rows: vector.rows, column: { kind: 'tuple', items: [keys, vector.column] } })
      machine.scratch.release(mark)
    },
    finish: next => {
      const count = rows.rows
      if (count === 0) return
      const [keys, ...leaves] = rows.joined() as [number, ...number[]]
      const column = columnOf(input, leaves.values())
      const order = rows.take(count * idBytes)
      const scratch = rows.take(count * scratchBytes.row + scratchBytes.once)
      const sort = kind === 'float64' ? kernels.orderF64 : kernels.orderViews
      kernels.firstRows(order, count)
      // Backwards twice: equal keys stay in their order.
      const turn = (): unknown =>
        params.ascending ? undefined : idsAt(machine, order, count).reverse()
      turn()
      sort(keys, count, order, scratch)
      turn()
      for (let from = 0; from < count; from += vectorRowsMax) {
        const mark = machine.scratch.mark()
        const n = Math.min(vectorRowsMax, count - from)
        next({ rows: n, column: gathered(machine, column, order + from * idBytes, n) })
        machine.scratch.release(mark)
      }
    },
  }
}

function idsAt({ memory }: ColumnMachine, at: number, count: number): Uint32Array {
  return memory.u32.subarray(at / idBytes, at / idBytes + count)
}

/** The column of a shape whose leaves lie at `leaves`. */
function columnOf(shape: ColumnShape, leaves: Iterator<number>): ColumnValue {
  if (isRow(shape)) {
    return { kind: shape.kind, items: shape.items.map(item => columnOf(item, leaves)) }
  }
  const at = leaves.next().value as number
  if (shape.kind === 'constant') return shape
  return { kind: shape.kind as keyof typeof leafBytes, at }
}
