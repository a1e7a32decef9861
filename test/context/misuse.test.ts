/**
 * Calls that can't mean anything: refused where they stand, with the value and what to do instead.
 *
 * What it can't catch: calls that mean something else than the caller thinks.
 */
import { fileURLToPath } from 'node:url'
import { type DStream, PeltonError, type RDD, StreamingContext } from 'pelton'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rejection, rig, SharedWorkers, thrown } from '../engine/support.ts'

const shared = new SharedWorkers()
let ssc: StreamingContext
let other: StreamingContext
let numbers: DStream<number>

beforeEach(() => {
  ssc = shared.rig().ssc
  other = shared.rig().ssc
  numbers = ssc.queueStream([[1, 2, 3]])
})
afterEach(async () => {
  await ssc.stop()
  await other.stop()
  await shared.check()
})
afterAll(() => shared.close())

const file = fileURLToPath(import.meta.url)
type Call = (stream: DStream<any>, context: StreamingContext) => unknown

describe('calls on a stream', () => {
  const cases: [name: string, code: string, operator: string, message: RegExp, call: Call][] = [
    ['a function that is a number', 'CAPTURE', 'map', /5/, s => s.map(5 as never)],
    [
      'a function that is undefined',
      'CAPTURE',
      'filter',
      /undefined/,
      s => s.filter(undefined as never),
    ],
    ['a text as a reducer', 'CAPTURE', 'reduceByKey', /"\+"/, s => s.reduceByKey('+' as never)],
    [
      'no function for the main thread',
      'OPTION',
      'foreachRDD',
      /needs a function; got "x"/,
      s => s.foreachRDD('x' as never),
    ],
    [
      'no function for transform',
      'OPTION',
      'transform',
      /needs a function; got null/,
      s => s.transform(null as never),
    ],
    [
      'print(-1)',
      'OPTION',
      'print',
      /print\(-1\): give a whole number of rows, such as 10/,
      s => s.print(-1),
    ],
    ['print(NaN)', 'OPTION', 'print', /print\(NaN\)/, s => s.print(Number.NaN)],
    ['print of a text', 'OPTION', 'print', /print\("10"\)/, s => s.print('10' as never)],
    [
      'repartition(0)',
      'OPTION',
      'repartition',
      /partitions is 0; .* from 1 to 65536/,
      s => s.repartition(0),
    ],
    [
      'repartition()',
      'OPTION',
      'repartition',
      /number of partitions is NaN/,
      s => s.repartition(undefined as never),
    ],
    ['repartition(1.5)', 'OPTION', 'repartition', /is 1\.5/, s => s.repartition(1.5)],
    [
      'partitions of a shuffle',
      'OPTION',
      'reduceByKey',
      /is -2/,
      s => s.reduceByKey((a: number) => a, -2),
    ],
    ['partitions of groupByKey', 'OPTION', 'groupByKey', /is "4"/, s => s.groupByKey('4' as never)],
    [
      'a window that is no multiple',
      'OPTION',
      'window',
      /of windowed DStream \(1500 ms\) must be a multiple .* parent DStream \(1000 ms\)/,
      s => s.window(1500),
    ],
    [
      'a slide that is no multiple',
      'OPTION',
      'window',
      /slide duration of windowed DStream \(700 ms\) must be a multiple.*positive multiple of 1000/,
      s => s.window(2000, 700),
    ],
    ['a window of 0', 'OPTION', 'window', /\(0 ms\)/, s => s.window(0)],
    ['a negative window', 'OPTION', 'window', /\(-1000 ms\)/, s => s.window(-1000)],
    ['a window that is NaN', 'OPTION', 'window', /\(NaN ms\)/, s => s.window(Number.NaN)],
    ['a window that is a text', 'OPTION', 'window', /"1s"/, s => s.window('1s' as never)],
    [
      'a window of a window that is no multiple of its slide',
      'OPTION',
      'window',
      /\(3000 ms\) must be a multiple of the slide duration of parent DStream \(2000 ms\)/,
      s => s.window(4000, 2000).window(3000),
    ],
    [
      'union with another slide',
      'OPTION',
      'union',
      /Some of the DStreams have different slide durations: 1000 ms and 2000 ms; .*window\(\)/,
      s => s.union(s.window(2000, 2000)),
    ],
    [
      'union with another context',
      'OPTION',
      'union',
      /Some of the DStreams have different contexts/,
      s => s.union(other.queueStream([[1]])),
    ],
    [
      'union with an array',
      'OPTION',
      'union',
      /union needs DStreams; got \[1\]/,
      s => s.union([1] as never),
    ],
    [
      'transformWith another slide',
      'OPTION',
      'transformWith',
      /different slide durations/,
      s => s.transformWith(s.window(2000, 2000), (a: RDD<any>) => a),
    ],
    [
      'union of nothing',
      'OPTION',
      'union',
      /at least one DStream; got \[\]/,
      (_, c) => c.union([]),
    ],
    [
      'union of no array',
      'OPTION',
      'union',
      /at least one DStream; got 3/,
      (_, c) => c.union(3 as never),
    ],
    [
      'transform of nothing',
      'OPTION',
      'transform',
      /at least one DStream; got \[\]/,
      (_, c) => c.transform([], () => c.emptyRDD()),
    ],
    [
      'transform of a context without a function',
      'OPTION',
      'transform',
      /needs a function/,
      (s, c) => c.transform([s], undefined as never),
    ],
    [
      'parallelize of a number',
      'OPTION',
      'parallelize',
      /needs an array .*; got 5/,
      (_, c) => c.parallelize(5 as never),
    ],
    [
      'parallelize of a Set',
      'OPTION',
      'parallelize',
      /Spread an iterable into an array/,
      (_, c) => c.parallelize(new Set([1]) as never),
    ],
    [
      'parallelize into 0 partitions',
      'OPTION',
      'parallelize',
      /partitions is 0/,
      (_, c) => c.parallelize([1], 0),
    ],
    [
      'parallelize of uneven columns',
      'OPTION',
      'parallelize',
      /2.*3|3.*2/,
      (_, c) => c.parallelize({ pairs: [new Float64Array(2), new Float64Array(3)] }),
    ],
    [
      'parallelize of a text that is a string',
      'OPTION',
      'parallelize',
      /text/,
      (_, c) => c.parallelize({ text: 'a\nb' } as never),
    ],
    [
      'queueStream of no array',
      'OPTION',
      'queueStream',
      /needs an array of batches.*got 5/,
      (_, c) => c.queueStream(5 as never),
    ],
    [
      'from(5)',
      'OPTION',
      'from',
      /needs a Receiver, an \(async\) iterable or a Node stream; got 5/,
      (_, c) => c.from(5 as never),
    ],
    [
      'receiverStream of an object',
      'OPTION',
      'receiverStream',
      /extends Receiver; got \{\}/,
      (_, c) => c.receiverStream({} as never),
    ],
    [
      'saveAsTextFiles of a number',
      'OPTION',
      'saveAsTextFiles',
      /the prefix is 5; give a path/,
      s => s.saveAsTextFiles(5 as never),
    ],
    [
      'saveAsTextFiles with a suffix of null',
      'OPTION',
      'saveAsTextFiles',
      /the suffix is null/,
      s => s.saveAsTextFiles('x', null as never),
    ],
    [
      'textFile of nothing',
      'OPTION',
      'textFile',
      /the path is undefined; give a path/,
      (_, c) => c.textFile(undefined as never),
    ],
    [
      'a listener that is no function',
      'OPTION',
      'on',
      /on\('batchCompleted'\) needs a function; got undefined/,
      (_, c) => c.on('batchCompleted', undefined as never),
    ],
    [
      'remember(0)',
      'OPTION',
      'remember',
      /remember\(0\): give a positive number/,
      (_, c) => c.remember(0),
    ],
    [
      'remember twice',
      'STATE',
      'remember',
      /Remember duration already set as 5000 ms\. Cannot set it again\./,
      (_, c) => {
        c.remember(5000)
        c.remember(6000)
      },
    ],
  ]

  test.each(cases)('%s', (_, code, operator, message, call) => {
    const error = thrown(() => call(numbers, ssc))
    expect(error).toBeInstanceOf(PeltonError)
    expect(error).toMatchObject({ code, operator })
    expect(error.message).toMatch(message)
  })

  test('errors of a call name the line of the call', () => {
    const error = thrown(() => numbers.window(1500))
    expect(error.place?.file).toContain(file)
    const same = thrown(() => numbers.map(5 as never))
    expect(same.place?.file).toContain(file)
  })
})

