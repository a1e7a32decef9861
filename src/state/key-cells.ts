/** Keys of a vector as cells that kernels group: numbers, or views of texts. */
import type { Arena } from '../columnar/arena.ts'
import { canonicalKey } from '../columnar/keys.ts'
import { INLINE_MAX, type TextBuffer, textBytesMax, writeText } from '../columnar/text.ts'
import { CELL_BYTES, NO_KEYS, NUMBERS, OTHERS, TEXTS, VIEW_BYTES } from './table-layout.ts'

/** A vector's keys: a column in the arena, or values. */
export type KeyColumn =
  | { readonly kind: 'float64'; readonly at: number }
  | { readonly kind: 'utf8'; readonly at: number }
  | { readonly kind: 'values' }

/** Where cells lie, and the kind of keys that they are. */
export interface KeyCells {
  readonly kind: number
  readonly at: number
}

const kindsOfColumns = { float64: NUMBERS, utf8: TEXTS } as const

/**
 * The keys as cells for a table whose keys are of a kind; of another kind where they do not fit.
 * `take` gives memory for cells that are not there yet.
 */
export function keyCells(
  arena: Arena,
  column: KeyColumn,
  values: () => ArrayLike<unknown>,
  tableKind: number,
  take: (bytes: number) => number,
): KeyCells {
  const kind = column.kind === 'values' ? kindOf(values()) : kindsOfColumns[column.kind]
  const isOther = tableKind !== NO_KEYS && tableKind !== kind
  if (isOther || kind === OTHERS) {
    return { kind: OTHERS, at: textCells(arena, Array.from(values(), canonicalKey), take) }
  }
  if (column.kind !== 'values') return { kind, at: column.at }
  if (kind === TEXTS) return { kind, at: textCells(arena, values() as string[], take) }
  const numbers = values() as number[]
  const at = take(numbers.length * CELL_BYTES)
  arena.f64.set(numbers, at / 8)
  return { kind, at }
}

function kindOf(keys: ArrayLike<unknown>): number {
  if (keys instanceof Float64Array) return NUMBERS
  const all = Array.from(keys)
  if (all.every(key => typeof key === 'number')) return NUMBERS
  return all.every(key => typeof key === 'string') ? TEXTS : OTHERS
}

/** Views of texts, with the long ones behind them. */
export function textCells(
  arena: Arena,
  texts: ArrayLike<string>,
  take: (bytes: number) => number,
): number {
  const start = texts.length * VIEW_BYTES
  let bytes = start
  for (let i = 0; i < texts.length; i++) bytes += textBytesMax(texts[i]!) + INLINE_MAX
  const at = take(bytes)
  const { u32 } = arena
  const buffer = arena.bytes as TextBuffer
  let next = at + start
  for (let i = 0; i < texts.length; i++) {
    const view = at / 4 + i * 4
    u32.fill(0, view, view + 4)
    const length = writeText(buffer, next, texts[i]!)
    u32[view] = length
    if (length <= INLINE_MAX) buffer.copyWithin(view * 4 + 4, next, next + length)
    else {
      buffer.copyWithin(view * 4 + 4, next, next + 4)
      u32[view + 2] = next
      next += length
    }
  }
  return at
}
