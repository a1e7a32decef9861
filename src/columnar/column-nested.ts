/** Columns made of columns: arrays, tuples and plain objects. */
import { BaseColumn, type Column, missingOf } from './column.ts'
import type { ColumnNode } from './format.ts'
import type { Memory } from './memory.ts'
import { buildObject, objectMaker } from './objects.ts'
import type { ListType, StructType, TupleType } from './schema.ts'

/** Arrays of varying length: row i is items [offsets[i], offsets[i + 1]). */
export class ListColumn extends BaseColumn {
  readonly type: ListType
  readonly item: Column
  readonly offsets: Uint32Array

  constructor(memory: Memory, node: ColumnNode, children: readonly Column[]) {
    super(memory, node)
    this.item = children[0]!
    this.type = { kind: 'list', item: this.item.type, ...missingOf(node) }
    const start = node.data / 4
    this.offsets = memory.u32.subarray(start, start + node.rows + 1)
  }

  protected value(i: number): unknown[] {
    return Array.from(this.item.decode(this.offsets[i]!, this.offsets[i + 1]!))
  }

  protected values(from: number, to: number): unknown[][] {
    const out = new Array<unknown[]>(to - from)
    const { offsets } = this
    let p = offsets[from]!
    const base = p
    const items = this.item.decode(base, offsets[to]!)
    for (let i = from; i < to; i++) {
      const end = offsets[i + 1]!
      const row = new Array<unknown>(end - p)
      for (let k = 0; p < end; k++, p++) row[k] = items[p - base]
      out[i - from] = row
    }
    return out
  }
}

/** Arrays of one fixed length: a column for each place. */
export class TupleColumn extends BaseColumn {
  readonly type: TupleType
  readonly items: Column[]

  constructor(memory: Memory, node: ColumnNode, children: readonly Column[]) {
    super(memory, node)
    this.items = [...children]
    this.type = { kind: 'tuple', items: children.map(c => c.type), ...missingOf(node) }
  }

  protected value(i: number): unknown[] {
    return this.items.map(item => item.get(i))
  }

  protected values(from: number, to: number): unknown[][] {
    const columns = this.items.map(item => item.decode(from, to))
    return columns.length === 2
      ? pairsOf(columns[0]!, columns[1]!, to - from)
      : tuplesOf(columns, to - from)
  }
}

function pairsOf(keys: ArrayLike<unknown>, values: ArrayLike<unknown>, rows: number): unknown[][] {
  const out = new Array<unknown[]>(rows)
  for (let i = 0; i < rows; i++) out[i] = [keys[i], values[i]]
  return out
}

function tuplesOf(columns: readonly ArrayLike<unknown>[], rows: number): unknown[][] {
  const out = new Array<unknown[]>(rows)
  for (let i = 0; i < rows; i++) {
    const row = new Array<unknown>(columns.length)
    for (let k = 0; k < columns.length; k++) row[k] = columns[k]![i]
    out[i] = row
  }
  return out
}

/**
 * Plain objects: a column for each field, and, where objects differ in their keys or the order of
 * keys, a shape id a row. In the column of a field, rows without that key are undefined.
 */
export class StructColumn extends BaseColumn {
  readonly type: StructType
  readonly names: string[]
  readonly columns: Column[]
  /** Orders of fields; a row's shape tells its keys and their order. */
  readonly shapes: readonly (readonly number[])[]
  /** The shape of each row, or null where all rows have shape 0. */
  readonly shapeIds: Uint16Array | null

  constructor(memory: Memory, node: ColumnNode, children: readonly Column[]) {
    super(memory, node)
    this.names = [...node.names]
    this.columns = [...children]
    this.shapes = node.shapes
    this.type = {
      kind: 'struct',
      fields: children.map((column, i) => ({ name: node.names[i]!, type: column.type })),
      shapes: node.shapes,
      ...missingOf(node),
    }
    this.shapeIds = node.data === 0 ? null : new Uint16Array(memory.u8.buffer, node.data, node.rows)
  }

  /** The column of a field, or undefined where no row has that key. */
  column(name: string): Column | undefined {
    return this.columns[this.names.indexOf(name)]
  }

  protected value(i: number): object {
    const shape = this.shapes[this.shapeIds === null ? 0 : this.shapeIds[i]!]!
    return buildObject(
      shape.map(field => this.names[field]!),
      shape.map(field => this.columns[field]!.get(i)),
    )
  }

  protected values(from: number, to: number): object[] {
    const columns = this.columns.map(column => column.decode(from, to))
    const shapes = this.shapes.map(shape => ({
      make: objectMaker(shape.map(field => this.names[field]!)),
      columns: shape.map(field => columns[field]!),
    }))
    const rows = to - from
    const out = new Array<object>(rows)
    // Only missing rows so far: no object has shown its keys.
    if (shapes.length === 0) return out
    const ids = this.shapeIds
    // Runs of one shape are usual, so each run is one call.
    for (let i = 0; i < rows; ) {
      const id = ids === null ? 0 : ids[from + i]!
      let end = ids === null ? rows : i + 1
      while (end < rows && ids![from + end] === id) end++
      const shape = shapes[id]!
      shape.make(shape.columns, i, end, out, i)
      i = end
    }
    return out
  }
}
