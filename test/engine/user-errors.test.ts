/**
 * What becomes of an error in a function of the user's: it fails the job of its batch, names the
 * operator, its place and the row, and leaves everything else alone.
 *
 * What it can't catch: stacks through code that a bundler has moved.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accumulator, type DStream, PeltonError, type RDD, type StreamingContext } from 'pelton'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { lineOf, rejection, rig, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
afterEach(() => shared.check())
afterAll(() => shared.close())

const file = fileURLToPath(import.meta.url)
const text = readFileSync(file, 'utf8')
const at = (marker: string): number => lineOf(text, marker)

interface Failed {
  readonly error: PeltonError
  readonly tries: number
}

type Build = (stream: DStream<any>, ssc: StreamingContext) => DStream<any>

/** Runs one batch of [1, 2, 3] and resolves to what awaitTermination() rejects with. */
async function failing(build: Build, options: object = {}): Promise<Failed> {
  const { ssc, tick, errors } = shared.rig(options)
  let tries = 0
  ssc.on('taskFailed', () => tries++)
  build(ssc.queueStream([[1, 2, 3]], { partitions: 1 }), ssc).foreachRDD(rdd => rdd.collect())
  await ssc.start()
  const ended = rejection(ssc.awaitTermination())
  await tick()
  const error = await ended
  expect(error).toBeInstanceOf(PeltonError)
  expect(await rejection(ssc.awaitTermination())).toBe(error)
  await ssc.stop()
  expect(await rejection(ssc.awaitTermination())).toBe(error)
  expect(errors, 'somebody awaited it').toEqual([])
  return { error, tries }
}

/** The one frame that matters: where the user's function threw. */
function frameOf(error: Error): string {
  return (error.stack ?? '').split('\n').find(line => /^\s+at /.test(line)) ?? ''
}

describe('a throw in a function', () => {
  const cases: [operator: string, row: string | undefined, build: Build][] = [
    [
      'map',
      '2',
      s =>
        // here: map
        s.map(x => {
          if (x === 2) throw new Error('no twos') // here: map throws
          return x
        }),
    ],
    [
      'filter',
      '3',
      s =>
        // here: filter
        s.filter(x => {
          if (x > 2) throw new Error('no threes') // here: filter throws
          return true
        }),
    ],
    [
      'flatMap',
      '1',
      s =>
        // here: flatMap
        s.flatMap(x => {
          throw new Error(`no ${x}`) // here: flatMap throws
        }),
    ],
    [
      'mapPartitions',
      undefined,
      s =>
        // here: mapPartitions
        s.mapPartitions(function* (rows) {
          for (const row of rows) {
            if (row === 2) throw new Error('not in here') // here: mapPartitions throws
            yield row
          }
        }),
    ],
    [
      'reduceByKey',
      '(2|\\["a",2\\])',
      s =>
        s
          .map(x => ['a', x] as [string, number])
          // here: reduceByKey
          .reduceByKey((a, b) => {
            if (a + b === 3) throw new Error('no three') // here: reduceByKey throws
            return a + b
          }),
    ],
    [
      'mapValues',
      '(3|\\["k",3\\])',
      s =>
        s
          .map(x => ['k', x] as [string, number])
          // here: mapValues
          .mapValues(v => {
            if (v === 3) throw new Error('no value') // here: mapValues throws
            return v
          }),
    ],
  ]

  test.each(cases)('of %s says operator, place, row and stack', async (operator, row, build) => {
    const { error, tries } = await failing(build)
    expect(tries).toBe(4)
    expect(error).toMatchObject({ code: 'TASK_FAILED', operator, batchTime: 1000 })
    expect(error.place?.file).toContain('user-errors.test.ts')
    // The call stands on the line below its marker.
    expect(error.place?.line).toBe(at(operator) + 1)
    const where = `user-errors.test.ts:${at(operator) + 1}`
    expect(error.message).toContain(where)
    expect(error.message).toMatch(new RegExp(`^${operator} at `))
    expect(error.message).toContain('tried 4 times')
    if (row !== undefined) expect(error.message).toMatch(new RegExp(` on the row ${row}: `))
    expect(error.cause).toBeInstanceOf(Error)
    expect(frameOf(error)).toContain(`user-errors.test.ts:${at(`${operator} throws`)}:`)
    expect(error.stack).not.toContain('eval at')
  })

  test("of reduceByKey's other half fails where the partitions meet", async () => {
    const { error } = await failing(s =>
      s
        .repartition(3)
        .map(x => ['a', x] as [string, number])
        // here: other half
        .reduceByKey(() => {
          throw new Error('they met')
        }, 2),
    )
    expect(error).toMatchObject({ code: 'TASK_FAILED', operator: 'reduceByKey' })
    expect(error.place?.line).toBe(at('other half') + 1)
    expect(error.message).toContain('they met')
  })

  test('names the right one of two functions on one line', async () => {
    const { error } = await failing(s =>
      s.map(x => x + 1).map(x => (x as any).nothing.here as number),
    )
    expect(error.operator).toBe('map')
    expect(error.message).toContain('failed on the row 2: TypeError: ')
    expect(error.message).toContain("reading 'here'")
  })

  test('of something that is no Error says what it was', async () => {
    const { error } = await failing(s =>
      s.map(() => {
        throw { reason: 'just because' } // eslint-disable-line
      }),
    )
    expect(error.message).toContain('a function threw {"reason":"just because"}')
  })

  test('of a helper keeps the frames of helper and function', async () => {
    const helper = (x: number): number => {
      if (x === 3) throw new RangeError('too deep') // here: helper throws
      return x
    }
    const { error } = await failing(s => s.map(x => helper(x)))
    const frames = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
    expect(frames[0]).toContain(`user-errors.test.ts:${at('helper throws')}:`)
    expect(frames[1]).toContain('user-errors.test.ts:')
  })

  test.each([1, 2, 6])('is tried maxTaskFailures = %d times', async maxTaskFailures => {
    const failures: number[] = []
    const { error, tries } = await failing(
      (s, ssc) => {
        ssc.on('taskFailed', event => failures.push(event.failures))
        return s.map(() => {
          throw new Error('never')
        })
      },
      { maxTaskFailures },
    )
    expect(tries).toBe(maxTaskFailures)
    expect(failures).toEqual(Array.from({ length: maxTaskFailures }, (_, i) => i + 1))
    expect(error.message).toContain(`tried ${maxTaskFailures} times`)
  })
})

