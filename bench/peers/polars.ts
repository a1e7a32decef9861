/** Polars in this process, over data frames: one lazy query a batch. */
import type { WorkloadName } from '../arguments.ts'
import type { BatchCheck, Job } from '../workloads/job.ts'
import { openLines, readLines } from '../workloads/w1.ts'
import { openPairs } from '../workloads/w2.ts'
import { openW6 } from '../workloads/w6.ts'
import { requirePeer } from './index.ts'

/** What is used of nodejs-polars, which this project does not depend on. */
interface Expression {
  readonly str: { split(separator: string): Expression }
  explode(): Expression
  sum(): Expression
  as(name: string): Expression
  mul(other: number): Expression
  plus(other: number): Expression
  modulo(other: number): Expression
  eq(other: number): Expression
  lt(other: number): Expression
}
interface LazyFrame {
  select(...columns: Expression[]): LazyFrame
  filter(predicate: Expression): LazyFrame
  groupBy(column: string): { agg(...columns: Expression[]): LazyFrame }
  collectSync(): { toRecords(): Record<string, number>[] }
}
interface Polars {
  readonly Int64: unknown
  readonly Float64: unknown
  readonly Utf8: unknown
  col(name: string): Expression
  count(name: string): Expression
  Series(name: string, values: ArrayLike<unknown>, type: unknown): unknown
  DataFrame(columns: Record<string, unknown>): { lazy(): LazyFrame }
}

/** Loads the data into frames; integers are Int64. */
export function openPolars(
  workload: WorkloadName,
  folder: string,
  workers: number,
  peers: string | undefined,
): Job {
  // Read once, when the package is loaded.
  process.env.POLARS_MAX_THREADS = String(workers)
  const polars = requirePeer('nodejs-polars', peers) as Polars
  if (workload === 'W1') return wordCount(polars, folder)
  return workload === 'W2' ? keyedSum(polars, folder) : numbers(polars, folder)
}

function wordCount(polars: Polars, folder: string): Job {
  const { col, count } = polars
  const file = openLines(folder)
  const frames = file.batches.map(range =>
    polars.DataFrame({ word: polars.Series('word', readLines(file, range), polars.Utf8) }),
  )
  const counts = (frame: { lazy(): LazyFrame }): LazyFrame =>
    frame
      .lazy()
      .select(col('word').str.split(' ').explode())
      .groupBy('word')
      .agg(count('word').as('value'))
  return { rows: file.words, run: () => frames.map(frame => checkOf(polars, counts(frame))) }
}

function keyedSum(polars: Polars, folder: string): Job {
  const pairs = openPairs(folder)
  const frames = [...pairs.batches()].map(({ keys, values }) =>
    polars.DataFrame({
      key: polars.Series('key', BigInt64Array.from(keys, BigInt), polars.Int64),
      value: polars.Series('value', values, polars.Float64),
    }),
  )
  const sums = (frame: { lazy(): LazyFrame }): LazyFrame =>
    frame.lazy().groupBy('key').agg(polars.col('value').sum())
  return { rows: pairs.rows, run: () => frames.map(frame => checkOf(polars, sums(frame))) }
}

function numbers(polars: Polars, folder: string): Job {
  const { col } = polars
  const file = openW6(folder)
  const values = BigInt64Array.from(file.read(), BigInt)
  const frame = polars.DataFrame({ x: polars.Series('x', values, polars.Int64) })
  return {
    rows: file.rows,
    run() {
      const [result] = frame
        .lazy()
        .filter(col('x').modulo(2).eq(0))
        .select(col('x').mul(3).plus(1).as('y'))
        .filter(col('y').modulo(5).lt(3))
        .select(polars.count('y').as('rows'))
        .collectSync()
        .toRecords()
      return [[1, result!.rows!]]
    },
  }
}

function checkOf({ col, count }: Polars, results: LazyFrame): BatchCheck {
  const [check] = results
    .select(count('value').as('rows'), col('value').sum().as('sum'))
    .collectSync()
    .toRecords()
  return [check!.rows!, check!.sum!]
}
