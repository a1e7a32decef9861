/**
 * Ticks that are skipped, since batches wait or no process ran: for sums and states they are as
 * batches without rows.
 *
 * What it can't catch: how long a very long gap takes; each tick of it is passed one by one.
 */
import { type DStream, Receiver, StateSpec } from 'pelton'
import { afterAll, expect, test } from 'vitest'
import { checkpointDisk } from '../../src/context.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { type Rig, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
afterAll(() => shared.close())

class Told extends Receiver<string> {
  onStart(): void {}
  onStop(): void {}
}

type Pair = [word: string, count: number]
const windowMs = 60_000

const programs: Record<string, (words: DStream<Pair>) => DStream<Pair>> = {
  updateStateByKey: words =>
    words.updateStateByKey((values, count: number | undefined) => values.length + (count ?? 0)),
  mapWithState: words =>
    words
      .mapWithState(
        StateSpec.function((key: string, value: number | undefined, state: any) => {
          state.update((state.getOption() ?? 0) + (value ?? 0))
          return key
        }),
      )
      .stateSnapshots() as DStream<Pair>,
  'inverse window': words =>
    words.reduceByKeyAndWindow(
      (a, b) => a + b,
      (a, b) => a - b,
      windowMs,
      1000,
    ),
}

const names = Object.keys(programs)

/** A count of `a` by batch; the function is waited for before each output. */
function counting(rig: Rig, name: string, before: (time: number) => Promise<void> | undefined) {
  const receiver = new Told()
  const counts: [time: number, count: number][] = []
  const words = rig.ssc.receiverStream(receiver).map(word => [word, 1] as Pair)
  programs[name]!(words).foreachRDD(async (rdd, time) => {
    await before(time)
    counts.push([time, (await rdd.collect())[0]?.[1] ?? 0])
  })
  return { receiver, counts }
}

test.each(names)('%s goes on over a gap that waits behind other batches', async name => {
  const rig = shared.rig({ maxWaitingBatches: 2 })
  const gates = new Map([2000, 3000].map(time => [time, Promise.withResolvers<void>()]))
  const begun = new Map([2000, 3000].map(time => [time, Promise.withResolvers<void>()]))
  const { receiver, counts } = counting(rig, name, time => {
    begun.get(time)?.resolve()
    return gates.get(time)?.promise
  })
  const skipped: number[] = []
  rig.ssc.on('batchesSkipped', ({ from }) => skipped.push(from))
  await rig.ssc.start()
  const tick = (): void => {
    void receiver.store('a')
    rig.clock.advance(1000)
  }
  tick()
  await rig.ssc.whenIdle()
  for (let i = 2; i <= 6; i++) tick()
  // The batch at 2000 has ended and the next one runs, so there is room for one behind the gap.
  await begun.get(2000)!.promise
  gates.get(2000)!.resolve()
  await begun.get(3000)!.promise
  tick()
  gates.get(3000)!.resolve()
  await rig.ssc.whenIdle()
  tick()
  await rig.ssc.whenIdle()
  expect(skipped.length).toBeGreaterThan(1)
  // Rows of skipped ticks are in the next batch: each count is the number of ticks till then.
  expect(counts).toEqual(counts.map(([time]) => [time, time / 1000]))
  expect(counts.map(([time]) => time)).toEqual(expect.arrayContaining([3000, 7000, 8000]))
  expect(rig.errors).toEqual([])
  await rig.ssc.stop()
})

test.each(names)('%s goes on over a gap that is longer than the stack', async name => {
  const disk = new MemoryDisk()
  const gap = 5000
  const life = async (start: number): Promise<[number, number][]> => {
    const rig = shared.rig({ [checkpointDisk]: disk } as object)
    rig.clock.advanceTo(start)
    const { receiver, counts } = counting(rig, name, () => undefined)
    await rig.ssc.start()
    await receiver.store('a', 1)
    await rig.tick()
    await rig.ssc.stop()
    expect(rig.errors).toEqual([])
    return counts
  }
  expect(await life(0)).toEqual([[1000, 1]])
  // A window has forgotten the first one by then.
  const count = name === 'inverse window' ? 1 : 2
  expect((await life(gap * 1000)).at(-1)).toEqual([(gap + 1) * 1000, count])
})
