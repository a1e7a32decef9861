/**
 * What TypeScript infers, and what it refuses. The compiler checks this file: an `@ts-expect-error`
 * above a line that compiles is an error of its own. Running it proves that each line may be
 * written.
 *
 * What it can't catch: messages of the compiler that nobody understands.
 */
import {
  type Accumulator,
  accumulator,
  BatchContext,
  type BatchInfo,
  type BatchRows,
  type Broadcast,
  broadcast,
  type DStream,
  type Metrics,
  type OutputOperationInfo,
  type PartialCount,
  type PeltonError,
  type RDD,
  Receiver,
  type ReceiverInfo,
  type Resource,
  resource,
  type SessionWindow,
  type Sink,
  type StateDStream,
  type StateView,
  type StreamInputInfo,
  StreamingContext,
  type StreamingListener,
  seconds,
} from 'pelton'
import { textFiles } from 'pelton/sinks'
import { afterAll, describe, expectTypeOf, test } from 'vitest'

const ssc = new StreamingContext({ batchInterval: seconds(1), workers: 1 })
afterAll(() => ssc.stop())

const lines = ssc.queueStream([['a b']])
const numbers = ssc.queueStream([[1, 2]])
const pairs = lines.map(line => [line, line.length] as const)
const mutable = lines.map((line): [string, number] => [line, line.length])

describe('the ten lines', () => {
  test('every step has the type one expects', () => {
    const words = lines.flatMap(line => line.split(' '))
    expectTypeOf(words).toEqualTypeOf<DStream<string>>()
    const ones = words.map(word => [word, 1] as const)
    expectTypeOf(ones).toEqualTypeOf<DStream<readonly [string, 1]>>()
    const counts = ones.reduceByKey((a, b) => a + b)
    expectTypeOf(counts).toEqualTypeOf<DStream<[string, number]>>()
    expectTypeOf(counts.batches()).toEqualTypeOf<
      AsyncIterableIterator<BatchRows<[string, number]>>
    >()
    counts.foreachRDD((rdd, time, token) => {
      expectTypeOf(rdd).toEqualTypeOf<RDD<[string, number]>>()
      expectTypeOf(time).toEqualTypeOf<number>()
      expectTypeOf(token).toEqualTypeOf<string>()
    })
  })

  test('a sink takes streams of its rows, or of rows of a narrower type', () => {
    const sinkOf = <T>(): Sink<T> => ({ write: async rdd => await rdd.count() })
    numbers.to(sinkOf<number>())
    numbers.to(sinkOf<number | string>())
    numbers.to(sinkOf<unknown>())
    numbers.to(textFiles('out'))
    pairs.to(sinkOf<readonly [string, number]>())
    numbers.to({
      write: async (rdd, { time, token }) => {
        expectTypeOf(rdd).toEqualTypeOf<RDD<number>>()
        expectTypeOf(time).toEqualTypeOf<number>()
        return token
      },
      commit: written => expectTypeOf(written).toEqualTypeOf<string>(),
    })
    class Counts implements Sink<number, number> {
      write = (rdd: RDD<number>) => rdd.count()
      commit(count: number) {
        expectTypeOf(count).toEqualTypeOf<number>()
      }
    }
    numbers.to(new Counts())
    // @ts-expect-error: rows of another type
    const texts = () => numbers.to(sinkOf<string>())
    // @ts-expect-error: rows of a wider type
    const wider = () => ssc.queueStream<number | string>([]).to(sinkOf<number>())
    // @ts-expect-error: it can't write
    const none = () => numbers.to({ commit() {} })
    // @ts-expect-error: there is no such option
    const option = () => textFiles('out', { sync: true })
    expectTypeOf([texts, wider, none, option]).toBeArray()
  })

  test('a pair written without `as const` is no pair', () => {
    const loose = lines.map(line => [line, 1])
    expectTypeOf(loose).toEqualTypeOf<DStream<(string | number)[]>>()
    // @ts-expect-error: an array of unknown length has no key
    loose.reduceByKey((a, b) => a + b)
  })
})

