/**
 * Outputs: iterators and Node streams over batches, several operations a batch, several jobs at
 * once,
 * and what listeners and metrics tell of them.
 *
 * What it can't catch: a reader that is slow in bytes rather than in batches.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { BatchInfo, BatchRows } from 'pelton'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { gate, rejection, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
afterEach(() => shared.check())
afterAll(() => shared.close())

const counting = (n: number): number[][] => Array.from({ length: n }, (_, i) => [i])
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('batches()', () => {
  test('gives every batch in order, empty ones too, and ends with the context', async () => {
    const { ssc, tick } = shared.rig()
    const batches = ssc.queueStream([[1, 2], [], [3]]).batches()
    await ssc.start()
    await tick(3)
    await ssc.stop()
    const seen: BatchRows<number>[] = []
    for await (const batch of batches) seen.push(batch)
    expect(seen).toEqual([
      { time: 1000, rows: [1, 2] },
      { time: 2000, rows: [] },
      { time: 3000, rows: [3] },
    ])
  })

  test('a reader that waits gets a batch as soon as it is done', async () => {
    const { ssc, clock } = shared.rig()
    const batches = ssc.queueStream(counting(3)).batches()
    await ssc.start()
    const first = batches.next()
    const second = batches.next()
    clock.advance(2000)
    expect(await first).toEqual({ done: false, value: { time: 1000, rows: [0] } })
    expect(await second).toEqual({ done: false, value: { time: 2000, rows: [1] } })
    const third = batches.next()
    await ssc.stop()
    expect(await third).toEqual({ done: true, value: undefined })
    expect(await batches.next()).toEqual({ done: true, value: undefined })
  })

  test('is bounded: the job waits for a slow reader, and goes on when it reads', async () => {
    const { ssc, clock } = shared.rig()
    const done: number[] = []
    const batches = ssc.queueStream(counting(20)).batches()
    ssc.on('batchCompleted', batch => done.push(batch.batchTime / 1000))
    const started: number[] = []
    ssc.on('batchStarted', batch => started.push(batch.batchTime / 1000))
    await ssc.start()
    clock.advance(20_000)
    // As long as something still moves, another turn of the event loop shows it.
    for (let idle = 0; idle < 50; idle++) {
      const before = done.length
      await turn()
      if (done.length !== before) idle = 0
    }
    expect(done.length).toBeLessThanOrEqual(8)
    expect(done.length).toBeGreaterThanOrEqual(7)
    expect(started.length).toBe(done.length + 1)
    const seen: number[] = []
    for await (const { rows } of batches) {
      seen.push(...rows)
      if (seen.length === 20) break
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i))
    await ssc.stop()
  })

  test('a reader that leaves no longer holds the job up', async () => {
    const { ssc, clock } = shared.rig()
    const batches = ssc.queueStream(counting(30)).batches()
    await ssc.start()
    clock.advance(30_000)
    for await (const { time } of batches) {
      if (time === 2000) break
    }
    await ssc.whenIdle()
    expect(ssc.metrics().batches).toBe(30)
    expect(await batches.next()).toEqual({ done: true, value: undefined })
    await ssc.stop()
  })

  test('an error of its stream reaches the reader after the batches before it', async () => {
    const { ssc, clock } = shared.rig()
    const batches = ssc
      .queueStream(counting(5))
      .map(x => {
        if (x === 3) throw new Error('three')
        return x
      })
      .batches()
    await ssc.start()
    clock.advance(5000)
    await ssc.whenIdle()
    const seen: number[] = []
    const reading = async (): Promise<void> => {
      for await (const { rows } of batches) seen.push(...rows)
    }
    const error = await rejection(reading())
    expect(error.message).toContain('three')
    expect(seen).toEqual([0, 1, 2])
    await ssc.stop()
  })

  test('an error of another output does not end the iteration', async () => {
    const { ssc, clock, errors } = shared.rig()
    const stream = ssc.queueStream(counting(3))
    const batches = stream.batches()
    stream.foreachRDD((_, time) => {
      if (time === 2000) throw new Error('elsewhere')
    })
    await ssc.start()
    clock.advance(3000)
    const seen: number[] = []
    for await (const { rows } of batches) {
      seen.push(...rows)
      if (seen.length === 3) break
    }
    expect(seen).toEqual([0, 1, 2])
    await ssc.whenIdle()
    expect(errors).toEqual([expect.stringContaining('elsewhere')])
    await ssc.stop()
  })

  test('a source that fails ends it with the error', async () => {
    const { ssc, errors } = shared.rig()
    const batches = ssc
      .from(
        // biome-ignore lint/correctness/useYield: it fails before it has anything
        (async function* (): AsyncGenerator<number> {
          throw new Error('no source')
        })(),
      )
      .batches()
    await ssc.start()
    expect((await rejection(batches.next())).message).toContain('no source')
    expect((await rejection(ssc.awaitTermination())).code).toBe('INPUT_FAILED')
    expect(errors).toEqual([])
    await ssc.stop()
  })

  test('a stop that the reader asks for ends its own loop', async () => {
    const { ssc, clock } = shared.rig()
    const batches = ssc.queueStream(counting(20)).batches()
    await ssc.start()
    clock.advance(20_000)
    const seen: number[] = []
    for await (const { time } of batches) {
      seen.push(time)
      if (time === 3000) await ssc.stop()
    }
    expect(seen.slice(0, 3)).toEqual([1000, 2000, 3000])
    expect(ssc.getState()).toBe('STOPPED')
  })
})

describe('toReadable()', () => {
  test('gives the rows of all batches and ends with the context', async () => {
    const { ssc, tick } = shared.rig()
    const readable = ssc.queueStream([[1, 2], [], [3]]).toReadable()
    const rows: unknown[] = []
    const piped = pipeline(readable, async (source: AsyncIterable<unknown>) => {
      for await (const row of source) rows.push(row)
    })
    await ssc.start()
    await tick(3)
    await ssc.stop()
    await piped
    expect(rows).toEqual([1, 2, 3])
  })

  test('fails with the error of the job', async () => {
    const { ssc, tick } = shared.rig()
    const readable: Readable = ssc
      .queueStream([[1]])
      .map(() => {
        throw new Error('bad row')
      })
      .toReadable()
    const read = async (): Promise<void> => {
      for await (const row of readable) expect.unreachable(`${row}`)
    }
    const failed = rejection(read())
    await ssc.start()
    await tick()
    expect((await failed).message).toContain('bad row')
    await ssc.stop()
  })
})

describe('several outputs', () => {
  test('of a batch run one after the other, in the order of their definition', async () => {
    const { ssc, tick } = shared.rig()
    const order: string[] = []
    const stream = ssc.queueStream([[1], [2]])
    const slow = gate()
    stream.foreachRDD(async (_, time) => {
      order.push(`a ${time}`)
      if (time === 1000) await slow.opened
      order.push(`a done ${time}`)
    })
    stream.map(x => x).foreachRDD((_, time) => void order.push(`b ${time}`))
    stream.foreachRDD((_, time) => void order.push(`c ${time}`))
    await ssc.start()
    const ticked = tick(2)
    await turn()
    slow.open()
    await ticked
    const batch = (time: number): string[] => [
      `a ${time}`,
      `a done ${time}`,
      `b ${time}`,
      `c ${time}`,
    ]
    expect(order).toEqual([...batch(1000), ...batch(2000)])
    await ssc.stop()
  })

  test('share the work of a persisted stream', async () => {
    const { ssc, tick } = shared.rig()
    const tasks: number[] = []
    ssc.on('taskCompleted', task => tasks.push(task.rowsIn))
    const mapped = ssc.queueStream([[1, 2, 3]]).map(x => x * 2)
    mapped.persist()
    const seen: number[][] = []
    for (let i = 0; i < 3; i++) mapped.foreachRDD(async rdd => seen.push(await rdd.collect()))
    await ssc.start()
    await tick()
    expect(seen).toEqual([
      [2, 4, 6],
      [2, 4, 6],
      [2, 4, 6],
    ])
    expect(tasks).toEqual([3])
    await ssc.stop()
  })
})

describe('concurrentJobs', () => {
  test('1: a batch begins when the one before has ended', async () => {
    const running = await overlap(1)
    expect(Math.max(...running)).toBe(1)
  })

  test('2: two batches run at once, never three', async () => {
    const running = await overlap(2)
    expect(Math.max(...running)).toBe(2)
  })

  /** How many jobs ran whenever one began. */
  async function overlap(concurrentJobs: number): Promise<number[]> {
    const { ssc, clock } = shared.rig({ concurrentJobs })
    let now = 0
    const running: number[] = []
    ssc.queueStream(counting(6)).foreachRDD(async rdd => {
      running.push(++now)
      await rdd.collect()
      await turn()
      now--
    })
    await ssc.start()
    clock.advance(6000)
    await ssc.whenIdle()
    await ssc.stop()
    expect(running).toHaveLength(6)
    return running
  }

  test('2: results are the same, windows included, with a slow first batch', async () => {
    const { ssc, clock } = shared.rig({ concurrentJobs: 2 })
    const slow = gate()
    const windows = new Map<number, number[]>()
    const sums = new Map<number, unknown>()
    const stream = ssc.queueStream([[1], [2], [3], [4], [5], [6]])
    stream.foreachRDD(async (_, time) => {
      if (time === 1000) await slow.opened
      if (time === 4000) slow.open()
    })
    stream.window(3000).foreachRDD(async (rdd, time) => {
      windows.set(time, await rdd.collect())
    })
    stream
      .map(x => ['sum', x] as [string, number])
      .window(2000, 2000)
      .reduceByKey((a, b) => a + b)
      .foreachRDD(async (rdd, time) => {
        sums.set(time, await rdd.collect())
      })
    await ssc.start()
    clock.advance(6000)
    await ssc.whenIdle()
    expect([...windows].sort(([a], [b]) => a - b)).toEqual([
      [1000, [1]],
      [2000, [1, 2]],
      [3000, [1, 2, 3]],
      [4000, [2, 3, 4]],
      [5000, [3, 4, 5]],
      [6000, [4, 5, 6]],
    ])
    expect([...sums].sort(([a], [b]) => a - b)).toEqual([
      [2000, [['sum', 3]]],
      [4000, [['sum', 7]]],
      [6000, [['sum', 11]]],
    ])
    await ssc.stop()
  })

  test('2: an iterator still gives its batches in order of time', async () => {
    const { ssc, clock } = shared.rig({ concurrentJobs: 2 })
    const slow = gate()
    const batches = ssc
      .queueStream(counting(6))
      .transform(async (rdd, time) => {
        if (time === 1000) await slow.opened
        // By then the second batch has its rows.
        if (time === 2000) void turn().then(turn).then(turn).then(slow.open)
        return rdd
      })
      .batches()
    await ssc.start()
    clock.advance(6000)
    await ssc.whenIdle()
    await ssc.stop()
    const times: number[] = []
    for await (const { time } of batches) times.push(time)
    expect(times).toEqual([1000, 2000, 3000, 4000, 5000, 6000])
  })
})

