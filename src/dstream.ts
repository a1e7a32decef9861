/** DStream<T>: a stream as a sequence of batches. One line an operator; the logic is in ops/. */
import type { Readable } from 'node:stream'
import {
  type Call,
  callOf,
  mainThreadFunction,
  partitionsOption,
  pathOption,
  stepOf,
} from './apply.ts'
import { formatRow } from './columnar/format-row.ts'
import type { PendingOutput, StreamingContext } from './context.ts'
import { checkSameSlide } from './dstream/same-slide.ts'
import { SelectOperators } from './dstream/select.ts'
import { RowStates, StateView } from './dstream/state-view.ts'
import { type Expand, RddNode, StreamNode } from './engine/dag.ts'
import { inScope, RddScope } from './engine/session.ts'
import { type SinkBatch, type SinkOf, SinkOutput, tokenOf } from './engine/sink.ts'
import { badCall, misused, PeltonError, preview } from './errors.ts'
import type { MapState } from './facade/running.ts'
import * as ops from './ops/index.ts'
import { BatchQueue, rowsOf } from './outputs.ts'
import { RDD } from './rdd.ts'

/** Rows of one batch of a stream. */
export interface BatchRows<T> {
  readonly time: number
  readonly rows: T[]
}

/**
 * What `stream.to(sink)` takes: it writes the RDD of each batch, and then commits what it has
 * written. The batch's time is the id of the transaction, since a batch that was under way in a
 * crash is run again; a sink that has committed a time does nothing when it comes again, and so
 * each row counts once.
 *
 * Obligations of a sink
 * - What `write` does counts when `commit` resolves: all of it at once, or nothing. Without a
 *   `commit` it counts when `write` resolves.
 * - A batch that counts already changes nothing when it is written and committed again.
 * - `open` puts aside what a crash has left of batches that don't count, and gives the time of the
 *   last batch that does, where it knows: a context that begins anew begins behind it.
 * - After `close` nothing of it is open, and `open` may be called again.
 *
 * Obligations of the engine
 * - `open` comes before the first batch, and `start()` rejects where it does; `close` comes after
 *   the last one. Both may be left out.
 * - `commit` gets what `write` gave. Commits come in order of time, one at a time.
 * - Where `write` or `commit` rejects, the output of the batch has failed, as in `foreachRDD`.
 *
 * @example
 * const counts: Sink<[string, number]> = {
 *   async write(rdd, { token }) {
 *     const rows = await rdd.collect()
 *     await database.transaction(async t => {
 *       const isNew = await t.insertIfAbsent('batches', token)
 *       if (isNew) await t.insert('counts', rows)
 *     })
 *   },
 * }
 */
export type Sink<T, Written = unknown> = SinkOf<RDD<T>, Written>

const rule = '-'.repeat(43)

/**
 * A continuous stream. Transformations give new streams; outputs (`print`, `foreachRDD`, …) make
 * the context compute them, once a batch, from `ssc.start()` on.
 *
 * @example
 * lines.flatMap(l => l.split(' ')).map(w => [w, 1] as const).reduceByKey((a, b) => a + b).print()
 */
export class DStream<T> extends SelectOperators<T> {
  protected made<U>(node: StreamNode): DStream<U> {
    return new DStream<U>(this.context, node)
  }

  protected madeState(node: StreamNode): DStream<unknown> {
    return new StateDStream(this.context, node)
  }

  protected madeStateful(of: MapState): DStream<unknown> {
    return new MapWithStateDStream(this.context, of)
  }

  /** `f` of each row. @example stream.map(x => x + 1) */
  map<U>(f: (row: T) => U): DStream<U> {
    return this.applied(callOf('map'), ops.map, {}, [f])
  }

  /** The rows for which `f` is truthy. @example stream.filter(x => x > 0) */
  filter<S extends T>(f: (row: T) => row is S): DStream<S>
  filter(f: (row: T) => unknown): DStream<T>
  filter(f: (row: T) => unknown): DStream<T> {
    return this.applied(callOf('filter'), ops.filter, {}, [f])
  }

  /** The elements of what `f` returns for each row. @example lines.flatMap(l => l.split(' ')) */
  flatMap<U>(f: (row: T) => Iterable<U>): DStream<U> {
    return this.applied(callOf('flatMap'), ops.flatMap, {}, [f])
  }

  /** `f` of each partition's rows. @example stream.mapPartitions(rows => [[...rows].length]) */
  mapPartitions<U>(f: (rows: Iterable<T>, partition: number) => Iterable<U>): DStream<U> {
    return this.applied(callOf('mapPartitions'), ops.mapPartitions, {}, [f])
  }

