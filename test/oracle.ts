/**
 * The naive engine: every operator's meaning in a line or two of plain arrays, over the whole
 * history, with no threads, no columns and nothing kept between batches.
 *
 * A pipeline is data, a list of steps, so that one pipeline runs here and on the real engine:
 *
 * @example
 * const steps: Step[] = [['map', (word: string) => word.length], ['filter', (n: number) => n > 1]]
 * runOracle(steps, { inputs: [[['a', 'bc'], null, []]] }) // [[2], null, []]
 *
 * What it can't tell: the order of rows after an exchange (it names groups in order of appearance),
 * into which partition an exchange puts a row, and anything about time that a clock would do.
 */
import { KeyState } from '../src/state/key-state.ts'
import { canonical } from './conformance/canonical.ts'

type Row = any
type Rows = readonly Row[]
/** One batch of a stream: its partitions in order. */
type Partitions = readonly Rows[]

/** The batches fed to one input; `null` is a batch in which the source has no RDD. */
export type Batches = readonly (Rows | null)[]

/** An operator's name and its arguments; a {@link Branch} among them stands for a stream. */
export type Step = readonly [name: string, ...args: any[]]

/** A stream given by where it starts, the stream at hand or input number `from`, and its steps. */
export class Branch {
  readonly from: 'here' | number
  readonly steps: readonly Step[]
  constructor(from: 'here' | number, steps: readonly Step[]) {
    this.from = from
    this.steps = steps
  }
}

/** The stream that the step is called on, taken through more steps. */
export const here = (...steps: Step[]): Branch => new Branch('here', steps)

/** Input number `index`, from 0, taken through some steps. */
export const from = (index: number, ...steps: Step[]): Branch => new Branch(index, steps)

export interface OracleOptions {
  readonly inputs: readonly Batches[]
  /** Milliseconds between batches. */
  readonly batchInterval?: number
  /** Batches to run; those past the end of an input are empty. */
  readonly batches?: number
  /** Slices of every input batch. */
  readonly partitions?: number
}

/** Batch `rows` cut as Spark's parallelize does: slice j starts at floor(j·n/p). */
export function slices(rows: Rows, partitions: number): Rows[] {
  const edge = (j: number): number => Math.floor((j * rows.length) / partitions)
  return Array.from({ length: partitions }, (_, j) => rows.slice(edge(j), edge(j + 1)))
}

const rowsOf = (batch: Partitions): Row[] => batch.flat(1)

/** Rows grouped by structural key, in order of appearance, each group with its first key. */
function groups(batch: Partitions): { key: Row; values: Row[] }[] {
  const found = new Map<string, { key: Row; values: Row[] }>()
  for (const [key, value] of rowsOf(batch)) {
    const name = canonical(key, 'key')
    const group = found.get(name)
    if (group) group.values.push(value)
    else found.set(name, { key, values: [value] })
  }
  return [...found.values()]
}

/** One accumulator that takes all values: no parts, nothing merged, nothing removed. */
const aggregated = ({ create, add, result }: any, values: Rows): Row =>
  result(values.reduce((a, value) => add(a, value), create()))

const perRow =
  (f: (rows: Rows) => Row[]) =>
  (batch: Partitions): Partitions =>
    batch.map(f)

