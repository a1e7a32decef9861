/**
 * Streaming listeners: what each callback is told, in which order, and what one may do wrong.
 *
 * What it can't catch: a callback that blocks the main thread, which delays the batches.
 */
import {
  type BatchInfo,
  type OutputOperationInfo,
  PeltonError,
  Receiver,
  type ReceiverInfo,
  type StreamInputInfo,
  type StreamingListener,
} from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { StreamingListeners } from '../../src/context/listeners.ts'
import { EventBus } from '../../src/engine/events.ts'
import { gate, SharedWorkers, thrown } from '../engine/support.ts'
import { sparkCases } from '../spark/cases.ts'

const shared = new SharedWorkers(1)
afterEach(() => shared.check())
afterAll(() => shared.close())

const names = [
  'onStreamingStarted',
  'onReceiverStarted',
  'onReceiverError',
  'onReceiverStopped',
  'onBatchSubmitted',
  'onBatchStarted',
  'onBatchCompleted',
  'onOutputOperationStarted',
  'onOutputOperationCompleted',
] as const

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const cases = sparkCases('lifecycle', 'unit')

/** What `cases.json` says of one of Spark's cases. */
const expectedOf = (id: string): any => cases.find(one => one.id === id)!.expected

/** A listener with all nine callbacks. */
function allCallbacks(hear: (name: string, info: any) => unknown): StreamingListener {
  return Object.fromEntries(names.map(name => [name, (info: unknown) => hear(name, info)]))
}

/** Does nothing; the test stores rows and reports errors by hand. */
class Hand extends Receiver<number> {
  onStart(): void {}
  onStop(): void {}
}

/** Stands for any of Spark's "contains: …". */
const containing = (expected: string) =>
  expect.stringContaining(expected.replace(/^contains: /, ''))

