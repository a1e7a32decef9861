/**
 * What can't travel, and the words of the errors. A change made through an alias (`const s = stop;
 * s.add(x)`) is beyond reading the source; the frozen data of `revive.test.ts` catches it in the
 * worker.
 */
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { type PeltonError, PeltonError as PeltonErrorClass } from '../../src/errors.ts'
import { analyse, closeCapture, portable } from '../../src/functions/capture.ts'
import { callerPlace } from '../../src/functions/place.ts'
import { accumulator, broadcast, resource } from '../../src/functions/shared.ts'
import * as lib from './fixtures/lib.ts'

afterAll(closeCapture)

const file = new URL(import.meta.url).pathname

/** The error that capturing `fn` throws. */
function refused(fn: unknown): PeltonError {
  const site = { operator: 'filter', place: callerPlace() }
  try {
    portable(analyse(fn as Function, site))
  } catch (error) {
    expect(error).toBeInstanceOf(PeltonErrorClass)
    const found = error as PeltonError
    expect(found.code).toBe('CAPTURE')
    expect(found.operator).toBe('filter')
    return found
  }
  throw new Error(`not refused: ${fn}`)
}

test('an error names operator, variable, place and remedy', () => {
  const config = { db: { socket: new Socket() } }
  const error = refused((x: string) => config.db.socket.write(x))
  expect(error.message).toMatch(/^filter: the captured variable config\.db\.socket is a Socket; /)
  expect(error.message).toContain(`${file}:`)
  expect(error.message).toContain('resource(')
  expect(error.place?.file).toBe(file)
})

test('the place in the message is where the variable is used', () => {
  const secret = Symbol('s')
  const here = callerPlace()!
  const error = refused((x: any) => x[secret])
  const line = Number(/test\.ts:(\d+):/.exec(error.message)?.[1])
  expect(line - here.line).toBeGreaterThanOrEqual(1)
  expect(line - here.line).toBeLessThanOrEqual(4)
})

test('a helper that captured the value is named', () => {
  const emitter = new EventEmitter()
  const notify = (x: number) => emitter.emit('x', x)
  const error = refused((x: number) => notify(x))
  expect(error.message).toContain(
    'the captured variable emitter (used by notify) is a EventEmitter',
  )
})

const value = <T>(v: T) => {
  const data = { list: [0, v] }
  return () => data
}

class Money {
  cents = 1
}
const values: readonly [string, unknown, string, string][] = [
  ['class instance', new Money(), 'data.list[1] is an instance of the class Money', 'resource('],
  ['promise', Promise.resolve(), 'data.list[1] is a Promise', 'Await'],
  ['weak map', new WeakMap(), 'data.list[1] is a WeakMap', 'Map'],
  ['weak reference', new WeakRef({}), 'data.list[1] is a WeakRef', 'Map'],
  ['symbol', Symbol('k'), 'data.list[1] is a symbol (Symbol(k))', 'string'],
  ['symbol key', { [Symbol('k')]: 1 }, 'data.list[1] has a symbol as a key', 'string key'],
  ['proxy', new Proxy({}, {}), 'data.list[1] is a Proxy', '{ ...value }'],
  ['proxy of a function', new Proxy(() => 1, {}), 'data.list[1] is a Proxy', '{ ...value }'],
  ['shared memory', new SharedArrayBuffer(8), 'is a SharedArrayBuffer', 'slice()'],
  [
    'view of shared memory',
    new Int8Array(new SharedArrayBuffer(8)),
    'SharedArrayBuffer',
    'slice()',
  ],
  [
    'getter',
    {
      get g() {
        return 1
      },
    },
    'data.list[1].g is a getter',
    '{ ...value }',
  ],
  ['setter', { set g(_: number) {} }, 'data.list[1].g is a getter or setter', '{ ...value }'],
  ['map with a property', Object.assign(new Map(), { x: 1 }), 'data.list[1].x is an extra', 'own'],
  ['subclass of Map', new (class Bag extends Map {})(), 'instance of the class Bag', 'resource('],
  [
    'subclass of Array',
    new (class Row extends Array {})(),
    'instance of the class Row',
    'resource(',
  ],
  ['subclass of Error', new (class Oops extends Error {})(), 'instance of the class Oops', 'plain'],
  ['boxed number', Object(1), 'instance of the class Number', 'plain'],
  ['generator', (function* () {})(), 'is an instance of the class', 'plain'],
  [
    'in a Map',
    new Map([['k', { s: Symbol('z') }]]),
    'data.list[1].get("k").s is a symbol',
    'string',
  ],
  ['in a Set', new Set([new Money()]), 'data.list[1] element is an instance', 'resource('],
  ['strange key', { 'a b': Symbol('z') }, 'data.list[1]["a b"] is a symbol', 'string'],
  ['detached buffer', detached(), 'data.list[1]', 'broadcast()'],
]
function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8)
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}