describe('definitions that come too late', () => {
  const calls: [string, Call][] = [
    ['map', s => s.map(x => x)],
    ['reduceByKey', s => s.reduceByKey((a: number) => a)],
    ['window', s => s.window(1000)],
    ['union', s => s.union(s)],
    ['transform', s => s.transform(rdd => rdd)],
    ['foreachRDD', s => s.foreachRDD(() => undefined)],
    ['print', s => s.print()],
    ['batches', s => s.batches()],
    ['saveAsTextFiles', s => s.saveAsTextFiles('x')],
    ['queueStream', (_, c) => c.queueStream([[1]])],
    ['from', (_, c) => c.from([1])],
    ['socketTextStream', (_, c) => c.socketTextStream('localhost', 1)],
    ['textFileStream', (_, c) => c.textFileStream('somewhere')],
  ]

  test.each(calls)('%s after start() and after stop()', async (operator, call) => {
    numbers.foreachRDD(() => undefined)
    await ssc.start()
    for (const doing of ['starting', 'stopping']) {
      const error = thrown(() => call(numbers, ssc))
      expect(error).toMatchObject({ code: 'STATE', operator })
      expect(error.message).toContain(
        `Adding new inputs, transformations, and output operations after ${doing} a context is ` +
          'not supported',
      )
      expect(error.message).toContain('define all streams before start()')
      await ssc.stop()
    }
  })

  test('persist() after start()', async () => {
    numbers.foreachRDD(() => undefined)
    await ssc.start()
    const error = thrown(() => numbers.persist())
    expect(error).toMatchObject({ code: 'STATE', operator: 'persist' })
    expect(error.message).toContain('Cannot change storage level of a DStream after streaming')
  })

  test('RDDs of a context that has stopped', async () => {
    const rdd = ssc.parallelize([1, 2])
    await ssc.stop()
    for (const use of [() => ssc.parallelize([1]), () => rdd.map(x => x), () => rdd.union(rdd)]) {
      const error = thrown(use)
      expect(error.code).toBe('RDD_EXPIRED')
      expect(error.message).toContain('a StreamingContext that was stopped')
    }
    expect((await rejection(rdd.collect())).code).toBe('RDD_EXPIRED')
  })

  test('an input of a context that has stopped before it began', async () => {
    const fresh = new StreamingContext({ batchInterval: 1000 })
    await fresh.stop()
    expect(thrown(() => fresh.parallelize([1])).message).toContain('has already been stopped')
    expect(thrown(() => fresh.queueStream([[1]])).message).toContain('after stopping a context')
  })
})

