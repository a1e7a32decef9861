/** Rows of a vector picked by a mask. */
import type { ColumnMachine, ColumnValue, ColumnVector } from '../../expressions/columns.ts'

const rowBytes = { float64: 8, utf8: 16, bool: 1 } as const

/** The rows for which the mask at `mask` has a 1, in order. */
export function selected(machine: ColumnMachine, vector: ColumnVector, mask: number): ColumnVector {
  const { kernels, scratch } = machine
  const indexes = scratch.take(vector.rows * 4)
  const rows = kernels.maskToRows(mask, vector.rows, indexes)
  const gather = {
    float64: kernels.gatherF64,
    utf8: kernels.gatherViews,
    bool: kernels.gatherBytes,
  }
  const pick = (value: ColumnValue): ColumnValue => {
    if (value.kind === 'tuple') return { kind: 'tuple', items: value.items.map(pick) }
    if (value.kind === 'constant' || value.kind === 'lines') return value
    const at = scratch.take(rows * rowBytes[value.kind])
    gather[value.kind](value.at, indexes, rows, at)
    return { kind: value.kind, at }
  }
  return { rows, column: pick(vector.column) }
}
