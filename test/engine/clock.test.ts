/**
 * Clocks, and the ticks of batches on them.
 *
 * What it can't catch: how exactly the system's timers wake up.
 */
import { ManualClock, SystemClock } from 'pelton'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { SharedWorkers, thrown } from './support.ts'

const shared = new SharedWorkers(1)
afterEach(() => shared.check())
afterAll(() => shared.close())

/** A wall clock and a monotonic one that a test sets. */
function sources(wall: number, monotonic = 0) {
  const time = { wall, monotonic }
  const clock = new SystemClock({
    wall: () => Math.floor(time.wall),
    monotonic: () => time.monotonic,
  })
  const pass = (ms: number): void => {
    time.wall += ms
    time.monotonic += ms
  }
  return { time, clock, pass }
}

describe('SystemClock', () => {
  test('shows the time of the machine', () => {
    const before = Date.now()
    const now = new SystemClock().now()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })

  test('never shows more than the wall clock when both run on', () => {
    const { clock, pass, time } = sources(1_700_000_000_000.5, 12.25)
    for (let i = 0; i < 1000; i++) {
      pass(0.75)
      expect(clock.now()).toBe(Math.floor(time.wall))
    }
  })

  test('runs on when the wall clock is set back', () => {
    const { clock, pass, time } = sources(1_000_000)
    expect(clock.now()).toBe(1_000_000)
    time.wall -= 3_600_000
    expect(clock.now()).toBe(1_000_000)
    pass(1500)
    expect(clock.now()).toBe(1_001_500)
    pass(500)
    expect(clock.now()).toBe(1_002_000)
  })

  test('follows the wall clock over a jump forward', () => {
    const { clock, pass, time } = sources(1_000_000)
    clock.now()
    time.wall += 60_000
    expect(clock.now()).toBe(1_060_000)
    pass(10)
    expect(clock.now()).toBe(1_060_010)
  })

  test('timers fire after the same delay though the wall clock was set back', () => {
    vi.useFakeTimers()
    try {
      const { clock, pass, time } = sources(1_000_000)
      const fired: number[] = []
      clock.at(1_001_000, () => fired.push(clock.now()))
      time.wall -= 600_000
      pass(999)
      vi.advanceTimersByTime(999)
      expect(fired).toEqual([])
      pass(1)
      vi.advanceTimersByTime(1)
      expect(fired).toEqual([1_001_000])
    } finally {
      vi.useRealTimers()
    }
  })

  test('a timer that wakes up early waits for the rest', () => {
    vi.useFakeTimers()
    try {
      const { clock, pass } = sources(0)
      const fired: number[] = []
      clock.at(100, () => fired.push(clock.now()))
      pass(99)
      vi.advanceTimersByTime(100)
      expect(fired).toEqual([])
      pass(1)
      vi.advanceTimersByTime(1)
      expect(fired).toEqual([100])
    } finally {
      vi.useRealTimers()
    }
  })

  test('a timer further away than setTimeout can count does not fire at once', () => {
    vi.useFakeTimers()
    try {
      const { clock, pass } = sources(0)
      let fired = 0
      const cancel = clock.at(2 ** 31 + 1000, () => fired++)
      pass(2 ** 31 - 1)
      vi.advanceTimersByTime(2 ** 31 - 1)
      expect(fired).toBe(0)
      pass(1001)
      vi.advanceTimersByTime(1001)
      expect(fired).toBe(1)
      cancel()
    } finally {
      vi.useRealTimers()
    }
  })

  test('a cancelled timer stays silent', () => {
    vi.useFakeTimers()
    try {
      const { clock, pass } = sources(0)
      const cancel = clock.at(10, () => expect.unreachable())
      cancel()
      cancel()
      pass(20)
      vi.advanceTimersByTime(20)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('ManualClock', () => {
  test('fires timers in order of time, equal ones in order of definition', () => {
    const clock = new ManualClock(100)
    const fired: string[] = []
    clock.at(300, () => fired.push(`c ${clock.now()}`))
    clock.at(200, () => fired.push(`a ${clock.now()}`))
    clock.at(300, () => fired.push(`d ${clock.now()}`))
    clock.at(250, () => clock.at(260, () => fired.push(`b ${clock.now()}`)))
    clock.advance(200)
    expect(fired).toEqual(['a 200', 'b 260', 'c 300', 'd 300'])
    expect(clock.now()).toBe(300)
  })

  test('only moves forward', () => {
    const clock = new ManualClock(50)
    for (const time of [49, Number.NaN, undefined as never]) {
      const error = thrown(() => clock.advanceTo(time))
      expect(error.code).toBe('CLOCK')
      expect(error.message).toContain(`asked for ${time}, it shows 50`)
    }
    clock.advance(0)
    expect(clock.now()).toBe(50)
  })
})

describe('the batch clock', () => {
  /** Batch times of a context whose clock shows `now` at the start. */
  async function timesFrom(now: number, batchInterval: number, ms: number): Promise<number[]> {
    const clock = new ManualClock(now)
    const { ssc } = shared.rig({ clock, batchInterval })
    const times: number[] = []
    ssc.queueStream<number>([]).foreachRDD((_, time) => times.push(time))
    await ssc.start()
    clock.advance(ms)
    await ssc.whenIdle()
    await ssc.stop()
    return times
  }

  test.each([
    [0, 1000, 3000, [1000, 2000, 3000]],
    [1, 1000, 1000, [1000]],
    [999, 1000, 1, [1000]],
    [1000, 1000, 999, []],
    [1000, 1000, 1000, [2000]],
    [1_700_000_000_123, 500, 1000, [1_700_000_000_500, 1_700_000_001_000]],
    [10, 7, 14, [14, 21]],
  ])('from %d every %d ms for %d ms', async (now, interval, ms, times) => {
    expect(await timesFrom(now, interval, ms)).toEqual(times)
  })

  test('a late clock runs all the ticks it has missed, in order', async () => {
    const { ssc, clock } = shared.rig({ maxWaitingBatches: 50 })
    const seen: [number, number[]][] = []
    const queue = Array.from({ length: 40 }, (_, i) => [i])
    ssc.queueStream(queue).foreachRDD(async (rdd, time) => seen.push([time, await rdd.collect()]))
    const skipped: unknown[] = []
    ssc.on('batchesSkipped', event => skipped.push(event))
    await ssc.start()
    clock.advance(40_000)
    await ssc.whenIdle()
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => [(i + 1) * 1000, [i]]))
    expect(skipped).toEqual([])
    await ssc.stop()
  })

  test('ticks beyond maxWaitingBatches are skipped, and a later batch takes the rows', async () => {
    const { ssc, clock } = shared.rig({ maxWaitingBatches: 2 })
    const seen: [number, number[]][] = []
    const queue: number[][] = [[1]]
    ssc
      .queueStream(queue, { oneAtATime: false })
      .foreachRDD(async (rdd, time) => seen.push([time, await rdd.collect()]))
    const skipped: { from: number; to: number; count: number; reason: string }[] = []
    ssc.on('batchesSkipped', event => skipped.push(event))
    await ssc.start()
    // One runs and two wait; the ticks at 4000, 5000 and 6000 find no place.
    clock.advance(3000)
    queue.push([2], [3])
    clock.advance(3000)
    await ssc.whenIdle()
    expect(skipped.map(({ from, to, count }) => [from, to, count])).toEqual([
      [4000, 4000, 1],
      [5000, 5000, 1],
      [6000, 6000, 1],
    ])
    expect(skipped[0]!.reason).toContain('2 batches are waiting already')
    clock.advance(1000)
    await ssc.whenIdle()
    expect(seen).toEqual([
      [1000, [1]],
      [2000, []],
      [3000, []],
      [7000, [2, 3]],
    ])
    await ssc.stop()
  })

  test('a window over skipped ticks holds what there was', async () => {
    const { ssc, clock } = shared.rig({ maxWaitingBatches: 1 })
    const seen: [number, number[]][] = []
    const queue: number[][] = [[1], [2], [3], [4], [5]]
    ssc
      .queueStream(queue)
      .window(4000)
      .foreachRDD(async (rdd, time) => seen.push([time, await rdd.collect()]))
    await ssc.start()
    clock.advance(4000)
    await ssc.whenIdle()
    clock.advance(1000)
    await ssc.whenIdle()
    expect(seen).toEqual([
      [1000, [1]],
      [2000, [1, 2]],
      [5000, [2, 3]],
    ])
    await ssc.stop()
  })

  test('a jump forward past maxWaitingBatches ticks is one event and one batch', async () => {
    const fake = new JumpingClock()
    const { ssc } = shared.rig({ clock: fake as never, maxWaitingBatches: 10 })
    const times: number[] = []
    const skipped: unknown[] = []
    ssc.queueStream<number>([]).foreachRDD((_, time) => times.push(time))
    ssc.on('batchesSkipped', ({ from, to, count }) => skipped.push([from, to, count]))
    await ssc.start()
    fake.jumpTo(3_600_500)
    await ssc.whenIdle()
    expect(times).toEqual([3_600_000])
    expect(skipped).toEqual([[1000, 3_599_000, 3599]])
    fake.jumpTo(3_601_000)
    await ssc.whenIdle()
    expect(times).toEqual([3_600_000, 3_601_000])
    await ssc.stop()
  })

  test('pause() skips ticks and resume() goes on; rows stay for later', async () => {
    const { ssc, tick } = shared.rig()
    const seen: [number, number[]][] = []
    ssc
      .queueStream([[1], [2], [3]])
      .foreachRDD(async (rdd, time) => seen.push([time, await rdd.collect()]))
    await ssc.start()
    await tick()
    ssc.pause()
    await tick(3)
    ssc.resume()
    await tick()
    expect(seen).toEqual([
      [1000, [1]],
      [5000, [2]],
    ])
    await ssc.stop()
  })
})

/** Fires timers late: when it is told to jump, it shows the new time before any timer runs. */
class JumpingClock extends ManualClock {
  #shown = 0

  override now(): number {
    return Math.max(this.#shown, super.now())
  }

  jumpTo(time: number): void {
    this.#shown = time
    super.advanceTo(time)
  }
}