  /** One array a partition. @example stream.glom() */
  glom(): DStream<T[]> {
    return this.applied(callOf('glom'), ops.glom)
  }

  /** The rows of both, this one's first. Both must have the same slide. @example a.union(b) */
  union(other: DStream<T>): DStream<T> {
    return this.context.union([this, other])
  }

  /** The same rows in exactly `partitions` partitions. @example stream.repartition(8) */
  repartition(partitions: number): DStream<T> {
    const call = callOf('repartition')
    return this.applied(call, ops.repartition, {
      partitions: partitionsOption('repartition', partitions ?? Number.NaN, 0),
    })
  }

  /** Each batch ordered by what `f` gives, in one partition. @example stream.sortBy(x => -x) */
  sortBy(f: (row: T) => unknown, ascending = true): DStream<T> {
    return this.applied(callOf('sortBy'), ops.sorted, { ascending }, [f])
  }

  /**
   * All rows of a batch reduced to one; none for an empty batch.
   *
   * @example stream.reduce((a, b) => a + b)
   */
  reduce(f: (a: T, b: T) => T): DStream<T> {
    return this.halved(callOf('reduce'), ops.reduce, {}, [f], [f])
  }

  /** The number of rows of each batch, 0 for an empty one. @example stream.count() */
  count(): DStream<number> {
    return this.halved(callOf('count'), ops.count, {}, [], [])
  }

  /** How often each value occurs, as pairs. @example words.countByValue() */
  countByValue(partitions?: number): DStream<[T, number]> {
    const params = { partitions: this.partitionsOf('countByValue', partitions) }
    return this.halved(callOf('countByValue'), ops.countByValue, params, [], [])
  }

  /** Each row once; rows are compared as keys are. @example words.distinct() */
  distinct(partitions?: number): DStream<T> {
    const params = { partitions: this.partitionsOf('distinct', partitions) }
    return this.halved(callOf('distinct'), ops.distinct, params, [], [])
  }

  /**
   * Whatever RDDs make of RDDs: `f` runs on the main thread for each batch.
   *
   * @example stream.transform((rdd, time) => rdd.filter(x => x > 0))
   */
  transform<U>(f: (rdd: RDD<T>, time: number) => RDD<U> | Promise<RDD<U>>): DStream<U> {
    const call = callOf('transform')
    mainThreadFunction(call, f)
    return transformed(this.context, call, [this], (rdds, time) => f(rdds[0] as RDD<T>, time))
  }

  /** `transform` of two streams. @example a.transformWith(b, (x, y) => x.union(y)) */
  transformWith<U, V>(
    other: DStream<U>,
    f: (rdd: RDD<T>, other: RDD<U>, time: number) => RDD<V> | Promise<RDD<V>>,
  ): DStream<V> {
    const call = callOf('transformWith')
    mainThreadFunction(call, f)
    return transformed(this.context, call, [this, other], (rdds, time) =>
      f(rdds[0] as RDD<T>, rdds[1] as RDD<U>, time),
    )
  }