describe('transformations', () => {
  test('infer their rows', () => {
    expectTypeOf(numbers.map(x => String(x))).toEqualTypeOf<DStream<string>>()
    expectTypeOf(numbers.map(x => ({ x }))).toEqualTypeOf<DStream<{ x: number }>>()
    expectTypeOf(numbers.filter(x => x > 1)).toEqualTypeOf<DStream<number>>()
    expectTypeOf(numbers.flatMap(x => new Set([String(x)]))).toEqualTypeOf<DStream<string>>()
    expectTypeOf(numbers.glom()).toEqualTypeOf<DStream<number[]>>()
    expectTypeOf(numbers.count()).toEqualTypeOf<DStream<number>>()
    expectTypeOf(lines.countByValue()).toEqualTypeOf<DStream<[string, number]>>()
    expectTypeOf(numbers.reduce((a, b) => a + b)).toEqualTypeOf<DStream<number>>()
    expectTypeOf(numbers.repartition(3)).toEqualTypeOf<DStream<number>>()
    expectTypeOf(numbers.window(1000, 1000)).toEqualTypeOf<DStream<number>>()
    expectTypeOf(numbers.persist()).toEqualTypeOf<DStream<number>>()
    expectTypeOf(numbers.union(numbers)).toEqualTypeOf<DStream<number>>()
    expectTypeOf(ssc.union([lines, lines])).toEqualTypeOf<DStream<string>>()
  })

  test('of rows chosen, looked up and sent different ways', () => {
    expectTypeOf(numbers.sample(false, 0.5)).toEqualTypeOf<DStream<number>>()
    expectTypeOf(lines.topK(3)).toEqualTypeOf<DStream<string>>()
    expectTypeOf(lines.tap(line => line.length)).toEqualTypeOf<DStream<string>>()
    expectTypeOf(lines.mapAsync(async line => line.length)).toEqualTypeOf<DStream<number>>()
    const sides = lines.split({ errors: line => line.startsWith('E'), long: l => l.length > 80 })
    expectTypeOf(sides).toEqualTypeOf<Record<'errors' | 'long' | 'rest', DStream<string>>>()
    // @ts-expect-error: there is no such output
    void sides.other
    expectTypeOf<ReturnType<typeof lines.slice>>().toEqualTypeOf<Promise<RDD<string>[]>>()
    const keyed = lines.map(line => [line, 1] as const)
    expectTypeOf(keyed.partitionBy(3)).toEqualTypeOf<DStream<readonly [string, 1]>>()
    expectTypeOf(keyed.sessionWindow(1000)).toEqualTypeOf<
      DStream<[string, SessionWindow<number>]>
    >()
    // @ts-expect-error: a line has no key
    lines.partitionBy(3)
    // @ts-expect-error: a number has no key
    numbers.sessionWindow(1000)
  })

  test('of states can be read', () => {
    const keyed = lines.map(line => [line, 1] as const)
    const sums = keyed.updateStateByKey(
      (values, sum: number | undefined = 0) => sum + values.length,
      { onlyTouched: true },
    )
    expectTypeOf(sums).toEqualTypeOf<StateDStream<string, number>>()
    expectTypeOf(sums.stateView()).toEqualTypeOf<StateView<string, number>>()
    expectTypeOf(sums.stateView().get('a')).toEqualTypeOf<number | undefined>()
    expectTypeOf(sums.map(([key]) => key)).toEqualTypeOf<DStream<string>>()
    // @ts-expect-error: keys are strings
    sums.stateView().get(1)
    // @ts-expect-error: there is no state to see
    void keyed.stateView
  })

  test('narrow by a type guard', () => {
    const mixed = ssc.queueStream<string | number>([['a', 1]])
    const texts = mixed.filter((x): x is string => typeof x === 'string')
    expectTypeOf(texts).toEqualTypeOf<DStream<string>>()
  })

  test('of partitions see an iterable', () => {
    const lengths = lines.mapPartitions((rows, partition) => {
      expectTypeOf(rows).toEqualTypeOf<Iterable<string>>()
      expectTypeOf(partition).toEqualTypeOf<number>()
      return [[...rows].length]
    })
    expectTypeOf(lengths).toEqualTypeOf<DStream<number>>()
    const lazily = lines.mapPartitions(function* (rows) {
      for (const row of rows) yield row.length
    })
    expectTypeOf(lazily).toEqualTypeOf<DStream<number>>()
  })

  test('through RDDs infer what the function returns', () => {
    const made = numbers.transform((rdd, time) => {
      expectTypeOf(rdd).toEqualTypeOf<RDD<number>>()
      expectTypeOf(time).toEqualTypeOf<number>()
      return rdd.map(x => String(x))
    })
    expectTypeOf(made).toEqualTypeOf<DStream<string>>()
    const later = numbers.transform(async rdd => rdd)
    expectTypeOf(later).toEqualTypeOf<DStream<number>>()
    const both = numbers.transformWith(lines, (a, b) => {
      expectTypeOf(b).toEqualTypeOf<RDD<string>>()
      return a.map(x => String(x)).union(b)
    })
    expectTypeOf(both).toEqualTypeOf<DStream<string>>()
  })

  test('refuse functions of other types', () => {
    // @ts-expect-error: a number is no function
    const noFunction = () => numbers.map(5)
    // @ts-expect-error: a number is not iterable
    const noIterable = () => numbers.flatMap(x => x + 1)
    // @ts-expect-error: text rows have no toFixed
    const noMethod = () => lines.map(line => line.toFixed())
    // @ts-expect-error: a sum of numbers is no text
    const noSum = () => numbers.reduce((a, b) => `${a}${b}`)
    // @ts-expect-error: transform returns an RDD
    const noRdd = () => numbers.transform(() => [1])
    // @ts-expect-error: the number of partitions is required
    const noPartitions = () => numbers.repartition()
    expectTypeOf([noFunction, noIterable, noMethod, noSum, noRdd, noPartitions]).toBeArray()
  })
})

