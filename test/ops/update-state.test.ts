import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('updateState', [
  {
    name: 'forgets a key whose state becomes undefined',
    input: [
      [
        ['a', 1],
        ['b', 1],
      ],
      [['a', -1]],
      [['a', 5]],
    ],
    steps: [
      [
        'updateStateByKey',
        (values: number[], state: number | undefined) => {
          const sum = values.reduce((a, b) => a + b, state ?? 0)
          return sum === 0 ? undefined : sum
        },
      ],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 1],
        ['b', 1],
      ],
      [['b', 1]],
      [
        ['a', 5],
        ['b', 1],
      ],
    ],
  },
  {
    name: 'keeps states of any type, and null among them',
    input: [[['a', 1]], [['a', 2]], []],
    steps: [
      [
        'updateStateByKey',
        (values: number[], state: unknown) =>
          state === undefined ? { seen: values, at: null } : values.length > 0 ? null : state,
        { partitions: 3 },
      ],
    ],
    compare: 'keyed',
    expected: [[['a', { seen: [1], at: null }]], [['a', null]], [['a', null]]],
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, list]) => ({
    name: `states by ${kind}`,
    input: [list.map((key, i) => [key, i]), [], list.map(key => [key, 1])],
    steps: [
      [
        'updateStateByKey',
        (values: number[], state: number[] | undefined) => [...(state ?? []), ...values],
      ] as const,
    ],
    compare: 'keyed' as const,
  })),
])
