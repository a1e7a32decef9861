import { operatorConformance } from '../conformance/operator.ts'
import { here } from '../oracle.ts'

const absent = "Couldn't generate RDD from parent at time"

operatorConformance('transform', [
  {
    name: 'applies RDD operators to every batch',
    input: [[1, 2, 3, 4], [], [5]],
    steps: [['transform', (rdd: any) => rdd.map((x: number) => String(x))]],
    expected: [['1', '2', '3', '4'], [], ['5']],
  },
  {
    name: 'tells the batch time in milliseconds',
    input: [['a'], ['b'], ['c']],
    batchInterval: 500,
    steps: [['transform', (rdd: any, time: number) => rdd.map((x: string) => [x, Number(time)])]],
    expected: [[['a', 500]], [['b', 1000]], [['c', 1500]]],
  },
  {
    name: 'may do another thing in every batch',
    input: [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    steps: [
      [
        'transform',
        (rdd: any, time: number) =>
          time % 2000 === 0 ? rdd.filter((x: number) => x > 3) : rdd.map((x: number) => -x),
      ],
    ],
  },
  {
    name: 'may return the RDD itself',
    input: [[1, 2], []],
    steps: [['transform', (rdd: any) => rdd]],
    expected: [[1, 2], []],
  },
  {
    name: 'exchanges within a batch',
    input: [['a b a', 'b'], [''], []],
    steps: [
      [
        'transform',
        (rdd: any) =>
          rdd
            .flatMap((line: string) => line.split(' '))
            .map((word: string) => [word, 1])
            .reduceByKey((a: number, b: number) => a + b)
            .mapValues((n: number) => n * 10),
      ],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 20],
        ['b', 20],
      ],
      [['', 10]],
      [],
    ],
  },
  {
    name: 'joins a batch with itself',
    input: [[1, 2], [3]],
    steps: [['transform', (rdd: any) => rdd.union(rdd.map((x: number) => x * 10))]],
    expected: [
      [1, 2, 10, 20],
      [3, 30],
    ],
  },
  {
    name: 'runs on the main thread, where it may keep things',
    // What a variable of the program keeps is in no checkpoint.
    restores: false,
    input: [[1], [2], [3]],
    build: stream => {
      let calls = 0
      return stream.transform((rdd: any) => {
        const call = ++calls
        return rdd.map((x: number) => [x, call])
      })
    },
    expected: [[[1, 1]], [[2, 2]], [[3, 3]]],
  },
  {
    name: 'of a windowed stream is called at its slide',
    input: [[1], [2], [3], [4]],
    steps: [
      ['window', 2000, 2000],
      ['transform', (rdd: any, time: number) => rdd.map((x: number) => [Number(time), x])],
    ],
    expected: [
      [
        [2000, 1],
        [2000, 2],
      ],
      [
        [4000, 3],
        [4000, 4],
      ],
    ],
  },
  {
    name: 'followed by operators of the stream',
    input: [[1, 2], [3]],
    steps: [
      ['transform', (rdd: any) => rdd.flatMap((x: number) => [x, x])],
      ['window', 2000],
      ['count'],
    ],
    expected: [[4], [6]],
  },
  {
    name: 'refuses null as a result',
    input: [[1]],
    steps: [['transform', () => null]],
    error:
      'Transform function must not return null. Return SparkContext.emptyRDD() instead ' +
      'to represent no element as the result of transformation.',
  },
  {
    name: 'fails where the stream has no RDD',
    input: [[1], null],
    steps: [['transform', (rdd: any) => rdd]],
    error: absent,
  },
  {
    name: 'fails with what the function throws',
    input: [[1]],
    steps: [
      [
        'transform',
        () => {
          throw new Error('not today')
        },
      ],
    ],
    error: 'not today',
  },
  {
    name: 'of a context takes several streams',
    input: [[1], [], [2]],
    steps: [
      [
        'ssc.transform',
        [here(), here(['map', (x: number) => x + 4]), here(['map', (x: number) => x + 8])],
        (rdds: any[]) => rdds.reduce((all, rdd) => all.union(rdd)),
      ],
    ],
    expected: [[1, 5, 9], [], [2, 6, 10]],
  },
])
