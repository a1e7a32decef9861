/**
 * A pure function called once for each different value among the rows it would get, and its results
 * handed to the rows by id:
 *
 *   rows ─▶ ids ─▶ results by id ─▶ rows          ids of the first time ─▶ values ─▶ function
 *
 * What was found is kept for later batches, within limits. Whatever does not fit (a result that no
 * column holds, values that mostly differ, an error of the function's) makes the columns give up:
 * the row loop then gives the same rows, or the error itself.
 */
import { Dictionary, type DictionaryKind, IdColumn } from '../columnar/dictionary.ts'
import type { ChunkMemory } from '../columnar/memory.ts'
import {
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  columnOf,
} from '../expressions/columns.ts'
import { GiveUp, type OncePerValue } from './column-kernel.ts'
import { type DistinctInput, type DistinctTools, distinctInput } from './distinct-input.ts'

/** What the results of a function are, as far as columns hold them. */
export type ResultKind = 'utf8' | 'float64' | 'bool'

const idBytes = 4
const numberBytes = 8
/** Of a function that answers yes or no, in the column of states; see kernels/dictionary.ts. */
const no = 2
const yes = 3
const known = 2
/** Targets are new ids plus this. */
const targetOffset = 2

/** Values after which a dictionary begins anew with the next partition, and bytes. */
const valuesMax = 1 << 18
const bytesMax = 32 * 1024 * 1024
/** Rows by which it is decided whether values mostly differ, and how many make them old. */
const sampleRows = 16_384
const oldRows = 8 * sampleRows
/** Partitions that a function is left to the row loop for: twice as many each time. */
const pauseMin = 16
const pauseMax = 1024
/** How often results may turn out to be of another kind. */
const changesMax = 3

/** Thrown where a function can't be called once for equal rows; another plan is made without it. */
export class DistinctGiveUp extends GiveUp {}

/** One function of one step, for one form of input. */
export class Distinct implements OncePerValue {
  /** What results are taken to be; undefined where no column holds them. */
  result: ResultKind | undefined
  /** Values for which the function was called, and rows that got a result. */
  calls = 0
  rows = 0
  readonly #fn: (value: unknown) => unknown
  readonly #machine: ColumnMachine
  readonly #input: DistinctInput
  readonly #texts: Dictionary
  readonly #states: IdColumn
  readonly #targets: IdColumn
  readonly #numbers: IdColumn
  /** Ids have lost their meaning when one of these has changed. */
  #epochs: string = ''
  #changes = 0
  #pause = 0
  #nextPause = pauseMin
  #sampleRows = 0
  #sampleCalls = 0
  #hasHalves = false
  readonly #isText: boolean

  constructor(fn: Function, input: DistinctInput, shape: ColumnShape, tools: Tools) {
    this.#fn = fn as (value: unknown) => unknown
    this.#machine = tools.machine
    this.#input = input
    this.#texts = tools.dictionary('utf8')
    this.#states = tools.column(1)
    this.#targets = tools.column(idBytes)
    this.#numbers = tools.column(numberBytes)
    this.#isText = shape.kind === 'utf8' || shape.kind === 'ids'
    this.result = shape.kind === 'float64' ? 'float64' : 'utf8'
  }

  /** Whether the function is to be tried at all. */
  get isOff(): boolean {
    return this.result === undefined || this.#pause > 0
  }