describe('what the functions of the main thread return', () => {
  test.each([
    ['null', () => null, 'Transform function must not return null. Return SparkContext.emptyRDD()'],
    ['nothing', () => undefined, 'Transform function must not return null'],
    ['an array', () => [1], 'must return an RDD; it returned [1]'],
    ['a promise of a number', async () => 7, 'must return an RDD; it returned 7'],
  ])('transform that returns %s', async (_, f, message) => {
    const { ssc, tick } = shared.rig()
    ssc
      .queueStream([[1]])
      .transform(f as never)
      .foreachRDD(rdd => rdd.collect())
    await ssc.start()
    const ended = rejection(ssc.awaitTermination())
    await tick()
    const error = await ended
    expect(error).toMatchObject({ code: 'NOT_AN_RDD', operator: 'transform', batchTime: 1000 })
    expect(error.message).toContain(message)
    expect(error.place.file).toContain(file)
    await ssc.stop()
  })

  test('an RDD of another context in union()', async () => {
    const error = thrown(() => ssc.parallelize([1]).union(other.parallelize([2])))
    expect(error).toMatchObject({ code: 'OPTION', operator: 'union' })
    expect(error.message).toContain('different contexts')
    expect(thrown(() => ssc.parallelize([1]).union([2] as never)).message).toContain('[2]')
  })
})

