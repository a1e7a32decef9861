/** Builds blocks from rows, or from arrays that are columns already. */
import { PeltonError } from '../errors.ts'
import type { BlockRef } from './block.ts'
import { appendValue, Overflow, widen } from './builder-append.ts'
import { pushText } from './builder-push.ts'
import { sealStage } from './builder-seal.ts'
import { ColumnStage, useChildren } from './builder-stage.ts'
import type { ChunkMemory } from './memory.ts'
import { refusal, Unfit } from './plain.ts'
import { ANY, FLOAT64, INT64, TUPLE, TUPLE_ITEMS_MAX, UTF8 } from './schema.ts'

export type { BlockRef } from './block.ts'

/** Bytes of an empty block. */
const HEADER_BYTES = 96

/**
 * Collects rows and infers their column types, widening them when a later row does not fit.
 * Rows are any plain data that structured clone knows. Two things differ from structured clone:
 * an object that a row holds twice comes back as two objects, and properties of arrays other
 * than their items are kept only for results of `RegExp.prototype.exec`.
 *
 * @example
 * const builder = new BlockBuilder()
 * builder.append({ user: 'ann', clicks: 3 })
 * const ref = builder.seal(arena, owner)
 * Block.open(arena, ref.ptr).get(0) // { user: 'ann', clicks: 3 }
 */
export class BlockBuilder {
  #root = new ColumnStage(0, { columns: 1 })

  /** Number of rows since the last seal or reset. */
  get rows(): number {
    return this.#root.rows
  }

  /** Estimate of the sealed size in bytes. */
  get byteLength(): number {
    return HEADER_BYTES + this.#root.byteLength
  }

  /**
   * Adds a row. Throws PeltonError `VALUE` for functions, symbols and class instances, wherever in
   * the row they are; the builder then holds the rows from before (their type may be wider).
   */
  append(value: unknown): void {
    const { rows } = this.#root
    try {
      appendValue(this.#root, value)
    } catch (error) {
      this.#recover(rows, value, error)
    }
  }

  /** Adds the row `[key, value]` without making the array. Throws as `append` does. */
  appendPair(key: unknown, value: unknown): void {
    const root = this.#root
    if (root.kind !== TUPLE || root.childCount !== 2) {
      this.append([key, value])
      return
    }
    const { rows } = root
    try {
      appendValue(root.children[0]!, key)
      appendValue(root.children[1]!, value)
      root.rows = rows + 1
    } catch (error) {
      this.#recover(rows, [key, value], error)
    }
  }

  /**
   * Writes the rows into one chunk of the arena, owned by `owner`, and empties the builder. The
   * caller frees `ref.ptr`.
   */
  seal(arena: ChunkMemory, owner: number): BlockRef {
    const ref = sealStage(arena, owner, this.#root)
    this.#root.reset()
    return ref
  }

  /** Drops all rows; the next ones are inferred anew. */
  reset(): void {
    this.#root.reset()
  }

  /** Takes back what a row that failed had already added, then tells or tries again. */
  #recover(rows: number, row: unknown, error: unknown): void {
    this.#root.truncate(rows)
    if (error instanceof Unfit) throw refusal(row)
    if (error instanceof PeltonError && error.code === 'VALUE') throw refusal(row, error.cause)
    if (!(error instanceof Overflow)) throw error
    widen(this.#root, ANY)
    this.append(row)
  }
}

/** A column that exists already. */
export type ColumnSource = Float64Array | BigInt64Array | readonly string[]

/**
 * Makes a block from whole columns: of single values, or of tuples of up to 8 columns of the same
 * length. Throws PeltonError `VALUE` where lengths differ.
 *
 * @example
 * blockFromColumns(arena, owner, ['a', 'b'])                              // rows 'a', 'b'
 * blockFromColumns(arena, owner, [Float64Array.of(1), Float64Array.of(2)]) // row [1, 2]
 */
export function blockFromColumns(
  arena: ChunkMemory,
  owner: number,
  columns: ColumnSource | readonly ColumnSource[],
): BlockRef {
  const root = new ColumnStage(0, { columns: 1 })
  const isTuple = Array.isArray(columns) && typeof columns[0] === 'object'
  if (isTuple) fillTuple(root, columns as readonly ColumnSource[])
  else fillColumn(root, columns as ColumnSource)
  return sealStage(arena, owner, root)
}

function fillTuple(root: ColumnStage, columns: readonly ColumnSource[]): void {
  const lengths = columns.map(column => column.length)
  if (new Set(lengths).size !== 1 || columns.length > TUPLE_ITEMS_MAX) {
    throw new PeltonError(
      `columns of lengths ${lengths.join(', ')} make no block: ` +
        `pass 1 to ${TUPLE_ITEMS_MAX} columns of the same length`,
      { code: 'VALUE' },
    )
  }
  root.kind = TUPLE
  useChildren(root, columns.length)
  for (let k = 0; k < columns.length; k++) fillColumn(root.children[k]!, columns[k]!)
  root.rows = lengths[0]!
}

function fillColumn(stage: ColumnStage, column: ColumnSource): void {
  if (column instanceof Float64Array) {
    stage.kind = FLOAT64
    stage.numbers = column
  } else if (column instanceof BigInt64Array) {
    stage.kind = INT64
    stage.bigints = column
  } else {
    stage.kind = UTF8
    for (let i = 0; i < column.length; i++) pushText(stage, column[i]!)
  }
  stage.rows = column.length
}
