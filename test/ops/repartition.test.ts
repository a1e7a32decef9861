import { operatorConformance } from '../conformance/operator.ts'

const rows = Array.from({ length: 100 }, (_, i) => i + 1)
const noRdd = "Couldn't generate RDD from parent at time"

/** One row that says how many partitions there are and whether every one of them has rows. */
const shape = [
  ['glom'],
  ['map', (partition: unknown[]) => ['all', [1, partition.length > 0]]],
  ['reduceByKey', (a: [number, boolean], b: [number, boolean]) => [a[0] + b[0], a[1] && b[1]]],
] as const

operatorConformance('repartition', [
  {
    name: 'keeps every row',
    input: [rows, [], ['a', null, undefined, [1], { a: 1 }, -0, NaN]],
    steps: [['repartition', 3]],
    compare: 'set',
    expected: [rows, [], ['a', null, undefined, [1], { a: 1 }, -0, NaN]],
  },
  {
    name: 'keeps rows that occur many times',
    input: [['x', 'x', 'y', 'x']],
    steps: [['repartition', 4]],
    compare: 'set',
    expected: [['x', 'x', 'y', 'x']],
  },
  {
    name: 'deals out what kernels have made, partition by partition',
    input: [rows],
    steps: [
      ['map', (x: number) => x * 2],
      ['repartition', 3],
    ],
    compare: 'set',
    expected: [rows.map(x => x * 2)],
  },
  ...[1, 2, 5, 20].map(n => ({
    name: `makes exactly ${n} partitions and fills them all`,
    input: [rows, rows.map(String)],
    steps: [['repartition', n] as const, ...shape],
    compare: 'keyed' as const,
    expected: [[['all', [n, true]]], [['all', [n, true]]]],
  })),
  {
    name: 'makes that many partitions of an empty batch',
    input: [[]],
    steps: [['repartition', 4], ['glom'], ['map', (partition: unknown[]) => partition.length]],
    expected: [[0, 0, 0, 0]],
  },
  {
    name: 'fails where the stream has no RDD, as the transform that it is',
    input: [[1], null],
    steps: [['repartition', 2]],
    error: noRdd,
  },
  {
    name: 'of a windowed stream',
    input: [[1, 2], [3], [4, 5]],
    steps: [
      ['window', 2000],
      ['repartition', 2],
    ],
    compare: 'set',
    expected: [
      [1, 2],
      [1, 2, 3],
      [3, 4, 5],
    ],
  },
])