describe('pair operators', () => {
  test('infer keys and values of readonly and of mutable pairs', () => {
    expectTypeOf(pairs.reduceByKey((a, b) => a + b)).toEqualTypeOf<DStream<[string, number]>>()
    expectTypeOf(mutable.reduceByKey((a, b) => a + b)).toEqualTypeOf<DStream<[string, number]>>()
    expectTypeOf(pairs.groupByKey()).toEqualTypeOf<DStream<[string, number[]]>>()
    expectTypeOf(pairs.mapValues(n => n > 1)).toEqualTypeOf<DStream<[string, boolean]>>()
    expectTypeOf(pairs.flatMapValues(n => [String(n)])).toEqualTypeOf<DStream<[string, string]>>()
    const lists = pairs.combineByKey(
      n => [n],
      (list, n) => [...list, n],
      (a, b) => [...a, ...b],
    )
    expectTypeOf(lists).toEqualTypeOf<DStream<[string, number[]]>>()
    expectTypeOf(lists.mapValues(list => list.length)).toEqualTypeOf<DStream<[string, number]>>()
  })

  test('are for pairs only', () => {
    // @ts-expect-error: numbers are no pairs
    const a = () => numbers.reduceByKey((x, y) => x + y)
    // @ts-expect-error: texts are no pairs
    const b = () => lines.groupByKey()
    // @ts-expect-error: a triple is no pair
    const c = () => numbers.map(x => [x, x, x] as const).mapValues(x => x)
    // @ts-expect-error: numbers are no pairs
    const d = () => numbers.flatMapValues(x => [x])
    const id = (x: unknown): unknown => x
    // @ts-expect-error: texts are no pairs
    const e = () => lines.combineByKey(id, id, id)
    // @ts-expect-error: the reducer returns another type
    const f = () => pairs.reduceByKey((x, y) => `${x}${y}`)
    expectTypeOf([a, b, c, d, e, f]).toBeArray()
  })

  test('of RDDs likewise', () => {
    const rdd = ssc.parallelize<[string, number]>([['a', 1]])
    expectTypeOf(rdd.reduceByKey((a, b) => a + b)).toEqualTypeOf<RDD<[string, number]>>()
    expectTypeOf(rdd.groupByKey()).toEqualTypeOf<RDD<[string, number[]]>>()
    // @ts-expect-error: numbers are no pairs
    const a = () => ssc.parallelize([1]).reduceByKey((x: number) => x)
    expectTypeOf(a).toBeFunction()
  })
})

