/**
 * The limiter of one receiver on a ManualClock: when who goes on, what bounds the rows of any time,
 * and that nothing is left behind.
 *
 * What it can't catch: timers that are late; those of the real clock are, by a millisecond or more.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RateLimiter, type RateLimits } from '../../src/engine/rate-limiter.ts'
import { type Clock, ManualClock } from '../../src/index.ts'
import { turn } from '../receivers/harness.ts'

/** A manual clock that counts the timers that are set. */
class WatchedClock extends ManualClock {
  timers = 0

  override at(time: number, run: () => void): () => void {
    this.timers++
    let isOver = false
    const end = (): void => {
      if (!isOver) this.timers--
      isOver = true
    }
    const cancel = super.at(time, () => {
      end()
      run()
    })
    return () => {
      end()
      cancel()
    }
  }
}

function limited(limits: RateLimits) {
  const clock = new WatchedClock(0)
  const limiter = new RateLimiter(clock, limits)
  const done: number[] = []
  /** Takes rows, and notes the time when they are paid for. */
  const give = (rows: number): boolean => {
    limiter.take(rows)
    const paid = limiter.paid()
    void paid?.then(() => done.push(clock.now()))
    return paid === undefined
  }
  /** Moves the clock, millisecond by millisecond unless told otherwise. */
  const run = async (ms: number, step = 1): Promise<void> => {
    const end = clock.now() + ms
    while (clock.now() < end) {
      clock.advance(Math.min(step, end - clock.now()))
      await Promise.resolve()
      await Promise.resolve()
    }
  }
  return { clock, limiter, done, give, run }
}

describe('the rate', () => {
  test.each<[limits: RateLimits, rate: number]>([
    [{}, Number.POSITIVE_INFINITY],
    [{ maxRate: 10 }, 10],
    [{ initialRate: 5 }, 5],
    [{ maxRate: 10, initialRate: 5 }, 5],
    [{ maxRate: 10, initialRate: 50 }, 10],
  ])('%j begins at %d', (limits, rate) => {
    expect(new RateLimiter(new ManualClock(0), limits).rate).toBe(rate)
  })

  test('updates go up to the most, and those that are no rate are ignored', () => {
    const limiter = new RateLimiter(new ManualClock(0), { maxRate: 10 })
    for (const [update, rate] of [
      [3, 3],
      [30, 10],
      [4, 4],
      [0, 4],
      [-1, 4],
      [Number.NaN, 4],
      [Number.POSITIVE_INFINITY, 10],
    ] as const) {
      limiter.update(update)
      expect(limiter.rate).toBe(rate)
    }
  })

  test('without a limit nobody waits, and the time is not even asked for', () => {
    let asked = 0
    const clock: Clock = {
      now: () => asked++,
      at: () => expect.fail('a timer'),
      monotonic: () => expect.fail('the time'),
    }
    const limiter = new RateLimiter(clock)
    asked = 0
    for (const rows of [1, 1e9]) limiter.take(rows)
    expect(limiter.paid()).toBeUndefined()
    expect(asked).toBe(0)
  })

  test('a portion is what a twentieth of an interval allows, and a row at least', () => {
    const portion = (maxRate?: number): number =>
      new RateLimiter(new ManualClock(0), { intervalMs: 1000, ...(maxRate && { maxRate }) }).portion
    expect(portion()).toBe(Number.POSITIVE_INFINITY)
    expect(portion(1000)).toBe(50)
    expect(portion(1)).toBe(1)
  })
})

describe('waiting', () => {
  test('a store is paid for afterwards', async () => {
    const { give, run, done } = limited({ maxRate: 100 })
    expect(give(5)).toBe(false)
    await run(49)
    expect(done).toEqual([])
    await run(1)
    expect(done).toEqual([50])
    give(0.5)
    await run(10)
    expect(done).toEqual([50, 55])
  })

  test('what was not used is kept for a twentieth of an interval only', async () => {
    const { give, run } = limited({ maxRate: 100, intervalMs: 1000 })
    await run(100_000, 1000)
    expect([give(3), give(2), give(1)]).toEqual([true, true, false])
  })

  test('a faster rate wakes sooner, a slower one later, no limit at once', async () => {
    const { limiter, give, run, done } = limited({ initialRate: 10 })
    give(100)
    await run(1000)
    limiter.update(90)
    await run(999)
    expect(done).toEqual([])
    await run(1)
    expect(done).toEqual([2000])
    give(90)
    await run(500)
    limiter.update(1)
    await run(44_000, 1000)
    expect(done).toEqual([2000])
    await run(1000)
    expect(done).toEqual([2000, 47_500])
    give(1e9)
    limiter.update(Number.POSITIVE_INFINITY)
    await turn()
    expect(done).toEqual([2000, 47_500, 47_500])
  })

  test('a limit that comes later asks nothing for what came before', async () => {
    const { limiter, give, run } = limited({})
    expect(give(1e6)).toBe(true)
    await run(10)
    limiter.update(100)
    expect(give(1)).toBe(false)
  })

  test('release lets everyone go on and leaves no timer; the debt stays', async () => {
    const { clock, limiter, give, run, done } = limited({ maxRate: 10 })
    for (const rows of [1, 2, 3]) give(rows)
    limiter.release()
    await turn()
    expect(done).toEqual([0, 0, 0])
    expect(clock.timers).toBe(0)
    give(4)
    await run(2000)
    expect(done).toEqual([0, 0, 0, 1000])
    expect(clock.timers).toBe(0)
    limiter.release()
  })

  test('promises that nobody waits for do not pile up', () => {
    const { limiter } = limited({ maxRate: 1 })
    let waiting = 0
    for (let i = 0; i < 50_000; i++) {
      limiter.take(1)
      if (limiter.paid()) waiting++
    }
    expect(waiting).toBe(16_384)
    limiter.release()
    expect(limiter.paid()).toBeDefined()
    limiter.release()
  })
})