describe('listeners', () => {
  test('hear of a batch and its outputs, in order', async () => {
    const { ssc, tick } = shared.rig()
    const heard: string[] = []
    const stream = ssc.queueStream([[1, 2, 3]])
    stream.foreachRDD(rdd => rdd.count())
    stream.foreachRDD(() => {
      throw new Error('second')
    })
    ssc.on('started', ({ time }) => heard.push(`started ${time}`))
    ssc.on('batchSubmitted', b => heard.push(`submitted ${b.batchTime}`))
    ssc.on('batchStarted', b => heard.push(`started ${b.batchTime}`))
    ssc.on('outputOperationStarted', o => heard.push(`output ${o.id} ${o.name}`))
    ssc.on('outputOperationCompleted', o =>
      heard.push(`output ${o.id} done ${o.failureReason === undefined}`),
    )
    ssc.on('batchCompleted', b => heard.push(`completed ${b.batchTime}`))
    ssc.on('stopped', ({ time }) => heard.push(`stopped ${time}`))
    await ssc.start()
    await tick()
    await ssc.stop()
    expect(heard).toEqual([
      'started 0',
      'submitted 1000',
      'started 1000',
      'output 0 foreachRDD',
      'output 0 done true',
      'output 1 foreachRDD',
      'output 1 done false',
      'completed 1000',
      'stopped 1000',
    ])
  })

  test('get rows by input, and delays that add up', async () => {
    const { ssc, clock } = shared.rig()
    const go = gate()
    const infos: Record<string, BatchInfo> = {}
    const a = ssc.queueStream([[1, 2, 3], [4]])
    const b = ssc.queueStream([[5], []])
    a.union(b).foreachRDD(async (_, time) => {
      if (time === 1000) await go.opened
    })
    for (const name of ['batchSubmitted', 'batchStarted', 'batchCompleted'] as const) {
      ssc.on(name, batch => {
        infos[`${name} ${batch.batchTime}`] = batch
      })
    }
    await ssc.start()
    clock.advance(1000)
    await turn()
    clock.advance(1300)
    go.open()
    await ssc.whenIdle()
    expect(infos['batchSubmitted 1000']).toMatchObject({
      numRecords: 4,
      streamIdToInputInfo: new Map([
        [0, { inputStreamId: 0, numRecords: 3, metadata: {} }],
        [1, { inputStreamId: 1, numRecords: 1, metadata: {} }],
      ]),
      submissionTime: 1000,
    })
    expect(infos['batchSubmitted 1000']).not.toHaveProperty('schedulingDelay')
    expect(infos['batchStarted 2000']).toMatchObject({ processingStartTime: 2300 })
    expect(infos['batchStarted 2000']).not.toHaveProperty('processingDelay')
    expect(infos['batchCompleted 1000']).toMatchObject({
      schedulingDelay: 0,
      processingDelay: 1300,
      totalDelay: 1300,
      processingEndTime: 2300,
    })
    expect(infos['batchCompleted 2000']).toMatchObject({
      numRecords: 1,
      schedulingDelay: 300,
      processingDelay: 0,
      totalDelay: 300,
    })
    const output = infos['batchCompleted 1000']!.outputOperationInfos.get(0)
    expect(output).toMatchObject({ id: 0, name: 'foreachRDD', startTime: 1000, endTime: 2300 })
    expect(output).toHaveProperty('duration', 1300)
    expect(output!.description).toMatch(/^foreachRDD at .*outputs\.test\.ts:\d+/)
    await ssc.stop()
  })

  test('that throw disturb neither the batch nor each other', async () => {
    const { ssc, tick, warnings } = shared.rig()
    const seen: number[][] = []
    let heard = 0
    ssc.queueStream([[1], [2]]).foreachRDD(async rdd => seen.push(await rdd.collect()))
    ssc.on('batchStarted', () => {
      throw new Error('bad listener')
    })
    const off = ssc.on('batchStarted', () => heard++)
    await ssc.start()
    await tick()
    off()
    await tick()
    expect(seen).toEqual([[1], [2]])
    expect(heard).toBe(1)
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/a listener of 'batchStarted' threw: Error: bad listener/)
    await ssc.stop()
  })
})