describe('Spark’s cases', () => {
  test('lst-receiver: started, an error, stopped', async () => {
    const { ssc } = shared.rig()
    const heard: Record<string, ReceiverInfo[]> = {}
    const hear = (name: string, info: ReceiverInfo) => (heard[name] ??= []).push(info)
    const { onReceiverStarted, onReceiverError, onReceiverStopped } = allCallbacks(hear)
    ssc.addStreamingListener({ onReceiverStarted, onReceiverError, onReceiverStopped } as never)
    const receiver = new Hand()
    ssc.receiverStream(receiver).foreachRDD(() => undefined)
    await ssc.start()
    receiver.reportError('test report error', new Error('test report exception'))
    receiver.stop('test stop error')
    await turn()
    await ssc.stop()
    const { started, stopped, errors } = expectedOf('lst-receiver')
    expect(heard['onReceiverStarted']!.map(info => info.streamId)).toEqual(started)
    expect(heard['onReceiverStopped']!.map(info => info.streamId)).toEqual(stopped)
    expect(
      heard['onReceiverError']!.map(info => [
        info.streamId,
        info.lastErrorMessage,
        String(info.lastError),
      ]),
    ).toEqual(
      errors.map(([id, ...texts]: [number, string, string]) => [id, ...texts.map(containing)]),
    )
    expect(heard['onReceiverStarted']).toEqual([{ streamId: 0, name: 'Hand-0', active: true }])
    expect(heard['onReceiverError']![0]).toMatchObject({ active: true, lastErrorTime: 0 })
    expect(heard['onReceiverStopped']![0]).toMatchObject({
      active: false,
      lastErrorMessage: 'test stop error',
    })
  })

  test('lst-outputops: ids from 0 in each batch, in the order of definition', async () => {
    const { ssc, tick } = shared.rig()
    const started: OutputOperationInfo[] = []
    const completed: OutputOperationInfo[] = []
    ssc.addStreamingListener({
      onOutputOperationStarted: info => started.push(info),
      onOutputOperationCompleted: info => completed.push(info),
    })
    const stream = ssc.queueStream([[1, 2], [3]])
    stream.foreachRDD(rdd => rdd.count())
    stream.foreachRDD(rdd => rdd.collect())
    stream.foreachRDD(rdd => rdd.count())
    await ssc.start()
    await tick(2)
    await ssc.stop()
    const { firstStartedIds, firstCompletedIds } = expectedOf('lst-outputops')
    for (const time of [1000, 2000]) {
      const ids = (infos: OutputOperationInfo[]) =>
        infos.filter(info => info.batchTime === time).map(info => info.id)
      expect(ids(started)).toEqual(firstStartedIds)
      expect(ids(completed)).toEqual(firstCompletedIds)
    }
    expect(started[0]).toEqual({
      batchTime: 1000,
      id: 0,
      name: 'foreachRDD',
      description: expect.stringMatching(/^foreachRDD at .*listeners\.test\.ts:\d+$/),
      startTime: 1000,
    })
    expect(completed[0]).toEqual({ ...started[0], endTime: 1000, duration: 0 })
  })

  test('lst-fail2: every output runs, and those that fail say why', async () => {
    const { ssc, tick } = shared.rig()
    const batches: BatchInfo[] = []
    ssc.addStreamingListener({ onBatchCompleted: batch => batches.push(batch) })
    ssc.on('error', () => undefined)
    const stream = ssc.queueStream([[1]])
    stream.foreachRDD(() => {
      throw new Error('This is a failed job')
    })
    stream.foreachRDD(() => {
      throw new Error('This is another failed job')
    })
    stream.foreachRDD(rdd => rdd.count())
    await ssc.start()
    await tick()
    await ssc.stop()
    const infos = [...batches[0]!.outputOperationInfos.values()]
    const { failureReasons } = expectedOf('lst-fail2')
    const reasons = infos.filter(info => info.failureReason !== undefined)
    expect(Object.fromEntries(reasons.map(info => [info.id, info.failureReason]))).toEqual(
      Object.fromEntries(
        Object.entries<string>(failureReasons).map(([id, text]) => [id, containing(text)]),
      ),
    )
    expect(infos[2]).not.toHaveProperty('failureReason')
    expect(infos[2]).toMatchObject({ id: 2, duration: 0 })
  })

  // Spark throws here, as its stop would wait for the thread that runs the listener.
  test.each(names)('lst-stopinlistener: ours may stop, inside %s', async name => {
    expect(expectedOf('lst-stopinlistener').property).toContain('Cannot stop StreamingContext')
    const { ssc, clock, warnings } = shared.rig()
    let calls = 0
    let stopped = 0
    ssc.addStreamingListener({
      [name]: async () => {
        calls++
        await ssc.stop()
        stopped++
      },
    })
    const receiver = new Hand()
    const rows = ssc.receiverStream(receiver).union(ssc.queueStream([[1], [2], [3]]))
    rows.foreachRDD(rdd => rdd.count())
    const ended = ssc.awaitTermination()
    await ssc.start()
    // The first two callbacks have stopped it by now.
    if (receiver.isStarted()) {
      receiver.reportError('a trouble')
      if (name === 'onReceiverStopped') receiver.stop('enough')
      clock.advance(3000)
    }
    expect(await ended).toBe(true)
    await turn()
    expect(ssc.getState()).toBe('STOPPED')
    expect(calls).toBeGreaterThan(0)
    expect(stopped).toBe(calls)
    expect(warnings.filter(text => !text.includes('a trouble'))).toEqual([])
  })

  test('pl-events: what a progress listener can count', async () => {
    const { ssc, clock } = shared.rig()
    const progress = new Progress()
    clock.advance(100)
    ssc.addStreamingListener(progress)
    const rows = Array.from({ length: 300 }, (_, i) => i)
    const hands = [new Hand(), new Hand(), new Hand()] as const
    const streams = hands.map(hand => ssc.receiverStream(hand))
    streams[0]!.union(streams[1]!).foreachRDD(rdd => rdd.count())
    ssc.union(streams).foreachRDD(rdd => rdd.count())
    await ssc.start()
    await hands[0].store(rows)
    await hands[1].store(rows)
    clock.advance(900)
    await ssc.whenIdle()
    const events = expectedOf('pl-events') as Record<string, unknown>[]
    expect(progress.startTime).toBe(events[0]!['startTime'])
    const counted = events.filter(event =>
      /^(submitted|started|completed)/.test(String(event['ev'])),
    )
    expect(counted).toHaveLength(progress.seen.length)
    for (const [i, { ev, ...numbers }] of counted.entries()) {
      expect(progress.seen[i], String(ev)).toMatchObject(numbers)
    }
    expect(progress.lastBatch).toMatchObject({ batchTime: 1000, numRecords: 600 })
    const inputs = [...progress.lastBatch!.streamIdToInputInfo.values()]
    expect(inputs.map((input: StreamInputInfo) => input.numRecords)).toEqual([300, 300, 0])
    hands[1].reportError('receiver error')
    hands[2].stop('receiver stopped')
    await turn()
    expect(progress.receivers.get(0)).toEqual({ streamId: 0, name: 'Hand-0', active: true })
    expect(progress.receivers.get(1)).toMatchObject({ lastErrorMessage: 'receiver error' })
    expect(progress.receivers.get(2)).toMatchObject({ active: false })
    expect(progress.receivers.get(3)).toBeUndefined()
    await ssc.stop()
  })

  test('ssc-progress: on the bus from the call until the end of stop()', async () => {
    expect(expectedOf('ssc-progress').property).toContain('removed after')
    const { ssc, tick, clock } = shared.rig({ gracefulStopTimeout: 1 })
    const heard: string[] = []
    const go = gate()
    ssc.queueStream([[1], [2]]).foreachRDD((_, time) => (time === 2000 ? go.opened : undefined))
    ssc.addStreamingListener(allCallbacks(name => heard.push(name)))
    await ssc.start()
    await tick()
    expect(heard).toEqual([
      'onStreamingStarted',
      'onBatchSubmitted',
      'onBatchStarted',
      'onOutputOperationStarted',
      'onOutputOperationCompleted',
      'onBatchCompleted',
    ])
    clock.advance(1000)
    await turn()
    let completed = 0
    ssc.on('batchCompleted', () => completed++)
    await ssc.stop()
    heard.length = 0
    // The batch that the stop has given up ends after all; nobody is told any more.
    go.open()
    await turn()
    expect(completed).toBe(1)
    expect(heard).toEqual([])
  })
})

