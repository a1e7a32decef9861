/**
 * ssc.from(iterable): as fast as rows come, no faster than there is room, ended when the stream
 * is.
 */
import { describe, expect, test } from 'vitest'
import { PeltonError } from '../../src/index.ts'
import { benches, turn, until } from './harness.ts'

const bench = benches()

class Unfit {}

describe('iterables', () => {
  test('an async generator that ends', async () => {
    const b = bench()
    const batches = b.collect(
      b.ssc.from(
        (async function* () {
          yield 'a'
          yield ['b', 1] as unknown as string
        })(),
      ),
    )
    await b.ssc.start()
    await until(() => b.receiverStops.length === 1)
    expect(b.receiverStops[0]!.lastErrorMessage).toBe('the iterable has ended')
    await b.tick(2)
    expect(batches).toEqual([['a', ['b', 1]], []])
    expect(b.receiverErrors).toEqual([])
    await b.stop()
  })

  test('a slow one: rows join the batch in which they come', async () => {
    const b = bench()
    const asked: PromiseWithResolvers<string>[] = []
    const slow = (async function* () {
      for (let i = 0; i < 3; i++) {
        const next = Promise.withResolvers<string>()
        asked.push(next)
        yield await next.promise
      }
    })()
    const batches = b.collect(b.ssc.from(slow))
    await b.ssc.start()
    await b.tick()
    asked[0]!.resolve('one')
    await until(() => asked.length === 2)
    await b.tick()
    asked[1]!.resolve('two')
    await until(() => asked.length === 3)
    asked[2]!.resolve('three')
    await until(() => b.receiverStops.length === 1)
    await b.tick()
    expect(batches).toEqual([[], ['one'], ['two', 'three']])
    await b.stop()
  })

  test.each([
    ['an array', () => [1, 2, 3]],
    ['a set', () => new Set([1, 2, 3])],
    ['a generator', () => [1, 2, 3].values()],
    ['an async iterable that is no generator', () => AsyncOneTwoThree],
  ])('%s', async (_, make) => {
    const b = bench()
    const batches = b.collect(b.ssc.from<number>(make()))
    await b.ssc.start()
    await until(() => b.receiverStops.length === 1)
    await b.tick()
    expect(batches).toEqual([[1, 2, 3]])
    await b.stop()
  })

  test.each(['async', 'sync'])('a fast endless one leaves time for batches (%s)', async kind => {
    const b = bench({ memory: '4MiB' })
    let pulled = 0
    let ended = 0
    const count = function* () {
      try {
        for (;;) yield pulled++
      } finally {
        ended++
      }
    }
    const countAsync = async function* () {
      yield* count()
    }
    const batches = b.collect(b.ssc.from<number>(kind === 'sync' ? count() : countAsync()))
    await b.ssc.start()
    await turn()
    await b.tick()
    expect(pulled).toBeGreaterThan(1000)
    // Without batches it has to wait before the arena is full.
    for (let i = 0; i < 500; i++) await turn()
    const most = pulled
    for (let i = 0; i < 500; i++) await turn()
    expect(pulled).toBe(most)
    expect(most).toBeGreaterThan(50_000)
    await b.tickUntil(() => pulled > 2 * most)
    await b.tick()
    await b.stop()
    expect(ended).toBe(1)
    const rows = batches.flat()
    expect(rows.length).toBeGreaterThan(most)
    expect(rows.every((row, i) => row === i)).toBe(true)
    expect(b.ssc.metrics().arenaPeakBytes).toBeLessThanOrEqual(4 * 1024 * 1024)
    expect(b.warnings).toEqual([])
  })
})

const AsyncOneTwoThree: AsyncIterable<number> = {
  [Symbol.asyncIterator]() {
    let i = 0
    return { next: async () => ({ value: ++i, done: i > 3 }) as IteratorResult<number> }
  },
}

