import { operatorConformance } from '../conformance/operator.ts'
import { from } from '../oracle.ts'

const left = [
  [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['', 4],
  ],
  [['b', 5]],
  [],
]
const right = [
  [
    ['a', 'x'],
    ['c', 'y'],
    ['a', 'z'],
  ],
  [],
  [['d', 'w']],
]

operatorConformance('join', [
  {
    name: 'leftOuterJoin gives undefined where there is no right value',
    inputs: [[[['a', 1]]], [[['b', 2]]]],
    steps: [['leftOuterJoin', from(1)]],
    compare: 'keyed',
    expected: [[['a', [1, undefined]]]],
  },
  {
    name: 'gives each left value with each right one',
    inputs: [left, right],
    steps: [['join', from(1)]],
    compare: 'keyed',
    expected: [
      [
        ['a', [1, 'x']],
        ['a', [1, 'z']],
        ['a', [3, 'x']],
        ['a', [3, 'z']],
      ],
      [],
      [],
    ],
  },
  ...(['leftOuterJoin', 'rightOuterJoin', 'fullOuterJoin', 'join'] as const).map(name => ({
    name: `${name} of many rows, by 3 partitions`,
    inputs: [left, right],
    steps: [[name, from(1), 3] as const],
    compare: 'keyed' as const,
  })),
  {
    name: 'joins joins',
    inputs: [left, right],
    steps: [
      ['fullOuterJoin', from(1)],
      ['join', from(1)],
      ['mapValues', ([[a], b]: [[unknown], unknown]) => [a, b]],
    ],
    compare: 'keyed',
  },
  {
    name: 'needs an RDD of both',
    inputs: [[null], [[]]],
    steps: [['join', from(1)]],
    error: "Couldn't generate RDD from parent at time 1000 ms",
  },
  {
    name: 'rightOuterJoin gives undefined where there is no left value',
    inputs: [[[['a', 1]]], [[['b', 2]]]],
    steps: [['rightOuterJoin', from(1)]],
    compare: 'keyed',
    expected: [[['b', [undefined, 2]]]],
  },
])
