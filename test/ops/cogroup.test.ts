import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'
import { from, here } from '../oracle.ts'

const none: (readonly [unknown, unknown])[] = []

operatorConformance('cogroup', [
  {
    name: 'gives for each key the values of both',
    inputs: [
      [
        [
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ],
        [],
      ],
      [
        [
          ['a', 'x'],
          ['c', 'y'],
        ],
        [['c', 'z']],
      ],
    ],
    steps: [['cogroup', from(1)]],
    compare: 'keyed',
    expected: [
      [
        ['a', [[1, 3], ['x']]],
        ['b', [[2], []]],
        ['c', [[], ['y']]],
      ],
      [['c', [[], ['z']]]],
    ],
  },
  {
    name: 'needs an RDD of both',
    inputs: [[none], [null]],
    steps: [['cogroup', from(1)]],
    error: "Couldn't generate RDD from parent at time 1000 ms",
  },
  {
    name: 'needs the same slide',
    inputs: [[none], [none]],
    steps: [['cogroup', from(1, ['window', 2000, 2000])]],
    error: 'Some of the DStreams have different slide durations',
  },
  {
    name: 'with the stream itself, and of one that is exchanged already',
    input: [Array.from({ length: 50 }, (_, i) => [i % 7, i])],
    steps: [
      ['reduceByKey', (a: number, b: number) => a + b],
      ['cogroup', here(['mapValues', (n: number) => -n])],
    ],
    compare: 'keyed',
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, list]) => ({
    name: `brings together ${kind}`,
    inputs: [[list.map((key, i) => [key, i])], [list.map((key, i) => [key, String(i)])]],
    steps: [['cogroup', from(1)] as const],
    compare: 'keyed' as const,
  })),
])