  /**
   * Calls `f` with each batch's RDD, on the main thread; the batch ends when its promise settles.
   *
   * With a checkpoint directory, a batch that was under way in a crash is run again: `f` is called
   * at least once. `token`, made of the context's name, the output's number and the batch's time,
   * is the same then, and no other call of the program gets it: who keeps it with what is written
   * knows a second time for what it is. Programs that write to one place need names of their own.
   *
   * @example stream.foreachRDD(async (rdd, time) => console.log(time, await rdd.count()))
   * @example stream.foreachRDD(async (rdd, time, token) => put(token, await rdd.collect()))
   */
  foreachRDD(f: (rdd: RDD<T>, time: number, token: string) => unknown): void {
    const call = callOf('foreachRDD')
    mainThreadFunction(call, f)
    this.#output(call, async (rdd, { time, token }) => {
      await f(rdd, time, token)
    })
  }

  /**
   * Gives each batch to a sink, one of `pelton/sinks` or your own: see `Sink`. A sink takes one
   * stream; to write several, give it their union.
   *
   * @throws PeltonError `OPTION` for what is no sink, or has a stream of this context already
   * @example counts.to(textFiles('out', { prefix: 'counts' }))
   */
  to<Written>(sink: Sink<T, Written>): void {
    const call = callOf('to')
    const output = new SinkOutput(checkedSink(call, sink), call)
    this.#output(call, (rdd, batch, before) => output.run(rdd, batch, before), {
      sink: { of: sink, output },
    })
  }

  #output(
    call: Call,
    run: (rdd: RDD<T>, batch: SinkBatch, before: Promise<void>) => Promise<void>,
    more: Pick<PendingOutput, 'reader' | 'sink'> = {},
  ): void {
    this.context.checkOpen(call)
    const number = this.context.addOutput({
      call,
      ...more,
      node: this.node,
      run: async (node, time, before) => {
        const { session, name } = this.context
        const what = `${call.label} of the batch at ${time} ms`
        const scope = new RddScope(what, time, more.sink && call)
        const batch = { time, token: tokenOf(name, number, time) }
        try {
          await inScope(scope, () => run(new RDD<T>(session, node, scope), batch, before))
        } finally {
          scope.end()
        }
      },
    })
  }

  /** Prints the first `rows` rows of each batch as Spark does. @example stream.print(5) */
  print(rows = 10): void {
    const call = callOf('print')
    if (!(Number.isInteger(rows) && rows >= 0)) {
      throw new PeltonError(`print(${preview(rows)}): give a whole number of rows, such as 10`, {
        code: 'OPTION',
        operator: 'print',
      })
    }
    this.#output(call, async (rdd, { time }) => {
      const first = await rdd.take(rows + 1)
      const lines = first.slice(0, rows).map(formatRow)
      if (first.length > rows) lines.push('...')
      this.context.write(`${[rule, `Time: ${time} ms`, rule, ...lines].join('\n')}\n\n`)
    })
  }

  /**
   * One directory a batch, `prefix-TIME.suffix`.
   *
   * @example stream.saveAsTextFiles('out/words', 'txt')
   */
  saveAsTextFiles(prefix: string, suffix = ''): void {
    this.#saved('saveAsTextFiles', prefix, suffix, (rdd, directory) =>
      rdd.saveAsTextFile(directory, { overwrite: true }),
    )
  }

  /**
   * The same with the rows as they are, to be read by `ssc.objectFile`.
   *
   * @example sessions.saveAsObjectFiles('out/sessions')
   */
  saveAsObjectFiles(prefix: string, suffix = ''): void {
    this.#saved('saveAsObjectFiles', prefix, suffix, (rdd, directory) =>
      rdd.saveAsObjectFile(directory, { overwrite: true }),
    )
  }

  #saved(
    label: string,
    prefix: string,
    suffix: string,
    save: (rdd: RDD<T>, directory: string) => Promise<void>,
  ): void {
    const call = callOf(label)
    // Either may be empty: then its part of the name is dropped.
    if (prefix !== '') pathOption(call.label, 'prefix', prefix)
    if (suffix !== '') pathOption(call.label, 'suffix', suffix)
    this.#output(call, async (rdd, { time }) => {
      const name = prefix === '' ? String(time) : `${prefix}-${time}`
      await save(rdd, suffix === '' ? name : `${name}.${suffix}`)
    })
  }

  /**
   * The RDDs of this stream at its times from `from` to `to`, both included, in milliseconds; times
   * between two results count as the one before. Batches to come have none. An RDD lasts as long as
   * the context remembers its batch, at least `ssc.remember(duration)`.
   *
   * @example const lastMinute = await counts.slice(now - minutes(1), now)
   * @throws PeltonError `STATE` before start, `FORGOTTEN` for a batch that is not remembered.
   */
  async slice(from: number, to: number): Promise<RDD<T>[]> {
    const nodes = await this.context.resultsOf(this.node, from, to)
    const { session } = this.context
    return nodes.map(node => new RDD<T>(session, node, session.scope))
  }

  /**
   * Keeps each batch's rows in the arena while a later batch may need them. Of a window, its
   * parent's are kept: the window shows them, and needs no copy.
   */
  persist(): this {
    if (this.context.getState() !== 'INITIALIZED') {
      throw new PeltonError(
        'Cannot change storage level of a DStream after streaming context has started: ' +
          'call persist() before start()',
        { code: 'STATE', operator: 'persist' },
      )
    }
    const { parents, step } = this.node
    for (const node of step.operator.keptInParents ? parents : [this.node]) node.persisted = true
    return this
  }

  /** The same as `persist()`. */
  cache(): this {
    return this.persist()
  }

  /**
   * How often the stream's results are written to the checkpoint directory; without one it does
   * nothing. A multiple of the stream's slide.
   *
   * @example pairs.updateStateByKey(count).checkpoint(seconds(10))
   */
  checkpoint(interval: number): this {
    const call = callOf('checkpoint')
    if (Number.isFinite(interval) && interval > 0 && interval % this.node.slide === 0) {
      this.context.checkpointEvery(interval)
      return this
    }
    throw badCall(
      call,
      `checkpoint(${preview(interval)}): the interval must be a positive multiple of the slide ` +
        `duration, ${this.node.slide} ms`,
    )
  }

  /**
   * The batches as an async iterable. It is bounded: when the reader is slow, so is the job.
   *
   * @example for await (const { time, rows } of stream.batches()) console.log(time, rows)
   */
  batches(): AsyncIterableIterator<BatchRows<T>> {
    const queue = new BatchQueue<BatchRows<T>>()
    const push = async (rdd: RDD<T>, { time }: SinkBatch, before: Promise<void>): Promise<void> => {
      if (queue.ended) return
      let rows: T[]
      try {
        rows = await rdd.collect()
      } finally {
        // Jobs may overtake each other; batches come to the reader in order, errors too.
        await before
      }
      await queue.push({ time, rows })
    }
    this.#output(callOf('batches'), push, { reader: queue })
    return queue
  }

  /**
   * The rows of all batches as a Node stream in object mode.
   *
   * @example stream.toReadable().pipe(…)
   */
  toReadable(): Readable {
    return rowsOf(this.batches())
  }
}

