import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('countByValue', [
  {
    name: 'counts equal rows',
    input: [[1], [1, 1, 1], [1, 2], [1, 1, 2, 2]],
    steps: [['countByValue']],
    compare: 'keyed',
    expected: [
      [[1, 1]],
      [[1, 3]],
      [
        [1, 1],
        [2, 1],
      ],
      [
        [2, 2],
        [1, 2],
      ],
    ],
  },
  {
    name: 'gives nothing for an empty batch or no RDD',
    input: [[], null, ['a', 'b', 'a'], []],
    steps: [['countByValue']],
    compare: 'keyed',
    expected: [
      [],
      [
        ['a', 2],
        ['b', 1],
      ],
      [],
    ],
  },
  {
    name: 'takes a number of partitions',
    input: [['a', 'b', 'a', 'c', 'd']],
    steps: [['countByValue', 3]],
    compare: 'keyed',
    expected: [
      [
        ['a', 2],
        ['b', 1],
        ['c', 1],
        ['d', 1],
      ],
    ],
  },
  {
    name: 'counts words',
    input: [['to be or not to be', 'to'], ['be']],
    steps: [['flatMap', (line: string) => line.split(' ')], ['countByValue']],
    compare: 'keyed',
    expected: [
      [
        ['to', 3],
        ['be', 2],
        ['or', 1],
        ['not', 1],
      ],
      [['be', 1]],
    ],
  },
  {
    name: 'counts many different rows',
    input: [Array.from({ length: 3000 }, (_, i) => `value ${i % 1000}`)],
    steps: [['countByValue']],
    compare: 'keyed',
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, rows]) => ({
    name: `tells ${kind} apart`,
    input: [rows, rows.slice(0, 3)],
    steps: [['countByValue'] as const],
    compare: 'keyed' as const,
  })),
])