describe('metrics()', () => {
  test('count batches, rows, tasks and bytes', async () => {
    const { ssc, tick } = shared.rig()
    ssc.queueStream([[1, 2, 3], [4], []]).foreachRDD(rdd => rdd.map(x => x).collect())
    expect(ssc.metrics()).toMatchObject({ batches: 0, rows: 0, tasks: 0 })
    await ssc.start()
    await tick(3)
    const metrics = ssc.metrics()
    expect(metrics).toMatchObject({
      batches: 3,
      rows: 4,
      workers: 2,
      tasks: 2,
      fallbackRows: 0,
      rowBytesThroughPorts: 0,
    })
    expect(metrics.rowsByWorker).toHaveLength(2)
    const rows = metrics.rowsByWorker.reduce((a, b) => a + b)
    expect(rows + metrics.rowsOnMainThread).toBe(4)
    expect(metrics.arenaPeakBytes).toBeGreaterThan(0)
    await ssc.stop()
    expect(ssc.metrics().batches).toBe(3)
  })

  test('say how many rows had to be encoded', async () => {
    const { ssc, tick } = shared.rig()
    ssc
      .queueStream([[1, 2, 3]])
      .map(x => new Map([[x, x]]))
      .foreachRDD(rdd => rdd.collect())
    await ssc.start()
    await tick()
    expect(ssc.metrics().fallbackRows).toBe(3)
    await ssc.stop()
  })
})

