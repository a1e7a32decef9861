import { operatorConformance } from '../conformance/operator.ts'
import { here } from '../oracle.ts'

operatorConformance('persist', [
  {
    name: 'changes nothing of a stream',
    input: [[1, 2], [], null, ['a']],
    steps: [['map', (x: unknown) => [x]], ['persist'], ['map', (x: unknown) => [x]]],
    expected: [[[[1]], [[2]]], [], [[['a']]]],
  },
  {
    name: 'of a stream that is used twice',
    input: [[1, 2], [3]],
    steps: [
      ['map', (x: number) => x * 2],
      ['persist'],
      ['union', here(['map', (x: number) => -x])],
    ],
    expected: [
      [2, 4, -2, -4],
      [6, -6],
    ],
  },
  {
    name: 'as cache',
    input: [
      [
        ['a', 1],
        ['a', 2],
      ],
      [['a', 3]],
    ],
    steps: [
      ['reduceByKey', (a: number, b: number) => a + b],
      ['cache'],
      ['window', 2000],
      ['reduceByKey', (a: number, b: number) => a + b],
    ],
    compare: 'keyed',
    expected: [[['a', 3]], [['a', 6]]],
  },
  {
    name: 'of a window',
    input: [[1], [2], [3]],
    steps: [['window', 2000], ['persist'], ['count']],
    expected: [[1], [2], [2]],
  },
])
