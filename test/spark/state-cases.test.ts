/**
 * Spark's cases about states: what a function may do with one, and which states there are after
 * each batch, with the times at which they were last touched. Spark's tests of its StateMap are run
 * through `mapWithState`: what they put, remove and look up are records of batches.
 *
 * What it can't catch: states that are lost with the process, since no checkpoint is written yet.
 */
import { type DStream, type State, StateSpec } from 'pelton'
import { runStream } from 'pelton/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { callOf } from '../../src/apply.ts'
import { DStream as Stream } from '../../src/dstream.ts'
import { snapshotStream } from '../../src/facade/running.ts'
import { RDD } from '../../src/rdd.ts'
import { KeyState } from '../../src/state/key-state.ts'
import { thrown } from '../engine/support.ts'
import { type Bench, benches } from '../receivers/harness.ts'
import { sparkTest } from './case-test.ts'

type Touched = [key: unknown, [state: unknown, time: number]]

const bench = benches()
const byKey = (a: readonly unknown[], b: readonly unknown[]): number =>
  (a[0] as number) - (b[0] as number)

/** The states behind a stream of mapped rows as the next batch gets them, with their times. */
function touchedStates({ context, node }: DStream<unknown>): DStream<Touched> {
  return new Stream<Touched>(
    context,
    snapshotStream(callOf('stateSnapshots'), node, node.states!, true),
  )
}

describe('the state of a key', () => {
  sparkTest('mws-stateimpl', ({ expected }) => {
    const state = new KeyState<number>()
    const steps: Record<string, () => void> = {
      new: () => expect(thrown(() => state.get()).message).toContain('State is not set'),
      'wrap(None)': () => void state.wrap(false, undefined, false),
      'wrap(Some(1))': () => void state.wrap(true, 1, false),
      'update(2)': () => state.update(2),
      'new; update(2)': () => state.wrap(false, undefined, false).update(2),
      'remove()': () => state.remove(),
      'wrapTimingOutState(3)': () => void state.wrap(true, 3, true),
    }
    const reasons: Record<string, [update: string, remove: string]> = {
      'remove()': [
        'Cannot update the state after it has been removed',
        'Cannot remove the state that has already been removed',
      ],
      'wrapTimingOutState(3)': [
        'Cannot update the state that is timing out',
        'Cannot remove the state that is timing out',
      ],
    }
    for (const step of expected) {
      steps[step.do]!()
      const { outcome } = state
      const seen: Record<string, unknown> = {
        exists: state.exists(),
        option: state.getOption() ?? null,
        updated: outcome === 'updated',
        removed: outcome === 'removed',
        timingOut: state.isTimingOut(),
        ...(state.exists() && { get: state.get() }),
      }
      for (const [name, value] of Object.entries(seen)) {
        if (name in step) expect(value, `${name} after ${step.do}`).toBe(step[name])
      }
      if (step.thenUpdateThrows ?? step.updateThrows) {
        const [update, remove] = reasons[step.do]!
        expect(thrown(() => state.update(7)).message).toContain(update)
        expect(thrown(() => state.remove()).message).toContain(remove)
      }
    }
  })

  sparkTest('mws-types', () => {
    // What a function says of itself is what streams of it hold: the type checker is the test.
    const simple = (key: string, value: number | undefined, state: State<number>) =>
      BigInt(key.length + (value ?? 0) + (state.getOption() ?? 0))
    const timed = (time: number, key: string, value: number | undefined, state: State<Date>) =>
      `${time + key.length + (value ?? 0)} ${state.getOption()?.getTime()}`
    const prepared = StateSpec.function(simple).timeout(1000).partitions(4)
    const inline = (pairs: DStream<[string, number]>) => ({
      built: pairs.mapWithState(prepared),
      here: pairs.mapWithState(StateSpec.function(simple)),
      timed: pairs.mapWithState(StateSpec.timedFunction(timed)),
    })
    type Streams = ReturnType<typeof inline>
    expectTypeOf(prepared).toEqualTypeOf<StateSpec<string, number, number, bigint>>()
    expectTypeOf<Streams['built']>().toExtend<DStream<bigint>>()
    expectTypeOf<Streams['here']>().toExtend<DStream<bigint>>()
    expectTypeOf<Streams['timed']>().toExtend<DStream<string>>()
    expectTypeOf<ReturnType<Streams['here']['stateSnapshots']>>().toEqualTypeOf<
      DStream<[string, number]>
    >()
    expectTypeOf<ReturnType<Streams['timed']['stateSnapshots']>>().toEqualTypeOf<
      DStream<[string, Date]>
    >()
    // @ts-expect-error the values of these pairs are no numbers
    const refused = (pairs: DStream<[string, Date]>) => pairs.mapWithState(prepared)
    expect(refused).toBeTypeOf('function')
  })
})

