/**
 * Start, stop and everything between: states, who waits, what stays behind.
 *
 * What it can't catch: memory that V8 would free later than the test looks.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { StreamingContext } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Left } from './fixtures/fifty-contexts.ts'
import { gate, rejection, rig, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
afterEach(() => shared.check())
afterAll(() => shared.close())

const program = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

describe('after stop()', () => {
  test('fifty contexts in one process leave nothing behind', { timeout: 240_000 }, async () => {
    const rounds = 50
    const args = ['--expose-gc', program('fifty-contexts.ts'), String(rounds)]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { seen, held } = JSON.parse(stdout) as { seen: Left[]; held: number }
    expect(seen).toHaveLength(rounds)
    const [first] = seen as [Left]
    expect(first.peakBytes).toBeGreaterThan(0)
    for (const [round, left] of seen.entries()) {
      const { peakBytes, files, threads, ...rest } = left
      expect(rest, `round ${round}`).toEqual({ resources: [], signals: 0, arenaBytes: 0 })
      expect(threads, `threads after round ${round}`).toBeLessThanOrEqual(first.threads)
      // The server's side of a connection may close a little later.
      expect(files, `files after round ${round}`).toBeLessThanOrEqual(first.files + 2)
    }
    expect(held, 'contexts that something still holds').toBe(0)
  })

  test('the state is STOPPED, and once more is no error', async () => {
    const { ssc } = shared.rig()
    ssc.queueStream([[1]]).foreachRDD(() => undefined)
    expect(ssc.getState()).toBe('INITIALIZED')
    await ssc.start()
    expect(ssc.getState()).toBe('ACTIVE')
    await ssc.stop()
    expect(ssc.getState()).toBe('STOPPED')
    await ssc.stop()
    await ssc.stop({ graceful: true })
    expect(ssc.getState()).toBe('STOPPED')
  })

  test('several calls at once wait for one and the same end', async () => {
    const { ssc, clock } = shared.rig()
    const running = gate()
    const go = gate()
    ssc.queueStream([[1]]).foreachRDD(async () => {
      running.open()
      await go.opened
    })
    let stopped = 0
    ssc.on('stopped', () => stopped++)
    await ssc.start()
    clock.advance(1000)
    await running.opened
    const ends = [ssc.stop(), ssc.stop({ graceful: true }), ssc.stop()].map(end =>
      end.then(() => ssc.getState()),
    )
    go.open()
    expect(await Promise.all(ends)).toEqual(['STOPPED', 'STOPPED', 'STOPPED'])
    expect(stopped).toBe(1)
  })

  test('a context that never started stops too', async () => {
    const { ssc } = shared.rig()
    ssc.queueStream([[1]]).print()
    await ssc.stop()
    expect(ssc.getState()).toBe('STOPPED')
    const bare = new StreamingContext({ batchInterval: 1 })
    await bare.stop()
    expect(bare.getState()).toBe('STOPPED')
  })

  test('`await using` stops at the end of the block', async () => {
    let ssc: StreamingContext
    {
      await using inner = shared.rig().ssc
      ssc = inner
      inner.queueStream([[1]]).foreachRDD(() => undefined)
      await inner.start()
      expect(ssc.getState()).toBe('ACTIVE')
    }
    expect(ssc.getState()).toBe('STOPPED')
  })

  test('no timer of the clock is left', async () => {
    const { ssc, clock } = shared.rig()
    let batches = 0
    ssc.queueStream([[1], [2]]).foreachRDD(() => batches++)
    await ssc.start()
    clock.advance(1000)
    await ssc.whenIdle()
    await ssc.stop()
    clock.advance(5000)
    expect(batches).toBe(1)
  })
})

describe('stop() during a batch', () => {
  test('waits for the batch that runs and drops those that wait', async () => {
    const { ssc, clock } = shared.rig()
    const running = gate()
    const go = gate()
    const seen: number[][] = []
    ssc.queueStream([[1], [2], [3]]).foreachRDD(async rdd => {
      running.open()
      await go.opened
      seen.push(await rdd.collect())
    })
    await ssc.start()
    clock.advance(3000)
    await running.opened
    const end = ssc.stop()
    go.open()
    await end
    expect(seen).toEqual([[1]])
  })

  test('with graceful: true processes those that wait as well', async () => {
    const { ssc, clock } = shared.rig()
    const running = gate()
    const go = gate()
    const seen: number[][] = []
    ssc.queueStream([[1], [2], [3], [4]], { oneAtATime: true }).foreachRDD(async rdd => {
      running.open()
      await go.opened
      seen.push(await rdd.collect())
    })
    await ssc.start()
    clock.advance(3000)
    await running.opened
    const end = ssc.stop({ graceful: true })
    go.open()
    await end
    expect(seen.slice(0, 3)).toEqual([[1], [2], [3]])
  })

  test('with graceful: true processes rows that no batch had taken', async () => {
    const { ssc, clock } = shared.rig()
    const seen: [number, number[]][] = []
    const stored = gate()
    ssc
      .from(
        (async function* () {
          yield 1
          yield 2
          stored.open()
        })(),
      )
      .foreachRDD(async (rdd, time) => {
        const rows = await rdd.collect()
        if (rows.length > 0) seen.push([time, rows])
      })
    await ssc.start()
    await stored.opened
    expect(clock.now()).toBe(0)
    await ssc.stop({ graceful: true })
    expect(seen).toEqual([[1000, [1, 2]]])
  })

  test('a graceful stop that takes too long gives up after gracefulStopTimeout', async () => {
    const { ssc, clock, warnings } = shared.rig({ gracefulStopTimeout: 5000 })
    const running = gate()
    const go = gate()
    let batches = 0
    ssc.queueStream([[1], [2], [3]]).foreachRDD(async () => {
      batches++
      running.open()
      await go.opened
    })
    await ssc.start()
    clock.advance(3000)
    await running.opened
    const end = ssc.stop({ graceful: true })
    // Sources stop first; then the wait of 5000 ms begins.
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(5000)
    await new Promise(resolve => setImmediate(resolve))
    expect(warnings.join()).toMatch(/graceful stop: 3 batches .*gracefulStopTimeout, 5000 ms/)
    go.open()
    await end
    expect(batches).toBe(1)
  })

  test('called and awaited inside foreachRDD does not wait for itself', async () => {
    const { ssc, clock } = shared.rig()
    let batches = 0
    ssc.queueStream([[1], [2], [3]]).foreachRDD(async () => {
      batches++
      await ssc.stop()
    })
    await ssc.start()
    const ended = ssc.awaitTermination()
    clock.advance(3000)
    expect(await ended).toBe(true)
    expect(batches).toBe(1)
    expect(ssc.getState()).toBe('STOPPED')
  })

  test('called by a listener stops as well', async () => {
    const { ssc, clock } = shared.rig()
    ssc.queueStream([[1]]).foreachRDD(() => undefined)
    ssc.on('batchCompleted', () => void ssc.stop())
    await ssc.start()
    const ended = ssc.awaitTermination()
    clock.advance(1000)
    expect(await ended).toBe(true)
  })
})

describe('stop() during start()', () => {
  test('what has not begun yet is not begun', async () => {
    const { ssc, clock } = shared.rig()
    const starting = gate()
    const go = gate()
    let calls = 0
    let batches = 0
    const iterable = (name: string) => ({
      [Symbol.asyncIterator]() {
        calls++
        expect(name).toBe('first')
        return { next: () => new Promise<IteratorResult<number>>(() => undefined) }
      },
    })
    const first = ssc.from(iterable('first'))
    const second = ssc.from(iterable('second'))
    first.union(second).foreachRDD(() => batches++)
    ssc.on('receiverStarted', () => {
      starting.open()
      void ssc.stop()
    })
    const started = ssc.start()
    await starting.opened
    go.open()
    await started
    await ssc.stop()
    clock.advance(3000)
    expect({ calls, batches, state: ssc.getState() }).toEqual({
      calls: 1,
      batches: 0,
      state: 'STOPPED',
    })
  })
})

describe('AbortSignal', () => {
  test('stops a running context', async () => {
    const controller = new AbortController()
    const { ssc, tick } = shared.rig({ signal: controller.signal })
    let batches = 0
    ssc.queueStream([[1], [2]]).foreachRDD(() => batches++)
    await ssc.start()
    await tick()
    const ended = ssc.awaitTermination()
    controller.abort()
    expect(await ended).toBe(true)
    expect([batches, ssc.getState()]).toEqual([1, 'STOPPED'])
  })

  test('that was aborted before start() starts nothing', async () => {
    const { ssc, clock } = shared.rig({ signal: AbortSignal.abort() })
    let begun = 0
    ssc
      .from({
        [Symbol.asyncIterator]() {
          begun++
          return { next: () => new Promise<IteratorResult<number>>(() => undefined) }
        },
      })
      .foreachRDD(() => undefined)
    await ssc.start()
    expect(await ssc.awaitTermination()).toBe(true)
    clock.advance(2000)
    expect([begun, ssc.getState()]).toEqual([0, 'STOPPED'])
  })
})

describe('awaitTermination()', () => {
  test('resolves to true for a context that has stopped already', async () => {
    const { ssc } = shared.rig()
    ssc.queueStream([[1]]).foreachRDD(() => undefined)
    await ssc.start()
    await ssc.stop()
    expect(await ssc.awaitTermination()).toBe(true)
    expect(await ssc.awaitTermination(10)).toBe(true)
  })

  test('resolves to false after its timeout, on the clock of the context', async () => {
    const { ssc, clock } = shared.rig()
    ssc.queueStream([]).foreachRDD(() => undefined)
    await ssc.start()
    const waiting = ssc.awaitTermination(2500)
    clock.advance(2499)
    let settled = false
    void waiting.then(() => (settled = true))
    await ssc.whenIdle()
    await new Promise(resolve => setImmediate(resolve))
    expect(settled).toBe(false)
    clock.advance(1)
    expect(await waiting).toBe(false)
    await ssc.stop()
  })

  test('everyone who waits hears of the end', async () => {
    const { ssc } = shared.rig()
    ssc.queueStream([]).foreachRDD(() => undefined)
    await ssc.start()
    const waiting = [ssc.awaitTermination(), ssc.awaitTermination(), ssc.awaitTermination(99_999)]
    await ssc.stop()
    expect(await Promise.all(waiting)).toEqual([true, true, true])
  })
})

describe('start()', () => {
  test('a second one warns and changes nothing', async () => {
    const { ssc, warnings, tick } = shared.rig()
    let batches = 0
    ssc.queueStream([[1], [2]]).foreachRDD(() => batches++)
    await ssc.start()
    await ssc.start()
    expect(warnings).toEqual([expect.stringContaining('already been started')])
    await tick(2)
    expect(batches).toBe(2)
    await ssc.stop()
  })

  test('after stop() is an error', async () => {
    const { ssc } = shared.rig()
    ssc.queueStream([[1]]).foreachRDD(() => undefined)
    await ssc.stop()
    const error = await rejection(ssc.start())
    expect(error).toMatchObject({ code: 'STATE' })
    expect(error.message).toContain('StreamingContext has already been stopped; make a new one')
  })

  test('without an output is an error, and the context is stopped', async () => {
    const { ssc } = shared.rig()
    ssc.queueStream([[1]])
    const error = await rejection(ssc.start())
    expect(error).toMatchObject({ code: 'STATE', operator: 'start' })
    expect(error.message).toMatch(
      /No output operations registered, so nothing to execute.*print\(\)/,
    )
    expect(ssc.getState()).toBe('STOPPED')
    expect(await ssc.awaitTermination()).toBe(true)
  })

  test('with a closure that has become useless fails before anything runs', async () => {
    const { ssc } = shared.rig()
    let factor: unknown = 2
    ssc
      .queueStream([[1]])
      .map(x => x * (factor as number))
      .foreachRDD(() => undefined)
    factor = new WeakMap()
    const error = await rejection(ssc.start())
    expect(error.message).toContain('factor')
    expect(ssc.getState()).toBe('STOPPED')
  })
})

test('a context of its own frees its workers when start() fails', async () => {
  const { ssc } = rig()
  ssc.queueStream([[1]])
  await rejection(ssc.start())
  expect(ssc.metrics().arenaBytes).toBe(0)
  expect(process.getActiveResourcesInfo().filter(name => name === 'Worker')).toEqual([])
})
