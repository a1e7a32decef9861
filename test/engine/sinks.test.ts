/**
 * `stream.to(sink)`: when a sink is opened, given batches, asked to commit and closed; tokens; and
 * that a sink which keeps to the contract has each row once, whatever crashes there were.
 *
 * What it can't catch: what a sink does that keeps the contract only nearly.
 */
import { type DStream, ManualClock, Receiver, type Sink, StreamingContext } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { checkpointDisk, sharedRuntime } from '../../src/context.ts'
import type { StreamingContextOptions } from '../../src/options.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { gate, rejection, SharedWorkers, thrown } from './support.ts'

const shared = new SharedWorkers()
afterEach(() => shared.check())
afterAll(() => shared.close())

const counting = (batches: number): number[][] => Array.from({ length: batches }, (_, i) => [i])

/** A sink that tells what it is asked. */
function telling(told: string[], name = ''): Required<Sink<number, number[]>> {
  return {
    open: ({ name: context, output }) => void told.push(`${name}open ${context} ${output}`),
    write: async (rdd, { time }) => {
      told.push(`${name}write ${time}`)
      return await rdd.collect()
    },
    commit: (rows, { time }) => void told.push(`${name}commit ${time}: ${rows}`),
    close: () => void told.push(`${name}close`),
  }
}

describe('the course of things', () => {
  test('open, write and commit for each batch, close', async () => {
    const { ssc, tick } = shared.rig({ name: 'job' })
    const told: string[] = []
    const stream = ssc.queueStream<number>([[1, 2], [], null as never, [3]])
    stream.foreachRDD(() => void told.push('foreachRDD'))
    stream.to(telling(told))
    await ssc.start()
    told.push('started')
    await tick(4)
    await ssc.stop()
    expect(told).toEqual([
      'open job 1',
      'started',
      ...['foreachRDD', 'write 1000', 'commit 1000: 1,2'],
      ...['foreachRDD', 'write 2000', 'commit 2000: '],
      ...['foreachRDD', 'write 4000', 'commit 4000: 3'],
      'close',
    ])
  })

  test('only write is needed', async () => {
    const { ssc, tick } = shared.rig()
    const rows: unknown[] = []
    ssc.queueStream([[1], [2]]).to({ write: async rdd => void rows.push(await rdd.collect()) })
    await ssc.start()
    await tick(2)
    await ssc.stop()
    expect(rows).toEqual([[1], [2]])
  })

  test('a sink may be an object of a class, and serve one context after the other', async () => {
    class Rows implements Sink<number, number> {
      readonly told: string[] = []
      #isOpen = false
      open() {
        this.#isOpen = true
      }
      async write(rdd: { count(): Promise<number> }) {
        return await rdd.count()
      }
      commit(count: number) {
        this.told.push(`${count} ${this.#isOpen}`)
      }
      close() {
        this.#isOpen = false
      }
    }
    const rows = new Rows()
    for (let round = 0; round < 2; round++) {
      const { ssc, tick } = shared.rig()
      ssc.queueStream([[1, 2]]).to(rows)
      await ssc.start()
      await tick()
      await ssc.stop()
    }
    expect(rows.told).toEqual(['2 true', '2 true'])
  })

  test('commits come in order of time, one at a time, where batches overlap', async () => {
    const { ssc, clock } = shared.rig({ concurrentJobs: 3 })
    const told: string[] = []
    const slow = gate()
    let committing = 0
    ssc.queueStream(counting(6)).to({
      async write(_, { time }) {
        told.push(`write ${time}`)
        if (time === 1000) await slow.opened
        if (time === 3000) slow.open()
      },
      async commit(_, { time }) {
        expect(++committing).toBe(1)
        await new Promise(resolve => setImmediate(resolve))
        committing--
        told.push(`commit ${time}`)
      },
    })
    await ssc.start()
    clock.advance(6000)
    await ssc.whenIdle()
    await ssc.stop()
    const times = [1000, 2000, 3000, 4000, 5000, 6000]
    expect(told.filter(one => /commit/.test(one))).toEqual(times.map(time => `commit ${time}`))
    expect(told.indexOf('write 3000')).toBeLessThan(told.indexOf('commit 1000'))
  })

  test('what write or commit rejects with is told; later batches go on', async () => {
    const { ssc, tick, errors } = shared.rig()
    const told: string[] = []
    const sink = telling(told)
    ssc.queueStream(counting(4)).to({
      ...sink,
      async write(rdd, batch) {
        if (batch.time === 1000) throw new Error('no write')
        return await sink.write(rdd, batch)
      },
      commit(rows, batch) {
        if (batch.time === 3000) throw new Error('no commit')
        return sink.commit(rows, batch)
      },
    })
    await ssc.start()
    await tick(4)
    await ssc.stop()
    expect(told.filter(one => /commit/.test(one))).toEqual(['commit 2000: 1', 'commit 4000: 3'])
    expect(errors[0]).toMatch(/to at .*sinks\.test\.ts:\d+:\d+ failed .* 1000 ms: no write/)
    expect(errors[1]).toMatch(/3000 ms: no commit/)
    expect(errors).toHaveLength(2)
  })

  test('start() rejects where a sink can’t be opened, and those before it are closed', async () => {
    const { ssc } = shared.rig()
    const told: string[] = []
    const stream = ssc.queueStream(counting(1))
    stream.to(telling(told, 'a '))
    stream.to({
      ...telling(told, 'b '),
      open() {
        throw new Error('no such table')
      },
    })
    stream.to(telling(told, 'c '))
    const error = await rejection(ssc.start())
    expect(error).toMatchObject({ name: 'PeltonError', code: 'SINK', operator: 'to' })
    expect(error.message).toMatch(/^to at .*:\d+:\d+ could not open its sink: no such table$/)
    expect(told).toEqual(['a open pelton 0', 'a close'])
  })

  test('a close that fails is a warning, and the others are closed', async () => {
    const { ssc, warnings } = shared.rig()
    const told: string[] = []
    const stream = ssc.queueStream(counting(1))
    stream.to({
      ...telling(told, 'a '),
      close() {
        throw new Error('still busy')
      },
    })
    stream.to(telling(told, 'b '))
    await ssc.start()
    await ssc.stop()
    expect(told.at(-1)).toBe('b close')
    expect(warnings).toEqual([expect.stringMatching(/stop: .* could not close its sink: still/)])
  })

  test('a stop while a sink is opened closes it', async () => {
    const { ssc } = shared.rig()
    const told: string[] = []
    const [opening, go] = [gate(), gate()]
    ssc.queueStream(counting(1)).to({
      ...telling(told),
      async open() {
        opening.open()
        await go.opened
        told.push('open')
      },
    })
    const starting = ssc.start()
    await opening.opened
    const stopping = ssc.stop()
    go.open()
    await Promise.all([starting, stopping])
    expect(told).toEqual(['open', 'close'])
  })

  test('a batch that a stop has given up is not committed any more', async () => {
    const { ssc, clock, warnings } = shared.rig({ gracefulStopTimeout: 1 })
    const told: string[] = []
    const go = gate()
    const written = Promise.withResolvers<void>()
    ssc.queueStream(counting(1)).to({
      ...telling(told),
      async write() {
        await go.opened
        setImmediate(written.resolve)
        return []
      },
    })
    await ssc.start()
    clock.advance(1000)
    await ssc.stop()
    expect(warnings[0]).toMatch(/the batch at 1000 ms still runs/)
    go.open()
    await written.promise
    expect(told).toEqual(['open pelton 0', 'close'])
  })
})

