import { type State, StateSpec } from 'pelton'
import { describe, expect, test } from 'vitest'
import { KeyState } from '../../src/state/key-state.ts'
import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

const running = StateSpec.function(
  (key: string, value: number | undefined, state: State<number>) => {
    const sum = (state.getOption() ?? 0) + (value ?? 0)
    state.update(sum)
    return [key, sum] as [string, number]
  },
)
const pairs = [
  [['a', 1]],
  [
    ['a', 2],
    ['b', 5],
    ['a', 3],
  ],
  [],
  [['b', 1]],
]

const aging = StateSpec.function((key: string, value: number | undefined, state: State<number>) => {
  if (state.isTimingOut()) return `${key} times out`
  state.update(value ?? 0)
  return key
})

/** Says what it saw; a key that times out has no record in that batch. */
const telling = StateSpec.timedFunction(
  (time: number, key: string, value: number | undefined, state: State<number>) => {
    if (state.isTimingOut()) return [key, `${time}: times out with ${state.get()}`]
    if (value === -1) {
      state.remove()
      return [key, `${time}: removed, exists: ${state.exists()}`]
    }
    if (value !== 0) state.update((state.getOption() ?? 0) + (value ?? 0))
    return value === 0 ? undefined : [key, `${time}: ${state.get()}`]
  },
)

operatorConformance('mapState', [
  {
    name: 'an initial state is as old as the first batch',
    input: [[], [], [], [['b', 1]]],
    steps: [['mapWithState', aging.initialState([['a', 1]]).timeout(1000)]],
    compare: 'set',
    expected: [[], [], ['a times out'], ['b']],
  },
  {
    name: 'gives a row for each record, with the state as the records before left it',
    input: pairs,
    steps: [['mapWithState', running]],
    compare: 'set',
    expected: [
      [['a', 1]],
      [
        ['a', 3],
        ['b', 5],
        ['a', 6],
      ],
      [],
      [['b', 6]],
    ],
  },
  {
    name: 'a state that was removed is not there for the next record',
    input: [[['a', 5]], [['a', -1]], [['a', 0]], [['a', 2]]],
    steps: [['mapWithState', telling]],
    compare: 'set',
    expected: [[['a', '1000: 5']], [['a', '2000: removed, exists: false']], [], [['a', '4000: 2']]],
  },
  {
    name: 'a key without a record for longer than the timeout gets a last call',
    input: [
      [
        ['a', 1],
        ['b', 1],
      ],
      [['b', 0]],
      [],
      [],
      [['a', 7]],
      [],
      [],
    ],
    steps: [['mapWithState', telling.timeout(2000)]],
    compare: 'set',
    expected: [
      [
        ['a', '1000: 1'],
        ['b', '1000: 1'],
      ],
      [],
      [],
      [['a', '4000: times out with 1']],
      [
        ['a', '5000: 7'],
        ['b', '5000: times out with 1'],
      ],
      [],
      [],
    ],
  },
  {
    name: 'a batch without an RDD is an empty one',
    input: [[['a', 1]], null, [['a', 1]]],
    steps: [['mapWithState', running.partitions(3)]],
    compare: 'set',
    expected: [[['a', 1]], [], [['a', 2]]],
  },
  {
    name: 'begins with initial states',
    input: [[['a', 1]], [['c', 1]]],
    steps: [
      [
        'mapWithState',
        running.initialState([
          ['a', 10],
          ['b', 20],
        ]),
      ],
    ],
    compare: 'set',
    expected: [[['a', 11]], [['c', 1]]],
  },
  {
    name: 'an error tells the record',
    input: [[['a', 1]]],
    build: stream =>
      stream.mapWithState(
        StateSpec.function((_: string, __: number | undefined, state: State<number>) =>
          state.get(),
        ),
      ),
    error: 'State is not set',
  },
  {
    name: 'needs a StateSpec',
    input: [[]],
    build: stream => stream.mapWithState(() => 1),
    error: 'mapWithState needs a StateSpec',
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, list]) => ({
    name: `states by ${kind}`,
    input: [list.map(key => [key, 1]), list.map(key => [key, 2])],
    steps: [['mapWithState', running] as const],
    compare: 'keyed' as const,
  })),
])

describe('the state of a key', () => {
  const state = new KeyState<number>()

  test('is there or not', () => {
    state.wrap(false, undefined, false)
    expect([state.exists(), state.getOption(), state.isTimingOut()]).toEqual([
      false,
      undefined,
      false,
    ])
    expect(() => state.get()).toThrow('State is not set')
    state.wrap(true, 1, false)
    expect([state.exists(), state.get(), state.outcome]).toEqual([true, 1, 'as it was'])
  })

  test('can be updated and removed, but not changed after that', () => {
    state.wrap(false, undefined, false).update(2)
    expect([state.exists(), state.get(), state.outcome]).toEqual([true, 2, 'updated'])
    state.remove()
    expect([state.exists(), state.outcome]).toEqual([false, 'removed'])
    expect(() => state.remove()).toThrow('Cannot remove the state that has already been removed')
    expect(() => state.update(1)).toThrow('Cannot update the state after it has been removed')
  })

  test('can’t be changed while it times out', () => {
    state.wrap(true, 3, true)
    expect([state.exists(), state.get(), state.isTimingOut()]).toEqual([true, 3, true])
    expect(() => state.remove()).toThrow('Cannot remove the state that is timing out')
    expect(() => state.update(1)).toThrow('Cannot update the state that is timing out')
  })
})
