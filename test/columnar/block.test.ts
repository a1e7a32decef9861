// Can't catch: races between threads (blocks are never written once sealed), speed.
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Block } from '../../src/columnar/block.ts'
import { BlockBuilder, blockFromColumns } from '../../src/columnar/builder.ts'
import type { TupleColumn } from '../../src/columnar/column-nested.ts'
import type { Utf8Column } from '../../src/columnar/column-text.ts'
import { HeapArena } from './heap-arena.ts'
import { difference } from './same.ts'
import { rows } from './values.ts'

let arena = new HeapArena()
let builder = new BlockBuilder()

beforeEach(() => {
  arena = new HeapArena()
  builder = new BlockBuilder()
})
afterEach(() => expect(arena.live.size).toBe(0))

/** Seals rows, opens the block, calls `look` and frees the block. */
function sealed<T>(values: readonly unknown[], look: (block: Block) => T): T {
  for (const value of values) builder.append(value)
  expect(builder.rows).toBe(values.length)
  const estimate = builder.byteLength
  const ref = builder.seal(arena, 7)
  expect(builder.rows).toBe(0)
  expect(ref.bytes).toBeLessThan(estimate * 2 + 20_000)
  const block = Block.open(arena, ref.ptr)
  expect([block.rows, block.bytes]).toEqual([ref.rows, ref.bytes])
  expect(arena.live.get(ref.ptr)).toEqual({ bytes: ref.bytes, owner: 7 })
  try {
    return look(block)
  } finally {
    arena.free(ref.ptr)
    arena.rewind()
  }
}

function signatureOf(values: readonly unknown[]): string {
  return sealed(values, block => {
    expect(difference(Array.from(block.decode(0, block.rows)), [...values])).toBe(null)
    return block.signature
  })
}

test('rows of every kind come back the same, whole, in part and one by one', () => {
  fc.assert(
    fc.property(rows, fc.nat(), fc.nat(), (values, a, b) => {
      sealed(values, block => {
        expect(difference(Array.from(block.decode(0, block.rows)), values)).toBe(null)
        const [from, to] = [a % (values.length + 1), b % (values.length + 1)].sort((x, y) => x - y)
        const part = values.slice(from, to)
        expect(difference(Array.from(block.decode(from!, to!)), part)).toBe(null)
        for (let i = 0; i < values.length; i++) {
          expect(difference(block.get(i), values[i], `$[${i}]`)).toBe(null)
        }
      })
    }),
    { numRuns: 1500 },
  )
})

const hole = [1]
hole.length = 2
const d = new Date(5)

test.each<[string, unknown[]]>([
  ['absent', []],
  ['absent?~', [null, undefined]],
  ['float64', [1, -0, Number.NaN]],
  ['float64?', [null, 1]],
  ['float64~', [1, undefined]],
  ['bool', [true, false]],
  ['int64', [1n, -(2n ** 63n)]],
  ['any', [1n, 2n ** 63n]],
  ['timestamp', [d, new Date(Number.NaN), new Date(-1), new Date(8.64e15)]],
  ['utf8?', ['a', '', 'longer than twelve', null, '\ud800', 'ünïcödé is also longer']],
  ['any?', ['a', 1, null]],
  ['tuple(utf8,float64)', [['a', 1]]],
  [
    'tuple(utf8,any)',
    [
      ['a', 1],
      ['b', 'c'],
    ],
  ],
  ['list(float64)', [[1, 2], [3]]],
  ['list(float64)', [[], [3, 4]]],
  ['list(float64~)', [[undefined], [3, 4]]],
  ['any', [[1, 'a'], [2]]],
  ['any', [[1], [2, 3], ['a']]],
  ['any', [hole]],
  ['any', [/a/.exec('a')]],
  ['list(float64)', [[1, 2, 3, 4, 5, 6, 7, 8, 9]]],
  [
    'struct("a":float64,"b":utf8)',
    [
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ],
  ],
  ['struct("a":float64,"b":utf8~;0 1|1 0|0)', [{ a: 1, b: 'x' }, { b: 'y', a: 2 }, { a: 3 }]],
  ['struct("a":float64~,"b":utf8~;0|1)?', [null, { a: 1 }, { b: 'y' }]],
  ['struct("a":float64)?', [null, { a: 1 }]],
  ['struct()', [{}, {}]],
  ['any', [{ a: 1 }, [1]]],
  ['any', [new Map([[1, 2]]), new Set([1])]],
  [
    'tuple(struct("a":list(utf8)),float64?)',
    [
      [{ a: ['x'] }, null],
      [{ a: ['y', 'z'] }, 1],
    ],
  ],
])('infers %s', (signature, values) => {
  expect(signatureOf(values)).toBe(signature)
})

