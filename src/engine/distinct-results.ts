/** What a function has returned, by id of the value it got: a column for each part of a result. */
import type { Dictionary, IdColumn } from '../columnar/dictionary.ts'
import {
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  columnOf,
} from '../expressions/columns.ts'
import type { DistinctTools } from './distinct-input.ts'

/** What a part is, as far as columns hold it. */
export type ResultKind = 'utf8' | 'float64' | 'bool'

const idBytes = 4
const numberBytes = 8
/** New ids are kept plus this; see kernels/dictionary.ts. */
const targetOffset = 2

const kinds: Partial<Record<string, ResultKind>> = {
  string: 'utf8',
  number: 'float64',
  boolean: 'bool',
}

/** The kind of column that holds a value; undefined where there is none. */
export function kindOf(value: unknown): ResultKind | undefined {
  return kinds[typeof value]
}

/** What a thread lends for results. */
export interface ResultTools extends DistinctTools {
  column(itemBytes: number): IdColumn
}

/** One part of the results. */
export class ResultColumn {
  /** Undefined where no column holds what there was. */
  kind: ResultKind | undefined
  /** Texts of results. */
  readonly texts: Dictionary
  /** By id of the value: the id of its text, its number, or 0 and 1. */
  readonly targets: IdColumn
  readonly #numbers: IdColumn
  readonly #bools: IdColumn
  readonly #machine: ColumnMachine

  constructor(kind: ResultKind, tools: ResultTools) {
    this.kind = kind
    this.#machine = tools.machine
    this.texts = tools.dictionary('utf8')
    this.targets = tools.column(idBytes)
    this.#numbers = tools.column(numberBytes)
    this.#bools = tools.column(1)
  }

  /** All that takes memory. */
  get parts(): readonly (Dictionary | IdColumn)[] {
    return [this.texts, this.targets, this.#numbers, this.#bools]
  }

  get shape(): ColumnShape {
    return this.kind === 'utf8' ? { kind: 'ids', texts: this.texts } : { kind: this.kind! }
  }

  /** Makes room for what is known of `count` values. */
  ensure(count: number): void {
    if (this.kind === 'utf8') this.targets.ensure(count)
    else if (this.kind === 'float64') this.#numbers.ensure(count)
    else this.#bools.ensure(count)
  }

  /** Forgets everything. */
  clear(): void {
    for (const column of [this.targets, this.#numbers, this.#bools]) column.clear()
  }

  /** Keeps results of its kind for the ids (u32) at `ids`. */
  keep(ids: number, results: readonly unknown[]): void {
    const { u8, u32, f64 } = this.#machine.memory
    const first = ids / idBytes
    if (this.kind === 'utf8') this.#keepTexts(ids, results)
    else if (this.kind === 'float64') {
      const at = this.#numbers.at / numberBytes
      for (let i = 0; i < results.length; i++) f64[at + u32[first + i]!] = results[i] as number
    } else {
      const { at } = this.#bools
      for (let i = 0; i < results.length; i++) u8[at + u32[first + i]!] = results[i] ? 1 : 0
    }
  }

  #keepTexts(ids: number, results: readonly unknown[]): void {
    const count = results.length
    const { scratch } = this.#machine
    const views = columnOf(this.#machine, 'utf8', results, count) as { readonly at: number }
    const found = scratch.take(count * idBytes)
    this.texts.add(views.at, count, found)
    const { u32 } = this.#machine.memory
    const at = this.targets.at / idBytes
    for (let i = 0; i < count; i++) {
      u32[at + u32[ids / idBytes + i]!] = u32[found / idBytes + i]! + targetOffset
    }
  }

  /** The results of rows whose values have these ids; all of them are known. */
  read(ids: number, rows: number): ColumnValue {
    const { kernels, scratch } = this.#machine
    if (this.kind === 'utf8') {
      const at = scratch.take(rows * idBytes)
      // No room for missing ids is needed, as there are none.
      kernels.idsById(ids, rows, this.targets.at, at, at)
      return { kind: 'ids', at, texts: this.texts }
    }
    if (this.kind === 'float64') {
      const at = scratch.take(rows * numberBytes)
      kernels.gatherF64(this.#numbers.at, ids, rows, at)
      return { kind: 'float64', at }
    }
    const at = scratch.take(rows)
    kernels.gatherBytes(this.#bools.at, ids, rows, at)
    return { kind: 'bool', at }
  }
}
