/** Receivers of the user's own: what store takes, and the life that the supervisor gives them. */
import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { EventBus, type ReceiverInfo } from '../../src/engine/events.ts'
import { Intake } from '../../src/engine/intake.ts'
import { Supervisor } from '../../src/engine/supervisor.ts'
import { ManualClock, PeltonError, Receiver, seconds } from '../../src/index.ts'
import { benches, turn, until } from '../receivers/harness.ts'

const bench = benches()

class Unfit {
  readonly field = 1
}

/** A receiver that does nothing by itself, and notes what is done to it. */
class Hand extends Receiver<unknown> {
  readonly calls: string[] = []
  start: () => void | Promise<void> = () => undefined
  end: () => void | Promise<void> = () => undefined

  onStart(): void | Promise<void> {
    this.calls.push('start')
    return this.start()
  }

  onStop(): void | Promise<void> {
    this.calls.push('stop')
    return this.end()
  }

  /** For the tests: what subclasses may use. */
  text(bytes: Uint8Array): Promise<void> | undefined {
    return this.storeText(bytes)
  }

  row(row: unknown): Promise<void> | undefined {
    return this.storeRow(row)
  }

  time(): number {
    return this.clock.now()
  }
}

function started(options = {}) {
  const b = bench(options)
  const receiver = new Hand()
  const batches = b.collect(b.ssc.receiverStream(receiver))
  return { b, receiver, batches }
}

describe('store', () => {
  test('one row, an array, an iterator; a row that is an array', async () => {
    const { b, receiver, batches } = started()
    await b.ssc.start()
    await receiver.store('one')
    await receiver.store(['two', 'three'])
    await receiver.store(['four', 'five'].values())
    await receiver.store(
      (function* () {
        yield 'six'
        yield [7, 8]
      })(),
    )
    await receiver.store([[9, 10]])
    await receiver.store([])
    receiver.row([11])
    await receiver.store(new Set([12]))
    await receiver.store(undefined)
    await b.tick()
    expect(batches).toEqual([
      [
        'one',
        'two',
        'three',
        'four',
        'five',
        'six',
        [7, 8],
        [9, 10],
        [11],
        new Set([12]),
        undefined,
      ],
    ])
    await b.stop()
  })

  test('lines as bytes', async () => {
    const { b, receiver, batches } = started()
    await b.ssc.start()
    receiver.text(Buffer.from('a\r\nb\n'))
    await b.tick()
    expect(batches).toEqual([['a', 'b']])
    expect(receiver.time()).toBe(b.clock.now())
    await b.stop()
  })

  test('what is no data is refused, with nothing stored by half', async () => {
    const { b, receiver, batches } = started()
    await b.ssc.start()
    await receiver.store(1)
    await expect(receiver.store(new Unfit())).rejects.toThrow(/an instance of class Unfit/)
    await expect(receiver.store([2, { deep: new Unfit() }, 3])).rejects.toMatchObject({
      code: 'VALUE',
      message: expect.stringContaining('at .deep'),
    })
    await expect(receiver.store([4, () => 5].values())).rejects.toThrow(PeltonError)
    await receiver.store([6])
    await b.tick()
    expect(batches).toEqual([[1, 6]])
    await b.stop()
  })

  test('an iterator is ended when its rows are refused or the receiver stops', async () => {
    const { b, receiver, batches } = started()
    await b.ssc.start()
    const ended: string[] = []
    const rows = function* (name: string, row: unknown) {
      try {
        for (;;) yield row
      } finally {
        ended.push(name)
      }
    }
    await expect(receiver.store(rows('refused', Symbol('s')))).rejects.toThrow(/symbol/)
    const endless = receiver.store(rows('endless', 'x'))
    await b.tickUntil(() => batches.flat().length > 50_000)
    await b.stop()
    await endless
    expect(ended).toEqual(['refused', 'endless'])
    await receiver.store(rows('late', 1))
  })

  test('waits while the arena is full, and goes on after batches', async () => {
    const { b, receiver, batches } = started({ memory: '4MiB' })
    await b.ssc.start()
    let stored = 0
    const row = 'x'.repeat(10_000)
    const storing = (async () => {
      for (; stored < 1000; stored++) await receiver.store(row)
    })()
    await until(() => stored > 50)
    for (let i = 0; i < 100; i++) await turn()
    expect(stored).toBeLessThan(200)
    await b.tickUntil(() => batches.flat().length === 1000)
    await storing
    expect(b.ssc.metrics().arenaPeakBytes).toBeLessThanOrEqual(4 * 1024 * 1024)
    await b.stop()
  })

  test('before start and after stop', async () => {
    const { b, receiver, batches } = started()
    const message = /^A ReceiverSupervisor has not been attached to the receiver yet: Hand was used/
    await expect(receiver.store(1)).rejects.toThrow(message)
    await expect(receiver.store([1])).rejects.toThrow(message)
    expect(() => receiver.text(Buffer.from('a\n'))).toThrow(message)
    expect(() => receiver.row(1)).toThrow(message)
    expect(() => receiver.reportError('x')).toThrow(message)
    expect(() => receiver.restart('x')).toThrow(message)
    expect(() => receiver.stop('x')).toThrow(message)
    expect(() => receiver.streamId).toThrow(message)
    expect(() => receiver.time()).toThrow(message)
    expect(receiver.isStarted()).toBe(false)
    expect(receiver.isStopped()).toBe(false)
    await b.ssc.start()
    await receiver.store('in time')
    await b.stop({ graceful: true })
    await receiver.store('too late')
    await receiver.store([1, 2])
    receiver.text(Buffer.from('too late\n'))
    expect(batches).toEqual([['in time']])
  })
})

