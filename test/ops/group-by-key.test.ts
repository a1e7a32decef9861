import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('groupByKey', [
  {
    name: 'collects the values of equal keys',
    input: [['a', 'a', 'b'], ['', ''], []],
    steps: [['map', (word: string) => [word, 1]], ['groupByKey']],
    compare: 'keyed',
    expected: [
      [
        ['a', [1, 1]],
        ['b', [1]],
      ],
      [['', [1, 1]]],
      [],
    ],
  },
  {
    name: 'keeps the values of a key in the order of the rows',
    input: [Array.from({ length: 20 }, (_, i) => [i % 3, i])],
    steps: [['groupByKey']],
    compare: 'keyed',
    expected: [
      [
        [0, [0, 3, 6, 9, 12, 15, 18]],
        [1, [1, 4, 7, 10, 13, 16, 19]],
        [2, [2, 5, 8, 11, 14, 17]],
      ],
    ],
  },
  {
    name: 'keeps values of any type',
    input: [
      [
        ['a', null],
        ['a', undefined],
        ['b', -0],
        ['a', [1, { x: 'y' }]],
        ['b', 'text'],
        ['b', 1n],
        ['a', '\ud800'],
      ],
    ],
    steps: [['groupByKey']],
    compare: 'keyed',
    expected: [
      [
        ['a', [null, undefined, [1, { x: 'y' }], '\ud800']],
        ['b', [-0, 'text', 1n]],
      ],
    ],
  },
  {
    name: 'passes no RDD on',
    input: [null, []],
    steps: [['groupByKey']],
    compare: 'keyed',
    expected: [[]],
  },
  {
    name: 'gives an array, with its methods',
    input: [
      [
        ['a', 2],
        ['a', 1],
      ],
    ],
    steps: [['groupByKey'], ['mapValues', (values: number[]) => values.toSorted().join('<')]],
    compare: 'keyed',
    expected: [[['a', '1<2']]],
  },
  {
    name: 'takes a number of partitions',
    input: [
      [
        ['a', 2],
        ['b', 1],
        ['a', 3],
      ],
    ],
    steps: [['groupByKey', 5]],
    compare: 'keyed',
    expected: [
      [
        ['a', [2, 3]],
        ['b', [1]],
      ],
    ],
  },
  {
    name: 'groups groups',
    input: [
      [
        [1, 'a'],
        [2, 'b'],
        [1, 'c'],
      ],
    ],
    steps: [
      ['groupByKey'],
      ['map', ([k, values]: [number, string[]]) => [values.length, k]],
      ['groupByKey'],
    ],
    compare: 'keyed',
    expected: [
      [
        [2, [1]],
        [1, [2]],
      ],
    ],
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, list]) => ({
    name: `groups by ${kind}`,
    input: [list.map((key, i) => [key, i])],
    steps: [['groupByKey'] as const],
    compare: 'keyed' as const,
  })),
])