/** Counts as the progress listener of Spark's own user interface does. */
class Progress implements StreamingListener {
  startTime = -1
  readonly seen: Record<string, number>[] = []
  readonly receivers = new Map<number, ReceiverInfo>()
  lastBatch: BatchInfo | undefined
  readonly #counts = { waiting: 0, running: 0, completed: 0, processed: 0, received: 0 }

  onStreamingStarted(time: number): void {
    this.startTime = time
  }
  onReceiverStarted(info: ReceiverInfo): void {
    this.receivers.set(info.streamId, info)
  }
  onReceiverError(info: ReceiverInfo): void {
    this.receivers.set(info.streamId, info)
  }
  onReceiverStopped(info: ReceiverInfo): void {
    this.receivers.set(info.streamId, info)
  }
  onBatchSubmitted(): void {
    this.#counts.waiting++
    this.#note()
  }
  onBatchStarted(batch: BatchInfo): void {
    this.#counts.waiting--
    this.#counts.running++
    this.#counts.received += batch.numRecords
    this.#note()
  }
  onBatchCompleted(batch: BatchInfo): void {
    this.#counts.running--
    this.#counts.completed++
    this.#counts.processed += batch.numRecords
    this.lastBatch = batch
    this.#note()
  }

  #note(): void {
    const { waiting, running, completed, processed, received } = this.#counts
    this.seen.push({
      waiting,
      running,
      completed,
      unprocessed: waiting + running,
      totalCompleted: completed,
      totalProcessed: processed,
      totalReceived: received,
    })
  }
}

test('times and delays appear as the batch goes on', async () => {
  const { ssc, clock } = shared.rig()
  const heard: Record<string, BatchInfo> = {}
  const hear = (name: string, info: BatchInfo) => (heard[`${name} ${info.batchTime}`] = info)
  const { onBatchSubmitted, onBatchStarted, onBatchCompleted } = allCallbacks(hear)
  ssc.addStreamingListener({ onBatchSubmitted, onBatchStarted, onBatchCompleted } as never)
  const go = gate()
  const stream = ssc.queueStream([[1, 2], [3]])
  stream.foreachRDD((_, time) => (time === 1000 ? go.opened : undefined))
  await ssc.start()
  clock.advance(2400)
  await turn()
  go.open()
  await ssc.whenIdle()
  await ssc.stop()
  const output = {
    batchTime: 2000,
    id: 0,
    name: 'foreachRDD',
    description: expect.stringContaining('foreachRDD at'),
  }
  const submitted = {
    batchTime: 2000,
    streamIdToInputInfo: new Map([[0, { inputStreamId: 0, numRecords: 1, metadata: {} }]]),
    numRecords: 1,
    submissionTime: 2000,
    outputOperationInfos: new Map([[0, output]]),
  }
  const started = { ...submitted, processingStartTime: 2400, schedulingDelay: 400 }
  // Equal to the last property: what has not happened yet must not be there.
  expect(heard['onBatchSubmitted 2000']).toStrictEqual(submitted)
  expect(heard['onBatchStarted 2000']).toStrictEqual(started)
  expect(heard['onBatchCompleted 2000']).toStrictEqual({
    ...started,
    processingEndTime: 2400,
    processingDelay: 0,
    totalDelay: 400,
    outputOperationInfos: new Map([
      [0, { ...output, startTime: 2400, endTime: 2400, duration: 0 }],
    ]),
  })
  expect(heard['onBatchCompleted 1000']).toMatchObject({
    schedulingDelay: 0,
    processingDelay: 1400,
    totalDelay: 1400,
  })
})

