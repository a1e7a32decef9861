import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'
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
  ...(['values', 'timed'] as const).map(form => ({
    name: `calls for touched keys only, where that is asked for, in the form '${form}'`,
    input: [
      [
        ['a', 1],
        ['b', 1],
      ],
      [['a', 1]],
      [],
      [['b', -1]],
    ],
    steps: [
      [
        'updateStateByKey',
        form === 'timed'
          ? (time: number, key: string, values: number[], state = '') =>
              values[0] === -1 ? undefined : `${state} ${key}${values.length}@${time}`
          : (values: number[], state = '') =>
              values[0] === -1 ? undefined : `${state} ${values.length}`,
        { onlyTouched: true, form },
      ] as const,
    ],
    compare: 'keyed' as const,
  })),
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

test('a function of all rows sees every key: it can not be for touched ones only', async () => {
  const build = (stream: any) =>
    stream.updateStateByKey((rows: unknown) => rows, { form: 'iterator', onlyTouched: true })
  await expect(runStream({ input: [[['a', 1]]], build })).rejects.toThrow(
    /onlyTouched is for the forms 'values' and 'timed'/,
  )
})
