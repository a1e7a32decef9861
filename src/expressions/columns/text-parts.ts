/** What the kernels of text share: constants in memory, halves of characters, rows left over. */
import { decodeViews } from '../../columnar/decode.ts'
import { INLINE_MAX } from '../../columnar/text.ts'
import type { Primitive } from '../expression.ts'
import {
  addressOf,
  type ColumnExpression,
  type ColumnMachine,
  type ColumnValue,
  type ColumnVector,
  rowBytes,
} from './shapes.ts'
import { filled, isAscii } from './values.ts'

const indexBytes = 4

export type Parts = readonly ColumnExpression[]
export type TextValue = Extract<ColumnValue, { kind: 'utf8' }>

/** The value that an expression always has, or undefined. */
export function constantOf({ shape }: ColumnExpression): Primitive {
  return shape.kind === 'constant' ? shape.value : undefined
}

export function textPart(value: string): ColumnExpression {
  return {
    shape: { kind: 'constant', value },
    calls: false,
    run: () => ({ kind: 'constant', value }),
  }
}

/** Address of a column of text; a constant is written out. */
export function viewsOf(
  machine: ColumnMachine,
  part: ColumnExpression,
  vector: ColumnVector,
): number {
  const text = constantOf(part)
  return addressOf(
    typeof text === 'string' ? filled(machine, 'utf8', text, vector.rows) : part.run(vector),
  )
}

/** Where the bytes of a text are, and how many; until the scratch memory is released. */
export function bytesOf(machine: ColumnMachine, text: string): [number, number] {
  const view = addressOf(filled(machine, 'utf8', text, 1))
  const u32 = machine.memory.u32
  const length = u32[view / 4]!
  return [length <= INLINE_MAX ? view + 4 : u32[view / 4 + 2]!, length]
}

/** Halves of a character that meet become one, and are found in it: bytes don't tell. */
export function unlessHalves(
  { state }: ColumnMachine,
  fast: ColumnExpression,
  slow: ColumnExpression,
): ColumnExpression {
  return {
    ...fast,
    run: vector => {
      const value = state.halves ? undefined : fast.run(vector)
      // They may have appeared only now, in an operand.
      return value && !state.halves ? value : slow.run(vector)
    },
  }
}

/** Marks the rows that are not ASCII; how many there are. For none of them nothing is written. */
export function markNotAscii(
  machine: ColumnMachine,
  column: TextValue,
  rows: number,
  unsure: number,
): number {
  const { kernels } = machine
  if (isAscii(machine, column, rows)) return 0
  kernels.asciiMask(column.at, rows, unsure)
  kernels.notMask(unsure, rows, unsure)
  return kernels.countMask(unsure, rows)
}

/** Calls `each` for the rows of a mask, which are for JavaScript. */
export function eachMarked(
  machine: ColumnMachine,
  mask: number,
  rows: number,
  each: (row: number) => void,
): void {
  const { scratch, state } = machine
  const mark = scratch.mark()
  const marked = markedRows(machine, mask, rows)
  scratch.release(mark)
  state.calledValues += marked.length
  for (const row of marked) each(row)
}

/** The same with the text of each row; the texts are decoded together. */
export function eachMarkedText(
  machine: ColumnMachine,
  column: TextValue,
  mask: number,
  rows: number,
  each: (row: number, text: string) => void,
): void {
  const { kernels, memory, scratch, state } = machine
  const mark = scratch.mark()
  const indexes = scratch.take(rows * indexBytes)
  const count = kernels.maskToRows(mask, rows, indexes)
  const views = scratch.take(count * rowBytes.utf8)
  kernels.gatherViews(column.at, indexes, count, views)
  const texts = decodeViews(memory, kernels, views, count)
  const marked = memory.u32.slice(indexes / indexBytes, indexes / indexBytes + count)
  scratch.release(mark)
  state.calledValues += count
  for (let i = 0; i < count; i++) each(marked[i]!, texts[i]!)
}

/** The indexes of a mask's rows. */
function markedRows({ kernels, memory, scratch }: ColumnMachine, mask: number, rows: number) {
  const indexes = scratch.take(rows * indexBytes)
  const count = kernels.maskToRows(mask, rows, indexes)
  return memory.u32.slice(indexes / indexBytes, indexes / indexBytes + count)
}

const INT_MAX = 2 ** 31 - 1

/** A place as `slice` and the like read it, within 32 bits. */
export function placeOf(value: number): number {
  return Math.max(-INT_MAX, Math.min(INT_MAX, Math.trunc(value) || 0))
}

/** The places of `slice` that a call of `slice`, `substring` or `charAt` means. */
export function rangeOf(method: string, first = 0, second?: number): [number, number] {
  if (method === 'slice') return [placeOf(first), second === undefined ? INT_MAX : placeOf(second)]
  const from = Math.max(0, placeOf(first))
  if (method === 'charAt') return placeOf(first) < 0 ? [0, 0] : [from, from + 1]
  const to = second === undefined ? INT_MAX : Math.max(0, placeOf(second))
  return from <= to ? [from, to] : [to, from]
}
