/** What a revived function sees: the same values, frozen; and what crosses by reference. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inspect, isDeepStrictEqual, promisify } from 'node:util'
import v8 from 'node:v8'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { counters } from '../../src/functions/analysis.ts'
import { analyse, closeCapture, portable, portableValue } from '../../src/functions/capture.ts'
import { callerPlace } from '../../src/functions/place.ts'
import { revive } from '../../src/functions/revive.ts'
import {
  type Accumulator,
  accumulator,
  broadcast,
  resource,
  sharedById,
} from '../../src/functions/shared.ts'
import { using } from '../../src/functions/using.ts'
import { Far } from './fixtures/check.ts'

const far = new Far(new URL('./fixtures/worker.ts', import.meta.url))
afterAll(() => far.close())

const site = { operator: 'map', place: undefined }
const host = {
  broadcast: (id: number) => sharedById(id),
  accumulator: (id: number) => sharedById(id),
  resource: (id: number) => sharedById(id),
}
/** Captures a value, sends it through structured clone, and revives it in this thread. */
async function through<T>(value: T): Promise<T> {
  const fn = await revive(structuredClone(portable(analyse(() => value, site))), host)
  return fn() as T
}

const shared = { inner: [1] }
const cyclic: any = { list: [] }
cyclic.list.push(cyclic)
cyclic.call = () => cyclic.list.length
const holes: number[] = [1]
holes[2] = 3
const failure = Object.assign(new RangeError('too far', { cause: { at: 9 } }), { code: 'E_FAR' })
const table: readonly [string, any][] = [
  ['undefined', undefined],
  ['null', null],
  ['-0', -0],
  ['NaN', Number.NaN],
  ['-Infinity', -Infinity],
  ['bigint', -(2n ** 70n)],
  ['lone surrogate', '\ud800'],
  ['separators and quotes', '\u2028\u2029\'"`\\\n</script>'],
  ['array with holes', holes],
  ['array with a property', Object.assign([1, 2], { note: 'n' })],
  ['result of a match', /(?<year>\d+)-(\d+)/.exec('on 2024-05')],
  ['date', new Date(5)],
  ['invalid date', new Date(Number.NaN)],
  ['regular expression', /a+(?<n>b)/giu],
  [
    'map with objects as keys',
    new Map<any, any>([
      [{ a: 1 }, [shared]],
      [Number.NaN, shared],
    ]),
  ],
  ['set', new Set<any>(['a', { b: 1 }])],
  ['array buffer', new Uint8Array([1, 2, 3]).buffer],
  ['typed array', new Float32Array([1.5, -0])],
  ['view of a part', new Int16Array(new Int16Array([1, 2, 3]).buffer, 2, 1)],
  ['data view', new DataView(new ArrayBuffer(2))],
  ['buffer', Buffer.from('héllo')],
  ['object without a prototype', Object.assign(Object.create(null), { x: [1] })],
  ['error', failure],
  ['aggregate error', new AggregateError([new TypeError('a')], 'both')],
  ['key order', { b: 1, a: 2, 1: 3 }],
]

test.each(table)('by value: %s', async (_name, value) => {
  // With a function beside it, the value takes the other way: node by node.
  for (const back of [await through(value), (await through({ value, f: () => 1 })).value]) {
    expect(isDeepStrictEqual(back, value), inspect(back)).toBe(true)
    expect(inspect(back, { depth: 9 })).toBe(inspect(value, { depth: 9 }))
  }
})

test('the worker gets its own copy, as it was when it was read', async () => {
  const list = [1]
  const sent = portable(analyse(() => list, site))
  list.push(2)
  expect((await revive(sent, host))()).toEqual([1])
  expect(list).toEqual([1, 2])
})

test('a hidden property stays hidden', async () => {
  const back = await through(Object.defineProperty({ a: 1 }, 'h', { value: [2] }))
  expect(Object.getOwnPropertyDescriptor(back, 'h')).toMatchObject({
    value: [2],
    enumerable: false,
  })
})

test('shared identity and cycles survive', async () => {
  const pair = await through({
    a: shared,
    b: { deep: [shared] },
    f: () => shared,
    m: new Map([[1, shared]]),
  })
  expect(pair.a).toBe(pair.b.deep[0])
  expect(pair.a).toBe(pair.f())
  expect(pair.a).toBe(pair.m.get(1))
  const back = await through(cyclic)
  expect(back.list[0]).toBe(back)
  expect(back.call()).toBe(1)
  const [x, y] = await through([1, 2].map(() => shared))
  expect(x).toBe(y)
})

