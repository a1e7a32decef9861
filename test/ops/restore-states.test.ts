/**
 * States that are put back: their keys, their times, and what they time out by. That a program goes
 * on from them is tested for every operator, by the conformance suite.
 */
import { StateSpec } from 'pelton'
import { operatorConformance } from '../conformance/operator.ts'

const latest = StateSpec.timedFunction((time: number, key: unknown, value: any, state: any) => {
  if (state.isTimingOut()) return [key, `gone at ${time}`, state.get()]
  state.update(value)
  return undefined
}).timeout(2000)

const seen = StateSpec.function((key: unknown, value: any, state: any) => {
  const before = state.getOption()
  if (value === 'forget') state.remove()
  else state.update(value)
  return [key, before]
})

const others = Array.from({ length: 100 }, (_, i) => [`key ${i}`, 'x'.repeat(200)])

operatorConformance('restoreStates', [
  {
    name: 'a state times out when it would have without being put back',
    input: [[['a', 1]], [['b', 2]], [['a', 3]], [], [], [], []],
    steps: [['mapWithState', latest]],
    expected: [[], [], [], [], [['b', 'gone at 5000', 2]], [['a', 'gone at 6000', 3]], []],
  },
  {
    name: 'a state that came again and again times out by its last record',
    // With many others: what has changed is then kept apart from what there was.
    input: [[['a', 1], ...others], [['a', 2]], [['a', 3]], [['a', 4]], [], [], [], []],
    steps: [
      ['mapWithState', latest],
      ['filter', ([key]: [string]) => key === 'a'],
    ],
    expected: [[], [], [], [], [], [], [['a', 'gone at 7000', 4]], []],
  },
  {
    name: 'keys of any type and states of any type come back, and removed ones do not',
    input: [
      [
        ['a', { n: [1, -0] }],
        [1, undefined],
        [['x', null], new Map([['k', 'v']])],
        ['gone', 1],
      ],
      [['gone', 'forget']],
      [
        ['a', 'again'],
        [1, 2],
        [['x', null], 3],
        ['gone', 4],
      ],
    ],
    steps: [['mapWithState', seen]],
    compare: 'keyed',
  },
])