/** The states of `updateStateByKey`, as pairs. */
export class StateDStream<K, S> extends DStream<[K, S]> {
  /** The states that the last batch left, to be read at any time. @example view.get('word') */
  stateView(): StateView<K, S> {
    return new StateView(new RowStates(this.node, () => this.context.session.runtime.arena))
  }
}

/** The rows of `mapWithState`, and its states. */
export class MapWithStateDStream<K, S, M> extends DStream<M> {
  readonly #of: MapState

  constructor(context: StreamingContext, of: MapState) {
    super(context, of.mapped)
    this.#of = of
  }

  /** The states that the last batch left, to be read at any time. @example view.get('word') */
  stateView(): StateView<K, S> {
    return new StateView(this.#of.states)
  }

  /** All keys with their states, once a batch. @example spec.stateSnapshots().print() */
  stateSnapshots(): DStream<[K, S]> {
    return new DStream<[K, S]>(this.context, this.#of.snapshots)
  }
}

/** A stream whose RDD is what `f` makes of its parents' RDDs, on the main thread. */
export function transformed<U>(
  context: StreamingContext,
  call: Call,
  parents: readonly DStream<never>[] | readonly DStream<any>[],
  f: (rdds: RDD<any>[], time: number) => RDD<U> | Promise<RDD<U>>,
): DStream<U> {
  context.checkOpen(call)
  checkSameSlide(call, parents)
  const step = stepOf(call, ops.transform)
  const expand: Expand = async (time, inputs) => {
    const scope = new RddScope(`${call.label} of the batch at ${time} ms`, time)
    const { session } = context
    let result: RDD<U> | null | undefined
    try {
      const rdds = inputs.map(input => new RDD(session, input, scope))
      result = await inScope(scope, () => f(rdds, time))
      if (!(result instanceof RDD)) throw notAnRdd(call, result, time)
      result.checkUsable(session, call)
    } catch (error) {
      scope.end()
      throw error
    }
    const node = new RddNode({ step, inputs: [result.node] })
    node.owned = scope.take()
    scope.end()
    return node
  }
  const slide = parents[0]!.slideDuration
  const nodes = parents.map(parent => parent.node)
  return new DStream<U>(context, new StreamNode({ parents: nodes, step, slide, expand }))
}

/** A sink lacks nothing that is called, and is no file name or function given by mistake. */
function checkedSink<S>(call: Call, sink: S): S {
  const { open, write, commit, close } = (sink ?? {}) as Partial<SinkOf<unknown, unknown>>
  const isMethod = (value: unknown): boolean => value === undefined || typeof value === 'function'
  if (typeof write === 'function' && [open, commit, close].every(isMethod)) return sink
  throw misused(
    call,
    'needs a sink: an object with write(rdd, batch) and, where it has them, the methods open, ' +
      `commit and close; got ${preview(sink)}`,
  )
}

function notAnRdd(call: Call, result: unknown, batchTime: number): PeltonError {
  const message =
    result === null || result === undefined
      ? 'Transform function must not return null. Return SparkContext.emptyRDD() instead to ' +
        'represent no element as the result of transformation. (Here: return ssc.emptyRDD())'
      : `the function of ${call.label} must return an RDD; it returned ${preview(result)}`
  return new PeltonError(message, {
    code: 'NOT_AN_RDD',
    operator: call.label,
    batchTime,
    ...(call.place && { place: call.place }),
  })
}