describe('failures', () => {
  test('one that throws: what came before is processed, awaitTermination rejects', async () => {
    const b = bench()
    const cause = new TypeError('the socket is not a teapot')
    const batches = b.collect(
      b.ssc.from(
        (async function* () {
          yield 1
          throw cause
        })(),
      ),
    )
    await b.ssc.start()
    const ended = b.ssc.awaitTermination()
    await expect(ended).rejects.toThrow('from failed: the socket is not a teapot')
    await expect(ended).rejects.toMatchObject({ code: 'INPUT_FAILED', operator: 'from', cause })
    await b.tick(2)
    expect(batches).toEqual([[1], []])
    expect(b.messages).toEqual(['the iterable failed: the socket is not a teapot'])
    expect(b.errors.splice(0)).toHaveLength(1)
    await b.stop()
  })

  test('one that can’t even begin', async () => {
    const b = bench()
    const broken = {
      [Symbol.asyncIterator]() {
        throw new Error('no begin')
      },
    } as unknown as AsyncIterable<number>
    b.collect(b.ssc.from(broken))
    await b.ssc.start()
    await expect(b.ssc.awaitTermination()).rejects.toThrow('from failed: no begin')
    b.errors.splice(0)
    await b.stop()
  })

  test('a row that is no data ends the stream, with the row in the error', async () => {
    const b = bench()
    let isEnded = false
    const rows = (async function* () {
      try {
        yield 1
        yield new Unfit()
        yield 2
      } finally {
        isEnded = true
      }
    })()
    const batches = b.collect(b.ssc.from<unknown>(rows))
    await b.ssc.start()
    await expect(b.ssc.awaitTermination()).rejects.toMatchObject({
      code: 'VALUE',
      message: expect.stringContaining('an instance of class Unfit'),
    })
    expect(isEnded).toBe(true)
    await b.tick()
    expect(batches).toEqual([[1]])
    b.errors.splice(0)
    await b.stop()
  })

  test.each([[null], [undefined], ['text'], [5], [{}], [() => 1]])('%j is refused', source => {
    const b = bench()
    expect(() => b.ssc.from(source as never)).toThrow(/ssc\.from needs a Receiver, an \(async\)/)
    expect(() => b.ssc.from(source as never)).toThrow(PeltonError)
  })
})

describe('stop', () => {
  test('calls return(), waits for what it does, and asks for nothing more', async () => {
    const b = bench()
    const calls: string[] = []
    const closing = Promise.withResolvers<void>()
    let next = 0
    const iterable: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          calls.push('next')
          return { value: next++, done: false }
        },
        return: async () => {
          calls.push('return')
          await closing.promise
          calls.push('closed')
          return { value: undefined, done: true }
        },
      }),
    }
    b.collect(b.ssc.from(iterable))
    await b.ssc.start()
    await until(() => calls.length > 3000)
    const stopped = b.stop().then(() => calls.push('stopped'))
    await until(() => calls.includes('return'))
    const asked = calls.length
    for (let i = 0; i < 10; i++) await turn()
    expect(calls).toHaveLength(asked)
    closing.resolve()
    await stopped
    expect(calls.slice(-3)).toEqual(['return', 'closed', 'stopped'])
  })

  test('does not wait for a generator that waits', async () => {
    const b = bench()
    const never = Promise.withResolvers<void>()
    let isEnded = false
    const batches = b.collect(
      b.ssc.from(
        (async function* () {
          try {
            yield 'only'
            await never.promise
          } finally {
            isEnded = true
          }
        })(),
      ),
    )
    await b.ssc.start()
    await turn()
    await b.stop({ graceful: true })
    expect(batches).toEqual([['only']])
    expect(isEnded).toBe(false)
    never.resolve()
    await turn()
    expect(isEnded).toBe(true)
  })

  test('an iterable that ended by itself is not ended again', async () => {
    const b = bench()
    let returns = 0
    const iterator = [1].values()
    const iterable: Iterable<number> = {
      [Symbol.iterator]: () => ({
        next: () => iterator.next(),
        return: () => {
          returns++
          return { value: undefined, done: true }
        },
      }),
    }
    b.collect(b.ssc.from(iterable))
    await b.ssc.start()
    await until(() => b.receiverStops.length === 1)
    await b.stop()
    expect(returns).toBe(0)
  })

  test('a return() that fails is reported', async () => {
    const b = bench()
    const iterable: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ value: 1, done: false }),
        return: () => Promise.reject(new Error('could not close')),
      }),
    }
    b.collect(b.ssc.from(iterable))
    await b.ssc.start()
    await b.stop()
    expect(b.messages.every(message => message?.includes('could not close'))).toBe(true)
  })
})
