/**
 * Rates in a whole context, on a manual clock: what a batch has at most, how a rate follows the
 * speed of processing, and that no stop waits for a rate.
 *
 * What it can't catch: how evenly rows come on a machine whose main thread is busy.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { PidRateEstimator } from '../../src/engine/rate-estimator.ts'
import {
  type BatchInfo,
  type DStream,
  Receiver,
  type StreamingContext,
  SystemClock,
} from '../../src/index.ts'
import { nextBatch } from '../engine/support.ts'
import { type Bench, benches, intervalMs, turn, until } from '../receivers/harness.ts'

const bench = benches()

/** A receiver of the test's: it runs `bring` until it is stopped, and waits for it then. */
class Loop extends Receiver<unknown> {
  readonly #bring: (receiver: Loop) => Promise<void>
  #ended: Promise<void> | undefined
  stores = 0

  constructor(bring: (receiver: Loop) => Promise<void>) {
    super()
    this.#bring = bring
  }

  onStart(): void {
    this.#ended = this.#bring(this)
  }

  async onStop(): Promise<void> {
    await this.#ended
  }

  row(row: unknown): Promise<void> | undefined {
    return this.storeRow(row)
  }

  text(lines: string): Promise<void> | undefined {
    return this.storeText(Buffer.from(lines))
  }
}

/** Stores again and again, as soon as the store before lets it. */
const storing = (store: (receiver: Loop, count: number) => Promise<void> | undefined): Loop =>
  new Loop(async receiver => {
    while (receiver.isStarted()) {
      await store(receiver, receiver.stores)
      receiver.stores++
    }
  })

const rowByRow = (): Loop => storing((receiver, count) => receiver.store(count))

/** Moves the clock in steps, and lets happen what is due at each. */
async function pass(b: Bench, ms: number, stepMs = 10): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    for (let turns = 0; turns < 4; turns++) await turn()
    b.clock.advance(stepMs)
    await b.ssc.whenIdle()
  }
}

/** Rows of each batch of a stream, the first of its context. */
function counted(b: Bench, stream: DStream<any>): number[] {
  const counts: number[] = []
  stream.foreachRDD(() => undefined)
  b.ssc.on('batchSubmitted', ({ streamIdToInputInfo }) =>
    counts.push(streamIdToInputInfo.get(0)!.numRecords),
  )
  return counts
}

function* endless(): Generator<number> {
  for (let i = 0; ; i++) yield i
}

async function* asyncEndless(): AsyncGenerator<number> {
  yield* endless()
}

const maxRate = 100

describe('maxRate holds for each batch, the first one too', () => {
  const lines = 'a\nb\nc\n'
  const kinds: [kind: string, storeRows: number, make: (ssc: StreamingContext) => DStream<any>][] =
    [
      ['rows', 1, ssc => ssc.receiverStream(rowByRow())],
      ['rows without store()', 1, ssc => ssc.receiverStream(storing((r, n) => r.row(n)))],
      ['arrays', 7, ssc => ssc.receiverStream(storing(r => r.store(Array(7).fill(0))))],
      ['iterators', 5, ssc => ssc.receiverStream(new Loop(async r => void r.store(endless())))],
      ['lines', 3, ssc => ssc.receiverStream(storing(r => r.text(lines)))],
      ['an iterable', 1, ssc => ssc.from(endless())],
      ['an async iterable', 1, ssc => ssc.from(asyncEndless())],
      ['a Readable of objects', 1, ssc => ssc.from(Readable.from(asyncEndless()))],
      ['a Readable of bytes', 3, ssc => ssc.from(textStream(lines))],
    ]
  test.each(kinds)('%s', async (_, storeRows, make) => {
    const b = bench({ maxRate })
    const counts = counted(b, make(b.ssc))
    await b.ssc.start()
    await pass(b, 5 * intervalMs)
    await b.stop()
    expect(counts).toHaveLength(5)
    for (const count of counts) expect(Math.abs(count - maxRate)).toBeLessThanOrEqual(storeRows)
  })

  test('a store larger than a batch is taken at once and paid for', async () => {
    const b = bench({ maxRate })
    const receiver = storing(r => r.store(Array(250).fill(0)))
    const counts = counted(b, b.ssc.receiverStream(receiver))
    await b.ssc.start()
    await pass(b, 8 * intervalMs)
    await b.stop()
    expect(counts).toEqual([250, 0, 250, 0, 0, 250, 0, 250].slice(0, counts.length))
    expect(counts).toHaveLength(8)
  })

  test('without a limit no store waits', async () => {
    const b = bench()
    const waits: (Promise<void> | undefined)[] = []
    const receiver = new Loop(async r => {
      for (let i = 0; i < 100; i++) waits.push(r.row(i), r.text('a\n'))
    })
    const counts = counted(b, b.ssc.receiverStream(receiver))
    await b.ssc.start()
    await b.tick()
    expect(counts).toEqual([200])
    expect(waits.every(wait => wait === undefined)).toBe(true)
    expect(b.ssc.metrics().receiverRates).toEqual({})
    await b.stop()
  })

  test('rows of a receiver that waits for nothing are taken all the same', async () => {
    const b = bench({ maxRate: 1 })
    const receiver = new Loop(async r => {
      for (let i = 0; i < 30_000; i++) void r.store(i)
    })
    const counts = counted(b, b.ssc.receiverStream(receiver))
    await b.ssc.start()
    await b.tick()
    expect(counts).toEqual([30_000])
    await b.stop()
  })

  test('the rate and the room are both waited for', async () => {
    const b = bench({ maxRate: 50, memory: '4MiB' })
    const receiver = storing(r => r.store('x'.repeat(100_000)))
    const batches = b.collect(b.ssc.receiverStream(receiver))
    await b.ssc.start()
    // The batch would have 50 rows, which is five times the room that a stream may have.
    await pass(b, intervalMs - 10)
    expect(receiver.stores).toBeLessThan(20)
    await pass(b, 10)
    expect(batches[0]!.length).toBeGreaterThan(5)
    await b.stop()
  })
})

