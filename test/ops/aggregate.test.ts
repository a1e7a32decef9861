/**
 * Aggregates: their laws against plain arrays, and the operators that take them against the oracle.
 *
 * What it can't catch: a `remove` of a user's own that does not undo `merge`.
 */
import fc from 'fast-check'
import { type Aggregate, aggregates, PeltonError, StreamingContext } from 'pelton'
import { afterAll, describe, expect, test } from 'vitest'
import { operatorConformance } from '../conformance/operator.ts'
import { inContext } from '../context/rdd-support.ts'
import type { Batches } from '../oracle.ts'

interface Law {
  readonly of: () => Aggregate<any, any, any>
  /** The result by plain arrays. */
  readonly plain: (values: any[]) => unknown
}

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0)
const meanOf = (values: number[]): number => total(values) / values.length
const byNumber = (a: number, b: number): number => a - b

const product = aggregates.of({
  create: () => 1n,
  add: (all, x: number) => all * BigInt(x || 1),
  merge: (a, b) => a * b,
  remove: (a, b) => a / b,
  result: String,
})

const laws: Record<string, Law> = {
  sum: { of: aggregates.sum, plain: total },
  count: { of: aggregates.count, plain: values => values.length },
  min: { of: aggregates.min, plain: values => values.toSorted(byNumber)[0] },
  max: { of: aggregates.max, plain: values => values.toSorted(byNumber).at(-1) },
  mean: { of: aggregates.mean, plain: meanOf },
  variance: {
    of: aggregates.variance,
    plain: values => meanOf(values.map(x => (x - meanOf(values)) ** 2)),
  },
  first: { of: aggregates.first, plain: values => values[0] },
  last: { of: aggregates.last, plain: values => values.at(-1) },
  collect: { of: aggregates.collect, plain: values => values },
  'topK by a function': {
    of: () => aggregates.topK(3, (x: number) => Math.abs(x) % 4),
    plain: values =>
      values.toSorted((a: number, b: number) => (Math.abs(b) % 4) - (Math.abs(a) % 4)).slice(0, 3),
  },
  'topK of none': { of: () => aggregates.topK(0), plain: () => [] },
  'countDistinct, where there are few': {
    of: () => aggregates.countDistinct(0.003),
    plain: values => new Set(values).size,
  },
  'quantiles, where there are few': {
    of: () => aggregates.quantiles([1, 0]),
    plain: values =>
      values.length === 0
        ? [Number.NaN, Number.NaN]
        : [Math.max(...(values as number[])), Math.min(...(values as number[]))],
  },
  all: {
    of: () => aggregates.all({ n: aggregates.count(), mean: aggregates.mean() }),
    plain: values => ({ n: values.length, mean: meanOf(values) }),
  },
  'all with one that has no inverse': {
    of: () => aggregates.all({ last: aggregates.last(), all: aggregates.collect<number>() }),
    plain: values => ({ last: values.at(-1), all: values }),
  },
  'one of your own': {
    of: () => product,
    plain: values => String(values.reduce((all, x) => all * BigInt(x || 1), 1n)),
  },
}

const parts = fc.array(fc.array(fc.integer({ min: -50, max: 50 })), { maxLength: 8 })

/** Numbers may differ by what rounding does. */
function expectNear(actual: unknown, expected: unknown): void {
  if (Number.isFinite(expected)) expect(actual).toBeCloseTo(expected as number, 8)
  else expect(actual).toEqual(expected)
}

