import { operatorConformance } from '../conformance/operator.ts'

const sum = (values: number[], state: number | undefined): number | undefined =>
  values.reduce((a, b) => a + b, state ?? 0)

operatorConformance('state', [
  {
    name: 'goes on from the batch before',
    input: [
      [['a', 1]],
      [
        ['a', 2],
        ['b', 3],
      ],
      [],
      [['b', 4]],
    ],
    steps: [['updateStateByKey', sum]],
    compare: 'keyed',
    expected: [
      [['a', 1]],
      [
        ['a', 3],
        ['b', 3],
      ],
      [
        ['a', 3],
        ['b', 3],
      ],
      [
        ['a', 3],
        ['b', 7],
      ],
    ],
  },
  {
    name: 'asks every key also where there is no RDD',
    input: [[['a', 1]], null, [['a', 1]]],
    steps: [['updateStateByKey', (values: number[], n = 0) => n * 10 + values.length]],
    compare: 'keyed',
    expected: [[['a', 1]], [['a', 10]], [['a', 101]]],
  },
  {
    name: 'begins with an initial state',
    input: [[['a', 1]], []],
    steps: [
      [
        'updateStateByKey',
        sum,
        {
          initialState: [
            ['a', 100],
            ['z', 1],
          ],
        },
      ],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 101],
        ['z', 1],
      ],
      [
        ['a', 101],
        ['z', 1],
      ],
    ],
  },
  {
    name: 'counts every batch, though a window looks at some only',
    input: [[['a', 1]], [['a', 2]], [['a', 3]], [['a', 4]]],
    steps: [
      ['updateStateByKey', sum],
      ['window', 1000, 2000],
    ],
    compare: 'keyed',
    expected: [[['a', 3]], [['a', 10]]],
  },
])