test('the lastIndex of a regular expression starts anew', async () => {
  const re = /a/g
  re.test('aa')
  expect(re.lastIndex).toBe(1)
  expect((await through(re)).lastIndex).toBe(0)
})

test('a deep list does not overflow the stack', () => {
  let list: any = null
  for (let i = 0; i < 200_000; i++) list = { list }
  // Structured clone itself gives up on such depth, which must come out as a capture error.
  expect(() => portable(analyse(() => list, site))).toThrow(
    /captured variable list can't be copied/,
  )
})

test('structured clone and v8.serialize accept every portable function', async () => {
  const values = table.map(([, value]) => value)
  const all = (k: number) => [values, cyclic, failure, k]
  const sent = portable(analyse(all, site))
  for (const copy of [structuredClone(sent), v8.deserialize(v8.serialize(sent))])
    expect(isDeepStrictEqual((await revive(copy, host))(7), all(7))).toBe(false)
  const plain = portable(analyse(() => values.length, site))
  expect((await revive(v8.deserialize(v8.serialize(plain)), host))()).toBe(table.length)
})

describe('hostile content', () => {
  const nasty = [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    '',
    '"',
    "'",
    '`',
    '$' + '{process.exit()}',
    '\\',
    '\n',
    '\r',
    '\u2028',
    '\u2029',
    '*/',
    '//',
    ']})',
    '\ud800',
    '\0',
  ]

  test('keys and strings come back as they are and touch no prototype', async () => {
    for (const mixed of [false, true]) {
      const object: any = {}
      for (const key of nasty)
        Object.defineProperty(object, key, {
          value: mixed ? { key, f: () => key } : { key },
          enumerable: true,
        })
      const back = await through(object)
      expect(Object.keys(back)).toEqual(nasty)
      for (const key of nasty)
        expect(Object.getOwnPropertyDescriptor(back, key)!.value.key).toBe(key)
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
      expect(({} as any).key).toBeUndefined()
    }
  })

  test('a function named by a hostile key keeps its name', async () => {
    for (const key of nasty) {
      const fn = {
        [key]: (x: number) => x + 1,
        [`${key}m`](x: number) {
          return x
        },
      }
      for (const one of Object.values(fn)) {
        const { result, name } = await far.call(one, [1])
        expect([typeof result, name]).toEqual(['number', one.name])
      }
    }
  })

  test('variables may be called like the names in generated code', async () => {
    const $late = 1
    const $late0 = 2
    const $import = 3
    const f = 4
    const v = 5
    function again(n: number): number {
      return n === 0 ? $late + $late0 + $import + f + v : other(n - 1)
    }
    function other(n: number): number {
      return again(n)
    }
    const { result } = await far.call(
      async (n: number) => again(n) + (await import('node:path')).sep.length + $import,
      [2],
    )
    expect(result).toBe(15 + 1 + 3)
  })

  test('a forged variable name is not compiled', async () => {
    const x = 1
    const sent = structuredClone(portable(analyse(() => x, site))) as any
    sent.nodes.find((node: any) => node.type === 'function').names[0] = 'a=process.exit()'
    await expect(revive(sent, host)).rejects.toThrow(/not a variable name/)
  })

  test('any plain data comes back equal', async () => {
    const data = fc.object({
      key: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...nasty)),
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
      withSparseArray: true,
    })
    await fc.assert(
      fc.asyncProperty(data, async value => {
        expect(isDeepStrictEqual(await through(value), value)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

describe('frozen data', () => {
  const map = new Map([['a', { n: 1 }]])
  const set = new Set(['a'])
  const object = { list: [1], deep: { n: 1 } }
  const frozen: readonly [string, Function, RegExp][] = [
    [
      'Map',
      () => {
        const m = map
        m.set('b', { n: 2 })
      },
      /read-only.*accumulator\(\).*broadcast\(\)/,
    ],
    [
      'Map clear',
      () => {
        const m = map
        m.clear()
      },
      /Map.*read-only/,
    ],
    [
      'Map value',
      () => {
        const m = map.get('a')!
        m.n = 2
      },
      /read only/,
    ],
    [
      'Set',
      () => {
        const s = set
        s.add('b')
      },
      /Set.*read-only.*accumulator\(\).*broadcast\(\)/,
    ],
    [
      'Set delete',
      () => {
        const s = set
        s.delete('a')
      },
      /Set.*read-only/,
    ],
    [
      'array',
      () => {
        const { list } = object
        list.push(2)
      },
      /not extensible/,
    ],
    [
      'deep object',
      () => {
        const { deep } = object
        deep.n = 2
      },
      /read only/,
    ],
    [
      'object with functions',
      () => {
        const o = mixed
        o.n = 2
      },
      /read only/,
    ],
  ]
  const mixed = { n: 1, f: () => 1 }
  test.each(frozen)('%s', async (_name, fn, message) => {
    expect((await far.call(fn)).failure).toMatch(message)
  })

  test('reading goes on, and a copy may be changed', async () => {
    const { result } = await far.call(() => {
      const copy = new Set(set)
      copy.add('b')
      return [map.get('a')!.n, [...copy], [...object.list, 2].sort(), structuredClone(map).size]
    })
    expect(result).toEqual([1, ['a', 'b'], [1, 2], 1])
  })
})

describe('by reference', () => {
  test('broadcast', async () => {
    const stop = broadcast(new Set(['a']))
    const fn = () => [stop.value, stop.id] as unknown
    const { result } = await far.call(fn)
    expect(result).toEqual([`broadcast ${stop.id}`, stop.id])
    expect(portable(analyse(fn, site)).shared.broadcasts).toEqual([stop.id])
    expect(stop.value.has('a')).toBe(true)
  })

  const merged = (
    total: Accumulator<any, any>,
    parts: [number, unknown[]][] | undefined,
  ): unknown => {
    for (const [id, taken] of parts ?? []) {
      expect(id).toBe(total.id)
      for (const part of taken) total.merge(part)
    }
    return total.value
  }

  test('accumulators', async () => {
    const sum = accumulator(10)
    const longest = accumulator(0, Math.max)
    const words = accumulator({
      zero: [] as string[],
      add: (all: string[], word: string) => [...all, word.toUpperCase()],
      merge: (a: string[], b: string[]) => a.concat(b),
    })
    const huge = accumulator(1n)
    const again = [['b'], ['cc']]
    const call = (fn: any) => far.call(fn, ['aaaa'], again).then(answer => answer.parts)
    expect(merged(sum, await call((x: string) => sum.add(x.length)))).toBe(17)
    expect(merged(longest, await call((x: string) => longest.add(x.length)))).toBe(4)
    expect(merged(words, await call((x: string) => words.add(x)))).toEqual(['AAAA', 'B', 'CC'])
    expect(merged(huge, await call((x: string) => huge.add(BigInt(x.length))))).toBe(8n)
    const { failure: reading } = await far.call(() => sum.value)
    expect(reading).toContain('main thread only')
    const { failure: adding } = await far.call(() => sum.add('x' as never))
    expect(adding).toContain('accumulator: can\'t add "x" to 0')
    expect(() => sum.add('x' as never)).toThrow('can\'t add "x" to 17')
  })

  test('resource, with what open captured', async () => {
    const start = 40
    const next = (n: number) => n + 1
    const db = resource(
      () => ({ count: next(start) }),
      handle => void handle,
    )
    const lookup = (x: number) => db.get().count + x
    const { result, opened } = await far.call((x: number) => lookup(x) + db.get().count, [1])
    expect([result, opened]).toEqual([83, 1])
    expect(() => db.get()).toThrow(/main thread/)
  })

  test('what is no function or number is refused at once', () => {
    expect(() => resource(5 as never)).toThrow(/resource: expected functions, got 5/)
    expect(() => resource(() => 1, 5 as never)).toThrow(/got 5/)
    expect(() => accumulator('a' as never)).toThrow(/accumulator: can't sum from "a"/)
    expect(() => accumulator({ zero: 1 } as never)).toThrow(/\{ zero, add, merge \}/)
  })
})

describe('using', () => {
  test('the values given take the place of those in scope', async () => {
    const stop = new Set(['a'])
    const factor = 2
    const fn = using({ stop: new Set(['b']), factor: 3 }, (w: string) => stop.has(w) && factor)
    expect((await far.call(fn, ['b'])).result).toBe(3)
    expect((await far.call(fn, ['a'])).result).toBe(false)
    expect(fn('a')).toBe(2)
  })

  test('helpers are values too, and their own variables are read', async () => {
    const unit = 's'
    const label = (n: number) => n + unit
    const { result } = await far.call(
      using({ label }, (n: number) => label(n)),
      [1],
    )
    expect(result).toBe('1s')
  })

  test('changing what was given is refused', () => {
    const seen = new Set()
    expect(() =>
      analyse(
        using({ seen }, (x: any) => seen.add(x)),
        site,
      ),
    ).toThrow(/seen by \.add/)
  })

  test('wrong arguments', () => {
    expect(() => using(null as never, () => 1)).toThrow(/using: expected an object/)
    expect(() => using({}, 1 as never)).toThrow(
      /using: expected a function after the values, got 1/,
    )
  })
})

test('closures made anew from one place are parsed once', () => {
  const make = (k: number) => (x: number) => x + k * 12_345
  const before = counters.parses
  const handles = Array.from({ length: 1000 }, (_, k) => analyse(make(k), site))
  expect(counters.parses - before).toBe(1)
  expect(new Set(handles.map(handle => handle.id)).size).toBe(1000)
  expect(new Set(handles.map(handle => handle.analysis)).size).toBe(1)
  const values = handles.slice(0, 3).map(handle => portable(handle).nodes.at(-1))
  expect(values).toEqual([0, 1, 2].map(value => ({ type: 'data', value })))
})

test('values are read at portable(), not before', async () => {
  let rate = 1
  const handle = analyse((x: number) => x * rate, site)
  rate = 5
  expect((await revive(portable(handle), host))(2)).toBe(10)
})

test('a helper that bundlers put into functions is there', async () => {
  const fn = new Function('return x => { const f = __name(y => y, "kept"); return f.name + x }')()
  expect((await far.call(fn, [1])).result).toBe('kept1')
})

test('capture works again after closeCapture()', async () => {
  const k = 2
  closeCapture()
  expect((await far.call((x: number) => x * k, [4])).result).toBe(8)
  closeCapture()
  closeCapture()
})

test('a module that a worker cannot load, or that lacks the export, is named', async () => {
  const sent = (url: string, path: string[]) => ({
    root: 0,
    nodes: [{ type: 'import' as const, url, path }],
    shared: { broadcasts: [], accumulators: [], resources: [] },
  })
  const refused = { name: 'PeltonError', code: 'REVIVE' }
  const missing = revive(sent('node:nowhere', []), host)
  await expect(missing).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining('node:nowhere'),
  })
  const lacking = revive(sent('node:path', ['nothing']), host)
  await expect(lacking).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining('export nothing of node:path'),
  })
})

test('any value can be made portable', async () => {
  const rules = { min: 1, test: (x: number) => x >= 1 }
  const back = (await revive(portableValue(rules, 'rules', site), host)) as unknown as typeof rules
  expect([back.min, back.test(0), Object.isFrozen(back)]).toEqual([1, false, true])
  expect(() => portableValue({ s: Symbol('q') }, 'rules', site)).toThrow(
    /variable rules\.s is a symbol/,
  )
})

test('stack lines under Vite point to the line of the user', async () => {
  const fail = (x: number) => {
    throw new Error(`no ${x}`)
  }
  const near = (() => {
    try {
      return fail(1)
    } catch (error) {
      return (error as Error).stack
    }
  })()
  const { stack } = await far.call(fail, [1])
  const line = /revive\.test\.ts:(\d+):/
  expect(line.exec(stack!)?.[1]).toBe(line.exec(near!)?.[1])
})

test('callerPlace() is here, and leaves the hooks of stack traces alone', () => {
  const { prepareStackTrace, stackTraceLimit } = Error
  const place = callerPlace()!
  const line = Number(/revive\.test\.ts:(\d+):/.exec(new Error().stack!)?.[1])
  expect(place.file).toBe(fileURLToPath(import.meta.url))
  expect(place.line).toBe(line - 1)
  expect([Error.prepareStackTrace, Error.stackTraceLimit]).toEqual([
    prepareStackTrace,
    stackTraceLimit,
  ])
})

test('where the inspector is denied, using() gives the names; the error asks for it', async () => {
  const entry = fileURLToPath(new URL('./fixtures/denied.ts', import.meta.url))
  const flags = ['--permission', '--allow-fs-read=*', '--allow-worker']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, entry])
  expect(JSON.parse(stdout)).toEqual({
    given: 6,
    none: 2,
    message: expect.stringContaining('Give the value by hand: using({ factor }, …)'),
  })
})