/** Operators whose result depends on one batch of one stream; "no RDD" passes through them. */
const perBatch: Record<string, (batch: Partitions, ...args: any[]) => Partitions> = {
  map: (batch, f) => perRow(rows => rows.map(row => f(row)))(batch),
  flatMap: (batch, f) => perRow(rows => rows.flatMap(row => [...f(row)]))(batch),
  filter: (batch, f) => perRow(rows => rows.filter(row => f(row)))(batch),
  mapPartitions: (batch, f) => perRow(rows => [...f(rows[Symbol.iterator]())])(batch),
  glom: batch => batch.map(rows => [[...rows]]),
  mapValues: (batch, f) => perRow(rows => rows.map(([k, v]) => [k, f(v)]))(batch),
  flatMapValues: (batch, f) =>
    perRow(rows => rows.flatMap(([k, v]) => [...f(v)].map(w => [k, w])))(batch),
  reduce: (batch, f) => {
    const rows = rowsOf(batch)
    return [rows.length === 0 ? [] : [rows.reduce((a, b) => f(a, b))]]
  },
  countByValue: batch => {
    const counted = groups([rowsOf(batch).map(row => [row, 1])])
    return [counted.map(({ key, values }) => [key, values.length])]
  },
  distinct: batch => [groups([rowsOf(batch).map(row => [row, 1])]).map(({ key }) => key)],
  groupByKey: batch => [groups(batch).map(({ key, values }) => [key, values])],
  reduceByKey: (batch, f) => [
    groups(batch).map(({ key, values }) => [key, values.reduce((a, b) => f(a, b))]),
  ],
  combineByKey: (batch, create, mergeValue) => [
    groups(batch).map(({ key, values: [first, ...rest] }) => [
      key,
      rest.reduce((combined, value) => mergeValue(combined, value), create(first)),
    ]),
  ],
  aggregateByKey: (batch, aggregate) => [
    groups(batch).map(({ key, values }) => [key, aggregated(aggregate, values)]),
  ],
  sortBy: (batch, f, ascending = true) => {
    const sign = ascending ? 1 : -1
    // NaN is behind all other numbers.
    const last = (key: Row): number => (Number.isNaN(key) ? 1 : 0)
    const order = (a: Row, b: Row): number => (a < b ? -1 : a > b ? 1 : last(a) - last(b))
    return [rowsOf(batch).sort((a, b) => sign * order(f(a), f(b)))]
  },
  topK: (batch, count, f = (row: Row) => row) => [
    rowsOf(batch)
      .sort((a, b) => (f(b) < f(a) ? -1 : f(b) > f(a) ? 1 : 0))
      .slice(0, count),
  ],
  tap: batch => batch,
  // The oracle has no promises: cases give functions whose results need no waiting.
  mapAsync: (batch, f) => perRow(rows => rows.map(row => f(row)))(batch),
  partitionBy: batch => batch,
  persist: batch => batch,
  cache: batch => batch,
  checkpoint: batch => batch,
}

/** One batch as user code in `transform` sees it. */
export class OracleRDD {
  readonly partitions: Partitions
  constructor(partitions: Partitions) {
    this.partitions = partitions
  }
  get rows(): Row[] {
    return rowsOf(this.partitions)
  }
  map = (f: Function): OracleRDD => this.#apply('map', f)
  flatMap = (f: Function): OracleRDD => this.#apply('flatMap', f)
  filter = (f: Function): OracleRDD => this.#apply('filter', f)
  mapPartitions = (f: Function): OracleRDD => this.#apply('mapPartitions', f)
  glom = (): OracleRDD => this.#apply('glom')
  mapValues = (f: Function): OracleRDD => this.#apply('mapValues', f)
  flatMapValues = (f: Function): OracleRDD => this.#apply('flatMapValues', f)
  groupByKey = (): OracleRDD => this.#apply('groupByKey')
  reduceByKey = (f: Function): OracleRDD => this.#apply('reduceByKey', f)
  combineByKey = (create: Function, mergeValue: Function): OracleRDD =>
    this.#apply('combineByKey', create, mergeValue)
  union = (that: OracleRDD): OracleRDD => new OracleRDD([...this.partitions, ...that.partitions])
  repartition = (count: number): OracleRDD => new OracleRDD(slices(this.rows, count))
  #apply(name: string, ...args: unknown[]): OracleRDD {
    return new OracleRDD(perBatch[name]!(this.partitions, ...args))
  }
}

type Compute = (time: number) => OracleRDD | null

/** A stream: what it is at each time, computed when asked. Time 0 is one batch before the first. */
class OracleStream {
  readonly slide: number
  readonly #compute: Compute
  constructor(slide: number, compute: Compute) {
    this.slide = slide
    this.#compute = compute
  }
  at(time: number): OracleRDD | null {
    return time > 0 && time % this.slide === 0 ? this.#compute(time) : null
  }
}

const nullResult =
  'Transform function must not return null. Return SparkContext.emptyRDD() instead ' +
  'to represent no element as the result of transformation.'

