/**
 * What TypeScript infers of aggregates, and what it refuses; checked by the compiler, as
 * streams.test.ts is.
 *
 * What it can't catch: messages of the compiler that nobody understands.
 */
import { type Aggregate, aggregates, type DStream, type RDD, StreamingContext } from 'pelton'
import { afterAll, expectTypeOf, test } from 'vitest'

const ssc = new StreamingContext({ batchInterval: 1000, workers: 1 })
afterAll(() => ssc.stop())

const numbers = ssc.queueStream([[1, 2]])
const words = ssc.queueStream([['a']])
const pairs = words.map(word => [word, 1] as const)
const texts = words.map(word => [word, word] as const)
const rdd = ssc.parallelize<readonly [string, number]>([['a', 1]])

test('results are inferred, values of keys come from the stream', () => {
  expectTypeOf(pairs.aggregateByKey(aggregates.sum())).toEqualTypeOf<DStream<[string, number]>>()
  expectTypeOf(texts.aggregateByKey(aggregates.count())).toEqualTypeOf<DStream<[string, number]>>()
  type MaybeText = DStream<[string, string | undefined]>
  expectTypeOf(texts.aggregateByKey(aggregates.max())).toEqualTypeOf<MaybeText>()
  expectTypeOf(texts.aggregateByKey(aggregates.first())).toEqualTypeOf<MaybeText>()
  type Lists = DStream<[string, string[]]>
  expectTypeOf(texts.aggregateByKey(aggregates.collect())).toEqualTypeOf<Lists>()
  expectTypeOf(texts.aggregateByKey(aggregates.topK(2))).toEqualTypeOf<Lists>()
  const longest = texts.aggregateByKey(aggregates.topK(2, text => text.length))
  expectTypeOf(longest).toEqualTypeOf<Lists>()
  const windowed = pairs.aggregateByKeyAndWindow(aggregates.quantiles([0.5]), 1000)
  expectTypeOf(windowed).toEqualTypeOf<DStream<[string, number[]]>>()
  expectTypeOf(numbers.aggregate(aggregates.mean())).toEqualTypeOf<DStream<number>>()
  expectTypeOf(words.aggregate(aggregates.last())).toEqualTypeOf<DStream<string | undefined>>()
})

test('of RDDs too, beside the old forms', () => {
  expectTypeOf(rdd.aggregateByKey(aggregates.mean())).toEqualTypeOf<RDD<[string, number]>>()
  const old = rdd.aggregateByKey(
    '',
    (text, value) => text + value,
    (a, b) => a + b,
  )
  expectTypeOf(old).toEqualTypeOf<RDD<[string, string]>>()
  const mean = () => rdd.values().aggregate(aggregates.mean())
  expectTypeOf(mean).returns.resolves.toEqualTypeOf<number>()
  const most = () => rdd.values().aggregate(aggregates.max())
  expectTypeOf(most).returns.resolves.toEqualTypeOf<number | undefined>()
})

test('several give an object of results', () => {
  const both = aggregates.all({ n: aggregates.count(), mean: aggregates.mean() })
  type Both = { n: number; mean: number }
  expectTypeOf(both).toEqualTypeOf<Aggregate<number, unknown[], Both>>()
  expectTypeOf(pairs.aggregateByKey(both)).toEqualTypeOf<DStream<[string, Both]>>()
  const mixed = aggregates.all({ max: aggregates.max<string>(), n: aggregates.count() })
  expectTypeOf(texts.aggregateByKey(mixed)).toEqualTypeOf<
    DStream<[string, { max: string | undefined; n: number }]>
  >()
})

test('several written in the call take the values of the stream', () => {
  const { all, collect, count, max } = aggregates
  const made = texts.aggregateByKey(all({ n: count(), max: max(), list: collect() }))
  expectTypeOf(made).toEqualTypeOf<
    DStream<[string, { n: number; max: string | undefined; list: string[] }]>
  >()
  const windowed = pairs.aggregateByKeyAndWindow(all({ max: max(), list: collect() }), 1000)
  expectTypeOf(windowed).toEqualTypeOf<
    DStream<[string, { max: number | undefined; list: number[] }]>
  >()
})

test('your own infer the accumulator', () => {
  const longest = aggregates.of({
    create: () => '',
    add: (a, word: string) => (word.length > a.length ? word : a),
    merge: (a, b) => (b.length > a.length ? b : a),
    result: a => a.length,
  })
  expectTypeOf(longest).toEqualTypeOf<Aggregate<string, string, number>>()
  expectTypeOf(texts.aggregateByKey(longest)).toEqualTypeOf<DStream<[string, number]>>()
  expectTypeOf(words.aggregate(longest)).toEqualTypeOf<DStream<number>>()
})

test('what does not fit is refused', () => {
  // @ts-expect-error: texts have no sum
  const a = () => texts.aggregateByKey(aggregates.sum())
  // @ts-expect-error: numbers are no pairs
  const b = () => numbers.aggregateByKey(aggregates.sum())
  // @ts-expect-error: there is no merge
  const c = () => aggregates.of({ create: () => 0, add: (n: number) => n, result: n => n })
  // @ts-expect-error: a window has a duration
  const d = () => pairs.aggregateByKeyAndWindow(aggregates.sum())
  // @ts-expect-error: one of them takes numbers
  const e = () => texts.aggregateByKey(aggregates.all({ mean: aggregates.mean() }))
  // @ts-expect-error: not an aggregate
  const f = () => rdd.values().aggregate(0)
  // @ts-expect-error: the function itself is not an aggregate
  const g = () => pairs.aggregateByKey(aggregates.sum)
  expectTypeOf([a, b, c, d, e, f, g]).toBeArray()
})