describe('inputs', () => {
  test('give rows of their type', () => {
    class Ticks extends Receiver<Date> {
      onStart(): void {}
      onStop(): void {}
    }
    expectTypeOf(lines).toEqualTypeOf<DStream<string>>()
    expectTypeOf(ssc.socketTextStream('localhost', 1)).toEqualTypeOf<DStream<string>>()
    expectTypeOf(ssc.textFileStream('nowhere')).toEqualTypeOf<DStream<string>>()
    expectTypeOf(ssc.binaryRecordsStream('nowhere', 8)).toEqualTypeOf<DStream<Uint8Array>>()
    expectTypeOf(ssc.receiverStream(new Ticks())).toEqualTypeOf<DStream<Date>>()
    expectTypeOf(ssc.from(new Ticks())).toEqualTypeOf<DStream<Date>>()
    expectTypeOf(ssc.from([1, 2])).toEqualTypeOf<DStream<number>>()
    async function* texts(): AsyncGenerator<string> {
      yield 'a'
    }
    expectTypeOf(ssc.from(texts())).toEqualTypeOf<DStream<string>>()
    expectTypeOf(ssc.queueStream([[{ id: 1 }], null])).toEqualTypeOf<DStream<{ id: number }>>()
    expectTypeOf(ssc.queueStream([ssc.parallelize(['a'])])).toEqualTypeOf<DStream<string>>()
  })

  test('of a context are collections too', () => {
    expectTypeOf(ssc.parallelize([1, 2])).toEqualTypeOf<RDD<number>>()
    expectTypeOf(ssc.parallelize(['a'], 3)).toEqualTypeOf<RDD<string>>()
    expectTypeOf(ssc.textFile('nowhere')).toEqualTypeOf<RDD<string>>()
    // @ts-expect-error: a Set must be spread into an array
    const set = () => ssc.parallelize(new Set([1]))
    expectTypeOf(set).toBeFunction()
  })
})

describe('actions', () => {
  test('resolve to rows of their type', () => {
    const rdd = ssc.parallelize([1, 2])
    expectTypeOf(rdd.collect).returns.resolves.toEqualTypeOf<number[]>()
    expectTypeOf(rdd.take).returns.resolves.toEqualTypeOf<number[]>()
    expectTypeOf(rdd.first).returns.resolves.toEqualTypeOf<number>()
    expectTypeOf(rdd.count).returns.resolves.toEqualTypeOf<number>()
    expectTypeOf(rdd.isEmpty).returns.resolves.toEqualTypeOf<boolean>()
    expectTypeOf(rdd.reduce).returns.resolves.toEqualTypeOf<number>()
    expectTypeOf(rdd.countByValue).returns.resolves.toEqualTypeOf<Map<number, number>>()
    expectTypeOf(rdd.foreach).returns.resolves.toEqualTypeOf<void>()
    expectTypeOf(rdd.countApprox).returns.resolves.toEqualTypeOf<PartialCount>()
    expectTypeOf(rdd.countApproxDistinct).returns.resolves.toEqualTypeOf<number>()
    expectTypeOf(rdd.saveAsObjectFile).returns.resolves.toEqualTypeOf<void>()
    expectTypeOf(rdd.getNumPartitions).returns.toEqualTypeOf<number>()
    // @ts-expect-error: the timeout is required
    const noTimeout = () => rdd.countApprox()
    expectTypeOf(noTimeout).toBeFunction()
  })
})

