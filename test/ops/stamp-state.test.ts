import { type State, StateSpec } from 'pelton'
import { operatorConformance } from '../conformance/operator.ts'

const kept = StateSpec.function((key: string, value: number | undefined, state: State<number>) => {
  if (state.isTimingOut()) return `${key} times out`
  state.update(value ?? 0)
  return key
})

operatorConformance('stampState', [
  {
    name: 'an initial state is as old as the first batch',
    input: [[], [], [], [['b', 1]]],
    steps: [['mapWithState', kept.initialState([['a', 1]]).timeout(1000)]],
    compare: 'set',
    expected: [[], [], ['a times out'], ['b']],
  },
])
