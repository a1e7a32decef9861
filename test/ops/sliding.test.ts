import { operatorConformance } from '../conformance/operator.ts'

const add = (a: number, b: number): number => a + b
const remove = (a: number, b: number): number => a - b
const input = [
  [['a', 1]],
  [
    ['a', 2],
    ['b', 5],
  ],
  [],
  [
    ['b', 1],
    ['c', 7],
  ],
  [],
  [['a', 4]],
  [],
  [],
]

operatorConformance('sliding', [
  {
    name: 'adds what enters and removes what leaves; keys stay',
    input: [[['a', 1]], [['a', 1]], [['b', 1]], [], []],
    steps: [['reduceByKeyAndWindow', add, remove, 2000]],
    compare: 'keyed',
    expected: [
      [['a', 1]],
      [['a', 2]],
      [
        ['a', 1],
        ['b', 1],
      ],
      [
        ['a', 0],
        ['b', 1],
      ],
      [
        ['a', 0],
        ['b', 0],
      ],
    ],
  },
  ...[
    [2000, 1000],
    [3000, 1000],
    [4000, 2000],
    [2000, 2000],
    [1000, 3000],
    [5000, 3000],
  ].map(([window, slide]) => ({
    name: `a window of ${window} every ${slide}`,
    input,
    batches: 12,
    steps: [['reduceByKeyAndWindow', add, remove, window, slide] as const],
    compare: 'keyed' as const,
  })),
  {
    name: 'a filter drops what is nothing any more',
    input,
    batches: 12,
    steps: [
      [
        'reduceByKeyAndWindow',
        add,
        remove,
        3000,
        1000,
        { filter: ([, n]: [string, number]) => n !== 0 },
      ],
    ],
    compare: 'keyed',
  },
  {
    name: 'batches without an RDD are empty ones',
    input: [[['a', 1]], null, [['a', 2]], null, null],
    steps: [['reduceByKeyAndWindow', add, remove, 2000, 1000]],
    compare: 'keyed',
  },
  {
    name: 'counts of a window; an empty one gives 0 once something was seen',
    input: [[], [1, 2], [3], [], [], [4]],
    steps: [['countByWindow', 2000, 1000]],
    expected: [[], [2], [3], [1], [0], [1]],
  },
  {
    name: 'counts by value of a window',
    input: [['a', 'b'], ['a'], [], ['c'], []],
    steps: [['countByValueAndWindow', 2000, 1000]],
    compare: 'keyed',
  },
  {
    name: 'a slide that is no multiple of the parent’s',
    input: [[['a', 1]]],
    steps: [['reduceByKeyAndWindow', add, remove, 2000, 1500]],
    error: 'must be a multiple',
  },
])