describe.each(Object.entries(laws))('%s', (_, { of, plain }) => {
  const aggregate = of()
  const made = (values: number[]): unknown =>
    values.reduce((a, value) => aggregate.add(a, value), aggregate.create())

  test('parts merged are the whole, in any split and any grouping', () => {
    const check = (split: number[][]): void => {
      const expected = plain(split.flat())
      expectNear(aggregate.result(made(split.flat())), expected)
      const fromLeft = split.map(made).reduce(aggregate.merge, aggregate.create())
      expectNear(aggregate.result(fromLeft), expected)
      const fromRight = split.map(made).reduceRight((a, b) => aggregate.merge(b, a), made([]))
      expectNear(aggregate.result(fromRight), expected)
      expectNear(aggregate.result(fromLeft), expected)
    }
    fc.assert(fc.property(parts, check))
  })

  test('merge leaves the second part as it is', () => {
    const check = (a: number[], b: number[]): void => {
      const second = made(b)
      const before = structuredClone(second)
      aggregate.merge(made(a), second)
      expect(second).toEqual(before)
    }
    fc.assert(fc.property(fc.array(fc.integer()), fc.array(fc.integer()), check))
  })

  if (aggregate.remove) {
    test('remove undoes merge of the oldest part', () => {
      const check = ([oldest = [], ...rest]: number[][]): void => {
        const whole = aggregate.merge(made(oldest), made(rest.flat()))
        expect(aggregate.remove!(whole, made(oldest))).toEqual(made(rest.flat()))
      }
      fc.assert(fc.property(parts, check))
    })
  }
})

test('an aggregate of several has an inverse if all of them have', () => {
  const { count, mean, min, all } = aggregates
  expect(all({ n: count(), mean: mean() }).remove).toBeTypeOf('function')
  expect(all({ n: count(), min: min() })).not.toHaveProperty('remove')
})

test('the first and the last value may be undefined', () => {
  for (const aggregate of [aggregates.first(), aggregates.last()]) {
    const { create, add, merge, result } = aggregate
    const values = [undefined, 1, undefined].map(value => add(create(), value))
    expect(result(values.reduce(merge))).toBeUndefined()
  }
})

const everything = aggregates.all({
  sum: aggregates.sum(),
  n: aggregates.count(),
  min: aggregates.min<number>(),
  max: aggregates.max<number>(),
  mean: aggregates.mean(),
  first: aggregates.first<number>(),
  last: aggregates.last<number>(),
  list: aggregates.collect<number>(),
  top: aggregates.topK(2, (x: number) => x % 5),
  users: aggregates.countDistinct(0.01),
  quantiles: aggregates.quantiles([0, 0.5, 1]),
})
const several = aggregates.all({ n: aggregates.count(), mean: aggregates.mean() })
const spread = aggregates.variance()
const rounded = ['mapValues', (x: number) => Math.round(x * 1e6) / 1e6] as const

const input: Batches = [
  [
    ['a', 1],
    ['b', 10],
    ['a', 3],
    ['a', 8],
    ['c', 4],
    ['b', 2],
  ],
  [],
  [
    ['b', -4],
    ['a', 7],
    ['b', 9],
  ],
  [['c', 6]],
  [],
  [
    ['a', 2],
    ['c', 12],
  ],
]

operatorConformance('aggregateByKey', [
  {
    name: 'gives the mean of each key',
    input,
    steps: [['aggregateByKey', aggregates.mean()]],
    compare: 'keyed',
    expected: [
      [
        ['a', 4],
        ['b', 6],
        ['c', 4],
      ],
      [],
      [
        ['a', 7],
        ['b', 2.5],
      ],
      [['c', 6]],
      [],
      [
        ['a', 2],
        ['c', 12],
      ],
    ],
  },
  { name: 'all of the table', input, steps: [['aggregateByKey', everything]], compare: 'keyed' },
  { name: 'one of your own', input, steps: [['aggregateByKey', product]], compare: 'keyed' },
  {
    name: 'variances',
    input,
    steps: [['aggregateByKey', spread], rounded],
    compare: 'keyed',
  },
  {
    name: 'passes no RDD on',
    input: [null, [['a', 1]]],
    steps: [['aggregateByKey', aggregates.count()]],
    compare: 'keyed',
    expected: [[['a', 1]]],
  },
  {
    name: 'several at once',
    input,
    steps: [['aggregateByKey', several]],
    compare: 'keyed',
  },
])

