/** Vectors cut and made of what lies in memory. */
import { type KeyGroups, keyBytes, vectorRowsMax } from '../../columnar/group-table.ts'
import type { Push } from '../../engine/column-kernel.ts'
import {
  type ColumnShape,
  type ColumnValue,
  type ColumnVector,
  lazyValues,
} from '../../expressions/columns.ts'

const rowBytes = { ...keyBytes, bool: 1 } as const
const numberBytes = 8

/** Rows [from, to) of a vector. */
export function sliceVector({ column }: ColumnVector, from: number, to: number): ColumnVector {
  return { rows: to - from, column: moved(column, from) }
}

function moved(value: ColumnValue, rows: number): ColumnValue {
  switch (value.kind) {
    case 'tuple':
    case 'struct':
      return { kind: value.kind, items: value.items.map(item => moved(item, rows)) }
    case 'constant':
    case 'lines':
      return value
    case 'parts':
      return { kind: 'parts', text: moved(value.text, rows) }
    case 'optional': {
      const at = value.at + rows * rowBytes.utf8
      return { kind: 'optional', at, missing: value.missing + rows }
    }
    case 'values':
      return lazyValues(() => Array.prototype.slice.call(value.rows, rows))
    case 'ids':
      return { kind: 'ids', at: value.at + rows * 4, texts: value.texts }
    default:
      return { kind: value.kind, at: value.at + rows * rowBytes[value.kind] }
  }
}

/** The kinds of the columns of a key: one, or two for a pair. Undefined where no table takes it. */
export function keyKinds(shape: ColumnShape): ('float64' | 'utf8')[] | undefined {
  if (shape.kind === 'ids') return ['utf8']
  const parts = shape.kind === 'tuple' ? shape.items : [shape]
  if (shape.kind === 'tuple' && parts.length !== 2) return undefined
  const kinds = parts.map(part => part.kind)
  if (!kinds.every(kind => kind === 'float64' || kind === 'utf8')) return undefined
  return kinds as ('float64' | 'utf8')[]
}

/** Addresses of the columns of a key, or of its ids. */
export function keyAddresses(key: ColumnValue): number[] {
  if (key.kind === 'tuple') return key.items.flatMap(keyAddresses)
  return [(key as { readonly at: number }).at]
}

/** Hands on the groups of a table, as pairs of key and number. */
export function pushGroups(table: KeyGroups, next: Push): void {
  const { kinds, keys, numbers, count } = table
  for (let from = 0; from < count; from += vectorRowsMax) {
    const columns = kinds.map((kind, i): ColumnValue => {
      return { kind, at: keys[i]! + from * keyBytes[kind] }
    })
    const key: ColumnValue = columns.length === 1 ? columns[0]! : { kind: 'tuple', items: columns }
    const number: ColumnValue = { kind: 'float64', at: numbers + from * numberBytes }
    const rows = Math.min(vectorRowsMax, count - from)
    next({ rows, column: { kind: 'tuple', items: [key, number] } })
  }
}