test('objects with more shapes, fields or depth than a struct may have become any', () => {
  const shapes = Array.from({ length: 70 }, (_, i) => ({ a: i, [`k${i}`]: i }))
  expect(signatureOf(shapes)).toBe('any')
  const wide = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, i]))
  expect(signatureOf([null, wide, null])).toBe('any?')
  const nest = (depth: number): unknown => (depth === 0 ? 1 : { next: nest(depth - 1) })
  expect(signatureOf([nest(8)])).toContain('float64')
  expect(signatureOf([null, nest(9)])).toBe('any?')
  const tree = (depth: number): unknown =>
    depth === 0 ? 1 : Array.from({ length: 7 }, () => tree(depth - 1))
  expect(signatureOf([[1], tree(4)])).toBe('any')
})

test('cyclic rows keep their cycles', () => {
  const node: any = { name: 'a' }
  node.self = node
  sealed([{ name: 'b' }, node], block => {
    const back: any = block.get(1)
    expect(back.self).toBe(back)
    expect(block.get(0)).toEqual({ name: 'b' })
  })
})

class Point {
  x = 1
}

test('a refused row leaves the builder as it was', () => {
  const good = [
    { a: [1], b: 'x' },
    { a: [2, 3], b: 'y' },
  ]
  for (const value of good) builder.append(value)
  const bad = [
    { a: [4, 5, new Point()], b: 'z' },
    { a: [4], b: () => 1 },
    { a: [4], c: 1, b: new Map([[1, new Point()]]) },
    new Point(),
    Symbol('s'),
  ]
  for (const value of bad)
    expect(() => builder.append(value)).toThrow(/class Point|function|symbol/)
  expect(() => builder.append(bad[0])).toThrow(/class Point at \.a\[2\]/)
  const getter = {
    get a(): number {
      throw new RangeError('mine')
    },
  }
  expect(() => builder.append(getter)).toThrow(RangeError)
  const ref = builder.seal(arena, 1)
  expect(Array.from(Block.open(arena, ref.ptr).decode(0, ref.rows))).toEqual(good)
  arena.free(ref.ptr)
})

test('a block ends where it says, also after a row was taken back', () => {
  for (const rows of [0, 8, 128, 129]) {
    for (let i = 0; i < rows; i++) builder.append([true])
    expect(() => builder.append([true, new Point()])).toThrow(/class Point/)
    if (rows === 0) builder.append([])
    const ref = builder.seal(arena, 1)
    expect(arena.u8[ref.ptr + ref.bytes], `behind ${rows} rows`).toBe(0xdb)
    arena.free(ref.ptr)
  }
})

test('a refused pair leaves the builder as it was', () => {
  builder.appendPair('a', 1)
  expect(() => builder.appendPair('b', new Point())).toThrow(/class Point at \[1\]/)
  builder.appendPair('c', 2)
  const ref = builder.seal(arena, 1)
  const block = Block.open(arena, ref.ptr)
  expect(Array.from(block.decode(0, 2))).toEqual([
    ['a', 1],
    ['c', 2],
  ])
  expect(block.signature).toBe('tuple(utf8,float64)')
  arena.free(ref.ptr)
  arena.rewind()
})

test('reset drops rows and types', () => {
  builder.append('a')
  builder.append(1)
  builder.reset()
  expect(builder.rows).toBe(0)
  expect(signatureOf([1])).toBe('float64')
})

test('columns become blocks without rows in between', () => {
  const numbers = Float64Array.of(1, -0)
  const words = ['a', 'a string of more than twelve bytes']
  const cases: [Parameters<typeof blockFromColumns>[2], unknown[], string][] = [
    [numbers, [1, -0], 'float64'],
    [words, words, 'utf8'],
    [BigInt64Array.of(5n), [5n], 'int64'],
    [
      [numbers, numbers],
      [
        [1, 1],
        [-0, -0],
      ],
      'tuple(float64,float64)',
    ],
    [
      [words, numbers],
      [
        [words[0], 1],
        [words[1], -0],
      ],
      'tuple(utf8,float64)',
    ],
    [[], [], 'utf8'],
  ]
  for (const [columns, values, signature] of cases) {
    const ref = blockFromColumns(arena, 1, columns)
    const block = Block.open(arena, ref.ptr)
    expect(block.signature).toBe(signature)
    expect(difference(Array.from(block.decode(0, block.rows)), values)).toBe(null)
    arena.free(ref.ptr)
  }
  arena.rewind()
  expect(() => blockFromColumns(arena, 1, [numbers, ['a']])).toThrow(/lengths 2, 1/)
})