operatorConformance('aggregateByKeyAndWindow', [
  {
    name: 'with an inverse drops keys whose values have all left, even where the sum is not 0',
    input: [[['a', 0.1]], [['a', 0.2]], [['b', 0]], [], [], []],
    steps: [['aggregateByKeyAndWindow', aggregates.count(), 2000]],
    compare: 'keyed',
    expected: [
      [['a', 1]],
      [['a', 2]],
      [
        ['a', 1],
        ['b', 1],
      ],
      [['b', 1]],
      [],
      [],
    ],
  },
  ...[
    [3000, 1000],
    [2000, 2000],
    [4000, 2000],
    [1000, 3000],
  ].flatMap(([window, slide]) =>
    Object.entries({ 'an inverse': several, 'no inverse': everything }).map(([kind, one]) => ({
      name: `with ${kind}, window ${window}, slide ${slide}`,
      input,
      batches: 10,
      steps: [['aggregateByKeyAndWindow', one, window, slide] as const],
      compare: 'keyed' as const,
    })),
  ),
  {
    name: 'with the default slide',
    input,
    steps: [['aggregateByKeyAndWindow', aggregates.max<number>(), 2000]],
    compare: 'keyed',
  },
])

operatorConformance('aggregate', [
  {
    name: 'one row a batch, for an empty one too',
    input: [[3, 1, 2], [], [5]],
    steps: [['aggregate', aggregates.count()]],
    expected: [[3], [0], [1]],
  },
  {
    name: 'all of the table',
    input: [[3, 1, 2, 9, 14], [], [5]],
    steps: [['aggregate', everything]],
  },
  {
    name: 'is an error where there is no RDD',
    input: [null],
    steps: [['aggregate', aggregates.count()]],
    error: "Couldn't generate RDD from parent at time 1000 ms",
  },
  {
    name: 'the order of rows',
    input: [[3, 1, 2, 9, 14], []],
    steps: [['aggregate', aggregates.collect<number>()]],
    expected: [[[3, 1, 2, 9, 14]], [[]]],
  },
])

test.each([1, 7])('on RDDs, beside the form with a zero, %i partitions', async n => {
  await inContext(async ssc => {
    const pairs = ssc.parallelize<readonly [string, number]>(
      [
        ['a', 1],
        ['b', 5],
        ['a', 3],
      ],
      n,
    )
    const numbers = pairs.values()
    expect(await numbers.aggregate(several)).toEqual({ n: 3, mean: 3 })
    expect(await numbers.aggregate(aggregates.collect())).toEqual([1, 5, 3])
    const add = (a: number, b: number): number => a + b
    expect(await numbers.aggregate(0, add, add)).toBe(9)
    expect(await ssc.parallelize<number>([], n).aggregate(aggregates.mean())).toBeNaN()
    expect(await ssc.emptyRDD<number>().aggregate(aggregates.sum())).toBe(0)
    const means = await pairs.aggregateByKey(aggregates.mean()).collectAsMap()
    expect(means).toEqual(new Map(Object.entries({ a: 2, b: 5 })))
    expect(await pairs.aggregateByKey(aggregates.sum(), 3).getNumPartitions()).toBe(3)
    const sums = await pairs.aggregateByKey(0, add, add).collectAsMap()
    expect(sums).toEqual(new Map(Object.entries({ a: 4, b: 5 })))
    expect(await pairs.foldByKey(0, add, 2).collectAsMap()).toEqual(sums)
  })
})

test.each([1, 7])('many values by sketch and digest, %i partitions', async n => {
  await inContext(async ssc => {
    const numbers = Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 20_000)
    const [median, distinct] = await Promise.all([
      ssc.parallelize(numbers, n).aggregate(aggregates.quantiles([0.5])),
      ssc.parallelize(numbers, n).aggregate(aggregates.countDistinct(0.01)),
    ])
    expect(Math.abs(median[0]! / 10_000 - 1)).toBeLessThan((2 * Math.PI) / 100)
    expect(Math.abs(distinct / 20_000 - 1)).toBeLessThan(0.05)
  })
})