describe('an error that another attempt would only repeat', () => {
  const cases: [string, string, RegExp, Build][] = [
    [
      'flatMap',
      'NOT_ITERABLE',
      /iterable.*it returned 1\. Return an array/,
      s => s.flatMap((x: number) => x as never),
    ],
    [
      'mapPartitions',
      'NOT_ITERABLE',
      /iterable; it returned 7/,
      s => s.mapPartitions((() => 7) as never),
    ],
    [
      'reduceByKey',
      'NOT_A_PAIR',
      /1 is not a \[key, value\] pair/,
      s => s.reduceByKey((a: number) => a),
    ],
    [
      'mapValues',
      'NOT_A_PAIR',
      /1 is not a \[key, value\] pair; map each row/,
      s => s.mapValues((v: number) => v),
    ],
    ['groupByKey', 'NOT_A_PAIR', /1 is not a \[key, value\] pair/, s => s.groupByKey()],
    [
      'flatMapValues',
      'NOT_A_PAIR',
      /1 is not a \[key, value\] pair/,
      s => s.flatMapValues((v: number) => [v]),
    ],
  ]

  test.each(cases)('%s: %s', async (operator, code, message, build) => {
    const { error, tries } = await failing(build)
    expect(tries).toBe(1)
    expect(error).toMatchObject({ code, operator })
    expect(error.message).toMatch(message)
    expect(error.place?.file).toContain('user-errors.test.ts')
  })

  test('rows that are class instances', async () => {
    const { error, tries } = await failing(s =>
      s.map(x => {
        class Point {
          x: number
          constructor(x: number) {
            this.x = x
          }
        }
        return new Point(x)
      }),
    )
    expect(tries).toBe(1)
    expect(error.code).toBe('VALUE')
    expect(error.message).toMatch(/Point/)
    expect(error.message).toMatch(/plain/)
  })
})

test('an arena that is full names the operator whose rows found no room', async () => {
  const { ssc, tick } = rig({ memory: '4MiB', maxTaskFailures: 2 })
  const sizes: number[] = []
  const text = 'x'.repeat(100)
  ssc
    .queueStream([[1], [50_000], [2]])
    .flatMap(n => Array.from({ length: n }, (_, i) => `${text}${i}`))
    .foreachRDD(async rdd => sizes.push((await rdd.collect()).length))
  await ssc.start()
  const ended = rejection(ssc.awaitTermination())
  await tick(3)
  const error = await ended
  expect(error).toMatchObject({ operator: 'flatMap', batchTime: 2000 })
  expect(error.message).toMatch(/flatMap at .*arena is full.*raise the memory option/)
  expect(sizes).toEqual([1, 2])
  await ssc.stop()
  expect(ssc.metrics().arenaBytes).toBe(0)
})

