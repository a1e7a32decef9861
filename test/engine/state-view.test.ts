/**
 * States read by the program while the job goes on.
 *
 * What it can't catch: how long a look-up takes among many keys.
 */
import { type DStream, type State, StateSpec, type StateView } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { keys } from '../conformance/keys.ts'
import { nextBatch, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
afterEach(() => shared.check())
afterAll(() => shared.close())

type Pair = [key: any, value: number]
const count = (values: number[], state = 0): number | undefined => {
  const sum = values.reduce((a, b) => a + b, state)
  return sum < 0 ? undefined : sum
}
const spec = StateSpec.function((_key: any, value: number | undefined, state: State<number>) => {
  const sum = (state.getOption() ?? 0) + (value ?? 0)
  if (sum < 0) state.remove()
  else state.update(sum)
  return 'mapped'
})

/** A context whose batches are these, and a view of the sums that it keeps. */
async function viewed(batches: Pair[][], view: (stream: DStream<Pair>) => StateView<any, number>) {
  const { ssc, clock } = shared.rig()
  const stream = ssc.queueStream(batches)
  const states = view(stream)
  await ssc.start()
  const tick = async (): Promise<void> => {
    const done = nextBatch(ssc)
    clock.advance(1000)
    await done
  }
  return { ssc, clock, states, tick }
}

const views = {
  updateStateByKey: (stream: DStream<Pair>) => {
    const sums = stream.updateStateByKey(count)
    sums.foreachRDD(() => {})
    return sums.stateView()
  },
  mapWithState: (stream: DStream<Pair>) => {
    const mapped = stream.mapWithState(spec)
    mapped.foreachRDD(() => {})
    return mapped.stateView()
  },
}

describe.each(Object.entries(views))('%s', (_, view) => {
  test('shows what the last batch left, and nothing before the first and after stop', async () => {
    const batches: Pair[][] = [
      [
        ['a', 1],
        ['b', 2],
      ],
      [['a', 10]],
      [],
      [['b', -5]],
    ]
    const { ssc, states, tick } = await viewed(batches, view)
    const seen: unknown[] = []
    const look = (): unknown => [states.time, states.size, states.get('a'), states.has('b')]
    seen.push(look())
    for (let i = 0; i < 4; i++) {
      await tick()
      seen.push(look())
    }
    expect(seen).toEqual([
      [undefined, 0, undefined, false],
      [1000, 2, 1, true],
      [2000, 2, 11, true],
      [3000, 2, 11, true],
      [4000, 1, 11, false],
    ])
    expect([...states]).toEqual([['a', 11]])
    await ssc.stop()
    expect([states.time, states.size, states.get('a'), [...states]]).toEqual([
      undefined,
      0,
      undefined,
      [],
    ])
  })

  test.each(Object.entries(keys))('finds keys that are %s', async (_kind, list) => {
    const { ssc, states, tick } = await viewed([list.map((key, i) => [key, i])], view)
    await tick()
    const sums = list.map(key => states.get(key))
    expect(sums.every(sum => typeof sum === 'number')).toBe(true)
    expect(states.get('no such key')).toBe(undefined)
    expect(states.size).toBe([...states].length)
    await ssc.stop()
  })

  test('one iteration sees one batch, whatever ends meanwhile', async () => {
    const rows = Array.from({ length: 10_000 }, (_, i): Pair => [i, 1])
    const { ssc, states, tick } = await viewed([rows, rows], view)
    await tick()
    const iteration = states[Symbol.iterator]()
    const first = iteration.next().value as Pair
    await tick()
    const all = [first, ...(iteration as Iterable<Pair>)]
    expect(all).toHaveLength(10_000)
    expect(new Set(all.map(([, sum]) => sum))).toEqual(new Set([1]))
    expect(states.get(77)).toBe(2)
    await ssc.stop()
  })
})

test('a batch that fails leaves the states of the one before', async () => {
  const { ssc, states, tick } = await viewed([[['a', 1]], [['a', -99]]], stream => {
    const sums = stream.updateStateByKey((values: number[], state: number | undefined = 0) => {
      if (values[0] === -99) throw new Error('no')
      return state + values.length
    })
    sums.foreachRDD(async rdd => void (await rdd.count()))
    return sums.stateView()
  })
  const failed = expect(ssc.awaitTermination()).rejects.toThrow('no')
  await tick()
  await tick()
  expect([states.time, states.get('a')]).toEqual([1000, 1])
  await ssc.stop()
  await failed
})