function textStream(lines: string): Readable {
  return new Readable({
    highWaterMark: 1,
    read() {
      this.push(lines)
    },
  })
}

/** What the rates of streams became, in order, by stream. */
function rates(b: Bench): number[][] {
  const seen: number[][] = []
  b.ssc.on('rateUpdated', ({ streamId, rate }) => (seen[streamId] ??= []).push(rate))
  return seen
}

/** A stream whose batches take a time of the clock that depends on their rows. */
function slow(b: Bench, stream: DStream<any>, msOf: (rows: number) => number): void {
  stream.foreachRDD(async rdd => {
    b.clock.advance(msOf(await rdd.count()))
  })
}

describe('backpressure', () => {
  test('the rate becomes the speed of the batches', async () => {
    // A batch takes 2 ms a row: 500 rows a second can be done.
    const b = bench({ backpressure: { initialRate: 700 } })
    const seen = rates(b)
    const infos: BatchInfo[] = []
    b.ssc.on('batchCompleted', info => infos.push(info))
    const stream = b.ssc.receiverStream(rowByRow())
    slow(b, stream, rows => rows * 2)
    await b.ssc.start()
    expect(b.ssc.metrics().receiverRates).toEqual({ 0: 700 })
    await pass(b, 20 * intervalMs)
    await b.stop()
    expect(infos[0]!.numRecords).toBeLessThanOrEqual(701)
    expect(seen[0]!.length).toBeGreaterThan(10)
    for (const rate of seen[0]!.slice(-5)) expect(Math.abs(rate - 490)).toBeLessThan(15)
    for (const { numRecords } of infos.slice(-5)) expect(numRecords).toBeLessThan(520)
    for (const { schedulingDelay } of infos.slice(-5)) expect(schedulingDelay).toBeLessThan(50)
    expect(b.ssc.metrics().receiverRates).toEqual({ 0: seen[0]!.at(-1) })
  })

  test('the estimator is told what listeners are told', async () => {
    const gains = { proportional: 0.5, integral: 0.25, derivative: 0.125, minRate: 1 }
    const b = bench({ backpressure: { ...gains, initialRate: 300 } })
    const seen = rates(b)
    const infos: BatchInfo[] = []
    b.ssc.on('batchCompleted', info => infos.push(info))
    const times = [400, 1700, 900, 800, 1200]
    slow(b, b.ssc.receiverStream(rowByRow()), () => times[infos.length] ?? 700)
    await b.ssc.start()
    await pass(b, 8 * intervalMs)
    await b.stop()
    const estimator = new PidRateEstimator(intervalMs, gains)
    const expected = infos.flatMap(info => {
      const { processingEndTime, numRecords, processingDelay, schedulingDelay } = info
      return (
        estimator.compute(processingEndTime!, numRecords, processingDelay!, schedulingDelay!) ?? []
      )
    })
    expect(seen[0]).toEqual(expected)
    expect(infos.some(info => info.schedulingDelay! > 0)).toBe(true)
  })

  test('it rises from a low start, though batches take less than a millisecond', async () => {
    const b = bench({ backpressure: { initialRate: 5, minRate: 1 }, maxRate: 2000 })
    const seen = rates(b)
    b.collect(b.ssc.receiverStream(rowByRow()))
    await b.ssc.start()
    await pass(b, 3 * intervalMs)
    await b.stop()
    // Five rows in a millisecond, at least, are 5000 a second: more than is ever allowed.
    expect(seen[0]!.at(-1)).toBe(2000)
  })

  test('not below the least rate, however slow a batch is, and not above the highest', async () => {
    const b = bench({ backpressure: { initialRate: 40, minRate: 30 }, maxRate: 60 })
    const seen = rates(b)
    let ms = 900
    slow(b, b.ssc.receiverStream(rowByRow()), rows => (rows > 0 ? ms : 0))
    await b.ssc.start()
    await pass(b, 2 * intervalMs)
    ms = 3000
    await pass(b, 4 * intervalMs)
    expect(seen[0]!.at(-1)).toBe(30)
    ms = 1
    await pass(b, 4 * intervalMs)
    expect(seen[0]!.at(-1)).toBe(60)
    await b.stop()
  })

  test('receivers have rates of their own', async () => {
    const b = bench({ backpressure: { initialRate: 200, integral: 0 } })
    const seen = rates(b)
    const infos: BatchInfo[] = []
    b.ssc.on('batchCompleted', info => infos.push(info))
    const arrays = (rows: number) =>
      new Loop(async r => {
        while (r.isStarted()) {
          await r.store(Array(rows).fill(0))
          await r.store([])
        }
      })
    const streams = [
      b.ssc.receiverStream(rowByRow()),
      b.ssc.queueStream([[1]]),
      b.ssc.receiverStream(arrays(50)),
    ]
    for (const stream of streams.slice(1)) stream.foreachRDD(() => undefined)
    slow(b, streams[0]!, () => 400)
    await b.ssc.start()
    await pass(b, 4 * intervalMs)
    await b.stop()
    // Both have the same processing time, so each rate is that stream's rows in 400 ms.
    expect(seen[1]).toBeUndefined()
    for (const id of [0, 2]) {
      const rows = infos.map(info => info.streamIdToInputInfo.get(id)!.numRecords)
      expect(seen[id]).toEqual(rows.slice(1, 1 + seen[id]!.length).map(n => n / 0.4))
      expect(seen[id]!.length).toBeGreaterThan(1)
    }
    expect(Object.keys(b.ssc.metrics().receiverRates)).toEqual(['0', '2'])
  })

  test('no rates after a receiver has ended, and none where it is off', async () => {
    for (const backpressure of [true, false]) {
      const b = bench({ backpressure, maxRate })
      const seen = rates(b)
      slow(b, b.ssc.receiverStream(rowByRow()), () => 10)
      await b.ssc.start()
      await pass(b, 3 * intervalMs)
      const before = seen[0]?.length
      expect(before).toBe(backpressure ? 2 : undefined)
      await b.stop({ graceful: true })
      expect(seen[0]?.length).toBe(before)
    }
  })
})