describe('operators of RDDs', () => {
  const rdd = ssc.parallelize([1, 2])
  const texts = ssc.parallelize(['a', 'b'])
  const byText = ssc.parallelize<[string, number]>([['a', 1]])

  test('infer their rows', () => {
    expectTypeOf(rdd.pipe('cat')).toEqualTypeOf<RDD<string>>()
    expectTypeOf(rdd.pipe(['cat', '-n'], { env: { A: 'b' } })).toEqualTypeOf<RDD<string>>()
    expectTypeOf(rdd.zipWithUniqueId()).toEqualTypeOf<RDD<[number, number]>>()
    const zipped = rdd.zipPartitions(texts, (numbers, lines) => {
      expectTypeOf(numbers).toEqualTypeOf<readonly number[]>()
      expectTypeOf(lines).toEqualTypeOf<readonly string[]>()
      return [numbers.length > lines.length]
    })
    expectTypeOf(zipped).toEqualTypeOf<RDD<boolean>>()
    expectTypeOf(texts.collect(text => (text ? Number(text) : undefined))).toEqualTypeOf<
      RDD<number>
    >()
    expectTypeOf(ssc.objectFile<Date>('nowhere')).toEqualTypeOf<RDD<Date>>()
    expectTypeOf(rdd.setName('numbers').localCheckpoint().checkpoint()).toEqualTypeOf<RDD<number>>()
    expectTypeOf(rdd.name).toEqualTypeOf<string | undefined>()
    // @ts-expect-error: the rows of both are arrays, not one row each
    const noArrays = () => rdd.zipPartitions(texts, (x: number) => [x])
    // @ts-expect-error: variables are texts
    const noText = () => rdd.pipe('cat', { env: { A: 1 } })
    expectTypeOf([noArrays, noText]).toBeArray()
  })

  test('of pairs infer keys and values', () => {
    const dates = ssc.parallelize<[string, Date]>([])
    expectTypeOf(byText.groupWith(dates)).toEqualTypeOf<RDD<[string, [number[], Date[]]]>>()
    expectTypeOf(byText.groupWith(dates, byText)).toEqualTypeOf<
      RDD<[string, [number[], Date[], number[]]]>
    >()
    expectTypeOf(byText.groupWith(dates, byText, dates)).toEqualTypeOf<
      RDD<[string, [number[], Date[], number[], Date[]]]>
    >()
    type Pairs = RDD<readonly [string, number]>
    expectTypeOf(byText.filterByRange('a', 'b')).toEqualTypeOf<Pairs>()
    expectTypeOf(byText.repartitionAndSortWithinPartitions(2)).toEqualTypeOf<Pairs>()
    expectTypeOf(byText.sampleByKey(false, { a: 1 })).toEqualTypeOf<RDD<[string, number]>>()
    expectTypeOf(byText.countApproxDistinctByKey()).toEqualTypeOf<RDD<[string, number]>>()
    // @ts-expect-error: numbers are no pairs
    const a = () => rdd.countApproxDistinctByKey()
    // @ts-expect-error: numbers are no pairs
    const b = () => rdd.filterByRange(1, 2)
    // @ts-expect-error: the keys are texts
    const c = () => byText.filterByRange(1, 2)
    // @ts-expect-error: four others are too many
    const d = () => byText.groupWith(dates, dates, dates, dates)
    // @ts-expect-error: a fraction is a number
    const e = () => byText.sampleByKey(false, { a: '1' })
    expectTypeOf([a, b, c, d, e]).toBeArray()
  })
})

