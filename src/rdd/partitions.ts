/** What an RDD can do with whole partitions, and counts that need not be exact. */
import { callOf, composed, stepOf } from '../apply.ts'
import { watchdog } from '../engine/clock.ts'
import { activeScope, derived } from '../engine/session.ts'
import { type Caller, misused, preview } from '../errors.ts'
import { aggregates } from '../ops/aggregate.ts'
import type { Aggregate } from '../ops/aggregate-form.ts'
import * as ops from '../ops/index.ts'
import { type PipeOptions, pipeSettings } from '../ops/pipe.ts'
import type { RDD } from '../rdd.ts'
import { badRelativeSd } from '../state/hyper-log-log.ts'
import { NumberRdd } from './numbers.ts'

/** What `countApprox` knew when the time was over. */
export interface PartialCount {
  /** Rows of the partitions that had been counted: all rows, or fewer. */
  readonly count: number
  /** Whether those are all partitions. */
  readonly isFinal: boolean
}

/** Partitions and estimates. */
export abstract class PartitionRdd<T> extends NumberRdd<T> {
  /** How many partitions there are. @example rdd.getNumPartitions() */
  getNumPartitions(): number {
    this.scope.check()
    return this.node.partitions
  }

  /**
   * `f` of the rows of partitions with the same number; both RDDs have equally many.
   *
   * @example prices.zipPartitions(rates, (ps, rs) => ps.map((p, i) => p * rs[i]))
   */
  zipPartitions<U, V>(
    this: RDD<T>,
    other: RDD<U>,
    f: (rows: readonly T[], others: readonly U[]) => Iterable<V>,
  ): RDD<V>
  zipPartitions<U>(other: RDD<U>, f: Function): RDD<unknown> {
    const call = callOf('zipPartitions')
    this.usableWith(other, call)
    const [own, others] = [this.getNumPartitions(), other.getNumPartitions()]
    if (own !== others) {
      throw misused(
        call,
        `Can't zip RDDs with unequal numbers of partitions: ${this.called} has ${own}, ` +
          `${other.called} has ${others}. repartition() one of them`,
      )
    }
    const left = this.applied(call, ops.map, {}, [(row: T) => [0, row]])
    const right = other.applied(call, ops.map, {}, [(row: U) => [1, row]])
    const scope = activeScope(this.session)
    const step = stepOf(call, ops.zipPartitions, {}, [f])
    return this.made(derived(scope, step, [left.node, right.node]), scope)
  }

  /**
   * Pairs of a row and a number that no other row has: of n partitions, partition k gives k, n + k,
   * 2n + k and so on. Unlike `zipWithIndex` it moves no rows.
   *
   * @example rdd.zipWithUniqueId()
   */
  zipWithUniqueId(): RDD<[T, number]> {
    const params = { partitions: this.getNumPartitions() }
    return this.applied(callOf('zipWithUniqueId'), ops.zipWithUniqueId, params)
  }

  /**
   * The lines that a command prints when it is given the rows of a partition as lines; rows that
   * are no strings are written as `print` shows them. The command is a program and its arguments; a
   * single text is cut at white space. No shell reads it. The worker waits for the command, and
   * holds all of a partition's lines at once.
   * An exit status other than 0 is an error `PIPE_FAILED`, with the end of what went to stderr.
   *
   * @example rdd.pipe(['grep', '-i', 'error'], { env: { LC_ALL: 'C' } })
   */
  pipe(command: string | readonly string[], options: PipeOptions = {}): RDD<string> {
    return this.applied(callOf('pipe'), ops.pipe, pipeSettings(command, options))
  }

  /**
   * The number of rows, or what is known of it after `timeoutMs` milliseconds of real time: the
   * rows of the partitions that have been counted by then, which is less than Spark's guess at the
   * whole. The rest is counted all the same, for nobody.
   *
   * @example const { count, isFinal } = await rdd.countApprox(500)
   */
  async countApprox(timeoutMs: number): Promise<PartialCount> {
    const call = callOf('countApprox')
    if (!(typeof timeoutMs === 'number' && timeoutMs >= 0)) {
      throw misused(call, `needs a number of milliseconds from 0 up; got ${preview(timeoutMs)}`)
    }
    const counts = this.applied<number>(call, ops.count, { local: true })
    let count = 0
    const counting = counts.held({
      onPieces: pieces => {
        for (const rows of counts.decoded(pieces)) count += rows
      },
    })
    return await new Promise((resolve, reject) => {
      const cancel = watchdog(timeoutMs, () => resolve({ count, isFinal: false }))
      const counted = counting.then(rows => {
        rows.release()
        resolve({ count, isFinal: true })
      })
      counted.catch(reject).finally(cancel)
    })
  }

  /**
   * About how many different rows there are, compared as keys are, by a sketch of a few hundred
   * bytes (HyperLogLog). `relativeSd` is the relative standard deviation of the result, from
   * 0.0021 up; two of three results are no farther off.
   *
   * @example await visitors.countApproxDistinct(0.01)
   */
  async countApproxDistinct(this: RDD<T>, relativeSd?: number): Promise<number> {
    return await composed('countApproxDistinct', call =>
      this.aggregate(countDistinct(call, relativeSd)),
    )
  }

  /**
   * About how many different values each key has; see `countApproxDistinct`. While it is counted, a
   * key takes about (1.04 / relativeSd)² bytes, 512 for 0.05.
   *
   * @example visits.countApproxDistinctByKey() // [page, about how many visitors]
   */
  countApproxDistinctByKey<K, V>(
    this: RDD<readonly [K, V]>,
    relativeSd?: number,
    partitions?: number,
  ): RDD<[K, number]>
  countApproxDistinctByKey(
    this: RDD<readonly [any, any]>,
    relativeSd?: number,
    partitions?: number,
  ): RDD<unknown> {
    return composed('countApproxDistinctByKey', call =>
      this.aggregateByKey(countDistinct(call, relativeSd), partitions),
    )
  }
}

function countDistinct(
  caller: Caller,
  relativeSd?: number,
): Aggregate<unknown, Uint8Array, number> {
  const needs = relativeSd === undefined ? undefined : badRelativeSd(relativeSd)
  if (needs) throw misused(caller, `needs ${needs}; got ${preview(relativeSd)}`)
  return aggregates.countDistinct(relativeSd)
}
