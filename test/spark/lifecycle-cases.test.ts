/**
 * Spark's cases about the life of a context: what is refused when, which errors come out where,
 * what a stop still processes, and what is kept for how long.
 *
 * What it can't catch: waiting that only a slow machine or a slow network would show, since the
 * clock is moved by hand.
 */
import { fileURLToPath } from 'node:url'
import { type Clock, type DStream, PeltonError, Receiver, type StreamingContext } from 'pelton'
import { describe, expect, vi } from 'vitest'
import type { RddNode } from '../../src/engine/dag.ts'
import { Supervisor } from '../../src/engine/supervisor.ts'
import type { ExplainedOperator } from '../../src/explain.ts'
import { gate, rejection, thrown } from '../engine/support.ts'
import { type Bench, benches, turn, until } from '../receivers/harness.ts'
import { numbersIn, sparkTest } from './case-test.ts'

const bench = benches()
const here = fileURLToPath(import.meta.url)

/** A receiver that stores what the test says. */
class Hand extends Receiver<any> {
  onStart(): void {}
  onStop(): void | Promise<void> {}

  async line(text: string): Promise<void> {
    await this.storeText(Buffer.from(`${text}\n`))
  }
}

/** What stands in quotes in a sentence of a case. */
const quoted = (text: string): string => /"([^"]*)"/.exec(text)![1]!

describe('errors', () => {
  sparkTest('ssc-startfail', async ({ expected }) => {
    expect(expected.property).toContain('state STOPPED')
    const { ssc } = bench()
    // In Spark's suite too it is the missing output that fails; states need no directory here.
    const pairs = ssc.queueStream([[['a', 1]]]) as DStream<[string, number]>
    pairs.updateStateByKey((values, state: number = 0) => state + values.length)
    const error = await rejection(ssc.start())
    expect(error).toBeInstanceOf(PeltonError)
    expect(error.message).toContain('No output operations registered, so nothing to execute')
    expect(ssc.getState()).toBe('STOPPED')
    expect(await ssc.awaitTermination()).toBe(true)
    expect(ssc.metrics().batches).toBe(0)
  })

  sparkTest('ssc-await-taskerror', async ({ expectedError }) => {
    const b = bench()
    const message = quoted(expectedError.when)
    b.ssc
      .queueStream([[1, 2]])
      .map(row => {
        if (row > 0) throw new Error(message)
        return row
      })
      .foreachRDD(rdd => rdd.count())
    await b.ssc.start()
    const ended = rejection(b.ssc.awaitTermination(10_000))
    await b.tick()
    expect((await ended).message).toContain(expectedError.messageContains)
    await b.ssc.stop()
  })

  sparkTest('ssc-await-generror', async ({ expectedError }) => {
    const b = bench()
    const own = new Error(quoted(expectedError.when))
    b.ssc
      .queueStream([[1, 2]])
      .transform(() => {
        throw own
      })
      .foreachRDD(() => undefined)
    await b.ssc.start()
    const ended = rejection(b.ssc.awaitTermination(10_000))
    await b.tick()
    const error = await ended
    // The exception itself is the cause of one that says where and when.
    expect(error.cause).toBe(own)
    expect(error.message).toContain(expectedError.messageContains)
    await b.ssc.stop()
  })

  sparkTest('ssc-addafter', async ({ expectedError }) => {
    const b = bench()
    const stream = b.ssc.queueStream([[1]])
    stream.foreachRDD(() => undefined)
    await b.ssc.start()
    for (const { message, when } of expectedError) {
      expect(b.ssc.getState()).toBe(when)
      const calls = [
        () => b.ssc.queueStream([[1]]),
        () => stream.map(x => x),
        () => stream.foreachRDD(() => undefined),
      ]
      for (const call of calls) expect(thrown(call).message).toContain(message)
      await b.stop()
    }
  })

  sparkTest('ssc-unused-input', async ({ expected }) => {
    const [batches] = numbersIn(expected.property) as [number]
    const b = bench()
    b.ssc.receiverStream(new Hand())
    const seen = b.collect(b.ssc.queueStream([[1], [2]]))
    await b.ssc.start()
    await b.tick(batches)
    expect(seen).toEqual([[1], [2]])
    expect(b.ssc.metrics().batches).toBe(batches)
    await b.stop()
  })
})

