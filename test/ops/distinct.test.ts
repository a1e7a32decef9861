import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('distinct', [
  {
    name: 'keeps the first of equal rows',
    input: [
      [1, 1],
      [1, 2, 1, 3],
      ['a', '', 'a', ''],
    ],
    steps: [['distinct']],
    compare: 'set',
    expected: [[1], [1, 2, 3], ['a', '']],
  },
  {
    name: 'gives nothing for an empty batch or no RDD',
    input: [[], null, ['a'], []],
    steps: [['distinct']],
    compare: 'set',
    expected: [[], ['a'], []],
  },
  {
    name: 'takes a number of partitions',
    input: [Array.from({ length: 3000 }, (_, i) => `value ${i % 700}`)],
    steps: [['distinct', 3]],
    compare: 'set',
  },
  {
    name: 'goes on with pairs',
    input: [
      [
        ['a', 1],
        ['a', 2],
        ['a', 1],
      ],
    ],
    steps: [['distinct'], ['reduceByKey', (a: number, b: number) => a + b]],
    compare: 'set',
    expected: [[['a', 3]]],
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, rows]) => ({
    name: `tells ${kind} apart`,
    input: [[...rows, ...rows]],
    // A row may be named by any of those that equal it, which pairs are compared for.
    steps: [['distinct'] as const, ['map', (row: unknown) => [row, 1]] as const],
    compare: 'keyed' as const,
  })),
])