describe('a stop', () => {
  test.each([false, true])('wakes who waits for the rate (graceful: %s)', async graceful => {
    const b = bench({ maxRate: 0.001 })
    const receivers = [
      rowByRow(),
      storing(r => r.store([1, 2, 3].values())),
      storing(r => r.text('a\n')),
    ]
    const batches = receivers.map(receiver => b.collect(b.ssc.receiverStream(receiver)))
    batches.push(b.collect(b.ssc.from(asyncEndless())))
    await b.ssc.start()
    await pass(b, 100)
    // Their onStop waits for the loop that waits for the rate: it would take 1000 seconds.
    await b.stop({ graceful })
    expect(b.messages).toEqual([])
    const rows = batches.map(all => all.flat().length)
    if (graceful) for (const count of rows) expect(count).toBeGreaterThan(0)
    else expect(rows).toEqual([0, 0, 0, 0])
  })

  test('a graceful one lets a receiver bring what it still has, at any speed', async () => {
    const b = bench({ maxRate: 10 })
    const receiver = new Loop(async r => {
      for (let i = 0; i < 5000; i++) await r.store(i)
    })
    const batches = b.collect(b.ssc.receiverStream(receiver))
    await b.ssc.start()
    await pass(b, intervalMs)
    expect(batches.flat().length).toBeLessThan(12)
    await b.stop({ graceful: true })
    expect(batches.flat()).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  })

  test('a full arena does not hold up whom the stop has woken from the rate', async () => {
    const b = bench({ maxRate: 1, memory: '4MiB' })
    const receiver = new Loop(async r => {
      const rows = Array.from({ length: 20 }, () => 'x'.repeat(100_000))
      await r.store(rows)
    })
    b.collect(b.ssc.receiverStream(receiver))
    await b.ssc.start()
    await turn()
    await b.stop()
    expect(b.messages).toEqual([])
  })

  test('a restart wakes too, and what came before is still paid for', async () => {
    const b = bench({ maxRate })
    const receiver = new Loop(async r => {
      r.stores++
      await r.store(Array(300).fill(0))
      if (!r.isStarted()) return
      await r.store(['second'])
    })
    const batches = b.collect(b.ssc.receiverStream(receiver))
    await b.ssc.start()
    await turn()
    receiver.restart('anew', undefined, 1000)
    await until(() => receiver.isStopped())
    await pass(b, 1000)
    expect(receiver.stores).toBe(2)
    // 600 rows have come: six seconds' worth, and one second is over.
    await pass(b, 4990)
    expect(batches.flat()).not.toContain('second')
    await pass(b, 1010)
    expect(batches.flat()).toContain('second')
    await b.stop()
  })
})