describe('misuse', () => {
  const ssc = new StreamingContext({ batchInterval: 1000, workers: 1 })
  afterAll(() => ssc.stop())
  const pairs = ssc.queueStream([[['a', 1] as const]])
  const rdd = ssc.parallelize([['a', 1] as const])
  const remedy =
    'needs an aggregate, such as aggregates.sum(), or an object with the functions create, add, ' +
    'merge and result; got '
  const errorOf = async (run: () => unknown): Promise<unknown> => {
    try {
      return await run()
    } catch (error) {
      return error
    }
  }

  test.each<[string, string, (one: any) => unknown]>([
    ['stream aggregate', 'aggregate', one => pairs.aggregate(one)],
    ['stream aggregateByKey', 'aggregateByKey', one => pairs.aggregateByKey(one)],
    [
      'aggregateByKeyAndWindow',
      'aggregateByKeyAndWindow',
      one => pairs.aggregateByKeyAndWindow(one, 1000),
    ],
    ['RDD aggregate', 'aggregate', one => rdd.aggregate(one)],
    ['RDD aggregateByKey', 'aggregateByKey', one => rdd.aggregateByKey(one)],
    ['aggregates.of', 'aggregates.of', one => aggregates.of(one)],
    ['aggregates.all', 'aggregates.all: n', one => aggregates.all({ n: one })],
  ])('%s of what is no aggregate', async (_, label, use) => {
    const { merge: _merge, ...noMerge } = aggregates.sum()
    const cases: [unknown, string][] = [
      [5, '5'],
      [undefined, 'undefined'],
      [aggregates.sum, 'function sum'],
      [noMerge, '{}, without merge'],
      [{ ...aggregates.sum(), remove: 5 }, '{"remove":5}, whose remove is 5'],
    ]
    for (const [value, got] of cases) {
      const error = (await errorOf(() => use(value))) as PeltonError
      expect(error).toBeInstanceOf(PeltonError)
      expect(error.message).toBe(`${label} ${remedy}${got}`)
      expect(error.code).toBe('OPTION')
      if (!label.startsWith('aggregates')) expect(error.place?.file).toContain('aggregate.test')
    }
  })

  test.each<[() => unknown, string]>([
    [() => aggregates.topK(-1), 'aggregates.topK: the number of values is -1; give a whole'],
    [() => aggregates.topK(1, 5 as any), 'what to compare by is 5; give a function of a value'],
    [
      () => aggregates.countDistinct(0),
      'aggregates.countDistinct: relativeSd is 0; give a relative',
    ],
    [
      () => aggregates.quantiles([2]),
      'aggregates.quantiles: they are [2]; give an array of numbers',
    ],
    [() => aggregates.quantiles(0.5 as any), 'aggregates.quantiles: they are 0.5; give an array'],
    [() => aggregates.quantiles([1], 5), 'the compression is 5; give a number from 20 to 10000'],
    [() => aggregates.all(5 as any), 'aggregates.all needs an object of aggregates; got 5'],
    [
      () => pairs.aggregateByKeyAndWindow(aggregates.sum(), 1500),
      'must be a multiple of the slide duration of parent DStream (1000 ms)',
    ],
    [
      () => pairs.aggregateByKeyAndWindow(aggregates.max(), 1500),
      'must be a multiple of the slide duration of parent DStream (1000 ms)',
    ],
    [
      () => pairs.aggregateByKey(aggregates.sum(), 0),
      'aggregateByKey: the number of partitions is 0; it must be',
    ],
  ])('an option that makes no sense: %s', (run, message) => {
    expect(run).toThrow(PeltonError)
    expect(run).toThrow(message)
  })
})