describe('functions on the main thread', () => {
  test('a throw in foreachRDD has its place and stack', async () => {
    const { ssc, tick } = shared.rig()
    const stream = ssc.queueStream([[1]])
    // here: foreachRDD
    stream.foreachRDD(async rdd => {
      await rdd.count()
      throw new TypeError('the table is gone') // here: foreachRDD throws
    })
    await ssc.start()
    const ended = rejection(ssc.awaitTermination())
    await tick()
    const error = await ended
    expect(error).toMatchObject({
      code: 'OUTPUT_FAILED',
      operator: 'foreachRDD',
      batchTime: 1000,
      cause: expect.any(TypeError),
    })
    expect(error.place.line).toBe(at('foreachRDD') + 1)
    expect(error.message).toContain('failed in the batch at 1000 ms: the table is gone')
    expect(frameOf(error)).toContain(`user-errors.test.ts:${at('foreachRDD throws')}:`)
    await ssc.stop()
  })

  test("a throw in transform's function has its place and stack", async () => {
    const { ssc, tick } = shared.rig()
    ssc
      .queueStream([[1]])
      // here: transform
      .transform(() => {
        throw 'a text' // here: transform throws
      })
      .foreachRDD((rdd: RDD<unknown>) => rdd.collect())
    await ssc.start()
    const ended = rejection(ssc.awaitTermination())
    await tick()
    const error = await ended
    expect(error).toMatchObject({
      code: 'TRANSFORM_FAILED',
      operator: 'transform',
      batchTime: 1000,
      cause: 'a text',
    })
    expect(error.place.line).toBe(at('transform') + 1)
    expect(error.message).toContain('its function threw "a text"')
    await ssc.stop()
  })

  test('a task that fails inside foreachRDD stays the error of its operator', async () => {
    const { ssc, tick } = shared.rig()
    ssc.queueStream([[1]]).foreachRDD(async rdd => {
      await rdd
        // here: inner map
        .map(() => {
          throw new Error('inner')
        })
        .collect()
    })
    await ssc.start()
    const ended = rejection(ssc.awaitTermination())
    await tick()
    const error = await ended
    expect(error).toMatchObject({ code: 'TASK_FAILED', operator: 'map', batchTime: 1000 })
    expect(error.place.line).toBe(at('inner map') + 1)
    await ssc.stop()
  })

  test('an error that foreachRDD catches is nobody else’s', async () => {
    const { ssc, tick, errors } = shared.rig()
    const caught: unknown[] = []
    ssc.queueStream([[1]]).foreachRDD(async rdd => {
      const failed = rdd.map(() => {
        throw new Error('inner')
      })
      caught.push(await rejection(failed.collect()), await rdd.collect())
    })
    await ssc.start()
    await tick()
    expect(caught).toEqual([expect.objectContaining({ operator: 'map' }), [1]])
    await ssc.stop()
    expect(await ssc.awaitTermination()).toBe(true)
    expect(errors).toEqual([])
  })
})

describe('what an error leaves alone', () => {
  test('other batches and other outputs go on', async () => {
    const { ssc, tick } = shared.rig()
    const good: number[][] = []
    const bad: number[][] = []
    const after: number[][] = []
    const reasons: (string | undefined)[][] = []
    const stream = ssc.queueStream([[1], [2], [3]])
    stream.foreachRDD(async rdd => good.push(await rdd.collect()))
    stream
      .map(x => {
        if (x === 2) throw new Error('only this batch')
        return x
      })
      .foreachRDD(async rdd => bad.push(await rdd.collect()))
    stream.foreachRDD(async rdd => after.push(await rdd.collect()))
    ssc.on('batchCompleted', batch =>
      reasons.push([...batch.outputOperationInfos.values()].map(output => output.failureReason)),
    )
    await ssc.start()
    const ended = rejection(ssc.awaitTermination())
    await tick(3)
    expect(good).toEqual([[1], [2], [3]])
    expect(bad).toEqual([[1], [3]])
    expect(after).toEqual([[1], [2], [3]])
    expect((await ended).batchTime).toBe(2000)
    expect(reasons).toEqual([
      [undefined, undefined, undefined],
      [undefined, expect.stringContaining('only this batch'), undefined],
      [undefined, undefined, undefined],
    ])
    await ssc.stop()
  })

  test('the first error stays the one that awaitTermination() rejects with', async () => {
    const { ssc, tick } = shared.rig()
    ssc
      .queueStream([[1], [2]])
      .map(x => {
        throw new Error(`no ${x}`)
      })
      .foreachRDD(rdd => rdd.collect())
    await ssc.start()
    const early = rejection(ssc.awaitTermination())
    await tick(2)
    expect((await early).message).toContain('no 1')
    expect((await rejection(ssc.awaitTermination())).message).toContain('no 1')
    expect((await rejection(ssc.awaitTermination(5))).message).toContain('no 1')
    await ssc.stop()
  })

  test('the same stream under two outputs fails both, and a persisted one too', async () => {
    for (const persisted of [false, true]) {
      const { ssc, tick } = shared.rig({ maxTaskFailures: 1 })
      const seen: string[] = []
      const mapped = ssc.queueStream([[1], [2]]).map(x => {
        if (x === 1) throw new Error('first batch')
        return x
      })
      if (persisted) mapped.persist()
      for (const name of ['a', 'b']) {
        mapped.foreachRDD(async rdd => seen.push(`${name}${(await rdd.collect()).join()}`))
      }
      const failures: string[] = []
      ssc.on('error', ({ error }) => failures.push(error.message))
      await ssc.start()
      await tick(2)
      expect(seen).toEqual(['a2', 'b2'])
      expect(failures).toHaveLength(2)
      await ssc.stop()
    }
  })
})

