/** Text made of text: parts, case, and texts one behind the other. */
import { INLINE_MAX } from '../../columnar/text.ts'
import type { Expression } from '../expression.ts'
import { callNode, rowFunction } from './calls.ts'
import { type ColumnExpression, type ColumnMachine, rowBytes } from './shapes.ts'
import { stringOf } from './text-numbers.ts'
import {
  constantOf,
  eachMarkedText,
  type Parts,
  rangeOf,
  type TextValue,
  textPart,
  unlessHalves,
  viewsOf,
} from './text-parts.ts'
import { isAscii, writeTextView } from './values.ts'

type Fill = (column: TextValue, rows: number, out: number, unsure: number) => number

/** `trim` where `sides` is 3, `trimStart` 1, `trimEnd` 2. */
export function trimmed(
  expression: Expression,
  of: ColumnExpression,
  sides: number,
  machine: ColumnMachine,
): ColumnExpression {
  return mapped(expression, of, machine, ({ at }, rows, out, unsure) =>
    machine.kernels.trimViews(at, rows, sides, out, unsure),
  )
}

/** `toLowerCase`, `toUpperCase`. */
export function inCase(
  expression: Expression,
  of: ColumnExpression,
  name: 'lowerViews' | 'upperViews',
  machine: ColumnMachine,
): ColumnExpression {
  const { kernels, scratch } = machine
  return mapped(expression, of, machine, (column, rows, out, unsure) => {
    kernels[name](column.at, rows, out, scratch.take(kernels.longBytes(column.at, rows)))
    if (isAscii(machine, column, rows)) return 0
    return kernels.foldLatin(out, rows, name === 'upperViews' ? 1 : 0, unsure)
  })
}

/** `slice` and the like; `args` are the places, which need not be constants in the source. */
export function sliced(
  expression: Extract<Expression, { kind: 'call' }>,
  of: ColumnExpression,
  args: readonly number[],
  machine: ColumnMachine,
): ColumnExpression {
  const [from, to] = rangeOf(expression.method, ...args)
  const fill: Fill = (column, rows, out, unsure) => {
    const { kernels } = machine
    if (!isAscii(machine, column, rows)) {
      return kernels.sliceTexts(column.at, rows, from, to, out, unsure)
    }
    kernels.sliceViews(column.at, rows, from, to, out)
    return 0
  }
  return mapped(expression, of, machine, fill, args)
}

/** Text made by a kernel; the rows that it marks as unsure are made by JavaScript. */
function mapped(
  expression: Expression,
  of: ColumnExpression,
  machine: ColumnMachine,
  fill: Fill,
  args: readonly number[] = [],
): ColumnExpression {
  const { scratch, state } = machine
  const slow = rowFunction(expression)!
  return {
    shape: { kind: 'utf8', made: true },
    calls: of.calls,
    run: vector => {
      const { rows } = vector
      const column = of.run(vector) as TextValue
      const out = scratch.take(rows * rowBytes.utf8)
      const unsure = scratch.take(rows)
      state.kernelValues += rows
      if (fill(column, rows, out, unsure) > 0) {
        eachMarkedText(machine, column, unsure, rows, (row, text) => {
          writeTextView(machine, out + row * rowBytes.utf8, slow(text, ...args) as string)
        })
      }
      // A part of ASCII is ASCII, and so is its other case.
      return column.ascii ? { kind: 'utf8', at: out, ascii: true } : { kind: 'utf8', at: out }
    },
  }
}

/** A template: its texts, and its values as text. */
export function templateOf(
  expression: Extract<Expression, { kind: 'template' }>,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  const values = parts.map(part => {
    if (part.shape.kind === 'utf8') return part
    if (part.shape.kind === 'constant') return textPart(String(part.shape.value))
    return stringOf(part, machine)
  })
  if (values.some(value => value === undefined)) return undefined
  const all = expression.texts.flatMap((text, i) => {
    return i < values.length ? [textPart(text), values[i]!] : [textPart(text)]
  })
  const filledIn = all.filter(part => constantOf(part) !== '')
  return joined(expression, filledIn, machine, parts)
}

/** All parts one behind the other; `children` are those of the expression. */
export function joined(
  expression: Expression,
  parts: Parts,
  machine: ColumnMachine,
  children = parts,
): ColumnExpression | undefined {
  const columns = merged(parts)
  if (columns.length === 1 && columns[0]!.shape.kind === 'utf8') return columns[0]
  const slow = callNode(expression, children, machine)
  const isWhole = columns.every(part => String(constantOf(part) ?? '').isWellFormed())
  if (!slow || columns.length === 0 || !isWhole) return slow
  const fast: ColumnExpression = {
    shape: { kind: 'utf8', made: true },
    calls: columns.some(part => part.calls),
    run: vector => {
      const { rows } = vector
      machine.state.kernelValues += rows
      const addresses = columns.map(part => viewsOf(machine, part, vector))
      return { kind: 'utf8', at: addresses.reduce((a, b) => concatenated(machine, a, b, rows)) }
    },
  }
  return unlessHalves(machine, fast, slow)
}

function concatenated(machine: ColumnMachine, a: number, b: number, rows: number): number {
  const { kernels, scratch, memory } = machine
  const at = scratch.take(rows * rowBytes.utf8)
  const u32 = memory.u32
  let bytes = 0
  for (let i = 0; i < rows; i++) {
    const length = u32[a / 4 + 4 * i]! + u32[b / 4 + 4 * i]!
    if (length > INLINE_MAX) bytes += length
  }
  kernels.concatViews(a, b, rows, at, scratch.take(bytes))
  return at
}

/** Constants that follow each other as one. */
function merged(parts: Parts): ColumnExpression[] {
  const out: ColumnExpression[] = []
  for (const part of parts) {
    const before = out.at(-1)
    const [a, b] = [before && constantOf(before), constantOf(part)]
    if (typeof a === 'string' && typeof b === 'string') out[out.length - 1] = textPart(a + b)
    else out.push(part)
  }
  return out
}