function union(streams: OracleStream[]): OracleStream {
  const slide = streams[0]!.slide
  if (streams.some(s => s.slide !== slide))
    throw new Error('Some of the DStreams have different slide durations')
  return new OracleStream(slide, time => {
    const rdds = streams.map(s => s.at(time))
    if (rdds.includes(null))
      throw new Error(`Could not generate RDD from a parent for unifying at time ${time} ms`)
    return new OracleRDD(rdds.flatMap(rdd => rdd!.partitions))
  })
}

function transform(
  streams: OracleStream[],
  f: (rdds: OracleRDD[], time: number) => OracleRDD | null,
): OracleStream {
  const slide = streams[0]!.slide
  if (streams.some(s => s.slide !== slide))
    throw new Error('Some of the DStreams have different slide durations')
  return new OracleStream(slide, time => {
    const rdds = streams.map(s => s.at(time))
    if (rdds.includes(null)) throw new Error(`Couldn't generate RDD from parent at time ${time} ms`)
    const result = f(rdds as OracleRDD[], time)
    if (result === null || result === undefined) throw new Error(nullResult)
    return result
  })
}

/** The parent's RDDs at the times in (t - duration, t], those that exist, one after the other. */
function window(parent: OracleStream, duration: number, slide = parent.slide): OracleStream {
  if (duration % parent.slide !== 0)
    throw new Error('The window duration of windowed DStream must be a multiple of the slide')
  if (slide % parent.slide !== 0)
    throw new Error('The slide duration of windowed DStream must be a multiple of the slide')
  return new OracleStream(slide, time => {
    const partitions: Rows[] = []
    for (let t = time - duration + parent.slide; t <= time; t += parent.slide)
      partitions.push(...(parent.at(t)?.partitions ?? []))
    return new OracleRDD(partitions)
  })
}

/** Groups of both sides: for each key the values of the first and of the second. */
function cogroups(a: OracleRDD, b: OracleRDD): [Row, Row[], Row[]][] {
  const sides = [a.rows.map(([k, v]) => [k, [0, v]]), b.rows.map(([k, v]) => [k, [1, v]])]
  return groups(sides).map(({ key, values }) => {
    const of = (side: number): Row[] => values.filter(v => v[0] === side).map(v => v[1])
    return [key, of(0), of(1)]
  })
}

function join(keepsLeft: boolean, keepsRight: boolean) {
  return (stream: OracleStream, that: OracleStream): OracleStream =>
    transform([stream, that], ([a, b]) => {
      const rows = cogroups(a!, b!).flatMap(([key, left, right]) => {
        const lefts = left.length === 0 && keepsRight ? [undefined] : left
        const rights = right.length === 0 && keepsLeft ? [undefined] : right
        return lefts.flatMap(l => rights.map(r => [key, [l, r]]))
      })
      return new OracleRDD([rows])
    })
}

/** The whole window reduced anew; `remove` is only for what an engine does to be faster. */
function reduceByKeyAndWindow(stream: OracleStream, add: Function, ...rest: any[]): OracleStream {
  const remove = typeof rest[0] === 'function' ? rest.shift() : undefined
  const [duration, slide, options = {}] = rest
  const windowed = window(stream, duration, slide)
  const { filter } = options
  return new OracleStream(windowed.slide, time => {
    const reduce = (rdd: OracleRDD): Row[] => perBatch.reduceByKey!(rdd.partitions, add)[0] as Row[]
    let rows = reduce(windowed.at(time)!)
    if (remove) {
      // Keys stay once they were in a window: with what is left when everything is removed again.
      const known = new Set(rows.map(([key]) => canonical(key, 'key')))
      for (let t = windowed.slide; t < time; t += windowed.slide) {
        for (const [key, value] of windowed.at(t)!.rows) {
          if (known.has(canonical(key, 'key'))) continue
          known.add(canonical(key, 'key'))
          rows.push([key, remove(value, value)])
        }
      }
    }
    if (filter) rows = rows.filter(row => filter(row))
    return new OracleRDD([rows])
  })
}

