import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

type Average = [sum: number, count: number]
const average = [
  'combineByKey',
  (v: number): Average => [v, 1],
  ([sum, count]: Average, v: number): Average => [sum + v, count + 1],
  (a: Average, b: Average): Average => [a[0] + b[0], a[1] + b[1]],
] as const

const collect = [
  'combineByKey',
  (v: unknown) => [v],
  (list: unknown[], v: unknown) => [...list, v],
  (a: unknown[], b: unknown[]) => [...a, ...b],
] as const

operatorConformance('combineByKey', [
  {
    name: 'combines to another type than the values have',
    input: [
      [
        ['a', 1],
        ['b', 10],
        ['a', 2],
        ['a', 6],
      ],
      [['b', 4]],
      [],
    ],
    steps: [average],
    compare: 'keyed',
    expected: [
      [
        ['a', [9, 3]],
        ['b', [10, 1]],
      ],
      [['b', [4, 1]]],
      [],
    ],
  },
  {
    name: 'combines in the order of the rows',
    input: [Array.from({ length: 12 }, (_, i) => [i % 2 ? 'odd' : 'even', i])],
    steps: [collect],
    compare: 'keyed',
    expected: [
      [
        ['even', [0, 2, 4, 6, 8, 10]],
        ['odd', [1, 3, 5, 7, 9, 11]],
      ],
    ],
  },
  {
    name: 'lets the combiner be changed in place',
    input: [
      [
        ['a', 1],
        ['a', 2],
        ['b', 1],
        ['a', 3],
      ],
    ],
    steps: [
      [
        'combineByKey',
        (v: number) => ({ values: [v] }),
        (all: { values: number[] }, v: number) => {
          all.values.push(v)
          return all
        },
        (a: { values: number[] }, b: { values: number[] }) => {
          a.values.push(...b.values)
          return a
        },
      ],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', { values: [1, 2, 3] }],
        ['b', { values: [1] }],
      ],
    ],
  },
  {
    name: 'passes no RDD on',
    input: [null, [['a', 1]]],
    steps: [average],
    compare: 'keyed',
    expected: [[['a', [1, 1]]]],
  },
  {
    name: 'creates a combiner for a single value too',
    input: [
      [
        ['a', undefined],
        ['b', null],
      ],
    ],
    steps: [collect],
    compare: 'keyed',
    expected: [
      [
        ['a', [undefined]],
        ['b', [null]],
      ],
    ],
  },
  {
    name: 'goes on to the mean',
    input: [
      [
        ['a', 1],
        ['a', 2],
      ],
    ],
    steps: [average, ['mapValues', ([sum, count]: Average) => sum / count]],
    compare: 'keyed',
    expected: [[['a', 1.5]]],
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, list]) => ({
    name: `groups by ${kind}`,
    input: [list.map((key, i) => [key, i])],
    steps: [collect],
    compare: 'keyed' as const,
  })),
])
