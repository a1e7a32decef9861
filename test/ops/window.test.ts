import { operatorConformance } from '../conformance/operator.ts'
import { here } from '../oracle.ts'

const six = [[0], [1], [2], [3], [4], [5]]
const multiple = 'must be a multiple of the slide'

operatorConformance('window', [
  {
    name: 'slides by its parent’s slide unless told otherwise; the first windows are partial',
    input: six,
    steps: [['window', 2000]],
    expected: [[0], [0, 1], [1, 2], [2, 3], [3, 4], [4, 5]],
  },
  {
    name: 'as long as the slide tumbles',
    input: six,
    steps: [['window', 2000, 2000]],
    expected: [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
  },
  {
    name: 'longer than the slide overlaps, and empties after the input ends',
    input: six,
    batches: 8,
    steps: [['window', 4000, 2000]],
    expected: [
      [0, 1],
      [0, 1, 2, 3],
      [2, 3, 4, 5],
      [4, 5],
    ],
  },
  {
    name: 'shorter than the slide drops the batches between',
    input: six,
    steps: [['window', 2000, 3000]],
    expected: [
      [1, 2],
      [4, 5],
    ],
  },
  {
    name: 'of one batch is the stream itself',
    input: [[1, 2], [], [3]],
    steps: [['window', 1000]],
    expected: [[1, 2], [], [3]],
  },
  {
    name: 'of everything keeps everything',
    input: six,
    steps: [['window', 60_000]],
    expected: [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]],
  },
  {
    name: 'skips batches without RDD, and is empty rather than absent when all are',
    input: [null, [1], null, null, [2]],
    steps: [['window', 2000]],
    expected: [[], [1], [1], [], [2]],
  },
  {
    name: 'of a window looks back by both',
    input: six,
    steps: [
      ['window', 2000],
      ['window', 3000, 3000],
    ],
    expected: [
      [0, 0, 1, 1, 2],
      [2, 3, 3, 4, 4, 5],
    ],
  },
  {
    name: 'of a sliding window counts in its slides',
    input: [[0], [1], [2], [3], [4], [5], [6], [7]],
    steps: [
      ['window', 2000, 2000],
      ['window', 4000, 4000],
      ['map', (x: number) => x * 10],
    ],
    expected: [
      [0, 10, 20, 30],
      [40, 50, 60, 70],
    ],
  },
  {
    name: 'keeps rows whole after their batch is gone',
    input: [['a string that is longer than twelve'], [{ a: ['b', 1n] }], [null, undefined, -0], []],
    steps: [['window', 3000]],
  },
  {
    name: 'over an exchange',
    input: [['a', 'b'], ['a'], [], ['c', 'c']],
    steps: [
      ['map', (word: string) => [word, 1]],
      ['reduceByKey', (a: number, b: number) => a + b],
      ['window', 2000],
      ['reduceByKey', (a: number, b: number) => a + b],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 1],
        ['b', 1],
      ],
      [
        ['a', 2],
        ['b', 1],
      ],
      [['a', 1]],
      [['c', 2]],
    ],
  },
  {
    name: 'beside its parent in a union',
    input: [[1], [2], [3]],
    steps: [
      ['window', 2000],
      ['union', here(['map', (x: number) => -x])],
    ],
    expected: [
      [1, -1],
      [1, 2, -1, -2],
      [2, 3, -2, -3],
    ],
  },
  {
    name: 'two of different lengths over one parent',
    input: [[1], [2], [3], [4]],
    steps: [
      ['map', (x: number) => x],
      ['transformWith', here(['window', 3000]), (a: any, b: any) => a.union(b)],
    ],
    expected: [
      [1, 1],
      [2, 1, 2],
      [3, 1, 2, 3],
      [4, 2, 3, 4],
    ],
  },
  {
    name: 'with another batch interval',
    input: [[1], [2], [3], [4]],
    batchInterval: 250,
    steps: [['window', 750, 500]],
    expected: [
      [1, 2],
      [2, 3, 4],
    ],
  },
  {
    name: 'refuses a duration that is no multiple of the slide',
    input: [[1]],
    steps: [['window', 1500]],
    error: multiple,
  },
  {
    name: 'refuses a slide that is no multiple of its parent’s',
    input: [[1]],
    steps: [
      ['window', 2000, 2000],
      ['window', 4000, 3000],
    ],
    error: multiple,
  },
])
