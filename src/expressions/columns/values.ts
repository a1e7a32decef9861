/** Columns as JavaScript values, and back: what runs where there is no kernel. */
import { decodeViews } from '../../columnar/decode.ts'
import type { ColumnType } from '../../columnar/schema.ts'
import { INLINE_MAX, type TextBuffer, textBytesMax, writeText } from '../../columnar/text.ts'
import {
  bool,
  float64,
  isNullable,
  join,
  none,
  onlyUndefined,
  orUndefined,
  texts,
  typeOfConstant,
  utf8,
} from '../types.ts'
import { writtenOut } from './dictionary.ts'
import {
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  rowBytes,
  type ScalarKind,
} from './shapes.ts'

const scalars = { float64, utf8, bool } as const

/** The static type of rows of this shape. */
export function typeOfShape(shape: ColumnShape): ColumnType {
  switch (shape.kind) {
    case 'lines':
    case 'ids':
      return utf8
    case 'constant':
      return typeOfConstant(shape.value) ?? onlyUndefined
    case 'tuple':
      return { kind: 'tuple', items: shape.items.map(typeOfShape), ...none }
    case 'struct': {
      const fields = shape.items.map((one, i) => ({
        name: shape.names[i]!,
        type: typeOfShape(one),
      }))
      return { kind: 'struct', fields, shapes: [fields.map((_, i) => i)], ...none }
    }
    case 'values':
      return shape.type
    case 'parts':
      return texts
    case 'optional':
      return orUndefined(utf8)
    default:
      return scalars[shape.kind]
  }
}

/** The type of the items of lists, or of tuples; undefined where rows are neither. */
export function itemType(shape: ColumnShape): ColumnType | undefined {
  const type = typeOfShape(shape)
  if (isNullable(type)) return undefined
  if (type.kind === 'list') return type.item
  if (type.kind !== 'tuple') return undefined
  return type.items.reduce<ColumnType | undefined>(
    (joined, item) => joined && join(joined, item),
    type.items[0],
  )
}

/** The shape in which results of a type are kept. */
export function shapeOfType(type: ColumnType): ColumnShape {
  if (isNullable(type)) return { kind: 'values', type }
  if (type.kind === 'float64' || type.kind === 'bool') return { kind: type.kind }
  return type.kind === 'utf8' ? { kind: 'utf8', made: true } : { kind: 'values', type }
}

/** The rows as JavaScript values; they may be a view of memory that the vector ends with. */
export function valuesOf(
  machine: ColumnMachine,
  value: ColumnValue,
  shape: ColumnShape,
  rows: number,
): ArrayLike<unknown> {
  switch (value.kind) {
    case 'float64':
      return machine.memory.f64.subarray(value.at / 8, value.at / 8 + rows)
    case 'bool':
      return Array.from(machine.memory.u8.subarray(value.at, value.at + rows), one => one === 1)
    case 'utf8':
      return decodeViews(machine.memory, machine.kernels, value.at, rows)
    case 'ids':
      return valuesOf(machine, writtenOut(machine, value, rows), shape, rows)
    case 'constant':
      return new Array(rows).fill(value.value)
    case 'values':
      return value.rows
    case 'parts': {
      const { by } = shape as Extract<ColumnShape, { kind: 'parts' }>
      const whole = valuesOf(machine, value.text, { kind: 'utf8' }, rows) as ArrayLike<string>
      machine.state.calledValues += rows
      return Array.from(whole, text => text.split(by))
    }
    case 'optional': {
      const whole = decodeViews(machine.memory, machine.kernels, value.at, rows)
      const { u8 } = machine.memory
      return Array.from(whole, (text, i) => (u8[value.missing + i] === 1 ? undefined : text))
    }
    case 'tuple':
    case 'struct': {
      const { items } = shape as Extract<ColumnShape, { kind: 'tuple' | 'struct' }>
      const parts = value.items.map((one, i) => valuesOf(machine, one, items[i]!, rows))
      const names = shape.kind === 'struct' ? shape.names : undefined
      return Array.from({ length: rows }, (_, row) => {
        const row1 = parts.map(part => part[row])
        return names ? Object.fromEntries(names.map((name, i) => [name, row1[i]])) : row1
      })
    }
    case 'lines':
      throw new Error('lines are not cut yet')
  }
}