describe('misuse', () => {
  test.each([
    ['nothing', undefined],
    ['a path', 'out'],
    ['a function', () => undefined],
    ['an object without write', { commit() {} }],
    ['a commit that is no function', { write() {}, commit: 5 }],
  ])('%s is no sink', async (_, sink) => {
    const { ssc } = shared.rig()
    const stream = ssc.queueStream([[1]])
    const error = thrown(() => stream.to(sink as never))
    expect(error).toMatchObject({ code: 'OPTION', operator: 'to' })
    expect(error.message).toContain('to needs a sink: an object with write(rdd, batch)')
    await ssc.stop()
  })

  test('a sink takes one stream of a context', async () => {
    const { ssc } = shared.rig()
    const sink = telling([])
    const stream = ssc.queueStream([[1]])
    stream.to(sink)
    const error = thrown(() => stream.map(x => x).to(sink))
    expect(error.message).toMatch(/^to got a sink that has a stream already; make another sink/)
    await ssc.stop()
  })

  test('after the start it is too late', async () => {
    const { ssc } = shared.rig()
    const stream = ssc.queueStream([[1]])
    stream.to(telling([]))
    await ssc.start()
    expect(thrown(() => stream.to(telling([]))).code).toBe('STATE')
    await ssc.stop()
  })
})

