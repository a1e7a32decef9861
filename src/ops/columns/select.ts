/** Rows of a vector picked by a mask. */
import {
  type ColumnMachine,
  type ColumnValue,
  type ColumnVector,
  lazyValues,
} from '../../expressions/columns.ts'

const rowBytes = { float64: 8, utf8: 16, bool: 1 } as const

/** The rows for which the mask at `mask` has a 1, in order. */
export function selected(machine: ColumnMachine, vector: ColumnVector, mask: number): ColumnVector {
  const { kernels, scratch } = machine
  if (vector.column.kind === 'float64') {
    const at = scratch.take(vector.rows * rowBytes.float64)
    const rows = kernels.filterF64(vector.column.at, mask, vector.rows, at)
    return { rows, column: { kind: 'float64', at } }
  }
  const indexes = scratch.take(vector.rows * 4)
  const rows = kernels.maskToRows(mask, vector.rows, indexes)
  return { rows, column: gathered(machine, vector.column, indexes, rows) }
}

/** The rows of a column that are listed at `indexes` (u32), in scratch memory. */
export function gathered(
  machine: ColumnMachine,
  column: ColumnValue,
  indexes: number,
  rows: number,
): ColumnValue {
  const { kernels, scratch } = machine
  const gather = {
    float64: kernels.gatherF64,
    utf8: kernels.gatherViews,
    bool: kernels.gatherBytes,
  }
  const pick = (value: ColumnValue): ColumnValue => {
    switch (value.kind) {
      case 'tuple':
      case 'struct':
        return { kind: value.kind, items: value.items.map(pick) }
      case 'constant':
      case 'lines':
        return value
      case 'parts':
        return { kind: 'parts', text: pick(value.text) }
      case 'optional': {
        const [at, missing] = [scratch.take(rows * rowBytes.utf8), scratch.take(rows)]
        kernels.gatherViews(value.at, indexes, rows, at)
        kernels.gatherBytes(value.missing, indexes, rows, missing)
        return { kind: 'optional', at, missing }
      }
      case 'values':
        return lazyValues(() => {
          const list = machine.memory.u32.subarray(indexes / 4, indexes / 4 + rows)
          return Array.from(list, i => value.rows[i])
        })
      case 'ids': {
        const at = scratch.take(rows * 4)
        kernels.gatherU32(value.at, indexes, rows, at)
        return { kind: 'ids', at, texts: value.texts }
      }
      default: {
        const at = scratch.take(rows * rowBytes[value.kind])
        gather[value.kind](value.at, indexes, rows, at)
        if (value.kind !== 'utf8') return { kind: value.kind, at }
        // Only that all are ASCII holds for some of them too.
        return value.ascii ? { kind: 'utf8', at, ascii: true } : { kind: 'utf8', at }
      }
    }
  }
  return pick(column)
}