describe('an error that nobody awaits', () => {
  const failingStream = (ssc: StreamingContext): void =>
    ssc
      .queueStream([[1], [2]])
      .map(x => {
        if (x === 1) throw new Error('unheard')
        return x
      })
      .foreachRDD(rdd => rdd.collect())

  test('goes to the logger, once, with its stack', async () => {
    const { ssc, tick, errors } = shared.rig()
    failingStream(ssc)
    await ssc.start()
    await tick(2)
    await ssc.stop()
    expect(errors).toHaveLength(1)
    expect(errors[0]).toContain('unheard')
    expect(errors[0]).toContain('user-errors.test.ts:')
  })

  test('goes to standard error where there is no logger', async () => {
    const written: string[] = []
    const spy = vi.spyOn(console, 'error').mockImplementation(text => void written.push(text))
    try {
      const { ssc, tick } = shared.rig({ logger: undefined as never })
      failingStream(ssc)
      await ssc.start()
      await tick(2)
      await ssc.stop()
    } finally {
      spy.mockRestore()
    }
    expect(written).toHaveLength(1)
    expect(written[0]).toMatch(/^pelton: PeltonError: map at .*unheard/)
  })

  test('does not when a listener of errors hears it', async () => {
    const { ssc, tick, errors } = shared.rig()
    failingStream(ssc)
    const heard: PeltonError[] = []
    ssc.on('error', ({ error }) => heard.push(error))
    await ssc.start()
    await tick(2)
    await ssc.stop()
    expect(errors).toEqual([])
    expect(heard).toHaveLength(1)
  })

  test('does not when an iterator over its own batches gets it', async () => {
    const { ssc, clock, errors } = shared.rig()
    const batches = ssc
      .queueStream([[1], [2]])
      .map(x => {
        if (x === 2) throw new Error('for the reader')
        return x
      })
      .batches()
    await ssc.start()
    clock.advance(2000)
    expect(await batches.next()).toEqual({ done: false, value: { time: 1000, rows: [1] } })
    expect((await rejection(batches.next())).message).toContain('for the reader')
    await ssc.stop()
    expect(errors).toEqual([])
  })
})

describe('a task that fails and then succeeds', () => {
  test('gives its rows once and its accumulator once', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pelton-'))
    try {
      const counter = join(directory, 'tries')
      writeFileSync(counter, '0')
      const seen = accumulator()
      const { ssc, tick, errors } = shared.rig()
      const failures: number[] = []
      const results: unknown[] = []
      ssc.on('taskFailed', event => failures.push(event.failures))
      ssc
        .queueStream([[1, 2, 3, 4]], { partitions: 2 })
        .map(x => {
          seen.add(1)
          const tries = Number(readFileSync(counter, 'utf8'))
          if (x === 4 && tries < 2) {
            writeFileSync(counter, String(tries + 1))
            throw new Error('not yet')
          }
          return [x % 2, x] as [number, number]
        })
        .reduceByKey((a, b) => a + b, 2)
        .foreachRDD(async rdd => results.push((await rdd.collect()).sort()))
      await ssc.start()
      await tick()
      expect(failures).toEqual([1, 2])
      expect(results).toEqual([
        [
          [0, 6],
          [1, 4],
        ],
      ])
      expect(seen.value).toBe(4)
      expect(errors).toEqual([])
      await ssc.stop()
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('an accumulator counts nothing of a task that fails for good', async () => {
    const seen = accumulator()
    await failing(s =>
      s.map(x => {
        seen.add(1)
        if (x === 3) throw new Error('at the end')
        return x
      }),
    )
    expect(seen.value).toBe(0)
  })
})