test('an RDD of an earlier batch that transform returns', async () => {
  const { ssc, tick } = shared.rig()
  let first: RDD<number> | undefined
  const seen: number[][] = []
  ssc
    .queueStream([[1], [2]])
    .transform(rdd => (first ??= rdd.map(x => x)))
    .foreachRDD(async rdd => seen.push(await rdd.collect()))
  await ssc.start()
  const ended = rejection(ssc.awaitTermination())
  await tick(2)
  expect(seen).toEqual([[1]])
  const error = await ended
  expect(error).toMatchObject({ code: 'RDD_EXPIRED', batchTime: 1000 })
  await ssc.stop()
})

test('an RDD of another context that transform returns', async () => {
  const { ssc, tick } = shared.rig()
  const foreign = other.parallelize([1])
  ssc
    .queueStream([[1]])
    .transform(() => foreign)
    .foreachRDD(rdd => rdd.collect())
  await ssc.start()
  const ended = rejection(ssc.awaitTermination())
  await tick()
  expect((await ended).message).toContain('transform got an RDD of another StreamingContext')
  await ssc.stop()
})

test('an RDD of another context in a queue', async () => {
  const { ssc, tick } = rig()
  const seen: number[][] = []
  ssc
    .queueStream([other.parallelize([1]), [2]])
    .foreachRDD(async rdd => seen.push(await rdd.collect()))
  await ssc.start()
  const ended = rejection(ssc.awaitTermination())
  await tick(2)
  expect((await ended).message).toContain('different contexts')
  expect(seen).toEqual([[2]])
  await ssc.stop()
})

test.each([-1, Number.NaN, '5'])('awaitTermination(%j) is refused', async timeout => {
  const error = await rejection(ssc.awaitTermination(timeout as never))
  expect(error).toMatchObject({ code: 'OPTION', operator: 'awaitTermination' })
})

describe('an RDD after its callback', () => {
  test.each(['foreachRDD', 'transform'] as const)('of %s is expired', async where => {
    const { ssc, tick } = shared.rig()
    const kept: RDD<number>[] = []
    const stream = ssc.queueStream([[1, 2]])
    const keep = (rdd: RDD<number>): RDD<number> => {
      const mapped = rdd.map(x => x + 1)
      kept.push(rdd, mapped)
      return mapped
    }
    if (where === 'foreachRDD') stream.foreachRDD(rdd => void keep(rdd))
    else stream.transform(keep).foreachRDD(rdd => rdd.collect())
    await ssc.start()
    await tick()
    for (const rdd of kept) {
      for (const use of [() => rdd.collect(), () => rdd.count(), () => rdd.materialize()]) {
        const error = await rejection(use())
        expect(error).toMatchObject({ code: 'RDD_EXPIRED', batchTime: 1000 })
        expect(error.message).toContain(`${where} of the batch at 1000 ms, which has ended`)
        expect(error.message).toContain('collect() the rows you want to keep')
      }
      expect(thrown(() => rdd.map(x => x)).code).toBe('RDD_EXPIRED')
      expect(thrown(() => rdd.persist()).code).toBe('RDD_EXPIRED')
    }
    await ssc.stop()
  })
})

test('a StreamingContext made inside a worker is refused, and the message says why', async () => {
  const error = await rejection(
    ssc
      .parallelize([1])
      .map(x => {
        const inner = new StreamingContext({ batchInterval: 1000 })
        inner.queueStream([[x]]).print()
        return x
      })
      .collect(),
  )
  expect(error.code).toBe('IN_WORKER')
  expect(error.message).toContain('a StreamingContext was made in a worker')
  expect(error.message).toContain('Move the imported helpers into a module of their own')
})