  /** Changes whenever another plan is needed. */
  get signature(): string {
    return this.isOff ? '-' : this.result!
  }

  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytes, 0)
  }

  get #parts(): readonly { readonly bytes: number; close(): void }[] {
    return [...this.#input.own, this.#texts, this.#states, this.#targets, this.#numbers]
  }

  /** Another partition has begun: a pause is over some time. */
  tick(): void {
    if (this.#pause > 0) this.#pause--
  }

  begin(): void {
    for (const dictionary of [...this.#input.own, this.#texts]) {
      if (dictionary.count > valuesMax || dictionary.bytes > bytesMax) dictionary.close()
    }
    const epochs = `${this.#input.values.epoch},${this.#texts.epoch}`
    if (epochs !== this.#epochs) this.#forget()
    this.#epochs = epochs
    if (this.#hasHalves) this.#machine.state.halves = true
  }

  #forget(): void {
    for (const column of [this.#states, this.#targets, this.#numbers]) column.clear()
  }

  /** Gives all memory back; the next partition begins anew. */
  close(): void {
    for (const part of this.#parts) part.close()
    this.#hasHalves = false
  }

  ids(column: ColumnValue, rows: number): number {
    return this.#input.ids(column, rows)
  }

  mask(ids: number, rows: number): number {
    const { kernels, scratch } = this.#machine
    const states = this.#states
    states.ensure(this.#input.values.count)
    const mask = scratch.take(rows)
    const fill = (missing: number) => kernels.masksById(ids, rows, states.at, mask, missing)
    this.#complete(rows, fill, (missing, results) => {
      const { u8, u32 } = this.#machine.memory
      for (let i = 0; i < results.length; i++) {
        u8[states.at + u32[missing / idBytes + i]!] = results[i] ? yes : no
      }
    })
    return mask
  }

  map(ids: number, rows: number): ColumnValue {
    if (this.result === 'utf8') return this.#mapTexts(ids, rows)
    if (this.result === 'float64') return this.#mapNumbers(ids, rows)
    return { kind: 'bool', at: this.#mapBooleans(ids, rows) }
  }

  get inputIds(): ColumnShape | undefined {
    const { values } = this.#input
    const isText = this.#isText && values.kind === 'utf8'
    return isText ? { kind: 'ids', texts: values } : undefined
  }

  get output(): ColumnShape {
    if (this.result === 'utf8') return { kind: 'ids', texts: this.#texts }
    return { kind: this.result! }
  }

  #mapTexts(ids: number, rows: number): ColumnValue {
    const { kernels, scratch } = this.#machine
    const targets = this.#targets
    targets.ensure(this.#input.values.count)
    const at = scratch.take(rows * idBytes)
    const fill = (missing: number) => kernels.idsById(ids, rows, targets.at, at, missing)
    this.#complete(rows, fill, (missing, results) => {
      this.#expect('string', results)
      const count = results.length
      const views = columnOf(this.#machine, 'utf8', results, count) as { readonly at: number }
      if (this.#machine.state.halves) this.#hasHalves = true
      const targetIds = scratch.take(count * idBytes)
      this.#texts.add(views.at, count, targetIds)
      const { u32 } = this.#machine.memory
      for (let i = 0; i < count; i++) {
        const id = u32[missing / idBytes + i]!
        u32[targets.at / idBytes + id] = u32[targetIds / idBytes + i]! + targetOffset
      }
    })
    return { kind: 'ids', at, texts: this.#texts }
  }

  #mapNumbers(ids: number, rows: number): ColumnValue {
    const { kernels, scratch } = this.#machine
    const states = this.#states
    const numbers = this.#numbers
    states.ensure(this.#input.values.count)
    numbers.ensure(this.#input.values.count)
    const unused = scratch.take(rows)
    const fill = (missing: number) => kernels.masksById(ids, rows, states.at, unused, missing)
    this.#complete(rows, fill, (missing, results) => {
      this.#expect('number', results)
      const { u8, u32, f64 } = this.#machine.memory
      for (let i = 0; i < results.length; i++) {
        const id = u32[missing / idBytes + i]!
        f64[numbers.at / numberBytes + id] = results[i] as number
        u8[states.at + id] = known
      }
    })
    const at = scratch.take(rows * numberBytes)
    kernels.gatherF64(numbers.at, ids, rows, at)
    return { kind: 'float64', at }
  }

  #mapBooleans(ids: number, rows: number): number {
    const { kernels, scratch } = this.#machine
    const states = this.#states
    states.ensure(this.#input.values.count)
    const mask = scratch.take(rows)
    const fill = (missing: number) => kernels.masksById(ids, rows, states.at, mask, missing)
    this.#complete(rows, fill, (missing, results) => {
      this.#expect('boolean', results)
      const { u8, u32 } = this.#machine.memory
      for (let i = 0; i < results.length; i++) {
        u8[states.at + u32[missing / idBytes + i]!] = results[i] ? yes : no
      }
    })
    return mask
  }

  /** Fills in what is known; calls the function for ids that are missing, and fills in again. */
  #complete(
    rows: number,
    fill: (missing: number) => number,
    keep: (missing: number, results: readonly unknown[]) => void,
  ): void {
    const missing = this.#machine.scratch.take(rows * idBytes)
    const count = fill(missing)
    this.rows += rows
    try {
      this.#sample(rows, count)
      if (count === 0) return
      keep(missing, this.#results(missing, count))
      fill(missing)
    } catch (error) {
      // Some ids are listed and have no result.
      this.close()
      throw error
    }
  }

  #results(missing: number, count: number): unknown[] {
    const values = this.#input.decode(missing, count)
    const fn = this.#fn
    const results = new Array<unknown>(count)
    this.calls += count
    this.#machine.state.onceCalls += count
    try {
      for (let i = 0; i < count; i++) results[i] = fn(values[i])
    } catch {
      // The row loop meets the error again, if it comes to this row, and knows which one it is.
      this.#off()
      throw new DistinctGiveUp('a function that throws')
    }
    return results
  }

  /** Gives up where values mostly differ: calling the function for each row costs less. */
  #sample(rows: number, calls: number): void {
    this.#sampleRows += rows
    this.#sampleCalls += calls
    if (this.#sampleRows < sampleRows) return
    if (this.#sampleCalls * 2 > this.#sampleRows) {
      this.#off()
      throw new DistinctGiveUp('values that mostly differ')
    }
    if (this.#sampleRows < oldRows) return
    this.#sampleRows /= 2
    this.#sampleCalls /= 2
  }

  #off(): void {
    this.#pause = this.#nextPause
    this.#nextPause = Math.min(pauseMax, this.#nextPause * 2)
    this.#sampleRows = this.#sampleCalls = 0
  }

  #expect(type: 'string' | 'number' | 'boolean', results: readonly unknown[]): void {
    const other = results.find(result => typeof result !== type)
    if (other === undefined && !results.includes(undefined)) return
    this.#changes++
    this.result = this.#changes > changesMax ? undefined : kinds[typeof other]
    throw new DistinctGiveUp('results of another kind')
  }
}

const kinds: Partial<Record<string, ResultKind>> = {
  string: 'utf8',
  number: 'float64',
  boolean: 'bool',
}

interface Tools extends DistinctTools {
  column(itemBytes: number): IdColumn
}

/** The functions of a thread that are called once for equal rows, within a limit of memory. */
export class DistinctFunctions {
  readonly #tools: Tools
  readonly #bytesMax: number
  /** Those that were used last come last. */
  readonly #all = new Set<Distinct>()

  constructor(
    machine: ColumnMachine,
    memory: ChunkMemory,
    { owner, bytesMax }: { owner: number; bytesMax: number },
  ) {
    const { kernels } = machine
    this.#tools = {
      machine,
      dictionary: (kind: DictionaryKind) => new Dictionary(memory, kernels, owner, kind),
      column: itemBytes => new IdColumn(memory, kernels, owner, itemBytes),
    }
    this.#bytesMax = bytesMax
  }

  /** Undefined for input whose values are not told apart. */
  make(fn: Function, shape: ColumnShape): Distinct | undefined {
    const input = distinctInput(shape, this.#tools)
    return input && new Distinct(fn, input, shape, this.#tools)
  }

  /** These are about to be used: others make room where all of them have become too large. */
  use(some: Iterable<Distinct>): void {
    const used = new Set(some)
    for (const one of used) {
      this.#all.delete(one)
      this.#all.add(one)
    }
    let bytes = 0
    for (const one of this.#all) bytes += one.bytes
    for (const one of this.#all) {
      if (bytes <= this.#bytesMax) break
      if (used.has(one)) continue
      bytes -= one.bytes
      one.close()
      this.#all.delete(one)
    }
  }

  /** Gives all memory back. */
  close(): void {
    for (const one of this.#all) one.close()
    this.#all.clear()
  }
}
