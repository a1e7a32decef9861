/**
 * The rows of a partition as columns, kept until all of them are there: only then is it known how
 * large their block is, and where a partition's rows begin in it.
 *
 *   vector ─▶ segment: rows, an address for each leaf     vectors that follow each other in memory
 *   vector ─▶ segment                                     become one segment
 *
 * What lies in the scratch memory is copied; blocks and tables last longer than this.
 */
import { keyBytes } from '../columnar/group-table.ts'
import type { Heap } from '../columnar/heap.ts'
import type { KernelExports } from '../columnar/kernel-exports.ts'
import type {
  ColumnMachine,
  ColumnShape,
  ColumnValue,
  ColumnVector,
} from '../expressions/columns.ts'

/** A column without parts. Constants are written when the rows leave. */
export type Leaf =
  | { readonly kind: 'float64' | 'utf8' | 'bool' }
  | { readonly kind: 'constant'; readonly value: string | number | boolean }

export interface Segment {
  rows: number
  /** By leaf; 0 for constants. */
  readonly at: number[]
}

export const leafBytes = { ...keyBytes, bool: 1 } as const

/** Whether rows of the shape have parts of their own. */
export function isRow(
  shape: ColumnShape,
): shape is Extract<ColumnShape, { kind: 'tuple' | 'struct' }> {
  return shape.kind === 'tuple' || shape.kind === 'struct'
}

/** Whether blocks have columns for rows of this shape. */
export function canKeep(shape: ColumnShape): boolean {
  if (isRow(shape)) return shape.items.length > 0 && shape.items.every(canKeep)
  if (shape.kind !== 'constant') return shape.kind in leafBytes
  return ['string', 'number', 'boolean'].includes(typeof shape.value)
}

/** The leaves of a shape, in order. */
export function leavesOf(shape: ColumnShape): Leaf[] {
  if (isRow(shape)) return shape.items.flatMap(leavesOf)
  if (!canKeep(shape)) throw new Error(`a ${shape.kind} can't be kept`)
  return [shape as Leaf]
}

/** Copies a leaf of all segments, one behind the other; a row of it has so many bytes. */
export function joinLeaf(
  { copyBytes }: Pick<KernelExports, 'copyBytes'>,
  segments: readonly Segment[],
  leaf: number,
  rowBytes: number,
  to: number,
): void {
  for (const { rows, at } of segments) {
    copyBytes(to, at[leaf]!, rows * rowBytes)
    to += rows * rowBytes
  }
}

export class ColumnRows {
  rows = 0
  shape: ColumnShape = { kind: 'float64' }
  leaves: readonly Leaf[] = []
  readonly segments: Segment[] = []
  readonly #machine: ColumnMachine
  readonly #heap: Heap

  /** Segments, from the first on, that nothing else can overwrite. */
  #owned = 0

  constructor(machine: ColumnMachine, heap: Heap) {
    this.#machine = machine
    this.#heap = heap
  }

  /** Forgets what there was; rows of this shape follow. */
  begin(shape: ColumnShape): void {
    this.rows = 0
    this.shape = shape
    this.leaves = leavesOf(shape)
    this.segments.length = 0
    this.#owned = 0
    this.#heap.reset()
  }

  /**
   * Copies what lies elsewhere: tables are emptied for the next partition, whose rows will follow.
   */
  own(): void {
    const { kernels } = this.#machine
    for (const { rows, at } of this.segments.slice(this.#owned)) {
      for (const [i, { kind }] of this.leaves.entries()) {
        if (kind === 'constant' || this.#heap.holds(at[i]!)) continue
        const bytes = rows * leafBytes[kind]
        const kept = this.#heap.take(bytes)
        kernels.copyBytes(kept, at[i]!, bytes)
        at[i] = kept
        if (kind !== 'utf8') continue
        const long = kernels.longBytes(kept, rows)
        if (long > 0) kernels.copyLong(kept, rows, this.#heap.take(long))
      }
    }
    this.#owned = this.segments.length
  }

  /** Forgets what there is, and gives its memory back. */
  clear(): void {
    this.begin({ kind: 'float64' })
  }

  push(vector: ColumnVector): void {
    const { rows } = vector
    if (rows === 0) return
    const at: number[] = []
    this.#keep(vector.column, this.shape, rows, at)
    this.rows += rows
    const last = this.segments.at(-1)
    const isOpen = this.segments.length > this.#owned
    if (last && isOpen && this.#follows(last, at)) last.rows += rows
    else this.segments.push({ rows, at })
  }

  /** Memory that lasts as long as the rows. */
  take(bytes: number): number {
    return this.#heap.take(bytes)
  }

  /** Addresses of the leaves, the rows of each one behind the other; 0 for constants. */
  joined(): readonly number[] {
    if (this.segments.length !== 1) {
      const at = this.leaves.map((leaf, i) => (leaf.kind === 'constant' ? 0 : this.#join(i, leaf)))
      this.segments.splice(0, this.segments.length, { rows: this.rows, at })
      this.#owned = 1
    }
    return this.segments[0]!.at
  }

  #join(i: number, { kind }: Leaf): number {
    const bytes = leafBytes[kind as keyof typeof leafBytes]
    const whole = this.#heap.take(this.rows * bytes)
    joinLeaf(this.#machine.kernels, this.segments, i, bytes, whole)
    return whole
  }

  /** Copies of the columns where the rows are numbers, or tuples of numbers. */
  numbers(): Float64Array[] | undefined {
    const { shape, leaves, segments } = this
    const isNumber = (each: ColumnShape): boolean =>
      each.kind === 'float64' || (each.kind === 'constant' && typeof each.value === 'number')
    if (!(shape.kind === 'tuple' ? shape.items.every(isNumber) : isNumber(shape))) return undefined
    const { f64 } = this.#machine.memory
    return leaves.map((leaf, i) => {
      const numbers = new Float64Array(this.rows)
      if (leaf.kind === 'constant') return numbers.fill(leaf.value as number)
      let to = 0
      for (const { rows, at } of segments) {
        const from = at[i]! / leafBytes.float64
        numbers.set(f64.subarray(from, from + rows), to)
        to += rows
      }
      return numbers
    })
  }

  #follows(last: Segment, at: readonly number[]): boolean {
    return this.leaves.every((leaf, i) => {
      if (leaf.kind === 'constant') return true
      return last.at[i]! + last.rows * leafBytes[leaf.kind] === at[i]
    })
  }

  #keep(value: ColumnValue, shape: ColumnShape, rows: number, at: number[]): void {
    if (isRow(shape)) {
      const items = (value as Extract<ColumnValue, { kind: 'tuple' | 'struct' }>).items
      for (const [i, item] of shape.items.entries()) this.#keep(items[i]!, item, rows, at)
    } else if (shape.kind === 'constant') {
      at.push(0)
    } else {
      const kind = shape.kind as keyof typeof leafBytes
      at.push(this.#kept((value as { readonly at: number }).at, kind, rows))
    }
  }

  #kept(at: number, kind: keyof typeof leafBytes, rows: number): number {
    const { kernels, scratch } = this.#machine
    // Views in a block or table point to what lasts as long as they do.
    if (!scratch.holds(at)) return at
    const bytes = rows * leafBytes[kind]
    const kept = this.#heap.take(bytes)
    kernels.copyBytes(kept, at, bytes)
    if (kind === 'utf8') scratch.moveTexts(kernels, kept, rows, this.#heap)
    return kept
  }
}
