/** Collections of the program's own as partitions: Spark's `parallelize`. */
import type { Arena } from '../columnar/arena.ts'
import { BlockBuilder, blockFromColumns } from '../columnar/builder.ts'
import { PeltonError, preview } from '../errors.ts'
import { Dataset, storeOwner } from './block-store.ts'
import type { Piece } from './vector.ts'

/** Rows as arrays, numbers and pairs of numbers as typed arrays, or lines as UTF-8 bytes. */
export type Collection<T> =
  | readonly T[]
  | Float64Array
  | { readonly pairs: readonly [Float64Array, Float64Array] }
  | { readonly text: Uint8Array }

const newline = 10

/** Slice j of p goes from floor(j·n/p) to floor((j+1)·n/p). */
export function sliceBounds(rows: number, partitions: number): number[] {
  return Array.from({ length: partitions + 1 }, (_, j) => Math.floor((j * rows) / partitions))
}

/** Copies a collection into the arena, cut into `partitions` slices. */
export function parallelize(arena: Arena, data: Collection<unknown>, partitions: number): Dataset {
  const chunks: number[] = []
  try {
    const pieces = piecesOf(arena, data, partitions, chunks)
    return new Dataset(arena, pieces, chunks)
  } catch (error) {
    for (const chunk of chunks) arena.free(chunk)
    throw error
  }
}

function piecesOf(
  arena: Arena,
  data: Collection<unknown>,
  partitions: number,
  chunks: number[],
): Piece[][] {
  if ('text' in data) return texts(arena, data.text, partitions, chunks)
  const rows = 'pairs' in data ? data.pairs[0].length : data.length
  const bounds = sliceBounds(rows, partitions)
  const builder = new BlockBuilder()
  return Array.from({ length: partitions }, (_, j): Piece[] => {
    const [from, to] = [bounds[j]!, bounds[j + 1]!]
    if (from === to) return []
    const { ptr } = sealSlice(arena, data, from, to, builder)
    chunks.push(ptr)
    return [{ kind: 'block', ptr, from: 0, to: to - from }]
  })
}

function sealSlice(
  arena: Arena,
  data: Exclude<Collection<unknown>, { text: Uint8Array }>,
  from: number,
  to: number,
  builder: BlockBuilder,
): { ptr: number } {
  if (data instanceof Float64Array) {
    return blockFromColumns(arena, storeOwner, data.subarray(from, to))
  }
  if ('pairs' in data) {
    const [keys, values] = data.pairs
    return blockFromColumns(arena, storeOwner, [keys.subarray(from, to), values.subarray(from, to)])
  }
  for (let i = from; i < to; i++) builder.append(data[i])
  return builder.seal(arena, storeOwner)
}

function texts(arena: Arena, text: Uint8Array, partitions: number, chunks: number[]): Piece[][] {
  let from = 0
  return Array.from({ length: partitions }, (_, j): Piece[] => {
    let to = Math.max(from, Math.floor(((j + 1) * text.length) / partitions))
    if (to < text.length && to > from && text[to - 1] !== newline) {
      const end = text.indexOf(newline, to)
      to = end < 0 ? text.length : end + 1
    }
    if (to === from) return []
    const ptr = arena.alloc(to - from, storeOwner)
    chunks.push(ptr)
    arena.u8.set(text.subarray(from, to), ptr)
    const piece: Piece = { kind: 'text', from: ptr, to: ptr + (to - from) }
    from = to
    return [piece]
  })
}

/** Checks what a caller passed as a collection; throws PeltonError `OPTION`. */
export function checkCollection(data: unknown, operator: string): void {
  if (Array.isArray(data) || data instanceof Float64Array) return
  const bad = (message: string): PeltonError =>
    new PeltonError(`${operator} needs ${message}`, { code: 'OPTION', operator })
  if (typeof data === 'object' && data !== null && 'text' in data) {
    if (data.text instanceof Uint8Array) return
    throw bad(`bytes as its text, such as Buffer.from('a line\\n'); got ${preview(data.text)}`)
  }
  if (typeof data === 'object' && data !== null && 'pairs' in data) {
    const { pairs } = data
    const isPair = Array.isArray(pairs) && pairs.length === 2
    if (!isPair || !pairs.every(column => column instanceof Float64Array)) {
      throw bad(`two Float64Arrays, [keys, values], as its pairs; got ${preview(pairs)}`)
    }
    const [keys, values] = pairs as [Float64Array, Float64Array]
    if (keys.length === values.length) return
    throw bad(`as many keys as values; got ${keys.length} keys and ${values.length} values`)
  }
  throw bad(
    `an array (or a Float64Array, { pairs } or { text }); got ${preview(data)}. ` +
      'Spread an iterable into an array first: [...rows]',
  )
}
