import { mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('flatMapValues', [
  {
    name: 'gives a row for every result, each with the key',
    input: [
      [
        ['a', 2],
        ['b', 0],
        ['a', 1],
      ],
      [],
      [['', 1]],
    ],
    steps: [['flatMapValues', (n: number) => Array.from({ length: n }, (_, i) => i)]],
    expected: [
      [
        ['a', 0],
        ['a', 1],
        ['a', 0],
      ],
      [],
      [['', 0]],
    ],
  },
  {
    name: 'passes no RDD on',
    input: [null, [['a', 'x y']]],
    steps: [['flatMapValues', (text: string) => text.split(' ')]],
    expected: [
      [
        ['a', 'x'],
        ['a', 'y'],
      ],
    ],
  },
  {
    name: 'accepts any iterable',
    input: [[['a', 2]]],
    steps: [
      [
        'flatMapValues',
        function* (n: number) {
          while (n > 0) yield n--
        },
      ],
      ['flatMapValues', (n: number) => new Set([n, n, null])],
      ['flatMapValues', (x: number | null) => `${x}`],
    ],
    expected: [
      [
        ['a', '2'],
        ...[...'null'].map(c => ['a', c]),
        ['a', '1'],
        ...[...'null'].map(c => ['a', c]),
      ],
    ],
  },
  {
    name: 'keeps keys of any type',
    input: [mixedKeys.map((key, i) => [key, i])],
    steps: [['flatMapValues', (v: number) => [v, undefined]]],
    expected: [
      mixedKeys.flatMap((key, i) => [
        [key, i],
        [key, undefined],
      ]),
    ],
  },
  {
    name: 'undoes groupByKey',
    input: [
      [
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ],
    ],
    steps: [['groupByKey'], ['flatMapValues', (values: number[]) => values]],
    compare: 'set',
    expected: [
      [
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ],
    ],
  },
])
