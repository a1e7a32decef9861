/**
 * Programs that go on from a checkpoint directory after a crash, at every point of every batch:
 * what they have counted is what was stored, each row once. The disk is a simulated one, which
 * loses what was not synced.
 *
 * What it can't catch: what a real file system does otherwise; test/recovery kills real processes.
 */
import { type DStream, ManualClock, Receiver, StateSpec, StreamingContext } from 'pelton'
import { afterAll, describe, expect, test } from 'vitest'
import { checkpointDisk, sharedRuntime } from '../../src/context.ts'
import { Runtime } from '../../src/engine/runtime.ts'
import type { StreamingContextOptions } from '../../src/options.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'

const runtime = new Runtime({ workers: 2, poison: true })
afterAll(() => runtime.close())

/** A receiver that stores what the test tells it to, and remembers how far it got. */
class Told extends Receiver<string> {
  onStart() {}
  onStop() {}
  get stored(): number {
    return (this.position as number | undefined) ?? 0
  }
}

type Rows = Map<number, unknown[]>
type Build = (words: DStream<string>) => DStream<unknown>

const sum = (a: number, b: number): number => a + b

const programs: Record<string, Build> = {
  counts: words => words.map(w => [w, 1] as [string, number]).reduceByKey(sum),
  updateStateByKey: words =>
    words
      .map(w => [w, 1] as [string, number])
      .updateStateByKey((values, state: number | undefined) => values.length + (state ?? 0)),
  mapWithState: words =>
    words
      .map(w => [w, 1] as [string, number])
      .mapWithState(
        StateSpec.function((key: string, value: number | undefined, state: any) => {
          state.update((state.getOption() ?? 0) + (value ?? 0))
          return [key, state.get()]
        }),
      )
      .stateSnapshots(),
  // Keys come and go: what is removed must not come back.
  'mapWithState that forgets': words =>
    words
      .map(w => [w, 1] as [string, number])
      .mapWithState(
        StateSpec.function((_: string, value: number | undefined, state: any) => {
          const count = (state.getOption() ?? 0) + (value ?? 0)
          if (count > 1 && !state.isTimingOut()) state.remove()
          else if (!state.isTimingOut()) state.update(count)
          return undefined
        }).timeout(2000),
      )
      .stateSnapshots(),
  window: words => words.window(3000, 2000).countByValue(),
  'inverse window': words =>
    words
      .map(w => [w, 1] as [string, number])
      .reduceByKeyAndWindow(sum, (a, b) => a - b, 3000, 1000),
}

class Run {
  readonly clock: ManualClock
  readonly receiver = new Told()
  readonly outputs: Rows = new Map()
  readonly ssc: StreamingContext
  readonly warnings: string[] = []

  constructor(disk: MemoryDisk, build: Build, time: number, options: object = {}) {
    this.clock = new ManualClock(time)
    this.ssc = new StreamingContext({
      batchInterval: 1000,
      checkpointInterval: 2000,
      clock: this.clock,
      handleSignals: false,
      logger: { warn: message => this.warnings.push(message), error() {} },
      [sharedRuntime]: runtime,
      [checkpointDisk]: disk,
      ...options,
    } as StreamingContextOptions)
    build(this.ssc.receiverStream(this.receiver)).foreachRDD(async (rdd, at) => {
      this.outputs.set(at, sorted(await rdd.collect()))
    })
  }

  async batch(rows: readonly string[]): Promise<void> {
    await this.receiver.store(rows)
    this.clock.advance(1000)
    await this.ssc.whenIdle()
  }
}

const sorted = (rows: unknown[]): unknown[] => rows.map(row => JSON.stringify(row)).sort()

const input = [['a'], ['a', 'b'], [], ['b', 'c', 'a'], ['a'], ['c'], [], ['b']]

async function undisturbed(build: Build): Promise<Rows> {
  const run = new Run(new MemoryDisk(), build, 0)
  await run.ssc.start()
  for (const rows of input) await run.batch(rows)
  await run.ssc.stop()
  return run.outputs
}

describe.each(Object.entries(programs))('%s', (_, build) => {
  test('goes on behind each batch as if nothing had been', async () => {
    const expected = await undisturbed(build)
    expect(expected.size).toBeGreaterThan(3)
    for (let crash = 0; crash < input.length; crash++) {
      const disk = new MemoryDisk()
      const first = new Run(disk, build, 0)
      await first.ssc.start()
      for (const rows of input.slice(0, crash)) await first.batch(rows)
      const after = disk.crash({ seed: crash })
      await first.ssc.stop()
      const second = new Run(after, build, crash * 1000)
      await second.ssc.start()
      for (const rows of input.slice(crash)) await second.batch(rows)
      await second.ssc.stop()
      const outputs = new Map([...first.outputs, ...second.outputs])
      expect(outputs, `a crash behind batch ${crash}`).toEqual(expected)
    }
  })
})

/** Words to send, three at a time, two times a batch. */
const words = Array.from({ length: 30 }, (_, i) => `w${i % 4}`)
const sentAtOnce = 3
const sendsPerBatch = 2

/** Sends what was not stored yet, and runs batches, until everything is in one. */
async function sendAll({ ssc, clock, receiver }: Run): Promise<void> {
  await ssc.start()
  while (receiver.stored < words.length) {
    for (let i = 0; i < sendsPerBatch && receiver.stored < words.length; i++) {
      const to = receiver.stored + sentAtOnce
      await receiver.store(words.slice(receiver.stored, to), to)
    }
    clock.advance(1000)
    await ssc.whenIdle()
  }
  clock.advance(1000)
  await ssc.whenIdle()
}

const counted = words.reduce((all, word) => all.set(word, (all.get(word) ?? 0) + 1), new Map())
const everyWord = sorted([...counted])

/** A disk whose user dies in operation `at`; that and all later ones wait until `release`. */
function dying(at: number) {
  const died = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let operations = 0
  const before = async (): Promise<void> => {
    if (++operations < at) return
    died.resolve()
    await released.promise
  }
  return { disk: new MemoryDisk({ before }), died: died.promise, release: released.resolve }
}

describe.each(['updateStateByKey', 'mapWithState'])('%s of a source that goes on', name => {
  const build = programs[name]!
  test('counts each row once, whichever operation of the disk is the last', async () => {
    let deaths = 0
    for (let at = 1; ; at++) {
      const { disk, died, release } = dying(at)
      const first = new Run(disk, build, 0, { checkpointInterval: 2000 })
      const sending = sendAll(first)
      const isDead = await Promise.race([died.then(() => true), sending.then(() => false)])
      const after = disk.crash({ seed: at })
      release()
      await sending.catch(() => undefined)
      await first.ssc.stop()
      const second = new Run(after, build, 0)
      await sendAll(second)
      await second.ssc.stop()
      const last = [...second.outputs.values()].at(-1)
      expect(last, `a death in operation ${at}`).toEqual(everyWord)
      if (!isDead) break
      deaths++
    }
    expect(deaths).toBeGreaterThan(40)
  })
})