test.each(values)('value that cannot travel: %s', (_name, one, what, remedy) => {
  const { message } = refused(value(one))
  expect(message).toContain('the captured variable data')
  expect(message).toContain(what)
  expect(message).toContain(remedy)
})

test('a proxy is not asked anything', () => {
  let asked = 0
  const handler = new Proxy({}, { get: () => void asked++ })
  refused(value(new Proxy({}, handler)))
  expect(asked).toBe(0)
})

test.each([
  [undefined, 'undefined'],
  ['abc', '"abc"'],
  [{ a: 1 }, '{"a":1}'],
])('no function but %s', (one, text) => {
  const { message } = refused(one)
  expect(message).toContain(`filter: expected a function, got ${text} (${file}:`)
  expect(message).toContain('Pass a function, such as `x => x`.')
})

describe('a change through a captured name', () => {
  const stop = new Set<unknown>()
  const map = new Map<any, any>([['k', [1]]])
  const arr: any[] = [[1], { n: 1 }]
  const obj: any = { k: 1, list: [1], deep: { set: new Set() }, by: { a: [1] } }
  const date = new Date(0)
  const bytes = new Uint8Array(2)
  const shared = broadcast(new Set<number>())
  const key = 'list'
  let count = 0
  const changes: readonly [string, Function, string][] = [
    ['Set add', (x: any) => stop.add(x), 'stop by .add()'],
    ['Set add, optional', (x: any) => stop?.add(x), 'stop by .add()'],
    ['Set delete', (x: any) => stop.delete(x), 'stop by .delete()'],
    ['Map set', (x: any) => map.set(x, 1), 'map by .set()'],
    ['element of a Map', (x: any) => map.get('k').push(x), 'map[…] by .push()'],
    ['property of an element of a Map', () => map.get('k').count++, "map[…] by '++'"],
    ['push', (x: any) => arr.push(x), 'arr by .push()'],
    ['sort', () => arr.sort(), 'arr by .sort()'],
    ['element push', (x: any) => arr[0].push(x), 'arr[0] by .push()'],
    ['element of any index', (x: any) => arr[x].push(x), 'arr[…] by .push()'],
    [
      'index',
      (x: any) => {
        arr[0] = x
      },
      'arr by assignment',
    ],
    [
      'length',
      () => {
        arr.length = 0
      },
      'arr by assignment',
    ],
    [
      'property',
      (x: any) => {
        obj.k = x
      },
      'obj by assignment',
    ],
    [
      'property, compound',
      (x: any) => {
        obj.k += x
      },
      'obj by assignment',
    ],
    [
      'property, if absent',
      (x: any) => {
        obj.k ??= x
      },
      'obj by assignment',
    ],
    [
      'deep property',
      (x: any) => {
        obj.deep.y = x
      },
      'obj.deep by assignment',
    ],
    [
      'computed property',
      (x: any) => {
        obj[x] = 1
      },
      'obj by assignment',
    ],
    ['increment', () => obj.k++, "obj by '++'"],
    ['decrement before', () => --obj.k, "obj by '--'"],
    ['delete', () => delete obj.k, "obj by 'delete'"],
    ['delete, optional', () => delete obj?.k, "obj by 'delete'"],
    ['deep collection', (x: any) => obj.deep.set.add(x), 'obj.deep.set by .add()'],
    ['by a captured key', (x: any) => obj[key].push(x), 'obj[…] by .push()'],
    ['by a literal key', (x: any) => obj['list'].push(x), 'obj.list by .push()'],
    [
      'destructuring',
      (x: any) => {
        ;[obj.k] = x
      },
      'obj by assignment',
    ],
    [
      'destructuring with a default',
      (x: any) => {
        ;({ y: obj.k = 2 } = x)
      },
      'obj by assignment',
    ],
    [
      'destructuring, rest',
      (x: any) => {
        ;[, ...obj.k] = x
      },
      'obj by assignment',
    ],
    [
      'for … of',
      (x: any) => {
        for (obj.k of x);
      },
      'obj by assignment',
    ],
    [
      'for … in',
      (x: any) => {
        for (obj.k in x);
      },
      'obj by assignment',
    ],
    ['in a nested function', (x: any[]) => x.map(y => stop.add(y)), 'stop by .add()'],
    ['Object.assign', (x: any) => Object.assign(obj, x), 'obj by Object.assign()'],
    ['Object.assign, deep', (x: any) => Object.assign(obj.deep, x), 'obj.deep by Object.assign()'],
    ['Reflect.set', (x: any) => Reflect.set(obj, 'k', x), 'obj by Reflect.set()'],
    ['Date', () => date.setTime(1), 'date by .setTime()'],
    [
      'typed array',
      (x: any) => {
        bytes[0] = x
      },
      'bytes by assignment',
    ],
    ['typed array fill', () => bytes.fill(1), 'bytes by .fill()'],
    ['value of a broadcast', (x: any) => shared.value.add(x), 'shared.value by .add()'],
    [
      'global',
      () => {
        ;(globalThis as any).count = 1
      },
      'globalThis by assignment',
    ],
    [
      'property of an import',
      () => {
        ;(lib as any).limits.low = 2
      },
      'limits by assignment',
    ],
    [
      'variable',
      () => {
        count = 1
      },
      'the captured variable count',
    ],
    ['variable, increment', () => count++, 'the captured variable count'],
    [
      'variable, destructuring',
      (x: any) => {
        ;[count] = x
      },
      'the captured variable count',
    ],
    [
      'variable, for … of',
      (x: any) => {
        for (count of x);
      },
      'the captured variable count',
    ],
  ]
  test.each(changes)('%s', (_name, fn, text) => {
    const { message } = refused(fn)
    expect(message).toContain(text)
    expect(message).toContain('accumulator()')
    expect(message).toContain('refusals.test.ts:')
  })

  test('it is refused where the operator is called, before start()', () => {
    const site = { operator: 'map', place: undefined }
    expect(() => analyse((x: any) => stop.add(x), site)).toThrow(/stop by \.add\(\)/)
  })

  test('a helper that changes what it captured is refused', () => {
    const helper = (x: unknown) => stop.add(x)
    expect(refused((x: unknown) => helper(x)).message).toContain('stop by .add()')
    expect(count).toBe(0)
  })

  const total = accumulator()
  const totals = { good: total, bad: accumulator() }
  const cache = resource(() => new Map<string, number>())
  const math = { add: (a: number, b: number) => a + b }
  const allowed: readonly [string, Function][] = [
    ['accumulator', (x: number) => total.add(x)],
    ['accumulators by key', (k: 'good' | 'bad') => totals[k].add(1)],
    ['resource', (x: string) => cache.get().set(x, 1)],
    ['function called add', (x: number) => math.add(x, 1)],
    ['own array', (x: number) => [1].push(x)],
    [
      'own variable',
      (x: number) => {
        let n = 0
        n += x
        return n
      },
    ],
    [
      'own object',
      (x: number) => {
        const o: any = {}
        o.k = x
        return o
      },
    ],
    [
      'parameter',
      (x: any) => {
        x.seen = true
        return x
      },
    ],
    ['shadowing parameter', (stop: Set<number>) => stop.add(1)],
    ['copy', (x: number) => [...arr, x].sort()],
    ['copy made by Object.assign', (x: any) => Object.assign({}, obj, x)],
    ['reading', (x: any) => stop.has(x) && map.get(x) && obj.k === arr[0]],
  ]
  test.each(allowed)('no change: %s', (_name, fn) => {
    expect(
      portable(analyse(fn, { operator: 'map', place: undefined })).nodes.length,
    ).toBeGreaterThan(0)
  })
})