describe('life', () => {
  test('started, stopped by itself, stopped by the context', async () => {
    const { b, receiver } = started()
    expect(b.receiverStarts).toEqual([])
    await b.ssc.start()
    expect(receiver.calls).toEqual(['start'])
    expect(receiver.isStarted()).toBe(true)
    expect(receiver.streamId).toBe(0)
    expect(b.receiverStarts).toEqual([{ streamId: 0, name: 'Hand-0', active: true }])
    receiver.stop('enough')
    expect(receiver.isStopped()).toBe(true)
    await turn()
    expect(receiver.calls).toEqual(['start', 'stop'])
    expect(b.receiverStops).toEqual([
      { streamId: 0, name: 'Hand-0', active: false, lastErrorMessage: 'enough', lastErrorTime: 0 },
    ])
    expect(b.receiverErrors).toEqual([])
    receiver.restart('again?')
    receiver.stop('twice')
    await b.tick(3)
    await b.stop()
    expect(receiver.calls).toEqual(['start', 'stop'])
    expect(b.receiverStops).toHaveLength(1)
  })

  test('stopping with an error reports it, and the context goes on', async () => {
    const { b, receiver, batches } = started()
    await b.ssc.start()
    await receiver.store(1)
    const error = new Error('the pipe broke')
    receiver.stop('can not go on', error)
    expect(b.receiverErrors).toMatchObject([
      { lastErrorMessage: 'can not go on: the pipe broke', lastError: error },
    ])
    await b.tick(2)
    expect(batches).toEqual([[1], []])
    await b.stop()
  })

  test('restart: stops, waits on the engine’s clock, starts', async () => {
    const { b, receiver, batches } = started()
    await b.ssc.start()
    await receiver.store('before')
    receiver.restart('lost it', new Error('broken'))
    receiver.restart('lost it again')
    expect(b.messages).toEqual(['Restarting receiver with delay 2000 ms: lost it: broken'])
    expect(receiver.calls).toEqual(['start', 'stop'])
    expect(receiver.isStarted()).toBe(false)
    await turn()
    receiver.restart('meanwhile')
    expect(b.receiverErrors).toHaveLength(1)
    b.clock.advance(1999)
    expect(receiver.calls).toEqual(['start', 'stop'])
    b.clock.advance(1)
    expect(receiver.calls).toEqual(['start', 'stop', 'start'])
    expect(receiver.isStarted()).toBe(true)
    await receiver.store('after')
    await b.tick()
    expect(batches.flat()).toEqual(['before', 'after'])
    receiver.restart('soon', undefined, 5)
    await turn()
    b.clock.advance(5)
    expect(receiver.calls).toHaveLength(5)
    await b.stop()
    expect(b.receiverStarts).toHaveLength(3)
  })

  test('restart waits for a slow onStop, and accepts what that stores', async () => {
    const { b, receiver, batches } = started()
    const parting = Promise.withResolvers<void>()
    receiver.end = async () => {
      await parting.promise
      await receiver.store('parting')
    }
    await b.ssc.start()
    receiver.restart('once', undefined, 10)
    await turn()
    b.clock.advance(100)
    expect(receiver.calls).toEqual(['start', 'stop'])
    parting.resolve()
    await turn()
    b.clock.advance(10)
    expect(receiver.calls).toEqual(['start', 'stop', 'start'])
    await b.stop({ graceful: true })
    expect(batches.flat()).toEqual(['parting', 'parting'])
  })

  test('stopping the context ends a restart that waits', async () => {
    const { b, receiver } = started()
    await b.ssc.start()
    receiver.restart('never again')
    await turn()
    await b.stop()
    b.clock.advance(10_000)
    await turn()
    expect(receiver.calls).toEqual(['start', 'stop'])
  })

  test('receiverRestartDelay', async () => {
    const { b, receiver } = started({ receiverRestartDelay: seconds(30) })
    await b.ssc.start()
    receiver.restart('slowly')
    expect(b.messages[0]).toContain('delay 30000 ms')
    await turn()
    b.clock.advance(29_999)
    expect(receiver.calls).toHaveLength(2)
    b.clock.advance(1)
    expect(receiver.calls).toHaveLength(3)
    await b.stop()
  })

  test.each([
    ['throws', (): void => raise(new Error('no driver'))],
    ['rejects', (): Promise<void> => Promise.reject(new Error('no driver'))],
  ])('an onStart that %s is reported and ends the receiver', async (_, start) => {
    const { b, receiver, batches } = started()
    receiver.start = start
    await b.ssc.start()
    await turn()
    expect(b.messages).toEqual(['Error starting receiver 0: no driver'])
    expect(b.receiverErrors[0]!.lastError).toMatchObject({ message: 'no driver' })
    expect(receiver.calls).toEqual(['start', 'stop'])
    expect(receiver.isStopped()).toBe(true)
    expect(b.receiverStops).toHaveLength(1)
    await b.tick(3)
    expect(batches).toEqual([[], [], []])
    await b.stop()
  })

  test('an onStart that runs as long as rows come holds up neither start nor stop', async () => {
    const { b, receiver, batches } = started()
    const more = Promise.withResolvers<void>()
    receiver.start = async () => {
      await receiver.store('first')
      await more.promise
      throw new Error('because it was stopped')
    }
    receiver.end = () => more.resolve()
    await b.ssc.start()
    await b.tick()
    expect(batches).toEqual([['first']])
    await b.stop()
    await turn()
    expect(b.receiverErrors).toEqual([])
  })

  test('what fails in an old start does not end the new one', async () => {
    const { b, receiver } = started()
    const first = Promise.withResolvers<void>()
    receiver.start = () => first.promise
    await b.ssc.start()
    receiver.start = () => undefined
    receiver.restart('anew', undefined, 1)
    await turn()
    b.clock.advance(1)
    first.reject(new Error('the old one'))
    await turn()
    expect(receiver.isStarted()).toBe(true)
    expect(b.receiverErrors).toHaveLength(1)
    await b.stop()
  })

  test('nor does what fails while it is restarted', async () => {
    const { b, receiver } = started()
    for (const fail of ['in onStop', 'while waiting']) {
      const first = Promise.withResolvers<void>()
      receiver.start = () => first.promise
      receiver.end = () => (fail === 'in onStop' ? first.reject(new Error(fail)) : undefined)
      if (b.receiverStarts.length === 0) await b.ssc.start()
      else {
        receiver.restart('next case', undefined, 1)
        await turn()
        b.clock.advance(1)
      }
      receiver.restart('anew', undefined, 1)
      await turn()
      first.reject(new Error(fail))
      await turn()
      b.clock.advance(1)
      expect(receiver.isStarted()).toBe(true)
    }
    expect(b.messages.filter(message => !message?.startsWith('Restarting'))).toEqual([])
    expect(b.receiverStops).toEqual([])
    receiver.start = () => undefined
    await b.stop()
  })

  test('an onStop that waits for a store that waits for room', async () => {
    const { b, receiver } = started({ memory: '4MiB' })
    const row = 'x'.repeat(10_000)
    let stored = 0
    let isEnded = false
    const loop = Promise.withResolvers<void>()
    receiver.start = async () => {
      for (; !isEnded; stored++) await receiver.store(row)
      loop.resolve()
    }
    receiver.end = () => {
      isEnded = true
      return loop.promise
    }
    await b.ssc.start()
    for (let i = 0; i < 100; i++) await turn()
    expect(stored).toBeLessThan(200)
    await b.stop()
    expect(b.receiverErrors).toEqual([])
  })

  test('an onStop that throws is reported, and the context stops', async () => {
    const { b, receiver } = started()
    receiver.end = () => raise(new Error('stuck'))
    await b.ssc.start()
    await b.stop()
    expect(b.messages).toEqual(['onStop of receiver 0 failed: stuck'])
  })

  test('stop() and restart() from within onStart and onStop', async () => {
    const { b, receiver } = started()
    receiver.start = () => receiver.stop('at once')
    receiver.end = () => {
      receiver.stop('again')
      receiver.restart('again')
    }
    await b.ssc.start()
    await turn()
    expect(receiver.calls).toEqual(['start', 'stop'])
    expect(b.receiverStops).toHaveLength(1)
    await b.stop()
    expect(receiver.calls).toEqual(['start', 'stop'])
    expect(b.receiverStops).toHaveLength(1)
  })

  test('an onStop that never ends is not waited for for ever', async () => {
    const events = new EventBus()
    const errors: ReceiverInfo[] = []
    events.on('receiverError', info => errors.push(info))
    const receiver = new Hand()
    receiver.end = () => new Promise<void>(() => undefined)
    const intake = new Intake(Arena.create({ limitBytes: 1024 * 1024 }))
    const clock = new ManualClock(7)
    const options = { streamId: 3, name: 'Hand', restartDelayMs: 1, clock, events }
    const supervisor = new Supervisor(receiver as Receiver<never>, intake, {
      ...options,
      stopTimeoutMs: 1,
    })
    supervisor.start()
    await supervisor.close()
    expect(errors[0]).toMatchObject({
      lastErrorMessage: expect.stringMatching(/onStop of receiver 3 has not ended after 1 ms/),
      lastErrorTime: 7,
    })
  })

  test('close() may allow an onStop more time than usual, as a graceful stop does', async () => {
    const reports: string[] = []
    const closing = (timeoutMs?: number) => {
      const events = new EventBus()
      const receiver = new Hand()
      const ending = Promise.withResolvers<void>()
      receiver.end = () => ending.promise
      const intake = new Intake(Arena.create({ limitBytes: 1024 * 1024 }))
      const options = { streamId: 0, name: 'Hand', restartDelayMs: 1, stopTimeoutMs: 1 }
      const supervisor = new Supervisor(receiver as Receiver<never>, intake, {
        ...options,
        clock: new ManualClock(0),
        events,
      })
      events.on('receiverError', info => reports.push(`${timeoutMs}: ${info.lastErrorMessage}`))
      supervisor.start()
      return { closed: supervisor.close(timeoutMs), intake, supervisor, end: ending.resolve }
    }
    // The impatient one tells when a millisecond is over.
    const patient = closing(600_000)
    const impatient = closing()
    await impatient.closed
    expect(reports).toHaveLength(1)
    expect(reports[0]).toMatch(/^undefined: onStop of receiver 0 has not ended after 1 ms/)
    void patient.supervisor.store('late')
    patient.end()
    await patient.closed
    expect(reports).toHaveLength(1)
    expect(patient.intake.rows).toBe(1)
  })

  test('reportError reaches listeners and changes nothing', async () => {
    const { b, receiver } = started()
    await b.ssc.start()
    receiver.reportError('a hiccup')
    receiver.reportError('another', 'text')
    receiver.reportError('several', new AggregateError([new Error('a'), new Error('b')]))
    expect(b.messages).toEqual(['a hiccup', 'another: "text"', 'several: a; b'])
    expect(receiver.isStarted()).toBe(true)
    await b.stop()
  })

  test('one receiver can’t be two streams', async () => {
    const b = bench()
    const receiver = new Hand()
    b.collect(b.ssc.receiverStream(receiver))
    b.collect(b.ssc.from(receiver))
    await b.ssc.start()
    await turn()
    expect(b.messages[0]).toMatch(/Error starting receiver 1: this Hand runs as stream 0 already/)
    expect(receiver.isStarted()).toBe(true)
    expect(receiver.streamId).toBe(0)
    await b.stop()
  })

  test('several streams have their own ids and rows', async () => {
    const b = bench()
    const receivers = [new Hand(), new Hand(), new Hand()]
    const batches = receivers.map(receiver => b.collect(b.ssc.receiverStream(receiver)))
    await b.ssc.start()
    for (const receiver of receivers) await receiver.store(receiver.streamId)
    await b.tick()
    expect(batches).toEqual([[[0]], [[1]], [[2]]])
    await b.stop()
  })
})

test('says once that rows wait for a full arena', async () => {
  const { b, receiver, batches } = started({ memory: '1MiB' })
  const { arena } = b.ssc.session.runtime
  await b.ssc.start()
  const chunks: number[] = []
  while (arena.limitBytes - arena.bytesInUse() >= 2048) chunks.push(arena.alloc(2048, 7))
  void receiver.store(['a', 'b'])
  await b.tick(3)
  expect(b.warnings).toEqual([
    expect.stringMatching(
      /^2 rows of Hand-0 wait because the arena is full \(\d+ of 1048576 bytes/,
    ),
  ])
  for (const chunk of chunks) arena.free(chunk)
  await b.tick()
  expect(batches.flat()).toEqual(['a', 'b'])
  await b.stop()
})

test.each([[{}], [null], [class extends Hand {}]])('receiverStream(%j) is refused', value => {
  const b = bench()
  expect(() => b.ssc.receiverStream(value as never)).toThrow(
    /needs an object of a class that extends/,
  )
})

function raise(error: Error): never {
  throw error
}
