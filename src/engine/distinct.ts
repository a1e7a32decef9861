/**
 * A pure function called once for each different value among the rows it would get, and its
 * results handed to the rows by id:
 *
 *   rows ─▶ ids ─▶ results by id ─▶ rows        ids seen first ─▶ values ─▶ function ─▶ results
 *
 * What was found is kept for later batches, within limits. Whatever does not fit (a result that no
 * column holds, values that mostly differ, an error of the function's) makes the columns give up:
 * the row loop then gives the same rows, or the error itself.
 */
import { Dictionary, type DictionaryKind, IdColumn } from '../columnar/dictionary.ts'
import type { ChunkMemory } from '../columnar/memory.ts'
import type { ColumnMachine, ColumnShape, ColumnValue } from '../expressions/columns.ts'
import { GiveUp, type OncePerValue } from './column-kernel.ts'
import { type DistinctInput, distinctInput } from './distinct-input.ts'
import { kindOf, ResultColumn, type ResultTools } from './distinct-results.ts'

const idBytes = 4
/** Of a value whose result is known, and of a yes or no: see kernels/dictionary.ts. */
const known = 2
const no = 2
const yes = 3

/** Values after which a dictionary begins anew with the next partition, and bytes. */
const valuesMax = 1 << 18
const bytesMax = 16 * 1024 * 1024
/** Rows by which it is decided whether values mostly differ, and how many make them old. */
const sampleRows = 16_384
const oldRows = 8 * sampleRows
/** Partitions that a function is left to the row loop for: twice as many each time. */
const pauseMin = 16
const pauseMax = 1024
/** How often a part of the results may turn out to be of another kind. */
const changesMax = 3

/** Thrown where a function can't be called once for equal rows; another plan is made then. */
export class DistinctGiveUp extends GiveUp {
  /** Whether it will be tried again at once, with what is now known of its results. */
  readonly isLesson: boolean

  constructor(why: string, isLesson = false) {
    super(why)
    this.message = why
    this.isLesson = isLesson
  }
}

/** A text that is equal for equal shapes with the same dictionaries and constants. */
export function shapeText(shape: ColumnShape): string {
  return JSON.stringify(shape, (_, part: unknown) => {
    if (part instanceof Dictionary) return part.id
    // What JSON has no text for, or one that it shares with others.
    const isOther = typeof part === 'number' || typeof part === 'bigint' || part === undefined
    return isOther ? `${typeof part} ${Object.is(part, -0) ? '-0' : part}` : part
  })
}

/** A function, and what its source tells about it. */
export interface PureFunction {
  readonly fn: Function
  /** It returns arrays of that many items, made anew each time; undefined: single values. */
  readonly items: number | undefined
}

/** One function of one step, for one form of input. */
export class Distinct implements OncePerValue {
  /** Values for which the function was called, and rows that got a result. */
  calls = 0
  rows = 0
  /** What results consist of. */
  readonly results: readonly ResultColumn[]
  readonly #fn: (value: unknown) => unknown
  readonly #isArray: boolean
  readonly #machine: ColumnMachine
  readonly #input: DistinctInput
  readonly #states: IdColumn
  /** Ids have lost their meaning when one of these has changed. */
  #epochs = ''
  #changes = 0
  #pause = 0
  #nextPause = pauseMin
  #sampleRows = 0
  #sampleCalls = 0
  #hasHalves = false
  readonly #isText: boolean

  constructor(
    { fn, items }: PureFunction,
    input: DistinctInput,
    shape: ColumnShape,
    tools: ResultTools,
  ) {
    this.#fn = fn as (value: unknown) => unknown
    this.#isArray = items !== undefined
    this.#machine = tools.machine
    this.#input = input
    this.#states = tools.column(1)
    this.#isText = shape.kind === 'utf8' || shape.kind === 'ids'
    const first = shape.kind === 'float64' ? 'float64' : 'utf8'
    this.results = Array.from({ length: items ?? 1 }, (_, i) => {
      return new ResultColumn(i === 0 ? first : 'float64', tools)
    })
  }

  /** Whether the function is to be tried at all. */
  get isOff(): boolean {
    return this.#pause > 0 || this.results.some(({ kind }) => kind === undefined)
  }