test('tokens are of one output, batch and context name', async () => {
  const all: string[] = []
  for (const name of ['a', 'b', 'a/0']) {
    const { ssc, tick } = shared.rig({ name })
    const tokens: string[] = []
    const stream = ssc.queueStream(counting(2))
    stream.foreachRDD((_rdd, time, token) => void tokens.push(`${time} ${token}`))
    stream.to({ write: (_, { time, token }) => void tokens.push(`${time} ${token}`) })
    await ssc.start()
    await tick(2)
    await ssc.stop()
    expect(tokens[0]).toBe(`1000 ${name}/0/1000`)
    expect(tokens[1]).toBe(`1000 ${name}/1/1000`)
    all.push(...tokens.map(text => text.split(' ')[1]!))
  }
  expect(new Set(all).size).toBe(12)
})

/** A database that outlives its program: rows by token, changed in one step. */
class Database {
  readonly rows = new Map<string, unknown[]>()
  /** How often a batch came again that was there. */
  repeats = 0

  put(token: string, rows: unknown[]): void {
    if (this.rows.has(token)) this.repeats++
    else this.rows.set(token, rows)
  }
}

class Told extends Receiver<string> {
  onStart() {}
  onStop() {}
  get stored(): number {
    return (this.position as number | undefined) ?? 0
  }
}

const words = Array.from({ length: 24 }, (_, i) => `w${i}`)

/** Two sinks and a foreachRDD that keep their rows by token. */
function program(disk: MemoryDisk, databases: readonly Database[], point: Point) {
  const clock = new ManualClock(0)
  const receiver = new Told()
  const ssc = new StreamingContext({
    batchInterval: 1000,
    checkpointInterval: 2000,
    clock,
    handleSignals: false,
    logger: { warn() {}, error() {} },
    [sharedRuntime]: shared.runtime,
    [checkpointDisk]: disk,
  } as StreamingContextOptions)
  const stream: DStream<string> = ssc.receiverStream(receiver)
  const sinkTo = (database: Database): Sink<string, string[]> => ({
    async write(rdd) {
      await point('write')
      return await rdd.collect()
    },
    async commit(rows, { token }) {
      await point('before commit')
      database.put(token, rows)
      await point('after commit')
    },
  })
  stream.to(sinkTo(databases[0]!))
  stream.map(word => word.toUpperCase()).to(sinkTo(databases[1]!))
  stream.foreachRDD(async (rdd, _, token) => {
    const rows = await rdd.collect()
    await point('foreachRDD')
    databases[2]!.put(token, rows)
    await point('foreachRDD done')
  })
  const sendAll = async (): Promise<void> => {
    await ssc.start()
    while (receiver.stored < words.length) {
      const to = receiver.stored + 3
      await receiver.store(words.slice(receiver.stored, to), to)
      clock.advance(1000)
      await ssc.whenIdle()
    }
    clock.advance(1000)
    await ssc.whenIdle()
  }
  return { ssc, sendAll }
}

type Point = (name: string) => Promise<void>

test('rows are there once, whichever point of an output is the last', async () => {
  let deaths = 0
  let repeats = 0
  for (let at = 1; ; at++) {
    const databases = [new Database(), new Database(), new Database()]
    const died = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    let points = 0
    const disk = new MemoryDisk()
    let isOver = false
    const first = program(disk, databases, async () => {
      // Those that the process had no time for must not go on when they are let go.
      if (isOver) throw new Error('the process is dead')
      if (++points < at) return
      died.resolve()
      await released.promise
      throw new Error('the process is dead')
    })
    const sending = first.sendAll()
    const isDead = await Promise.race([died.promise.then(() => true), sending.then(() => false)])
    const after = disk.crash({ seed: at })
    isOver = true
    released.resolve()
    await sending.catch(() => undefined)
    await first.ssc.stop()
    const second = program(after, databases, async () => undefined)
    await second.sendAll()
    await second.ssc.stop()
    const rows = databases.map(database => [...database.rows.values()].flat().sort())
    const upper = words.map(word => word.toUpperCase())
    const all = [[...words].sort(), upper.sort(), [...words].sort()]
    expect(rows, `a death at point ${at}`).toEqual(all)
    repeats += databases.reduce((sum, database) => sum + database.repeats, 0)
    if (!isDead) break
    deaths++
  }
  expect(deaths).toBeGreaterThan(50)
  // Batches did come again: a sink that took them again would have them twice.
  expect(repeats).toBeGreaterThan(20)
})
