/**
 * Calls that a function of foreachRDD makes again in every batch: where nothing tells them apart,
 * they are one step, which is lifted, written and compiled once.
 *
 * What it can't catch: how much time or memory that saves.
 */
import fc from 'fast-check'
import { using } from 'pelton'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { stepOf } from '../../src/apply.ts'
import type { Step } from '../../src/engine/dag.ts'
import { leastRecent } from '../../src/engine/recency.ts'
import * as ops from '../../src/ops/index.ts'
import { nextBatch, SharedWorkers } from './support.ts'

const shared = new SharedWorkers()
afterEach(() => shared.check())
afterAll(() => shared.close())

const place = { file: '/program.ts', line: 3, column: 7 }
const call = { label: 'map', place }

/** A step of a function made anew, as in every batch. */
const mapped = (params: object = {}, fn: Function = (x: number) => x + 1): Step =>
  stepOf(call, ops.map, params as never, [fn])

describe('the same call again', () => {
  test('is the same step, although its function is another object', () => {
    expect(mapped()).toBe(mapped())
    expect(mapped({ partitions: 3, local: true })).toBe(mapped({ partitions: 3, local: true }))
    expect(mapped({ partitions: undefined })).toBe(mapped())
  })

  test('is another step where its place, name, operator or function differs', () => {
    const fn = (x: number): number => x + 1
    const steps = [
      mapped(),
      mapped({}, (x: number) => x + 2),
      stepOf({ label: 'map', place: { ...place, column: 8 } }, ops.map, {}, [fn]),
      stepOf({ label: 'other', place }, ops.map, {}, [fn]),
      stepOf(call, ops.filter, {}, [fn]),
      stepOf(call, ops.map, {}, []),
    ]
    expect(new Set(steps).size).toBe(steps.length)
  })

  test.each([
    [{ n: 0 }, { n: -0 }],
    [{ n: 1 }, { n: '1' }],
    [{ n: Number.NaN }, { n: Number.POSITIVE_INFINITY }],
    [{ n: true }, { n: 'true' }],
    [{ a: 'x', b: 'y' }, { a: 'x","b' }],
    [{ path: `${'long/'.repeat(100)}a` }, { path: `${'long/'.repeat(100)}b` }],
  ])('is another step for %j than for %j', (a, b) => {
    expect(mapped(a)).not.toBe(mapped(b))
    expect(mapped(a)).toBe(mapped(a))
  })

  test('is another step where something is captured, or lent, or not plain', () => {
    const adds = (n: number) => (x: number) => x + n
    expect(mapped({}, adds(1))).not.toBe(mapped({}, adds(1)))
    const lent = (n: number) => using({ n }, (x: number) => x + n)
    expect(mapped({}, lent(1))).not.toBe(mapped({}, lent(1)))
    expect(mapped({ list: [1] })).not.toBe(mapped({ list: [1] }))
    expect(stepOf({ label: 'map', place: undefined }, ops.map)).not.toBe(
      stepOf({ label: 'map', place: undefined }, ops.map),
    )
  })
})

test('functions of every batch that capture what changes see the new values', async () => {
  const { ssc, clock } = shared.rig()
  const results: number[][] = []
  let factor = 0
  ssc
    .queueStream([
      [1, 2],
      [1, 2],
      [1, 2],
    ])
    .foreachRDD(async rdd => {
      factor++
      const by = factor
      results.push(
        await rdd
          .map(x => x + 1)
          .map(x => x * by)
          .collect(),
      )
    })
  await ssc.start()
  for (let i = 0; i < 3; i++) {
    const done = nextBatch(ssc)
    clock.advance(1000)
    await done
  }
  await ssc.stop()
  expect(results).toEqual([
    [2, 3],
    [4, 6],
    [6, 9],
  ])
})

test('what was used longest ago is found, of all that may go', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat({ max: 50 }), { maxLength: 12 }),
      fc.array(fc.nat({ max: 50 })),
      (uses, kept) => {
        const entries = new Map(uses.map(lastUse => [`key ${lastUse}`, { lastUse }]))
        const free = uses.filter(use => !kept.includes(use))
        const least = free.length === 0 ? undefined : `key ${Math.min(...free)}`
        expect(leastRecent(entries, ({ lastUse }) => !kept.includes(lastUse))).toBe(least)
      },
    ),
  )
})
