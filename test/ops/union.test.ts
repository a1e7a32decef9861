import { operatorConformance } from '../conformance/operator.ts'
import { from, here } from '../oracle.ts'

const unifying = 'Could not generate RDD from a parent for unifying at time'

operatorConformance('union', [
  {
    name: 'puts the rows of the first stream before those of the second',
    input: [
      [1, 2, 3, 4],
      [101, 102, 103, 104],
    ],
    steps: [['union', here(['map', (x: number) => x + 4])]],
    expected: [
      [1, 2, 3, 4, 5, 6, 7, 8],
      [101, 102, 103, 104, 105, 106, 107, 108],
    ],
  },
  {
    name: 'joins two inputs, either of them empty',
    inputs: [
      [[1], [], [2], []],
      [['a'], ['b'], [], []],
    ],
    steps: [['union', from(1)]],
    expected: [[1, 'a'], ['b'], [2], []],
  },
  {
    name: 'joins streams of different types',
    inputs: [[[1, 2]], [['x', null, { a: [1n] }]]],
    steps: [
      ['union', from(1)],
      ['map', (x: unknown) => [x]],
    ],
    expected: [[[1], [2], ['x'], [null], [{ a: [1n] }]]],
  },
  {
    name: 'of a stream with itself doubles it',
    input: [[1, 2], []],
    steps: [['union', here()]],
    expected: [[1, 2, 1, 2], []],
  },
  {
    name: 'of unions',
    input: [[1]],
    steps: [
      [
        'union',
        here(['map', (x: number) => x + 1], ['union', here(['map', (x: number) => x * 10])]),
      ],
      ['union', here(['filter', (x: number) => x > 2])],
    ],
    expected: [[1, 2, 20, 20]],
  },
  {
    name: 'of windowed streams has their slide',
    input: [[1], [2], [3], [4]],
    steps: [
      ['window', 2000, 2000],
      ['union', here(['map', (x: number) => -x])],
    ],
    expected: [
      [1, 2, -1, -2],
      [3, 4, -3, -4],
    ],
  },
  {
    name: 'fails where the stream has no RDD',
    input: [[1], [2], null],
    steps: [['union', here(['map', (x: number) => x + 4])]],
    error: unifying,
  },
  {
    name: 'fails where only the first has no RDD',
    inputs: [[null], [[1]]],
    steps: [['union', from(1)]],
    error: unifying,
  },
  {
    name: 'fails where only the second has no RDD',
    inputs: [[[1]], [null]],
    steps: [['union', from(1)]],
    error: unifying,
  },
  {
    name: 'refuses streams of different slides',
    input: [[1], [2]],
    steps: [['union', here(['window', 2000, 2000])]],
    error: 'Some of the DStreams have different slide durations',
  },
])
