/** Rows as ids of the different values among them, and such values as a function gets them. */
import { decodeViews } from '../columnar/decode.ts'
import type { Dictionary, DictionaryKind } from '../columnar/dictionary.ts'
import type { ColumnMachine, ColumnShape, ColumnValue } from '../expressions/columns.ts'

const idBytes = 4
const numberBytes = 8
const viewBytes = 16

/** What a thread lends to functions that are called once for equal rows. */
export interface DistinctTools {
  readonly machine: ColumnMachine
  dictionary(kind: DictionaryKind): Dictionary
}

/** Columns of one shape as ids. */
export interface DistinctInput {
  /** Dictionaries that give the ids; the last one's are those of the rows. */
  readonly own: readonly Dictionary[]
  /** The dictionary whose ids the rows have. */
  readonly values: Dictionary
  /** Address of the rows' ids (u32); in scratch memory, or where the column has them. */
  ids(column: ColumnValue, rows: number): number
  /** The values of `count` ids at `ids`. */
  decode(ids: number, count: number): ArrayLike<unknown>
}

/** Undefined for a shape whose values are not told apart here. */
export function distinctInput(shape: ColumnShape, tools: DistinctTools): DistinctInput | undefined {
  switch (shape.kind) {
    case 'ids':
      return idInput(shape.texts, tools)
    case 'utf8':
      return textInput(tools)
    case 'float64':
      return numberInput(tools)
    case 'tuple':
    case 'struct':
      return rowInput(shape, tools)
    default:
      return undefined
  }
}

function idInput(texts: Dictionary, { machine }: DistinctTools): DistinctInput {
  return {
    own: [],
    values: texts,
    ids: column => (column as Extract<ColumnValue, { kind: 'ids' }>).at,
    decode: (ids, count) => decodeTexts(machine, texts, ids, count),
  }
}

function textInput(tools: DistinctTools): DistinctInput {
  const { machine } = tools
  const texts = tools.dictionary('utf8')
  return {
    own: [texts],
    values: texts,
    ids: (column, rows) => idsIn(machine, texts, addressOf(column), rows),
    decode: (ids, count) => decodeTexts(machine, texts, ids, count),
  }
}

function numberInput(tools: DistinctTools): DistinctInput {
  const { machine } = tools
  const numbers = tools.dictionary('bits')
  return {
    own: [numbers],
    values: numbers,
    ids: (column, rows) => idsIn(machine, numbers, addressOf(column), rows),
    decode: (ids, count) => {
      const at = gatherBits(machine, numbers, ids, count)
      return machine.memory.f64.slice(at / numberBytes, at / numberBytes + count)
    },
  }
}

/** One part of a row that differs from row to row. */
interface Part {
  readonly index: number
  readonly input: DistinctInput
}

/** Tuples and objects: ids of their parts, joined two by two. */
function rowInput(
  shape: Extract<ColumnShape, { kind: 'tuple' | 'struct' }>,
  tools: DistinctTools,
): DistinctInput | undefined {
  const parts: Part[] = []
  for (const [index, item] of shape.items.entries()) {
    if (item.kind === 'constant') continue
    const input = distinctInput(item, tools)
    if (!input) return undefined
    parts.push({ index, input })
  }
  const [first, ...others] = parts
  if (!first) return undefined
  const { machine } = tools
  const joined = others.map(() => tools.dictionary('bits'))
  const own = [...parts.flatMap(part => part.input.own), ...joined]
  return {
    own,
    values: joined.at(-1) ?? first.input.values,
    ids: (column, rows) => {
      const items = (column as Extract<ColumnValue, { kind: 'tuple' | 'struct' }>).items
      let ids = first.input.ids(items[first.index]!, rows)
      for (const [i, { index, input }] of others.entries()) {
        const pairs = machine.scratch.take(rows * numberBytes)
        machine.kernels.pairIds(ids, input.ids(items[index]!, rows), rows, pairs)
        ids = idsIn(machine, joined[i]!, pairs, rows)
      }
      return ids
    },
    decode: (ids, count) => {
      const columns = new Map<number, ArrayLike<unknown>>()
      let left = ids
      for (const [i, { index, input }] of [...others.entries()].reverse()) {
        const [before, own] = halves(machine, joined[i]!, left, count)
        columns.set(index, input.decode(own, count))
        left = before
      }
      columns.set(first.index, first.input.decode(left, count))
      return rowsOf(shape, columns, count)
    },
  }
}

/** The two ids that were joined into each of `count` ids. */
function halves(
  machine: ColumnMachine,
  joined: Dictionary,
  ids: number,
  count: number,
): readonly [first: number, second: number] {
  const { scratch, memory } = machine
  const pairs = gatherBits(machine, joined, ids, count) / idBytes
  const first = scratch.take(count * idBytes)
  const second = scratch.take(count * idBytes)
  const { u32 } = memory
  for (let i = 0; i < count; i++) {
    u32[first / idBytes + i] = u32[pairs + 2 * i]!
    u32[second / idBytes + i] = u32[pairs + 2 * i + 1]!
  }
  return [first, second]
}

function rowsOf(
  shape: Extract<ColumnShape, { kind: 'tuple' | 'struct' }>,
  columns: ReadonlyMap<number, ArrayLike<unknown>>,
  count: number,
): unknown[] {
  const names = shape.kind === 'struct' ? shape.names : undefined
  return Array.from({ length: count }, (_, row) => {
    const items = shape.items.map((item, i) =>
      item.kind === 'constant' ? item.value : columns.get(i)![row],
    )
    return names ? Object.fromEntries(items.map((item, i) => [names[i]!, item])) : items
  })
}

function idsIn(machine: ColumnMachine, dictionary: Dictionary, at: number, rows: number): number {
  const ids = machine.scratch.take(rows * idBytes)
  dictionary.add(at, rows, ids)
  return ids
}

function decodeTexts(
  { kernels, scratch, memory }: ColumnMachine,
  texts: Dictionary,
  ids: number,
  count: number,
): ArrayLike<string> {
  const views = scratch.take(count * viewBytes)
  kernels.gatherViews(texts.at, ids, count, views)
  return decodeViews(memory, kernels, views, count)
}

function gatherBits(
  { kernels, scratch }: ColumnMachine,
  dictionary: Dictionary,
  ids: number,
  count: number,
): number {
  const at = scratch.take(count * numberBytes)
  kernels.gatherF64(dictionary.at, ids, count, at)
  return at
}

function addressOf(column: ColumnValue): number {
  return (column as { readonly at: number }).at
}
