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

operatorConformance('slideFold', [
  {
    name: 'removes before it adds',
    input: [[['a', 1]], [['a', 10]], [['a', 100]]],
    build: (stream: any) =>
      stream.reduceByKeyAndWindow(
        (a: unknown, b: unknown) => `${a}+${b}`,
        (a: unknown, b: unknown) => `${a}-${b}`,
        1000,
      ),
    expected: [[['a', 1]], [['a', '1-1+10']], [['a', '1-1+10-10+100']]],
  } as any,
  {
    name: 'tells that a key was never there',
    input: [[['a', 1]], [], []],
    batches: 3,
    build: (stream: any) =>
      stream.reduceByKeyAndWindow(add, remove, 1000, 1000, { filter: () => false }),
    error: 'Neither previous window has value for key',
  } as any,
  {
    name: 'reduces a window without an inverse',
    input,
    steps: [['reduceByKeyAndWindow', add, 3000, 2000]],
    compare: 'keyed',
  },
  {
    name: 'reduces the rows of a window, with and without an inverse',
    input: [[1, 2], [3], [], [4]],
    steps: [['reduceByWindow', add, 2000, 1000]],
    expected: [[3], [6], [3], [4]],
  },
  {
    name: 'reduces the rows of a window with an inverse',
    input: [[1, 2], [3], [], [4]],
    steps: [['reduceByWindow', add, remove, 2000, 1000]],
    expected: [[3], [6], [3], [4]],
  },
  {
    name: 'groups the values of a window',
    input,
    steps: [['groupByKeyAndWindow', 3000, 1000]],
    compare: 'keyed',
  },
])