test('between its end and its start again a receiver is as slow as ever', async () => {
  const b = bench({ maxRate })
  // Nobody waits for the iterator, so it goes on over the restart.
  const receiver = new Loop(async r => {
    if (r.stores++ === 0) void r.store(endless())
  })
  const counts = counted(b, b.ssc.receiverStream(receiver))
  await b.ssc.start()
  await pass(b, intervalMs)
  receiver.restart('soon', undefined, 5 * intervalMs)
  await pass(b, 3 * intervalMs)
  expect(receiver.isStopped()).toBe(true)
  for (const count of counts) expect(count).toBeLessThanOrEqual(maxRate * 1.2)
  await b.stop()
})

describe('a socket', () => {
  /** A server that sends as much as the socket takes, in lines of 1000 bytes. */
  async function flood(): Promise<{
    port: number
    sent: () => number
    close: () => Promise<void>
  }> {
    const lines = `${'x'.repeat(999)}\n`.repeat(64)
    let sent = 0
    const sockets: Socket[] = []
    const server = createServer(socket => {
      sockets.push(socket)
      socket.on('error', () => undefined)
      const send = (): void => {
        while (socket.writable) {
          sent += 64
          if (!socket.write(lines)) return
        }
      }
      socket.on('drain', send)
      send()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const close = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
    return { port: (server.address() as AddressInfo).port, sent: () => sent, close }
  }
  /** What one read of a socket has at most. */
  const readRows = 66

  test('is paused while its rate is used up, and its sender has to wait', async () => {
    const { port, sent, close } = await flood()
    const b = bench({ maxRate })
    const counts = counted(b, b.ssc.socketTextStream('127.0.0.1', port))
    await b.ssc.start()
    // The clock stands: one read comes and no other, and the rest stays in the kernel's buffers.
    await until(() => sent() > 0)
    for (let turns = 0; turns < 2000; turns++) await turn()
    expect(sent() * 1000).toBeLessThan(64 * 1024 * 1024)
    await b.tick()
    expect(counts[0]).toBeGreaterThan(0)
    expect(counts[0]).toBeLessThanOrEqual(readRows)
    const rows = (): number => counts.reduce((sum, count) => sum + count, 0)
    for (let batches = 1; batches < 20 || rows() < 1000; batches++) {
      expect(rows()).toBeLessThanOrEqual(batches * maxRate + readRows)
      for (let turns = 0; turns < 50; turns++) await turn()
      await b.tick()
    }
    await b.stop()
    await close()
  })

  test('on the real clock', async () => {
    const { port, close } = await flood()
    const clock = new SystemClock()
    const began = clock.now()
    const b = bench({ clock, batchInterval: 20, maxRate: 5000 })
    const counts = counted(b, b.ssc.socketTextStream('127.0.0.1', port))
    const infos: BatchInfo[] = []
    b.ssc.on('batchSubmitted', info => infos.push(info))
    await b.ssc.start()
    for (let batches = 0; batches < 15; batches++) await nextBatch(b.ssc)
    for (const [at, { submissionTime }] of infos.entries()) {
      const rows = counts.slice(0, at + 1).reduce((sum, count) => sum + count, 0)
      expect(rows).toBeLessThanOrEqual((submissionTime + 1 - began) * 5 + readRows)
    }
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(readRows * 2)
    await b.stop()
    await close()
  })
})