describe('states after a batch', () => {
  sparkTest('mwsrdd-update-record', async ({ params, expected }) => {
    const { key, initialTime, batchTime } = params
    /** What each call did: its result, and the state that it removed or found timing out. */
    const perform = (_: string, action: string | undefined, state: State<number>) => {
      const before = state.getOption()
      if (action === undefined) {
        return { output: null, removed: null, timingOut: state.isTimingOut() ? before : 'not so' }
      }
      const output = action === 'get-state' ? (before ?? -1) : null
      if (action === 'update-state') state.update(before === undefined ? 0 : before + 1)
      if (action === 'remove-state') state.remove()
      return { output, removed: action === 'remove-state' ? before : null, timingOut: null }
    }
    for (const one of expected) {
      // The states begin in an empty batch at the initial time, and the next one has the record.
      const seen: { calls: any[]; states: Touched[] } = { calls: [], states: [] }
      let spec = StateSpec.function(perform)
      const initial = one.initStates.map((state: number) => [key, state])
      if (initial.length > 0) spec = spec.initialState(initial)
      if (one.removeTimedout) spec = spec.timeout(batchTime - one.timeoutThreshold)
      await runStream({
        batchInterval: batchTime - initialTime,
        input: [[], one.data.map((action: string) => [key, action] as [string, string])],
        build: (pairs: DStream<[string, string]>) => {
          const mapped = pairs.mapWithState(spec)
          mapped.foreachRDD(async rdd => void (seen.calls = await rdd.collect()))
          const states = touchedStates(mapped)
          states.foreachRDD(async rdd => void (seen.states = await rdd.collect()))
          return mapped
        },
      })
      const kept = (name: string) => seen.calls.map(c => c[name]).filter(value => value !== null)
      expect({
        states: seen.states.map(([, state]) => state),
        output: kept('output'),
        timingOut: kept('timingOut'),
        removed: kept('removed'),
        fnCalled: seen.calls.length > 0,
      }).toEqual({
        states: one.expectedStates,
        output: one.output,
        timingOut: one.timingOut,
        removed: one.removed,
        fnCalled: one.fnCalled,
      })
    }
  })

  sparkTest('mwsrdd-create', async ({ params, input, expected }) => {
    const seen: { mapped: unknown[]; states: Touched[][] } = { mapped: [], states: [] }
    const spec = StateSpec.function((key: number) => key)
      .initialState(input[0] as [number, string][])
      .partitions(params.partitions)
    await runStream({
      // The first batch is at the first multiple of the interval.
      batchInterval: params.time,
      input: [[]],
      build: (pairs: DStream<[number, string]>) => {
        const mapped = pairs.mapWithState(spec)
        const states = touchedStates(mapped).glom()
        states.foreachRDD(async rdd => void (seen.states = await rdd.collect()))
        mapped.foreachRDD(async rdd => void (seen.mapped = await rdd.collect()))
        return mapped
      },
    })
    const flat = seen.states.flat().map(([key, [state, time]]) => [key, state, time])
    expect(flat.sort(byKey)).toEqual(expected.states)
    expect(seen.mapped).toEqual(expected.mapped)
    expect(seen.states).toHaveLength(expected.numPartitions)
  })
})

/** A record of the store below: what to set its key to, or null to remove it. */
type Change = [key: number, value: number | null]

/**
 * States that are changed by batches and can be read as they were after any of them. A copy of
 * Spark's StateMap is no more than the time of a batch here: its states are never written again.
 */
class StateStore {
  readonly #bench: Bench = bench({ batchInterval: 1 })
  readonly #queue: Change[][] = []
  readonly #states: DStream<Touched>

  constructor() {
    const { ssc } = this.#bench
    const change = (_: number, value: number | null | undefined, state: State<number>) => {
      if (value === null || value === undefined) state.remove()
      else state.update(value)
      return undefined
    }
    const spec = StateSpec.function(change).partitions(2)
    const mapped = ssc.queueStream<Change>(this.#queue, { partitions: 1 }).mapWithState(spec)
    this.#states = touchedStates(mapped)
    this.#states.foreachRDD(() => undefined)
    ssc.remember(1_000_000)
  }

  get now(): number {
    return this.#bench.clock.now()
  }

  start(): Promise<void> {
    return this.#bench.ssc.start()
  }

  /** One batch with those changes, at that time or else at the next. */
  async change(changes: Change[], time = this.now + 1): Promise<void> {
    while (this.now < time - 1) await this.#batch([])
    await this.#batch(changes)
  }

  async #batch(changes: Change[]): Promise<void> {
    this.#queue.push(changes)
    this.#bench.clock.advance(1)
    await this.#bench.ssc.whenIdle()
  }