describe('a callback that throws', () => {
  test('is one warning a listener and callback, and every batch goes on', async () => {
    const { ssc, tick, warnings } = shared.rig()
    const rows: number[][] = []
    let good = 0
    class Loud implements StreamingListener {
      onBatchStarted(): void {
        throw new Error('too loud')
      }
      onBatchCompleted(): void {
        throw 'a text'
      }
    }
    ssc.addStreamingListener(new Loud())
    ssc.addStreamingListener({
      onBatchStarted() {
        throw new Error('me too')
      },
    })
    ssc.addStreamingListener({ onBatchStarted: () => good++, onBatchCompleted: () => good++ })
    ssc.queueStream([[1], [2], [3]]).foreachRDD(async rdd => rows.push(await rdd.collect()))
    await ssc.start()
    await tick(3)
    await ssc.stop()
    expect(rows).toEqual([[1], [2], [3]])
    expect(good).toBe(6)
    expect(warnings).toEqual([
      expect.stringMatching(/^onBatchStarted of Loud threw: Error: too loud\. .* Catch the error/),
      expect.stringMatching(/^onBatchStarted of a StreamingListener threw: Error: me too/),
      expect.stringMatching(/^onBatchCompleted of Loud threw: "a text"/),
    ])
  })

  test('later, in its promise, does not end the process either', async () => {
    const { ssc, tick, warnings } = shared.rig()
    ssc.addStreamingListener({
      async onBatchCompleted() {
        await turn()
        throw new Error('late')
      },
    })
    ssc.queueStream([[1], [2]]).foreachRDD(() => undefined)
    await ssc.start()
    await tick(2)
    await turn()
    await turn()
    await ssc.stop()
    expect(warnings).toEqual([expect.stringContaining('onBatchCompleted of a StreamingListener')])
  })
})

describe('adding and removing', () => {
  test('a listener hears from its addition to its removal, with itself as this', async () => {
    const { ssc, tick } = shared.rig()
    const listener = {
      times: [] as number[],
      onBatchCompleted(batch: BatchInfo) {
        this.times.push(batch.batchTime)
      },
    }
    ssc.queueStream([[1]]).foreachRDD(() => undefined)
    await ssc.start()
    await tick()
    ssc.addStreamingListener(listener)
    ssc.addStreamingListener(listener)
    await tick(2)
    ssc.removeStreamingListener(listener)
    ssc.removeStreamingListener(listener)
    await tick()
    ssc.addStreamingListener(listener)
    await tick()
    await ssc.stop()
    ssc.removeStreamingListener(listener)
    expect(listener.times).toEqual([2000, 3000, 5000])
  })

  test('the bus knows of what a listener hears, and of nothing after its removal', () => {
    const bus = new EventBus()
    const listeners = new StreamingListeners(bus)
    const one = { onBatchStarted: () => undefined }
    listeners.add(one)
    listeners.add(allCallbacks(() => undefined))
    listeners.remove(one)
    expect([bus.has('batchStarted'), bus.has('started'), bus.has('error')]).toEqual([
      true,
      true,
      false,
    ])
    listeners.close()
    expect([bus.has('batchStarted'), bus.has('started')]).toEqual([false, false])
  })

  const bad: [listener: unknown, message: string[]][] = [
    [undefined, ['got undefined']],
    [null, ['got null']],
    ['onBatchCompleted', ['got "onBatchCompleted"']],
    [{}, ['an object with nothing', 'onBatchCompleted']],
    [{ onBatchComplete: () => undefined }, ['with onBatchComplete;', 'onBatchCompleted']],
    [{ onBatchStarted: 5 }, ['a function as onBatchStarted', 'got 5']],
  ]
  test.each(bad)('%j is refused', (listener, message) => {
    const { ssc } = shared.rig()
    const error = thrown(() => ssc.addStreamingListener(listener as never))
    expect(error).toBeInstanceOf(PeltonError)
    expect(error).toMatchObject({ code: 'OPTION', operator: 'addStreamingListener' })
    for (const part of message) expect(error.message).toContain(part)
  })
})
