/**
 * Disks that fail under a program with a checkpoint directory, and what killed processes leave
 * there: what was acknowledged is counted by whoever goes on.
 *
 * What it can't catch: faults in other combinations than these; test/chaos makes those up.
 */
import { setImmediate } from 'node:timers/promises'
import { type DStream, ManualClock, Receiver, StreamingContext } from 'pelton'
import { afterAll, expect, test } from 'vitest'
import { checkpointDisk, sharedRuntime } from '../../src/context.ts'
import { Runtime } from '../../src/engine/runtime.ts'
import type { StreamingContextOptions } from '../../src/options.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'

const runtime = new Runtime({ workers: 1, poison: true })
afterAll(() => runtime.close())

/** A receiver that stores what the test tells it to. */
class Told extends Receiver<string> {
  onStart() {}
  onStop() {}
  get stored(): number {
    return (this.position as number | undefined) ?? 0
  }
}

/** A count of words, over all batches. */
class Job {
  readonly clock = new ManualClock(0)
  readonly receiver = new Told()
  readonly warnings: string[] = []
  readonly errors: string[] = []
  readonly ssc: StreamingContext
  readonly stream: DStream<string>
  counts: unknown[] = []

  constructor(disk: MemoryDisk) {
    this.ssc = new StreamingContext({
      batchInterval: 1000,
      checkpointInterval: 1000,
      clock: this.clock,
      handleSignals: false,
      logger: { warn: text => this.warnings.push(text), error() {} },
      [sharedRuntime]: runtime,
      [checkpointDisk]: disk,
    } as StreamingContextOptions)
    this.ssc.on('error', ({ error }) => this.errors.push(error.code))
    this.stream = this.ssc.receiverStream(this.receiver)
    this.stream
      .map(word => [word, 1] as [string, number])
      .updateStateByKey((values, count: number | undefined) => values.length + (count ?? 0))
      .foreachRDD(async rdd => {
        this.counts = (await rdd.collect()).sort()
      })
  }

  async batch(rows: readonly string[]): Promise<void> {
    await this.receiver.store(rows, this.receiver.stored + rows.length)
    await this.tick()
  }

  async tick(): Promise<void> {
    this.clock.advance(1000)
    await this.ssc.whenIdle()
  }
}

/** A disk that fails, with `ENOSPC`, the operations for which a test says so. */
function fullDisk(fails: (operation: string, name: string) => boolean): MemoryDisk {
  const faults: Record<number, string> = {}
  let number = 0
  const before = (operation: string, name: string): void => {
    if (fails(operation, name)) faults[number + 1] = 'ENOSPC'
    number++
  }
  return new MemoryDisk({ faults, before })
}

test('a checkpoint that a killed process has not finished is in nobody’s way', async () => {
  for (let at = 1; ; at++) {
    const disk = new MemoryDisk({ diesAt: at })
    const first = new Job(disk)
    await first.ssc
      .start()
      .then(
        () => first.batch(['a']),
        () => undefined,
      )
      .catch(() => undefined)
    const died = disk.isDead
    const after = disk.crash({ seed: at, loses: 'nothing' })
    await first.ssc.stop()
    const second = new Job(after)
    await second.ssc.start()
    if (second.receiver.stored === 0) await second.batch(['a'])
    await second.batch(['b'])
    expect(second.counts, `a death in operation ${at}`).toEqual([
      ['a', 1],
      ['b', 1],
    ])
    expect(second.warnings.filter(text => /checkpoint/.test(text))).toEqual([])
    await second.ssc.stop()
    if (!died) break
  }
})

test('a context that can’t write its first checkpoint does not start', async () => {
  let isFull = true
  const disk = fullDisk((_, name) => isFull && name.startsWith('checkpoint'))
  const first = new Job(disk)
  await expect(first.ssc.start()).rejects.toThrow(/ENOSPC/)
  isFull = false
  const second = new Job(disk)
  await second.ssc.start()
  await second.batch(['a'])
  const after = disk.crash({ seed: 1 })
  await second.ssc.stop()
  const third = new Job(after)
  await third.ssc.start()
  await third.batch(['a'])
  expect(third.counts).toEqual([['a', 2]])
  await third.ssc.stop()
})

test('a disk that is full for a while leaves no gap in what is counted', async () => {
  // The log tries three times; then there is room again.
  let failures = 0
  const disk = fullDisk(() => failures-- > 0)
  const first = new Job(disk)
  await first.ssc.start()
  await first.batch(['a'])
  // The checkpoint behind it is to be written by then.
  await setImmediate()
  failures = 3
  const lost = first.receiver.store(['b'], 2)
  // By now the log is at it: these rows wait for their turn, and must not be taken without those.
  await Promise.resolve()
  await Promise.resolve()
  const next = first.receiver.store(['c'], 3)
  await expect(lost).rejects.toThrow(/ENOSPC/)
  await expect(next).rejects.toThrow(/ENOSPC/)
  expect(first.errors).toEqual(['LOG'])
  await first.ssc.stop()
  const second = new Job(disk)
  await second.ssc.start()
  expect(second.receiver.stored).toBe(1)
  await second.batch(['b', 'c'])
  expect(second.counts).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ])
  await second.ssc.stop()
})

test('a context that is stopped while batches wait leaves a whole checkpoint', async () => {
  for (let waiting = 0; waiting < 4; waiting++) {
    const disk = new MemoryDisk()
    const first = new Job(disk)
    await first.ssc.start()
    await first.batch(['a'])
    for (let i = 0; i < waiting; i++) {
      await first.receiver.store(['a'], first.receiver.stored + 1)
      first.clock.advance(1000)
    }
    await first.ssc.stop()
    const second = new Job(disk)
    await second.ssc.start()
    await second.batch(['b'])
    expect(second.counts, `${waiting} batches`).toEqual([
      ['a', 1 + waiting],
      ['b', 1],
    ])
    await second.ssc.stop()
  }
})

test('a batch whose output failed is run again by whoever goes on', async () => {
  const disk = new MemoryDisk()
  const seen: string[] = []
  const job = (fails: boolean): Job => {
    const made = new Job(disk)
    made.stream.foreachRDD(async (rdd, time) => {
      if (fails && time === 2000) throw new Error('the sink is away')
      seen.push(`${time} ${(await rdd.collect()).join()}`)
    })
    return made
  }
  const first = job(true)
  await first.ssc.start()
  for (const word of ['a', 'b', 'c', 'd']) await first.batch([word])
  expect(seen).toEqual(['1000 a', '3000 c', '4000 d'])
  await first.ssc.stop()
  const second = job(false)
  await second.ssc.start()
  // Those behind it had ended, and are not run again.
  expect(seen).toEqual(['1000 a', '3000 c', '4000 d', '2000 b'])
  await second.batch(['a'])
  expect(second.counts).toEqual([
    ['a', 2],
    ['b', 1],
    ['c', 1],
    ['d', 1],
  ])
  await second.ssc.stop()
})