describe('print()', () => {
  test('writes what Spark writes', async () => {
    const { ssc, tick } = shared.rig()
    const written: string[] = []
    const write = vi.spyOn(ssc, 'write').mockImplementation(text => void written.push(text))
    const stream = ssc.queueStream<unknown>([['a', ['k', 1], null, 2.5], []])
    stream.print(3)
    await ssc.start()
    await tick(2)
    await ssc.stop()
    const rule = '-'.repeat(43)
    expect(written).toHaveLength(2)
    const [first, second] = written as [string, string]
    const lines = first.split('\n')
    expect(lines.slice(0, 4)).toEqual([rule, 'Time: 1000 ms', rule, 'a'])
    expect(lines.slice(6)).toEqual(['...', '', ''])
    expect(second).toBe(`${rule}\nTime: 2000 ms\n${rule}\n\n`)
    write.mockRestore()
  })
})

describe('saveAsTextFiles()', () => {
  test('writes one directory a batch, and over an old one', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pelton-'))
    try {
      for (const round of [1, 2]) {
        const { ssc, tick } = shared.rig()
        ssc
          .queueStream<unknown>([[round, 2], ['x']], { partitions: 2 })
          .saveAsTextFiles(join(directory, 'out'), 'txt')
        await ssc.start()
        await tick(2)
        await ssc.stop()
        expect(readdirSync(directory).sort()).toEqual(['out-1000.txt', 'out-2000.txt'])
        const part = (time: number, part: number): string =>
          readFileSync(join(directory, `out-${time}.txt`, `part-0000${part}`), 'utf8')
        expect(part(1000, 0) + part(1000, 1)).toBe(`${round}\n2\n`)
        expect(part(2000, 0) + part(2000, 1)).toBe('x\n')
        expect(readdirSync(join(directory, 'out-1000.txt')).sort()).toEqual([
          '_SUCCESS',
          'part-00000',
          'part-00001',
        ])
      }
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
