import { operatorConformance } from '../conformance/operator.ts'
import { from, here } from '../oracle.ts'

const absent = "Couldn't generate RDD from parent at time"
const both = (a: any, b: any) => a.union(b)

operatorConformance('transformWith', [
  {
    name: 'gives the function the RDDs of both streams',
    inputs: [
      [['a', 'b'], ['a', ''], ['']],
      [['a', 'b'], ['b', ''], []],
    ],
    steps: [['transformWith', from(1), both]],
    expected: [['a', 'b', 'a', 'b'], ['a', '', 'b', ''], ['']],
  },
  {
    name: 'tells the batch time',
    inputs: [
      [[1], [2]],
      [['a'], ['b']],
    ],
    steps: [
      [
        'transformWith',
        from(1),
        (a: any, b: any, time: number) =>
          a.map((x: number) => [Number(time), x]).union(b.map((x: string) => [x, Number(time)])),
      ],
    ],
    expected: [
      [
        [1000, 1],
        ['a', 1000],
      ],
      [
        [2000, 2],
        ['b', 2000],
      ],
    ],
  },
  {
    name: 'exchanges both sides together',
    inputs: [
      [
        [
          ['a', 1],
          ['b', 1],
        ],
        [],
      ],
      [
        [['a', 10]],
        [
          ['c', 5],
          ['c', 6],
        ],
      ],
    ],
    steps: [
      [
        'transformWith',
        from(1),
        (a: any, b: any) => a.union(b).reduceByKey((x: number, y: number) => x + y),
      ],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 11],
        ['b', 1],
      ],
      [['c', 11]],
    ],
  },
  {
    name: 'with the stream itself',
    input: [[1, 2], []],
    steps: [
      ['transformWith', here(['map', (x: number) => x * 10]), (a: any, b: any) => b.union(a)],
    ],
    expected: [[10, 20, 1, 2], []],
  },
  {
    name: 'may drop a side',
    inputs: [
      [[1], [2]],
      [['a'], ['b']],
    ],
    steps: [['transformWith', from(1), (_: any, b: any) => b]],
    expected: [['a'], ['b']],
  },
  {
    name: 'fails where the first has no RDD',
    inputs: [
      [[1], null],
      [[1], [2]],
    ],
    steps: [['transformWith', from(1), both]],
    error: absent,
  },
  {
    name: 'fails where the second has no RDD',
    inputs: [
      [[1], [2]],
      [[1], null],
    ],
    steps: [['transformWith', from(1), both]],
    error: absent,
  },
  {
    name: 'refuses streams of different slides',
    input: [[1], [2]],
    steps: [['transformWith', here(['window', 2000, 2000]), both]],
    error: 'Some of the DStreams have different slide durations',
  },
])
