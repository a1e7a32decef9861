/**
 * Options that make no sense: each is refused where the context is made, by name, value and rule.
 *
 * What it can't catch: an option that is ignored.
 */
import { ManualClock, milliseconds, minutes, PeltonError, StreamingContext, seconds } from 'pelton'
import { describe, expect, test } from 'vitest'
import { thrown } from '../engine/support.ts'

const whole = 'a whole number from 1 up'
const interval = 'must be a positive whole number of milliseconds, such as seconds(1)'
const bad: [options: unknown, message: string[]][] = [
  [undefined, ['options is undefined', 'pass an object such as { batchInterval: seconds(1) }']],
  [null, ['options is null']],
  [1000, ['options is 1000']],
  [{}, ['batchInterval is undefined', 'Batch duration for StreamingContext cannot be null']],
  [{ batchInterval: null }, ['batchInterval is null', 'cannot be null']],
  [{ batchInterval: 0 }, ['batchInterval is 0', interval]],
  [{ batchInterval: -1 }, ['batchInterval is -1', interval]],
  [{ batchInterval: Number.NaN }, ['batchInterval is NaN', interval]],
  [{ batchInterval: 1.5 }, ['batchInterval is 1.5', interval]],
  [{ batchInterval: '1s' }, ['batchInterval is "1s"', interval]],
  [{ batchInterval: Number.POSITIVE_INFINITY }, ['batchInterval is Infinity', interval]],
  [{ workers: 0 }, ['workers is 0', 'from 1 to 1024']],
  [{ workers: 2.5 }, ['workers is 2.5', 'from 1 to 1024']],
  [{ workers: 100_000 }, ['workers is 100000', 'from 1 to 1024']],
  [{ workers: '4' }, ['workers is "4"', 'from 1 to 1024']],
  [{ partitions: 0 }, ['partitions is 0', 'from 1 to 65536']],
  [{ partitions: 1e6 }, ['partitions is 1000000', 'from 1 to 65536']],
  [{ memory: 'lots' }, ['memory is "lots"', 'at least 1 MiB', "such as '512MiB' or '2GiB'"]],
  [{ memory: '12 parsecs' }, ['memory is "12 parsecs"']],
  [{ memory: '-1GiB' }, ['memory is "-1GiB"']],
  [{ memory: 1000 }, ['memory is 1000', 'at least 1 MiB']],
  [{ memory: Number.NaN }, ['memory is NaN']],
  [{ workerHeap: 0 }, ['workerHeap is 0', 'a whole number of MiB, at least 16']],
  [{ workerHeap: 8 }, ['workerHeap is 8', 'at least 16']],
  [{ workerHeap: '1GiB' }, ['workerHeap is "1GiB"']],
  [{ concurrentJobs: 0 }, ['concurrentJobs is 0', whole]],
  [{ maxTaskFailures: 0 }, ['maxTaskFailures is 0', whole]],
  [{ taskTimeout: -5 }, ['taskTimeout is -5', whole]],
  [{ receiverRestartDelay: 'soon' }, ['receiverRestartDelay is "soon"', whole]],
  [{ maxWaitingBatches: 0 }, ['maxWaitingBatches is 0', whole]],
  [{ gracefulStopTimeout: Number.NaN }, ['gracefulStopTimeout is NaN', whole]],
  [{ maxRate: 0 }, ['maxRate is 0', 'a number above 0, in rows a second']],
  [{ maxRate: '100' }, ['maxRate is "100"', 'above 0']],
  [{ maxRate: Number.NaN }, ['maxRate is NaN', 'above 0']],
  [{ backpressure: 'pid' }, ['backpressure is "pid"', 'true, false, or an object such as']],
  [{ backpressure: null }, ['backpressure is null', 'true, false, or an object such as']],
  [{ backpressure: { proportional: -1 } }, ['backpressure.proportional is -1', 'from 0 up']],
  [{ backpressure: { integral: -0.1 } }, ['backpressure.integral is -0.1', 'from 0 up']],
  [{ backpressure: { derivative: null } }, ['backpressure.derivative is null', 'from 0 up']],
  [{ backpressure: { minRate: 0 } }, ['backpressure.minRate is 0', 'above 0, in rows a second']],
  [{ backpressure: { initialRate: 0 } }, ['backpressure.initialRate is 0', 'above 0, in rows']],
  [{ speculation: 'yes' }, ['speculation is "yes"', 'true, false, or an object such as']],
  [{ speculation: null }, ['speculation is null', 'true, false, or an object such as']],
  [{ speculation: { quantile: 0 } }, ['speculation.quantile is 0', 'above 0, at most 1']],
  [{ speculation: { quantile: '1' } }, ['speculation.quantile is "1"', 'a number above 0']],
  [{ speculation: { multiplier: 0.5 } }, ['speculation.multiplier is 0.5', 'from 1 up']],
  [{ speculation: { minRuntime: -1 } }, ['speculation.minRuntime is -1', 'from 0 up']],
  [{ speculation: { minRuntime: Number.NaN } }, ['speculation.minRuntime is NaN']],
  [{ gear: 'fast' }, ['gear is "fast"', 'one of auto, lifted, distinct, row']],
  [{ clock: Date }, ['clock is function Date', 'pass a SystemClock or a ManualClock']],
  [{ logger: () => undefined }, ['logger is function logger', 'methods warn and error']],
  [{ signal: true }, ['signal is true', 'AbortController']],
]

describe('new StreamingContext()', () => {
  test.each(bad)('%j is refused', (options, message) => {
    const complete =
      typeof options === 'object' && options !== null && message[0]!.startsWith('batchInterval')
        ? options
        : options && typeof options === 'object'
          ? { batchInterval: 1000, ...options }
          : options
    const error = thrown(() => new StreamingContext(complete as never))
    expect(error).toBeInstanceOf(PeltonError)
    expect(error).toMatchObject({ code: 'OPTION', operator: 'StreamingContext' })
    for (const part of message) expect(error.message).toContain(part)
  })

  test.each([
    { batchInterval: 1 },
    { batchInterval: seconds(1), workers: 1, memory: '1.5 GB', partitions: 65_536 },
    { batchInterval: 1, maxRate: 0.5, backpressure: true },
    { batchInterval: 1, speculation: false },
    { batchInterval: 1, speculation: { quantile: 1, multiplier: 1, minRuntime: 0 } },
    { batchInterval: 1, maxRate: Number.POSITIVE_INFINITY, backpressure: false },
    { batchInterval: 1, backpressure: { integral: 0, minRate: 0.1, initialRate: 7 } },
    { batchInterval: minutes(2), memory: 2 ** 20, concurrentJobs: 3, workerHeap: 16 },
    { batchInterval: milliseconds(5), clock: new ManualClock(7), logger: console, gear: 'row' },
  ] as const)('%j is accepted', options => {
    const ssc = new StreamingContext(options)
    expect(ssc.batchInterval).toBe(options.batchInterval)
    expect(ssc.partitions).toBe('partitions' in options ? options.partitions : 16)
    expect(ssc.getState()).toBe('INITIALIZED')
    expect(ssc.metrics()).toMatchObject({ batches: 0, rows: 0, workers: 0, arenaBytes: 0 })
  })

  test('starts nothing: it may be dropped without stop()', () => {
    const before = process.getActiveResourcesInfo().length
    new StreamingContext({ batchInterval: 1000 })
    expect(process.getActiveResourcesInfo()).toHaveLength(before)
  })
})