test('float64 decodes without a copy, other columns give their addresses', () => {
  sealed(
    [
      ['a', 1],
      ['b', 2],
    ],
    block => {
      const [words, numbers] = (block.root as TupleColumn).items
      const view = numbers!.decode(0, 2) as Float64Array
      expect(view.buffer).toBe(arena.buffer)
      expect(view.byteOffset).toBe(numbers!.dataAddress)
      expect((words as Utf8Column).ascii).toBe(true)
      expect(arena.u32[words!.dataAddress / 4]).toBe(1)
    },
  )
})

test('text views are laid out as kernels expect', () => {
  sealed(['twelve bytes', 'thirteen byte', 'é'], block => {
    const column = block.root as Utf8Column
    expect([column.ascii, column.wtf8, column.long]).toEqual([false, false, true])
    const text = (start: number, end: number): string => arena.bytes.toString('utf8', start, end)
    const at = column.dataAddress
    expect([...column.views.subarray(0, 12)].filter((_, i) => i % 4 === 0)).toEqual([12, 13, 2])
    expect(text(at + 4, at + 16)).toBe('twelve bytes')
    expect(text(at + 20, at + 24)).toBe('thir')
    const pointer = column.views[6]!
    expect(text(pointer, pointer + 13)).toBe('thirteen byte')
    expect(column.views[7]).toBe(0)
    expect([...column.views.subarray(8)]).toEqual([2, 0xa9c3, 0, 0])
  })
})

test('decoding survives more rows than one segment, short and long mixed', () => {
  const values = Array.from({ length: 9000 }, (_, i) => `${'x'.repeat((i * 7) % 300)}${i}`)
  const short = Array.from({ length: 9000 }, (_, i) => `w${i}`)
  for (const list of [values, short, values.map(v => `${v}ü`)]) {
    sealed(list, block => expect(block.decode(0, list.length)).toEqual(list))
    sealed(list, block => expect(block.decode(100, 5000)).toEqual(list.slice(100, 5000)))
  }
})

test('a struct keeps keys that a prototype would swallow', () => {
  const row = JSON.parse('{"__proto__": {"x": 1}, "b": 2}')
  const back: any = sealed([row, row], block => block.decode(0, 2)[1])
  expect(Object.keys(back)).toEqual(['__proto__', 'b'])
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
})

test('inherited enumerable keys are no fields', () => {
  Object.defineProperty(Object.prototype, 'polluted', {
    value: 1,
    enumerable: true,
    configurable: true,
    writable: true,
  })
  try {
    expect(signatureOf([{ a: 1 }, { a: 2 }])).toBe('struct("a":float64)')
  } finally {
    delete (Object.prototype as any).polluted
  }
})

test('opening what is no block names the address and what lies there', () => {
  const ref = blockFromColumns(arena, 1, ['a'])
  arena.free(ref.ptr)
  expect(() => Block.open(arena, ref.ptr)).toThrow(
    `no block at address ${ref.ptr}: found 0xdbdbdbdb`,
  )
  expect(() => Block.open(arena, arena.u8.length)).toThrow('the end of the arena')
  arena.rewind()
  const other = blockFromColumns(arena, 1, ['a'])
  arena.u32[other.ptr / 4 + 1] = 99
  expect(() => Block.open(arena, other.ptr)).toThrow('format version 99')
  arena.free(other.ptr)
  arena.rewind()
})

test('another thread opens a block from its address alone', async () => {
  const row = {
    word: 'a string of more than twelve bytes',
    list: [1, 2],
    map: new Map([['k', -0]]),
  }
  for (const value of [row, { ...row, word: '\ud800' }, null]) builder.append(value)
  const ref = builder.seal(arena, 1)
  const worker = new Worker(new URL('./open-block.worker.ts', import.meta.url), {
    workerData: { buffer: arena.buffer, ptr: ref.ptr },
  })
  const message: any = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  await worker.terminate()
  const block = Block.open(arena, ref.ptr)
  expect(message.signature).toBe(block.signature)
  expect(difference(message.rows, Array.from(block.decode(0, 3)))).toBe(null)
  arena.free(ref.ptr)
  arena.rewind()
})
