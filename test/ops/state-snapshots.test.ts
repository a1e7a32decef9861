import { type State, StateSpec } from 'pelton'
import { operatorConformance } from '../conformance/operator.ts'

const counting = StateSpec.function((key: string, _: number | undefined, state: State<number>) => {
  if (state.isTimingOut()) return
  state.update((state.getOption() ?? 0) + 1)
  return key.length
})

operatorConformance('pickState', [
  {
    name: 'gives the states of all keys in every batch',
    input: [
      [
        ['a', 1],
        ['bb', 1],
      ],
      [],
      [['a', 1]],
    ],
    steps: [['mapWithState.stateSnapshots', counting]],
    compare: 'keyed',
    expected: [
      [
        ['a', 1],
        ['bb', 1],
      ],
      [
        ['a', 1],
        ['bb', 1],
      ],
      [
        ['a', 2],
        ['bb', 1],
      ],
    ],
  },
  {
    name: 'snapshots go on as pairs',
    input: [
      [
        ['a', 1],
        ['bb', 1],
      ],
      [['a', 1]],
    ],
    steps: [
      ['mapWithState.stateSnapshots', counting.timeout(1000).initialState([['z', 5]])],
      ['reduceByKey', (a: number, b: number) => a + b],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 1],
        ['bb', 1],
        ['z', 5],
      ],
      [
        ['a', 2],
        ['bb', 1],
        ['z', 5],
      ],
    ],
  },
  {
    name: 'mapped rows may be of any type',
    input: [
      [
        ['a', 1],
        ['bb', 1],
      ],
    ],
    steps: [['mapWithState', counting]],
    compare: 'set',
    expected: [[1, 2]],
  },
])
