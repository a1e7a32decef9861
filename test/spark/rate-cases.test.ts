/**
 * Spark's cases about rates: its limiter, its estimator, and how new rates come to receivers. What
 * is a message from driver to receivers in Spark is a call here; a receiver has one limiter,
 * whatever it stores by, so a "block generator" is a way of storing.
 *
 * What it can't catch: other estimators. There is one, as in Spark, and it can't be replaced.
 */
import { ManualClock, Receiver } from 'pelton'
import { describe, expect } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { EventBus } from '../../src/engine/events.ts'
import { Intake } from '../../src/engine/intake.ts'
import { PidRateEstimator, usualGains } from '../../src/engine/rate-estimator.ts'
import { RateLimiter } from '../../src/engine/rate-limiter.ts'
import { Supervisor } from '../../src/engine/supervisor.ts'
import { type Bench, benches, turn } from '../receivers/harness.ts'
import { type AnyCase, sparkTest } from './case-test.ts'

const bench = benches()

describe('the limiter', () => {
  const updated = ({ params, expected }: AnyCase): void => {
    const { maxRate, update } = params
    const limiter = new RateLimiter(new ManualClock(0), maxRate === null ? {} : { maxRate })
    expect(limiter.rate).toBe(maxRate ?? Number.POSITIVE_INFINITY)
    limiter.update(update)
    expect(limiter.rate).toBe(expected)
  }
  sparkTest('rl-0', updated)
  sparkTest('rl-1', updated)
  sparkTest('rl-2', updated)
})

describe('the estimator', () => {
  const computed = ({ params, input, expected }: AnyCase): void => {
    const { batchMs, p, i, d, minRate, argOrder } = params
    expect(argOrder).toBe('time,numElements,processingDelay,schedulingDelay')
    const gains = { proportional: p, integral: i, derivative: d, minRate }
    const estimator = new PidRateEstimator(batchMs, gains)
    const calls: [number, number, number, number][] = input
    expect(calls.map(call => estimator.compute(...call) ?? null)).toEqual(expected)
  }
  sparkTest('pid-first', computed)
  sparkTest('pid-second', computed)
  sparkTest('pid-notime', computed)
  sparkTest('pid-norecords', computed)
  sparkTest('pid-up', computed)
  sparkTest('pid-down', computed)
})

/** A receiver that stores what the test says. */
class Hand extends Receiver<number> {
  onStart(): void {}
  onStop(): void {}
}

/** A stream whose batches take `processingMs` each. */
function handed(b: Bench, processingMs: number): Hand {
  const receiver = new Hand()
  b.ssc.receiverStream(receiver).foreachRDD(() => b.clock.advance(processingMs))
  return receiver
}

describe('rates of receivers', () => {
  sparkTest('rc-publish', async ({ params, expected }) => {
    expect(expected.property).toContain('at least one rate')
    const batchInterval = params.batchMs
    const b = bench({ batchInterval, backpressure: true })
    const receiver = handed(b, 10)
    const published: number[] = []
    b.ssc.on('rateUpdated', ({ rate }) => published.push(rate))
    await b.ssc.start()
    for (let batches = 0; batches < 3; batches++) {
      void receiver.store([1, 2, 3])
      b.clock.advanceTo((batches + 1) * batchInterval)
      await b.ssc.whenIdle()
    }
    expect(published).toEqual([300, 300])
    await b.stop()
  })

  sparkTest('rc-receivers', async ({ params, expected }) => {
    const { batchMs: batchInterval, rates } = params
    // Spark's suite has an estimator of constants. This one, in proportion alone, gives the speed.
    const processingMs = 20
    const { minRate } = usualGains
    const backpressure = { proportional: 1, integral: 0, derivative: 0, minRate }
    const b = bench({ batchInterval, backpressure })
    const receiver = handed(b, processingMs)
    await b.ssc.start()
    const limits: (number | undefined)[] = []
    for (const [index, rate] of [1, ...rates].entries()) {
      void receiver.store(Array(Math.ceil((rate * processingMs) / 1000)).fill(0))
      b.clock.advanceTo((index + 1) * batchInterval)
      await b.ssc.whenIdle()
      limits.push(b.ssc.metrics().receiverRates[0])
    }
    expect(limits).toEqual([undefined, ...expected.receiverLimitAfterEach])
    await b.stop()
  })

  sparkTest('rt-send', async ({ params, expected }) => {
    expect(expected.property).toContain('created before the update')
    const clock = new ManualClock(0)
    const limiter = new RateLimiter(clock, { initialRate: 1, intervalMs: params.batchMs })
    const intake = new Intake(Arena.create({ limitBytes: 1024 * 1024 }))
    const events = new EventBus()
    const options = { streamId: 0, name: 'Hand', restartDelayMs: 1, clock, events, limiter }
    const supervisor = new Supervisor(new Hand() as Receiver<never>, intake, options)
    supervisor.start()
    // Each way of storing waits since before the update.
    const ways = [
      () => supervisor.store(0),
      () => supervisor.storeAll(Array(30).fill(0)),
      () => supervisor.storeText(Buffer.from('a\n'.repeat(19))),
    ]
    const done: number[] = []
    for (const store of ways) void store()!.then(() => done.push(clock.now()))
    limiter.update(params.rate)
    for (let ms = 0; ms < 500; ms++) {
      clock.advance(1)
      await turn()
    }
    expect(done).toEqual([10, 310, 500])
    // And each way of storing waits as long when it is used for the first time after it.
    void supervisor.storeAll(Array(5).fill(0))!.then(() => done.push(clock.now()))
    for (let ms = 0; ms < 50; ms++) {
      clock.advance(1)
      await turn()
    }
    expect(done).toEqual([10, 310, 500, 550])
    await supervisor.close()
    intake.close()
  })
})