  /** Key, state and time of each state after the batch at that time, read now. */
  async all(time = this.now): Promise<[number, number, number][]> {
    const { session } = this.#bench.ssc
    const node = await this.#states.node.generated.get(time)
    const rows = await new RDD<Touched>(session, node!, session.scope).collect()
    return rows
      .map(([key, [state, at]]): [number, number, number] => [key as number, state as number, at])
      .sort(byKey)
  }

  stop(): Promise<void> {
    return this.#bench.stop()
  }
}

/** A time of Spark's list: room is left for batches in between, since a removal takes one. */
const spread = 10

/** Runs a list of what to do with maps and what they must say then. */
async function runScript(script: readonly (readonly any[])[]): Promise<void> {
  const store = new StateStore()
  try {
    await store.start()
    await follow(script, store)
  } finally {
    await store.stop()
  }
}

async function follow(script: readonly (readonly any[])[], store: StateStore): Promise<void> {
  /** When a map was copied: it has to stay as it was then. The latest map has no time. */
  const copied = new Map<string, number>()
  let current = ''
  const all = async (map: string) => {
    const rows = await store.all(copied.get(map))
    return rows.map(([key, state, time]) => [key, state, time / spread])
  }
  for (const [map, what, ...args] of script) {
    if (current === '') current = map
    if (String(what).startsWith('=')) {
      copied.set(current, store.now)
      current = map
    } else if (what === 'put') {
      const [key, value, time] = args
      await store.change([[key, value]], Math.max(time * spread, store.now + 1))
    } else if (what === 'remove') await store.change([[args[0], null]])
    else {
      const rows = await all(map)
      const said = `${map}.${what}(${args[0]})`
      if (what === 'getAll' && typeof args[0] === 'string') {
        expect(rows, said).toEqual(await all(args[0].replace(/== (\w+)\.getAll/, '$1')))
      } else if (what === 'getAll') expect(rows, said).toEqual(args[0])
      else if (what === 'getByTime') {
        expect(
          rows.filter(row => row[2]! < args[0]),
          said,
        ).toEqual(args[1])
      } else {
        const row = rows.find(([key]) => key === args[0])
        expect(row?.[1] ?? null, said).toBe(args[1])
      }
    }
  }
}

describe('states as Spark’s StateMap', () => {
  sparkTest('statemap-basic', async ({ expected }) => {
    await runScript(expected.map((step: unknown[]) => ['map', ...step]))
  })

  sparkTest('statemap-copy', async ({ expected }) => {
    await runScript(expected)
  })

  sparkTest('statemap-permutations', async ({ params }) => {
    const { numSets, opsPerSet, numKeys } = params
    const operations = numSets * opsPerSet
    expect(2 ** operations).toBe(numKeys)
    const store = new StateStore()
    await store.start()
    const reference = new Map<number, [value: number, time: number]>()
    const rows = () => [...reference].map(([key, [value, at]]) => [key, value, at]).sort(byKey)
    const copies: { time: number; rows: number[][] }[] = []
    let value = 0
    for (let operation = 0; operation < operations; operation++) {
      const time = store.now + 1
      const changes: Change[] = []
      for (let key = 0; key < numKeys; key++) {
        const bit = Math.floor(key / 2 ** (operations - operation - 1)) % 2
        if (bit === 0) {
          changes.push([key, ++value])
          reference.set(key, [value, time])
        } else {
          changes.push([key, null])
          reference.delete(key)
        }
      }
      await store.change(changes, time)
      expect(await store.all()).toEqual(rows())
      for (const copy of copies) expect(await store.all(copy.time)).toEqual(copy.rows)
      if ((operation + 1) % opsPerSet === 0) copies.push({ time: store.now, rows: rows() })
    }
    await store.stop()
  })
})

test('a script that expects something else fails', async () => {
  const script = [
    ['map', 'put', 1, 100, 10],
    ['map', 'getAll', [[1, 100, 11]]],
  ]
  await expect(runScript(script)).rejects.toThrow('map.getAll')
})
