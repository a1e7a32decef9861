/**
 * Every keyed or sorting operator, once with five million different keys, while the heap of each
 * worker is limited to 64 MB: rows and states lie in the arena, and what operators hold as values
 * of JavaScript is bounded. With less than 12 GB of memory there are fewer keys.
 *
 * What it can't catch: wrong values; test/ops compares those with the oracle.
 */
import { totalmem } from 'node:os'
import {
  aggregates,
  BatchContext,
  type DStream,
  ManualClock,
  type RDD,
  type State,
  StateSpec,
  StreamingContext,
} from 'pelton'
import { beforeAll, describe, expect, test } from 'vitest'

const count = totalmem() > 12e9 ? 5_000_000 : 500_000
const timeout = 180_000
const heap = { workers: 2, workerHeap: 64, memory: '4GiB' } as const
const [keys, values] = [new Float64Array(count), new Float64Array(count)]

beforeAll(() => {
  for (let i = 0; i < count; i++) {
    keys[i] = (i * 7919) % 2147483647
    values[i] = i
  }
})

type Pairs = RDD<[number, number]>
const sum = (a: number, b: number): number => a + b
const odd = (pair: [number, number]): boolean => pair[1] % 2 === 1

/** Rows that come out, where it is not one a key. */
const half = count / 2
const onRdds: Record<string, [(pairs: Pairs) => Promise<number>, number?]> = {
  reduceByKey: [pairs => pairs.reduceByKey(sum).count()],
  'reduceByKey by a function that no kernel knows': [
    pairs => pairs.reduceByKey((a, b) => Number(`${a}`) + b).count(),
  ],
  'reduceByKey of objects': [
    pairs =>
      pairs
        .mapValues(n => ({ n }))
        .reduceByKey((a, b) => ({ n: a.n + b.n }))
        .count(),
  ],
  'reduceByKey by texts': [
    pairs =>
      pairs
        .map(([k, v]) => [`a key of some length, ${k}`, v] as [string, number])
        .reduceByKey(sum)
        .count(),
  ],
  foldByKey: [pairs => pairs.foldByKey(0, sum).count()],
  combineByKey: [
    pairs =>
      pairs
        .combineByKey(
          v => [v],
          (all, v) => [...all, v],
          (a, b) => [...a, ...b],
        )
        .count(),
  ],
  aggregateByKey: [pairs => pairs.aggregateByKey(aggregates.mean()).count()],
  groupByKey: [pairs => pairs.groupByKey().count()],
  groupBy: [
    pairs =>
      pairs
        .keys()
        .groupBy(k => k)
        .count(),
  ],
  distinct: [pairs => pairs.keys().distinct().count()],
  join: [pairs => pairs.join(pairs).count()],
  leftOuterJoin: [pairs => pairs.leftOuterJoin(pairs.filter(odd)).count()],
  rightOuterJoin: [pairs => pairs.filter(odd).rightOuterJoin(pairs).count()],
  fullOuterJoin: [pairs => pairs.fullOuterJoin(pairs.filter(odd)).count()],
  cogroup: [pairs => pairs.cogroup(pairs).count()],
  subtractByKey: [pairs => pairs.subtractByKey(pairs.filter(odd)).count(), half],
  subtract: [pairs => pairs.keys().subtract(pairs.filter(odd).keys()).count(), half],
  intersection: [pairs => pairs.keys().intersection(pairs.filter(odd).keys()).count(), half],
  sortByKey: [pairs => pairs.sortByKey().count()],
  'sortBy, downwards': [pairs => pairs.sortBy(pair => pair[1], false).count()],
  'sortBy texts': [
    pairs =>
      pairs
        .map(([k]) => `a text of some length, ${k}`)
        .sortBy(text => text)
        .count(),
  ],
  partitionBy: [pairs => pairs.partitionBy(16).count()],
  top: [
    pairs =>
      pairs
        .values()
        .top(1)
        .then(([most]) => most! + 1),
  ],
}

describe(`${count} keys, heaps of 64 MB: RDDs`, () => {
  test.each(Object.entries(onRdds))('%s', { timeout }, async (_, [run, expected = count]) => {
    await using bc = new BatchContext(heap)
    const pairs = bc.parallelize<[number, number]>({ pairs: [keys, values] })
    expect(await run(pairs)).toBe(expected)
  })
})

const running = StateSpec.function((_: number, value: number | undefined, state: State<number>) => {
  state.update((state.getOption() ?? 0) + (value ?? 0))
  return 1
})
const second = 1000

/** Rows in the second batch, where it is not one a key. */
const onStreams: Record<string, [(pairs: DStream<[number, number]>) => DStream<any>, number?]> = {
  updateStateByKey: [s => s.updateStateByKey((vs: number[], n: number = 0) => n + vs.length)],
  mapWithState: [s => s.mapWithState(running.timeout(5 * second))],
  'mapWithState of objects': [
    s =>
      s.mapWithState(
        StateSpec.function((_: number, value: number | undefined, state: State<object>) => {
          state.update({ value, text: `${value}` })
          return 1
        }),
      ),
  ],
  'stateSnapshots by texts': [
    s =>
      s
        .map(([k, v]) => [`a key of some length, ${k}`, v] as [string, number])
        .mapWithState(
          StateSpec.function((_: string, value: number | undefined, state: State<number>) => {
            state.update(value ?? 0)
            return 1
          }),
        )
        .stateSnapshots(),
  ],
  reduceByKeyAndWindow: [s => s.reduceByKeyAndWindow(sum, 2 * second, second)],
  'reduceByKeyAndWindow with an inverse': [
    s => s.reduceByKeyAndWindow(sum, (a, b) => a - b, 2 * second, second),
  ],
  groupByKeyAndWindow: [s => s.groupByKeyAndWindow(2 * second, second)],
  aggregateByKeyAndWindow: [s => s.aggregateByKeyAndWindow(aggregates.mean(), 2 * second, second)],
  countByValueAndWindow: [s => s.map(p => p[0]).countByValueAndWindow(2 * second, second)],
  sessionWindow: [s => s.sessionWindow(3 * second), 0],
  sortBy: [s => s.sortBy(p => -p[1])],
  topK: [s => s.topK(5, p => p[1]), 5],
}

describe(`${count} keys, heaps of 64 MB: streams`, () => {
  test.each(Object.entries(onStreams))('%s', { timeout }, async (_, [make, expected = count]) => {
    const clock = new ManualClock(0)
    const ssc = new StreamingContext({
      batchInterval: second,
      clock,
      handleSignals: false,
      ...heap,
    })
    const input = await ssc.parallelize<[number, number]>({ pairs: [keys, values] }).persist()
    const counts: number[] = []
    make(ssc.queueStream([input, input])).foreachRDD(async rdd => {
      counts.push(await rdd.count())
    })
    await ssc.start()
    const ended = ssc.awaitTermination()
    ended.catch(() => undefined)
    for (let batch = 0; batch < 2; batch++) {
      clock.advance(second)
      await ssc.whenIdle()
    }
    await ssc.stop()
    await ended
    expect(counts[1]).toBe(expected)
  })
})