/** States by key from the first batch on, all history replayed for every batch. */
function updateStateByKey(stream: OracleStream, f: Function, options: any = {}): OracleStream {
  return new OracleStream(stream.slide, time => {
    let states: Row[] = [...(options.initialState ?? [])]
    for (let t = stream.slide; t <= time; t += stream.slide) {
      const values = stream.at(t) ?? new OracleRDD([])
      const rows = cogroups(new OracleRDD([states]), values)
      if (options.form === 'iterator') states = [...f(rows.map(([k, [s], v]) => [k, v, s]))]
      else {
        const next = (k: Row, v: Row[], s: Row): Row => {
          if (options.onlyTouched && v.length === 0) return s
          return options.form === 'timed' ? f(t, k, v, s) : f(v, s)
        }
        states = rows.map(([k, [s], v]) => [k, next(k, v, s)]).filter(([, s]) => s !== undefined)
      }
    }
    return new OracleRDD([states])
  })
}

/** Mapped rows and states of `mapWithState`, all history replayed for every batch. */
function mapWithState(stream: OracleStream, spec: any, what: 'mapped' | 'snapshots') {
  const { function: f, timed, initial = [], timeout } = spec.settings
  return new OracleStream(stream.slide, time => {
    const states = new Map<string, { key: Row; state: Row; touched: number }>()
    for (const [key, state] of initial) {
      states.set(canonical(key, 'key'), { key, state, touched: stream.slide })
    }
    let mapped: Row[] = []
    for (let t = stream.slide; t <= time; t += stream.slide) {
      mapped = []
      const call = (key: Row, value: Row, timingOut: boolean): void => {
        const name = canonical(key, 'key')
        const before = states.get(name)
        const state = new KeyState().wrap(before !== undefined, before?.state, timingOut)
        const row = timed ? f(t, key, value, state) : f(key, value, state)
        if (row !== undefined) mapped.push(row)
        if (timingOut || state.outcome === 'removed') states.delete(name)
        else if (state.outcome === 'updated')
          states.set(name, { key, state: state.get(), touched: t })
        else if (before && timeout !== undefined) before.touched = t
      }
      for (const [key, value] of stream.at(t)?.rows ?? []) call(key, value, false)
      for (const { key, touched } of [...states.values()]) {
        if (timeout !== undefined && touched < t - timeout) call(key, undefined, true)
      }
    }
    if (what === 'mapped') return new OracleRDD([mapped])
    return new OracleRDD([[...states.values()].map(({ key, state }) => [key, state])])
  })
}

/** Sessions that are over at a time, all history replayed for every batch. */
function sessionWindow(stream: OracleStream, gap: number): OracleStream {
  return new OracleStream(stream.slide, time => {
    const open = new Map<string, { key: Row; start: number; last: number; values: Row[] }>()
    let closed: Row[] = []
    for (let t = stream.slide; t <= time; t += stream.slide) {
      closed = []
      for (const [name, { key, start, last, values }] of [...open]) {
        if (t - last < gap) continue
        closed.push([key, { start, end: last + gap, values }])
        open.delete(name)
      }
      for (const [key, value] of stream.at(t)?.rows ?? []) {
        const name = canonical(key, 'key')
        const session = open.get(name)
        if (session) {
          session.values.push(value)
          session.last = t
        } else open.set(name, { key, start: t, last: t, values: [value] })
      }
    }
    return new OracleRDD([closed])
  })
}

