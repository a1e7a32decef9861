/** Operators that choose rows, look something up for them, or send them different ways. */
import { callOf, composed } from '../apply.ts'
import type { DStream } from '../dstream.ts'
import { badCall, preview } from '../errors.ts'
import * as ops from '../ops/index.ts'
import type { AsyncOptions } from '../ops/map-async.ts'
import { AggregateOperators } from './aggregates.ts'

/** What a stream can do with each row beside changing it. */
export abstract class SelectOperators<T> extends AggregateOperators<T> {
  /**
   * About `fraction` of each batch's rows, at random; with replacement each about `fraction` times.
   * The same seed and batch times choose the same rows.
   *
   * @example lines.sample(false, 0.01).print()
   */
  sample(withReplacement: boolean, fraction: number, seed = 0): DStream<T> {
    const call = callOf('sample')
    return this.applied(call, ops.sample, ops.sampleParams(call, withReplacement, fraction, seed))
  }

  /**
   * The `count` rows of each batch for which `f` gives most, most first, in one partition; of equal
   * ones the first come first. Without `f` the rows themselves are compared.
   *
   * @example counts.topK(10, ([, n]) => n).print()
   */
  topK(count: number, f: (row: T) => unknown = row => row): DStream<T> {
    const call = callOf('topK')
    if (!(Number.isInteger(count) && count >= 0)) {
      throw badCall(
        call,
        `topK: the number of rows is ${preview(count)}; give a whole number from 0 up`,
      )
    }
    return this.halved(call, ops.top, { count }, [f], [f])
  }

  /**
   * The same rows; `f` is called on each of them in the workers, for what it does: to fill an
   * accumulator, or to log. A batch that several outputs read, or that is tried again, may call it
   * more than once for a row.
   *
   * @example lines.tap(line => bytes.add(line.length)).count().print()
   */
  tap(f: (row: T) => unknown): DStream<T> {
    return this.applied(callOf('tap'), ops.tap, {}, [f])
  }

  /**
   * Side outputs: each row goes to the first output whose function is truthy, and to `rest` where
   * none is. This stream's rows are kept while the outputs read them.
   *
   * @example
   * const { errors, slow, rest } = requests.split({
   *   errors: r => r.status >= 500,
   *   slow: r => r.ms > 1000,
   * })
   * @throws PeltonError `OPTION` for an output named `rest`, and where there is none.
   */
  split<N extends string>(
    this: DStream<T>,
    outputs: Readonly<Record<N, (row: T) => unknown>>,
  ): Record<N | 'rest', DStream<T>> {
    return composed('split', call => {
      const names = Object.keys(outputs ?? {}) as N[]
      if (names.length === 0 || names.includes('rest' as N)) {
        throw badCall(
          call,
          `split: the outputs are named ${preview(names)}; give at least one, and none named ` +
            'rest, which gets the rows that no other takes',
        )
      }
      this.persist()
      const streams = {} as Record<N | 'rest', DStream<T>>
      let isLeft: (row: T) => unknown = () => true
      for (const name of names) {
        const [before, takes] = [isLeft, outputs[name]]
        streams[name] = this.filter(row => before(row) && takes(row))
        isLeft = row => before(row) && !takes(row)
      }
      streams.rest = this.filter(isLeft)
      return streams
    })
  }

  /**
   * What an async `f` resolves to for each row: for look-ups. `f` runs in the workers, for each
   * partition `concurrency` (16) calls at once; results come in the order of their rows unless
   * `ordered` is false. A call that rejects, or takes longer than `timeout` milliseconds, is made
   * again up to `retries` (0) times, `retryDelay` (100) milliseconds later and each time twice as
   * many; after that the task fails, and is tried again as every task is.
   *
   * @example
   * ids.mapAsync(async id => await cache.get().lookUp(id), { concurrency: 32, timeout: 500 })
   * @throws PeltonError `OPTION` for an option that makes no sense.
   */
  mapAsync<U>(f: (row: T) => Promise<U> | U, options: AsyncOptions = {}): DStream<U> {
    return this.applied(callOf('mapAsync'), ops.mapAsync, ops.asyncParams(options), [f])
  }
}