  /** Changes whenever another plan is needed. */
  get signature(): string {
    return this.isOff ? '-' : this.results.map(({ kind }) => kind).join('+')
  }

  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytes, 0)
  }

  get #parts(): readonly (Dictionary | IdColumn)[] {
    return [...this.#input.own, this.#states, ...this.results.flatMap(({ parts }) => parts)]
  }

  /** Another partition has begun: a pause is over some time. */
  tick(): void {
    if (this.#pause > 0) this.#pause--
  }

  begin(): void {
    const texts = this.results.map(result => result.texts)
    for (const dictionary of [...this.#input.own, ...texts]) {
      if (dictionary.count > valuesMax || dictionary.bytes > bytesMax) dictionary.close()
    }
    const epochs = [this.#input.values, ...texts].map(({ epoch }) => epoch).join()
    if (epochs !== this.#epochs) {
      this.#states.clear()
      for (const result of this.results) result.clear()
    }
    this.#epochs = epochs
    if (this.#hasHalves) this.#machine.state.halves = true
  }

  /** Gives all memory back; the next partition begins anew. */
  close(): void {
    for (const part of this.#parts) part.close()
    this.#hasHalves = false
  }

  get inputIds(): ColumnShape | undefined {
    const { values } = this.#input
    return this.#isText ? { kind: 'ids', texts: values } : undefined
  }

  get output(): ColumnShape {
    if (!this.#isArray) return this.results[0]!.shape
    return { kind: 'tuple', items: this.results.map(({ shape }) => shape) }
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
    this.#complete(rows, fill, (missing, results) => this.#answer(missing, results))
    return mask
  }

  #answer(ids: number, results: readonly unknown[]): void {
    const { u8, u32 } = this.#machine.memory
    const { at } = this.#states
    for (let i = 0; i < results.length; i++) {
      u8[at + u32[ids / idBytes + i]!] = results[i] ? yes : no
    }
  }

  map(ids: number, rows: number): ColumnValue {
    const [first] = this.results
    if (!this.#isArray && first!.kind === 'utf8') return this.#mapTexts(first!, ids, rows)
    const { kernels, scratch } = this.#machine
    const { count } = this.#input.values
    const states = this.#states
    for (const column of [states, ...this.results]) column.ensure(count)
    const unused = scratch.take(rows)
    const fill = (missing: number) => kernels.masksById(ids, rows, states.at, unused, missing)
    this.#complete(rows, fill, (missing, results) => {
      this.#keep(missing, results)
      const { u8, u32 } = this.#machine.memory
      for (let i = 0; i < results.length; i++) u8[states.at + u32[missing / idBytes + i]!] = known
    })
    const items = this.results.map(result => result.read(ids, rows))
    return this.#isArray ? { kind: 'tuple', items } : items[0]!
  }

  /** Texts alone tell by their ids whether they are known. */
  #mapTexts(result: ResultColumn, ids: number, rows: number): ColumnValue {
    const { kernels, scratch } = this.#machine
    result.ensure(this.#input.values.count)
    const at = scratch.take(rows * idBytes)
    const fill = (missing: number) => kernels.idsById(ids, rows, result.targets.at, at, missing)
    this.#complete(rows, fill, (missing, results) => this.#keep(missing, results))
    return { kind: 'ids', at, texts: result.texts }
  }

  #keep(ids: number, results: readonly unknown[]): void {
    const columns = this.#isArray
      ? this.results.map((_, item) => results.map(result => (result as unknown[])[item]))
      : [results]
    for (const [i, column] of columns.entries()) this.#expect(this.results[i]!, column)
    for (const [i, column] of columns.entries()) this.results[i]!.keep(ids, column)
    if (this.#machine.state.halves) this.#hasHalves = true
  }

  #expect(result: ResultColumn, values: readonly unknown[]): void {
    for (const value of values) {
      const kind = kindOf(value)
      if (kind === result.kind) continue
      this.#changes++
      const isLesson = kind !== undefined && this.#changes <= changesMax * this.results.length
      result.kind = isLesson ? kind : undefined
      throw new DistinctGiveUp('its results are no texts, numbers or booleans alone', isLesson)
    }
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
      keep(missing, this.#call(missing, count))
      fill(missing)
    } catch (error) {
      // Some ids are listed and have no result.
      this.close()
      throw error
    }
  }

  #call(missing: number, count: number): unknown[] {
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
      throw new DistinctGiveUp('it throws')
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
      throw new DistinctGiveUp('its values mostly differ')
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
}

/** The functions of a thread that are called once for equal rows, within a limit of memory. */
export class DistinctFunctions {
  readonly #tools: ResultTools
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
  make(fn: PureFunction, shape: ColumnShape): Distinct | undefined {
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