const rates = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.double({ min: 0.5, max: 900, noNaN: true }),
)
const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 12 })

test('stores that wait side by side go on in order, each when all so far is paid for', async () => {
  await fc.assert(
    fc.asyncProperty(rates, sizes, async (rate, stores) => {
      const { clock, give, done } = limited({ maxRate: rate })
      for (const rows of stores) give(rows)
      let sum = 0
      const due = stores.map(rows => Math.ceil(((sum += rows) / rate) * 1000 - 1e-6))
      for (const time of due) {
        clock.advanceTo(Math.max(clock.now(), time))
        await turn()
      }
      expect(done).toEqual(due)
      expect(clock.timers).toBe(0)
    }),
    { numRuns: 60 },
  )
})

/** A receiver that stores as soon as it may, unless it has a pause, while its rate changes. */
class Eager {
  readonly #limiter: RateLimiter
  readonly #clock: ManualClock
  readonly #sizes: Iterator<number>
  /** By store: its rows, and how many rows the rate alone has allowed until then. */
  readonly stores: { rows: number; budget: number }[] = []
  budget = 0
  #isWaiting = false

  constructor(limiter: RateLimiter, clock: ManualClock, sizes: Iterator<number>) {
    this.#limiter = limiter
    this.#clock = clock
    this.#sizes = sizes
  }

  store(): void {
    while (!this.#isWaiting) {
      const rows = this.#sizes.next().value!
      this.stores.push({ rows, budget: this.budget })
      this.#limiter.take(rows)
      const paid = this.#limiter.paid()
      this.#isWaiting = paid !== undefined
      void paid?.then(() => {
        this.#isWaiting = false
      })
    }
  }

  async pass(ms: number, isBusy: boolean): Promise<void> {
    for (let i = 0; i < ms; i++) {
      this.budget += this.#limiter.rate / 1000
      this.#clock.advance(1)
      await Promise.resolve()
      await Promise.resolve()
      if (isBusy) this.store()
    }
  }
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ busyMs: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ idleMs: fc.integer({ min: 1, max: 500 }) }) },
  { weight: 1, arbitrary: fc.record({ rate: rates }) },
)
const steps = fc.array(step, { minLength: 20, maxLength: 200 })
const stream = fc.infiniteStream(fc.integer({ min: 1, max: 50 }))

test('any time has rate × (time + slack) rows at most, and one store', async () => {
  await fc.assert(
    fc.asyncProperty(rates, steps, stream, async (initialRate, all, next) => {
      const slackMs = 10
      const { clock, limiter } = limited({ initialRate, intervalMs: slackMs * 20 })
      const eager = new Eager(limiter, clock, next)
      eager.store()
      for (const one of all) {
        if ('rate' in one) limiter.update(one.rate)
        else if ('idleMs' in one) await eager.pass(one.idleMs, false)
        else await eager.pass(one.busyMs, true)
      }
      const highest = Math.max(initialRate, ...all.map(one => ('rate' in one ? one.rate : 0)))
      const slack = (highest * slackMs) / 1000 + 1e-3
      // Rows before a store, from any earlier one on: only the last may be more than is allowed.
      let least = Number.POSITIVE_INFINITY
      let given = 0
      for (const { rows, budget } of eager.stores) {
        least = Math.min(least, given - budget)
        expect(given - budget - least).toBeLessThanOrEqual(slack)
        given += rows
      }
    }),
    { numRuns: 100 },
  )
})

test('who always waits loses nothing of the rate', async () => {
  await fc.assert(
    fc.asyncProperty(rates, stream, async (maxRate, next) => {
      const { clock, limiter } = limited({ maxRate, intervalMs: 200 })
      const eager = new Eager(limiter, clock, next)
      eager.store()
      await eager.pass(1000, true)
      const given = eager.stores.reduce((sum, { rows }) => sum + rows, 0)
      expect(given).toBeGreaterThanOrEqual(maxRate - 1e-3)
    }),
    { numRuns: 50 },
  )
})