/** Operators of more than one batch or stream. */
const perStream: Record<string, (stream: OracleStream, ...args: any[]) => OracleStream> = {
  window,
  union: (stream, that) => union([stream, that]),
  transform: (stream, f) => transform([stream], ([rdd], time) => f(rdd, time)),
  transformWith: (stream, that, f) => transform([stream, that], ([a, b], time) => f(a, b, time)),
  repartition: (stream, n) => transform([stream], ([rdd]) => rdd!.repartition(n)),
  // As in Spark a transform that adds a zero: so an empty batch counts 0 and "no RDD" is an error.
  count: stream => transform([stream], ([rdd]) => new OracleRDD([[rdd!.rows.length]])),
  aggregate: (stream, aggregate) =>
    transform([stream], ([rdd]) => new OracleRDD([[aggregated(aggregate, rdd!.rows)]])),
  cogroup: (stream, that) =>
    transform([stream, that], ([a, b]) => {
      return new OracleRDD([cogroups(a!, b!).map(([key, left, right]) => [key, [left, right]])])
    }),
  join: join(false, false),
  leftOuterJoin: join(true, false),
  rightOuterJoin: join(false, true),
  fullOuterJoin: join(true, true),
  reduceByKeyAndWindow,
  updateStateByKey,
  mapWithState: (stream, spec) => mapWithState(stream, spec, 'mapped'),
  'mapWithState.stateSnapshots': (stream, spec) => mapWithState(stream, spec, 'snapshots'),
  sessionWindow,
  groupByKeyAndWindow: (stream, duration, slide) =>
    follow([], window(stream, duration, slide), [['groupByKey']]),
  aggregateByKeyAndWindow: (stream, aggregate, duration, slide) =>
    follow([], window(stream, duration, slide), [['aggregateByKey', aggregate]]),
  reduceByWindow: (stream, add, ...rest) =>
    typeof rest[0] === 'function'
      ? follow([], stream, [
          ['map', (row: Row) => [1, row]],
          ['reduceByKeyAndWindow', add, ...rest],
          ['map', ([, value]: Row) => value],
        ] as Step[])
      : follow([], window(stream, rest[0], rest[1]), [['reduce', add]]),
  countByWindow: (stream, ...rest) =>
    follow([], stream, [
      ['map', () => 1],
      ['reduceByWindow', (a: number, b: number) => a + b, (a: number, b: number) => a - b, ...rest],
    ]),
  countByValueAndWindow: (stream, duration, slide) =>
    follow([], window(stream, duration, slide), [['countByValue']]),
  'ssc.union': (_, streams) => union(streams),
  'ssc.transform': (_, streams, f) => transform(streams, f),
}

function follow(inputs: OracleStream[], start: OracleStream, steps: readonly Step[]): OracleStream {
  return steps.reduce((stream, [name, ...args]) => {
    const resolved = resolve(args, inputs, stream, follow)
    const many = perStream[name]
    if (many) return many(stream, ...resolved)
    const one = perBatch[name]
    if (!one) throw new Error(`the oracle has no operator ${name}`)
    return new OracleStream(stream.slide, time => {
      const rdd = stream.at(time)
      return rdd && new OracleRDD(one(rdd.partitions, ...resolved))
    })
  }, start)
}

/** Arguments with every {@link Branch}, alone or in a list, replaced by its stream. */
function resolve<S>(
  args: any[],
  inputs: S[],
  stream: S,
  go: (inputs: S[], start: S, steps: readonly Step[]) => S,
): any[] {
  return args.map(arg => {
    if (arg instanceof Branch)
      return go(inputs, arg.from === 'here' ? stream : inputs[arg.from]!, arg.steps)
    if (Array.isArray(arg) && arg.length > 0 && arg.every(item => item instanceof Branch))
      return resolve(arg, inputs, stream, go)
    return arg
  })
}

/**
 * Evaluates a pipeline that starts at the first input. Resolves to one entry per batch: the rows,
 * or `null` where the stream has no RDD. Throws what the batch's job must fail with.
 */
export function runOracle(steps: readonly Step[], options: OracleOptions): (Row[] | null)[] {
  const { inputs, batchInterval = 1000, partitions = 2 } = options
  const batches = options.batches ?? Math.max(...inputs.map(input => input.length))
  const sources = inputs.map(
    input =>
      new OracleStream(batchInterval, time => {
        const rows = input[time / batchInterval - 1]
        return rows === null ? null : new OracleRDD(slices(rows ?? [], partitions))
      }),
  )
  const result = follow(sources, sources[0]!, steps)
  return Array.from({ length: batches }, (_, i) => result.at((i + 1) * batchInterval)?.rows ?? null)
}

/**
 * Calls the same steps on streams of the real engine.
 *
 * @example
 * runStream({ input, build: (stream, ssc) => applySteps(steps, [stream], ssc) })
 */
export function applySteps(steps: readonly Step[], inputs: any[], ssc: any): any {
  const go = (_: any[], start: any, branch: readonly Step[]): any =>
    branch.reduce((stream, [name, ...args]) => {
      const resolved = resolve(args, inputs, stream, go)
      if (name.startsWith('ssc.')) return ssc[name.slice(4)](...resolved)
      const [method, result] = name.split('.') as [string, string?]
      const made = stream[method](...resolved)
      return result === undefined ? made : made[result]()
    }, start)
  return go(inputs, inputs[0], steps)
}