/** A clock that can jump anywhere at once: a timer that is due runs once, at the new time. */
class JumpingClock implements Clock {
  #now = 0
  #timers: { time: number; run: () => void }[] = []

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  at(time: number, run: () => void): () => void {
    const timer = { time, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
  }

  jumpTo(time: number): void {
    this.#now = time
    const due = this.#timers.filter(timer => timer.time <= time)
    this.#timers = this.#timers.filter(timer => timer.time > time)
    for (const { run } of due) run()
  }
}

describe('stopping gracefully', () => {
  sparkTest(
    'ssc-graceful-race',
    async ({ expected }) => {
      const b = bench()
      const receiver = new Hand()
      const batches = b.collect(b.ssc.receiverStream(receiver))
      await b.ssc.start()
      await receiver.store(1)
      await b.stop({ graceful: true })
      expect(receiver.isStopped()).toBe(true)
      expect(batches.flat()).toEqual([1])
      expect(expected.maxSeconds).toBe(30)
    },
    30_000,
  )

  sparkTest('ssc-graceful-slow', async ({ expected }) => {
    const [perSecond, total, timeoutSeconds] = numbersIn(expected.property) as [
      number,
      number,
      number,
    ]
    const timeoutMs = timeoutSeconds * 1000
    const b = bench({ gracefulStopTimeout: timeoutMs })
    // That much real time nobody waits here: it is enough that the receiver is allowed it.
    const close = vi.spyOn(Supervisor.prototype, 'close')
    const done = gate()
    /** Stores a record a second, and ends only when it has stored them all. */
    class Slow extends Receiver<number> {
      #stored = 0

      onStart(): void {
        this.#later()
      }

      #later(): void {
        this.clock.at(this.clock.now() + 1000 / perSecond, () => {
          void this.store(++this.#stored)
          if (this.#stored === total) done.open()
          else this.#later()
        })
      }

      onStop(): Promise<void> {
        return done.opened
      }
    }
    const batches = b.collect(b.ssc.receiverStream(new Slow()))
    await b.ssc.start()
    await b.tick(2)
    const stopped = b.stop({ graceful: true })
    let isStopped = false
    void stopped.then(() => {
      isStopped = true
    })
    for (let second = 2; second < total; second++) {
      await turn()
      expect(isStopped).toBe(false)
      b.clock.advance(1000)
    }
    await stopped
    expect(close).toHaveBeenCalledWith(timeoutMs)
    close.mockRestore()
    expect(batches.flat()).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  })

  sparkTest('ssc-22955', async ({ expected }) => {
    const [batchInterval] = numbersIn(expected.property).slice(-1) as [number]
    const clock = new JumpingClock()
    const b = bench({ batchInterval, clock })
    let isStopped = false
    const pending = gate()
    const iterator: AsyncIterator<number> = {
      async next() {
        if (isStopped) throw new Error('asked for rows once stopped')
        await pending.opened
        throw new Error('a row was on its way when the stream was stopped')
      },
      async return() {
        isStopped = true
        pending.open()
        return { done: true, value: undefined }
      },
    }
    const batches = b.collect(b.ssc.from<number>({ [Symbol.asyncIterator]: () => iterator }))
    await b.ssc.start()
    await turn()
    clock.jumpTo(Number.MAX_SAFE_INTEGER)
    const ended = b.ssc.awaitTermination()
    await b.stop({ graceful: true })
    expect(isStopped).toBe(true)
    expect(await ended).toBe(true)
    expect(batches.flat()).toEqual([])
    expect(b.ssc.metrics().batches).toBeGreaterThan(0)
  })
})

/** Names and files of the operators from an output to its input. */
function chain(ssc: StreamingContext): ExplainedOperator[] {
  const operators: ExplainedOperator[] = []
  let at = ssc.explain({ format: 'json' }).outputs[0]!.inputs[0]
  for (; at; at = at.inputs[0]) operators.push(at)
  return operators
}

describe('names and places', () => {
  sparkTest('ssc-sites', async ({ expected }) => {
    const [, operation] = /\((\w+)\)/.exec(expected.property)!
    const b = bench()
    const stream = b.ssc.receiverStream(new Hand())
    const steps: { label: string; place: { file: string } | undefined }[] = [stream.node.step]
    stream.foreachRDD(rdd => void steps.push(rdd.node.step))
    await b.ssc.start()
    await b.tick(3)
    await b.stop()
    expect(steps).toHaveLength(4)
    for (const { label, place } of steps) {
      expect(label).toBe(operation)
      expect(place).toEqual(steps[0]!.place)
      expect(place!.file).toContain(here)
    }
  })

  sparkTest('scope-nested', async ({ expected }) => {
    const b = bench()
    b.ssc
      .queueStream([[1]])
      .countByWindow(2000, 1000)
      .foreachRDD(() => undefined)
    const inner = chain(b.ssc).slice(0, -1)
    expect(inner.length).toBeGreaterThan(2)
    for (const one of inner) {
      expect(one.operator).toBe(expected.countByWindow)
      expect(one.place).toEqual(inner[0]!.place)
    }
    expect(chain(b.ssc).at(-1)!.operator).toBe('queueStream')
    await b.stop()
  })
})

/** Has no source that could be read. */
const native = Math.max.bind(null) as any
type Declare = (pairs: DStream<any>, ssc: StreamingContext) => unknown

/** For each operation of the case, calls with a function that could not do its work. */
const declarations: Record<string, readonly Declare[]> = {
  map: [s => s.map(native)],
  flatMap: [s => s.flatMap(native)],
  filter: [s => s.filter(native)],
  mapPartitions: [s => s.mapPartitions(native)],
  reduce: [s => s.reduce(native)],
  foreachRDD: [s => s.foreachRDD('x' as any), s => s.foreachRDD(undefined as any)],
  transform: [s => s.transform('x' as any), s => s.transform(undefined as any)],
  transformWith: [s => s.transformWith(s, 'x' as any), s => s.transformWith(s, null as any)],
  reduceByWindow: [
    s => s.reduceByWindow(native, 2000),
    s => s.reduceByWindow((a: any) => a, native, 2000),
  ],
  reduceByKey: [s => s.reduceByKey(native)],
  combineByKey: [
    s =>
      s.combineByKey(
        native,
        c => c,
        a => a,
      ),
    s =>
      s.combineByKey(
        v => v,
        native,
        a => a,
      ),
    s =>
      s.combineByKey(
        v => v,
        (c: any) => c,
        native,
      ),
  ],
  reduceByKeyAndWindow: [
    s => s.reduceByKeyAndWindow(native, 2000),
    s => s.reduceByKeyAndWindow(a => a, native, 2000),
    s =>
      s.reduceByKeyAndWindow(
        a => a,
        b => b,
        2000,
        1000,
        { filter: native },
      ),
  ],
  updateStateByKey: [s => s.updateStateByKey(native)],
  mapValues: [s => s.mapValues(native)],
  flatMapValues: [s => s.flatMapValues(native)],
  'ssc.transform': [(s, ssc) => ssc.transform([s], 'x' as any)],
}

describe('functions', () => {
  sparkTest('closure', async ({ params }) => {
    const operations = params.ops.map((operation: string) => operation.replace(/\(.*\)/, ''))
    expect(Object.keys(declarations)).toEqual(operations)
    const b = bench()
    const pairs = b.ssc.queueStream([[['a', 1]]])
    for (const [operation, calls] of Object.entries(declarations)) {
      for (const call of calls) {
        const error = thrown(() => call(pairs, b.ssc))
        // Those of the main thread go nowhere, so any function will do there.
        const code = /foreachRDD|transform/.test(operation) ? 'OPTION' : 'CAPTURE'
        expect(error, operation).toMatchObject({ code, operator: operation.replace('ssc.', '') })
        expect(error.place?.file ?? here).toContain(here)
      }
    }
    await b.stop()
  })
})

/** Times whose results a stream still has, in order. */
const kept = (stream: DStream<any>): number[] => [...stream.node.generated.keys()].sort(byNumber)
const byNumber = (a: number, b: number): number => a - b

describe('what is kept', () => {
  sparkTest('basic-cleanup-window', async ({ params, input, expected }) => {
    const b = bench({ batchInterval: params.batchMs })
    const [, [, ...first], [, ...second]] = params.pipeline
    const mapped = b.ssc.queueStream<number>(input).map(x => [x % 10, 1])
    const window1 = mapped.window(...(first as [number, number]))
    const window2 = window1.window(...(second as [number, number]))
    const outputs = b.collect(window2)
    b.ssc.remember(params.sscRemember)
    await b.ssc.start()
    await b.tick(input.length)
    expect(b.clock.now()).toBe(expected.clockAtEnd)
    expect(outputs).toHaveLength(expected.numOutputs)
    // Spark remembers a window's parent for the whole window, which is open to the left: each
    // window here needs one result less.
    const streams = { window2, window1, mapped }
    for (const [below, name] of (['window2', 'window1', 'mapped'] as const).entries()) {
      const { node } = streams[name]
      const less = below * params.batchMs
      const { has, hasNot } = expected.retained[name]
      expect(node.rememberMs, name).toBe(expected.rememberMs[name] - less)
      const times = kept(streams[name])
      expect(times.at(-1), name).toBe(has[0])
      expect(times[0], name).toBe(has[1] + less)
      for (const time of hasNot) expect(times, name).not.toContain(time)
    }
    await b.stop()
  })

  sparkTest('basic-cleanup-blocks', async ({ params }) => {
    const b = bench({ batchInterval: params.batchMs })
    const receiver = new Hand()
    const input = b.ssc.receiverStream(receiver)
    const mapped = input.map(line => line).persist()
    const mappedRdds: RddNode[] = []
    const inputRdds: RddNode[] = []
    const outputs: string[][] = []
    mapped.foreachRDD(async (rdd, time) => {
      mappedRdds.push(rdd.node)
      inputRdds.push((await input.node.generated.get(time))!)
      outputs.push(await rdd.collect())
    })
    // Spark remembers a result for one slide; Pelton for no time unless it is asked to.
    b.ssc.remember(params.batchMs)
    await b.ssc.start()
    const bytes: number[] = []
    for (const line of params.lines) {
      // As the receiver of a socket stores it.
      await receiver.line(line)
      await b.tick()
      await turn()
      bytes.push(b.ssc.metrics().arenaBytes)
    }
    expect(outputs.flat()).toEqual(params.lines)
    const [earliest, newest] = [0, params.lines.length - 1] as const
    const blocksOf = (rdd: RddNode) => rdd.holdings.dataset
    expect(blocksOf(mappedRdds[newest]!)).toBeDefined()
    expect(blocksOf(inputRdds[newest]!)).toBeDefined()
    expect(blocksOf(mappedRdds[earliest]!)).toBeUndefined()
    expect(blocksOf(inputRdds[earliest]!)).toBeUndefined()
    expect(kept(input)).toEqual([b.clock.now()])
    // Batches of one size: once the first ones are gone, none adds to the arena.
    expect(new Set(bytes.slice(2)).size).toBe(1)
    await b.stop()
  })

  sparkTest('win-persist', async ({ params, input, expected }) => {
    const b = bench({ batchInterval: params.batchMs })
    const stream = b.ssc.queueStream<number>(input)
    expect(stream.node.persisted).toBe(false)
    const windowed = stream.window(params.windowMs)
    const level = (persisted: boolean) => (persisted ? /^MEMORY/ : /^NONE$/)
    const [made, persisted] = expected.steps
    expect(made['window.storageLevel']).toMatch(level(windowed.node.persisted))
    expect(made['input.storageLevel']).toMatch(level(stream.node.persisted))
    windowed.persist()
    expect(persisted['window.storageLevel']).toMatch(level(windowed.node.persisted))
    expect(persisted['input.storageLevel']).toMatch(level(stream.node.persisted))
    await b.stop()
  })

  // How long Spark's input remembers a batch is not compared: here it does while the batch runs.
  sparkTest('jobgen-6222', async ({ params }) => {
    const { batchMs, batches, blockedBatch } = params
    for (const concurrentJobs of [1, 2]) {
      const b: Bench = bench({ batchInterval: batchMs, concurrentJobs })
      const receiver = new Hand()
      const [blocked, go] = [gate(), gate()]
      const seen = new Map<number, string[]>()
      b.ssc.receiverStream(receiver).foreachRDD(async (rdd, time) => {
        if (time === blockedBatch * batchMs) {
          blocked.open()
          await go.opened
        }
        seen.set(time, await rdd.collect())
      })
      const submitted: number[] = []
      b.ssc.on('batchSubmitted', ({ batchTime }) => submitted.push(batchTime))
      await b.ssc.start()
      for (let batch = 1; batch <= batches; batch++) {
        await receiver.store(`received ${batch}`)
        b.clock.advance(batchMs)
        if (batch < blockedBatch) await b.ssc.whenIdle()
        else if (batch === blockedBatch) await blocked.opened
        // With two jobs at once, later batches end while the blocked one still runs.
        else if (concurrentJobs > 1) await until(() => seen.has(batch * batchMs))
      }
      expect(submitted).toHaveLength(batches)
      expect(seen.has(blockedBatch * batchMs)).toBe(false)
      go.open()
      await b.ssc.whenIdle()
      expect(Object.fromEntries(seen)).toEqual(
        Object.fromEntries(submitted.map((time, i) => [time, [`received ${i + 1}`]])),
      )
      await b.stop()
    }
  })
})
