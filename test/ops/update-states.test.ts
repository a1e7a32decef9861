import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('updateStates', [
  {
    name: 'sees the keys of a partition one by one',
    input: [
      [
        ['a', 1],
        ['b', 2],
      ],
      [['a', 3]],
      [],
    ],
    steps: [
      [
        'updateStateByKey',
        function* (rows: Iterable<[string, number[], number | undefined]>) {
          for (const [key, values, state] of rows) {
            const sum = values.reduce((a, b) => a + b, state ?? 0)
            if (sum !== 2) yield [key, sum]
          }
        },
        { form: 'iterator' },
      ],
    ],
    compare: 'keyed',
    expected: [[['a', 1]], [['a', 4]], [['a', 4]]],
  },
  {
    name: 'refuses an unknown form',
    input: [[]],
    build: (stream: any) => stream.updateStateByKey(() => [], { form: 'other' }),
    error: "form is \"other\"; it must be 'values' (the default), 'timed' or 'iterator'",
  } as any,
])