/** Whether all texts of a column are ASCII; looked up once. */
export function isAscii(
  machine: ColumnMachine,
  value: Extract<ColumnValue, { kind: 'utf8' }>,
  rows: number,
): boolean {
  value.ascii ??= machine.kernels.isAsciiViews(value.at, rows) === 1
  return value.ascii
}

/** The text of one view. */
export function textAt({ memory, kernels }: ColumnMachine, view: number): string {
  return decodeViews(memory, kernels, view, 1)[0]!
}

/** Where the text begins in a view that holds it. */
const textOffset = 4

/** Puts the view of a text at `view`; what does not fit into it goes to scratch memory. */
export function writeTextView(machine: ColumnMachine, view: number, text: string): void {
  const { memory, scratch, state } = machine
  const u32 = memory.u32
  const word = view / 4
  u32[word] = u32[word + 1] = u32[word + 2] = u32[word + 3] = 0
  if (text.length <= INLINE_MAX) {
    const length = writeInline(memory.u8, view + textOffset, text)
    if (length >= 0) {
      u32[word] = length
      return
    }
  }
  const at = scratch.take(textBytesMax(text))
  const length = writeText(memory.bytes as TextBuffer, at, text)
  if (length !== text.length && !text.isWellFormed()) state.halves = true
  // Taking more scratch may have grown the memory.
  const words = memory.u32
  words[word] = length
  if (length > INLINE_MAX) {
    words[word + 1] = words[at / 4]!
    words[word + 2] = at
    words[word + 3] = 0
    scratch.trim(at, length)
  } else {
    memory.u8.copyWithin(view + 4, at, at + length)
    memory.u8.fill(0, view + 4 + length, view + 16)
    scratch.trim(at, 0)
  }
}

/**
 * Writes a text of at most 12 bytes without surrogates; how many bytes it has. For another text -1,
 * and the bytes are zero again.
 */
function writeInline(u8: Uint8Array, at: number, text: string): number {
  const end = at + INLINE_MAX
  let p = at
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    const bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : 3
    if (p + bytes > end || (c >= 0xd800 && c <= 0xdfff)) {
      while (p > at) u8[--p] = 0
      return -1
    }
    if (bytes === 1) u8[p] = c
    else if (bytes === 2) {
      u8[p] = 0xc0 | (c >> 6)
      u8[p + 1] = 0x80 | (c & 63)
    } else {
      u8[p] = 0xe0 | (c >> 12)
      u8[p + 1] = 0x80 | ((c >> 6) & 63)
      u8[p + 2] = 0x80 | (c & 63)
    }
    p += bytes
  }
  return p - at
}

/** JavaScript values of one kind as a column in scratch memory. */
export function columnOf(
  machine: ColumnMachine,
  kind: ScalarKind,
  values: ArrayLike<unknown>,
  rows: number,
): ColumnValue {
  const { memory, scratch } = machine
  const at = scratch.take(rows * rowBytes[kind])
  if (kind === 'float64') {
    const f64 = memory.f64
    for (let i = 0; i < rows; i++) f64[at / 8 + i] = values[i] as number
  } else if (kind === 'bool') {
    const u8 = memory.u8
    for (let i = 0; i < rows; i++) u8[at + i] = values[i] ? 1 : 0
  } else {
    for (let i = 0; i < rows; i++) writeTextView(machine, at + i * 16, values[i] as string)
  }
  return { kind, at }
}

/** A column that has the same value in every row. */
export function filled(
  machine: ColumnMachine,
  kind: ScalarKind,
  value: unknown,
  rows: number,
): ColumnValue {
  const { kernels, memory, scratch } = machine
  const at = scratch.take(Math.max(rows, 1) * rowBytes[kind])
  if (kind === 'float64') kernels.fillF64(at, rows, value as number)
  else if (kind === 'bool') memory.u8.fill(value ? 1 : 0, at, at + rows)
  else {
    writeTextView(machine, at, value as string)
    if (rows > 1) kernels.fillViews(at + rowBytes.utf8, rows - 1, at)
  }
  return { kind, at }
}