describe('shared values', () => {
  test('keep their types', () => {
    expectTypeOf(broadcast(new Set(['a']))).toEqualTypeOf<Broadcast<Set<string>>>()
    expectTypeOf(accumulator()).toEqualTypeOf<Accumulator<number, number>>()
    expectTypeOf(accumulator(0n)).toEqualTypeOf<Accumulator<bigint, bigint>>()
    const all = accumulator({
      zero: [] as string[],
      add: (list: string[], word: string) => [...list, word],
      merge: (a, b) => [...a, ...b],
    })
    expectTypeOf(all).toEqualTypeOf<Accumulator<string, string[]>>()
    const opened = resource(
      async () => new Map<string, number>(),
      map => {
        expectTypeOf(map).toEqualTypeOf<Map<string, number>>()
      },
    )
    expectTypeOf(opened).toEqualTypeOf<Resource<Map<string, number>>>()
    // @ts-expect-error: a sum takes numbers
    const text = () => accumulator().add('a')
    expectTypeOf(text).toBeFunction()
  })
})

describe('the context', () => {
  test('knows its events', () => {
    ssc.on('batchCompleted', batch => expectTypeOf(batch).toEqualTypeOf<BatchInfo>())
    ssc.on('error', ({ error }) => expectTypeOf(error).toEqualTypeOf<PeltonError>())
    // @ts-expect-error: there is no such event
    ssc.on('batchFinished', () => undefined)
    expectTypeOf(ssc.on).returns.toEqualTypeOf<() => void>()
    ssc.addStreamingListener({
      onStreamingStarted: time => expectTypeOf(time).toEqualTypeOf<number>(),
      onReceiverError: receiver => expectTypeOf(receiver).toEqualTypeOf<ReceiverInfo>(),
      onBatchCompleted: async batch => {
        expectTypeOf(batch).toEqualTypeOf<BatchInfo>()
        expectTypeOf(batch.totalDelay).toEqualTypeOf<number | undefined>()
        const input = batch.streamIdToInputInfo.get(0)
        expectTypeOf(input).toEqualTypeOf<StreamInputInfo | undefined>()
      },
      onOutputOperationCompleted: output =>
        expectTypeOf(output).toEqualTypeOf<OutputOperationInfo>(),
    })
    // @ts-expect-error: there is no such callback
    const unknown = () => ssc.addStreamingListener({ onBatchFinished: () => undefined })
    expectTypeOf(unknown).toBeFunction()
    expectTypeOf<keyof StreamingListener>().toExtend<`on${string}`>()
    expectTypeOf(ssc.awaitTermination).returns.resolves.toEqualTypeOf<boolean>()
    expectTypeOf(ssc.getState()).toEqualTypeOf<'INITIALIZED' | 'ACTIVE' | 'STOPPED'>()
  })

  test('without streams has RDDs only', async () => {
    await using bc = new BatchContext({ workers: 1, partitions: 2 })
    expectTypeOf(bc.parallelize([1])).toEqualTypeOf<RDD<number>>()
    expectTypeOf(bc.parallelize(new Float64Array(1))).toEqualTypeOf<RDD<number>>()
    expectTypeOf(bc.textFile('a')).toEqualTypeOf<RDD<string>>()
    expectTypeOf(bc.emptyRDD<string>()).toEqualTypeOf<RDD<string>>()
    expectTypeOf(bc.union([bc.parallelize(['a'])])).toEqualTypeOf<RDD<string>>()
    expectTypeOf(bc.metrics()).toEqualTypeOf<Metrics>()
    // @ts-expect-error: a union has rows of one type
    const mixed = () => bc.union([bc.parallelize([1]), bc.parallelize(['a'])])
    // @ts-expect-error: it has no streams
    const stream = () => bc.queueStream([[1]])
    // @ts-expect-error: and no clock
    const clock = () => new BatchContext({ batchInterval: 1 })
    expectTypeOf([mixed, stream, clock]).toBeArray()
  })

  test('needs a batch interval', () => {
    // @ts-expect-error: batchInterval is missing
    const none = () => new StreamingContext({})
    // @ts-expect-error: durations are numbers of milliseconds
    const text = () => new StreamingContext({ batchInterval: '1s' })
    // @ts-expect-error: there is no such option
    const wrong = () => new StreamingContext({ batchInterval: 1, worker: 4 })
    expectTypeOf([none, text, wrong]).toBeArray()
  })
})
