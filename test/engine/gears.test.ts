/**
 * Which gear a step is said to get, and why. That it runs in it is seen in distinct.test.ts and
 * columns.test.ts.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { Step } from '../../src/engine/dag.ts'
import { gearOf } from '../../src/engine/gears.ts'
import type { Operator } from '../../src/engine/operator.ts'
import { analyse, broadcast, closeCapture } from '../../src/functions/index.ts'
import { filter } from '../../src/ops/filter.ts'
import { map } from '../../src/ops/map.ts'
import { mapPartitions } from '../../src/ops/map-partitions.ts'
import { reduceByKey } from '../../src/ops/reduce-by-key.ts'

afterAll(closeCapture)

const stop = new Set(['a'])
const stopped = broadcast(stop)

function stepOf(operator: Operator, ...fns: Function[]): Step {
  const site = { operator: operator.name, place: undefined }
  const functions = fns.map(fn => analyse(fn, site))
  return new Step(operator, {}, functions, undefined, operator.name)
}

const lifted = (w: string) => [w, 1]
const object = (w: string) => ({ w })
const pure = (w: string) => !stop.has(w)
const shared = (w: string) => !stopped.value.has(w)
const impure = (w: string) => w + Math.random()

describe('auto', () => {
  test('a known expression', () => {
    expect(gearOf(stepOf(map, lifted), 'auto')).toEqual({
      gear: 'lifted',
      reason: undefined,
      line: undefined,
    })
  })

  test.each([pure, shared])('a pure function: %s', fn => {
    const { gear, reason, line } = gearOf(stepOf(filter, fn), 'auto')
    expect(gear).toBe('distinct')
    expect(reason).toMatch(/^calls stop(ped\.value)?\.has, which is not a known pure function$/)
    expect(line).toBeGreaterThan(0)
  })

  test('any other function', () => {
    const { gear, reason } = gearOf(stepOf(map, impure), 'auto')
    expect(gear).toBe('row')
    expect(reason).toBe('calls Math.random, which is not a known pure function')
  })

  test('an operator whose function gets several rows', () => {
    const merge = (a: string, b: string) => a.concat(b).normalize()
    expect(gearOf(stepOf(reduceByKey, merge), 'auto').gear).toBe('row')
  })

  test('an operator without kernels', () => {
    const { gear, reason } = gearOf(stepOf(mapPartitions, lifted), 'auto')
    expect(gear).toBe('row')
    expect(reason).toBe('is for mapPartitions, which has no kernel')
  })
})

describe('limits', () => {
  test.each([
    ['lifted', lifted, 'lifted', undefined],
    ['lifted', pure, 'row', 'calls stop.has, which is not a known pure function'],
    ['distinct', pure, 'distinct', "runs in the gear that was asked for, 'distinct'"],
    ['distinct', lifted, 'distinct', "runs in the gear that was asked for, 'distinct'"],
    ['distinct', object, 'row', 'returns an object, which equal rows would share'],
    ['row', pure, 'row', "runs in the gear that was asked for, 'row'"],
    ['row', lifted, 'row', "runs in the gear that was asked for, 'row'"],
  ] as const)('%s: %s', (limit, fn, gear, reason) => {
    expect(gearOf(stepOf(map, fn), limit)).toMatchObject({ gear, reason })
  })
})
