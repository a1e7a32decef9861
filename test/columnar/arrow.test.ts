// Can't catch: what other readers than apache-arrow make of a stream.
import { readFileSync } from 'node:fs'
import * as arrow from 'apache-arrow'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fromArrowIPC, toArrowIPC } from '../../src/columnar/arrow.ts'
import {
  ArrowKind,
  arrowField,
  recordsMessage,
  schemaMessage,
} from '../../src/columnar/arrow-format.ts'
import { Block } from '../../src/columnar/block.ts'
import { BlockBuilder } from '../../src/columnar/builder.ts'
import type { ColumnType } from '../../src/columnar/schema.ts'
import { PeltonError } from '../../src/errors.ts'
import { HeapArena } from './heap-arena.ts'
import { difference } from './same.ts'
import { rows, uniform } from './values.ts'

let arena = new HeapArena()
const builder = new BlockBuilder()

beforeEach(() => {
  arena = new HeapArena()
})
afterEach(() => expect(arena.live.size).toBe(0))

/** The Arrow stream of some blocks, given as rows. */
function exported(...blocks: readonly unknown[][]): Uint8Array {
  const refs = blocks.map(values => {
    for (const value of values) builder.append(value)
    return builder.seal(arena, 1)
  })
  try {
    return toArrowIPC(refs.map(ref => Block.open(arena, ref.ptr)))
  } finally {
    for (const ref of refs) arena.free(ref.ptr)
  }
}

function imported(bytes: Uint8Array): { rows: unknown[][]; signatures: string[] } {
  const refs = fromArrowIPC(bytes, arena, 1)
  const blocks = refs.map(ref => Block.open(arena, ref.ptr))
  const result = {
    rows: blocks.map(block => Array.from(block.decode(0, block.rows))),
    signatures: blocks.map(block => block.signature),
  }
  for (const ref of refs) arena.free(ref.ptr)
  return result
}

/** Rows as apache-arrow reads them, as plain data. */
function read(bytes: Uint8Array): unknown[] {
  return arrow
    .tableFromIPC(bytes)
    .toArray()
    .map(row => plain(row))
}

function plain(value: any): unknown {
  if (value instanceof arrow.StructRow || value?.[Symbol.toStringTag]?.startsWith('Row')) {
    return Object.fromEntries(Object.entries(value.toJSON()).map(([k, v]) => [k, plain(v)]))
  }
  if (value instanceof arrow.Vector) return Array.from(value, plain)
  return value
}

const long = 'a string of more than twelve bytes'

test('apache-arrow reads every kind of column', () => {
  const row = {
    flag: true,
    number: -0.5,
    big: -(2n ** 63n),
    at: new Date(1_700_000_000_123),
    text: long,
    list: [1, 2, 3],
    words: ['a', long],
    nested: { x: [{ y: 'ü' }], z: null },
    pair: ['k', 2],
    none: null,
    bytes: Buffer.from([1, 2, 3]),
    mixed: new Map([['k', 1n]]),
  }
  const nested = { x: [{ y: long }, { y: '' }], z: null }
  const other = {
    ...row,
    nested,
    list: [],
    words: ['b'],
    text: '',
    at: new Date(-1),
    mixed: 'text',
  }
  const back: any[] = read(exported([row, other]))
  const expected = {
    ...row,
    at: row.at.getTime(),
    pair: { _1: 'k', _2: 2 },
    bytes: new Uint8Array([1, 2, 3]),
    mixed: '[["k","1"]]',
  }
  expect(back[0]).toEqual(expected)
  expect(back[1]).toEqual({
    ...expected,
    nested,
    list: [],
    words: ['b'],
    text: '',
    at: -1,
    mixed: '"text"',
  })
})

test('missing values of every kind are nulls', () => {
  const full = { b: true, n: 1, i: 1n, d: new Date(1), t: long, l: [1], s: { x: 1 }, p: [1, 'a'] }
  const nothing = Object.fromEntries(Object.keys(full).map(key => [key, null]))
  const back: any[] = read(
    exported([full, nothing, Object.fromEntries(Object.keys(full).map(key => [key, undefined]))]),
  )
  expect(back[0].t).toBe(long)
  expect(back[1]).toEqual(nothing)
  expect(back[2]).toEqual(nothing)
  expect(read(exported([null, full, {}]))[0]).toEqual(nothing)
  expect(read(exported([null, full, {}]))[2]).toEqual(nothing)
  expect(read(exported([new Date(Number.NaN), new Date(7), null]))).toEqual([
    { value: null },
    { value: 7 },
    { value: null },
  ])
})

test('lone surrogates are replaced, said in the metadata and warned of once', async () => {
  const warning = new Promise<any>(resolve => process.once('warning', resolve))
  const values = ['a\ud800', `${long}\udfff`, '😀']
  const table = arrow.tableFromIPC(exported(values))
  expect(table.toArray().map(row => row.value)).toEqual(values.map(v => v.toWellFormed()))
  expect(table.schema.fields[0]!.metadata.get('pelton.lossy')).toContain('surrogates')
  expect((await warning).code).toBe('PELTON_ARROW_SURROGATES')
  expect(arrow.tableFromIPC(exported(['a'])).schema.fields[0]!.metadata.size).toBe(0)
})

test('blocks of one stream share a type', () => {
  const table = exported([{ a: 1 }], [], [{ b: 'x', a: 2 }], [{ a: null }])
  expect(read(table)).toEqual([
    { a: 1, b: null },
    { a: 2, b: 'x' },
    { a: null, b: null },
  ])
  expect(read(exported([['a', 1]], [['b', 'c']]))).toEqual([
    { _1: 'a', _2: '1' },
    { _1: 'b', _2: '"c"' },
  ])
  expect(read(exported([1], ['a']))).toEqual([{ value: '1' }, { value: '"a"' }])
  expect(read(exported([null], [[1, [2]]], [[3, [4, 5]]]))).toEqual([
    { _1: null, _2: null },
    { _1: 1, _2: [2] },
    { _1: 3, _2: [4, 5] },
  ])
  expect(arrow.tableFromIPC(exported()).numRows).toBe(0)
})

test('arrays of one length in one block and of others in the next are lists', () => {
  const blocks = [
    [{ w: ['a', long] }, { w: null }],
    [{ w: ['b'] }],
    [{ w: [] }, { w: ['c', null, 'd'] }],
  ]
  expect(read(exported(...blocks))).toEqual(blocks.flat())
  expect(read(exported([[1, 2]], [[3]]))).toEqual([{ value: [1, 2] }, { value: [3] }])
})

test('reads what pyarrow wrote: views, zstd, maps, dictionaries, unsigned integers', () => {
  const data = (name: string): Uint8Array => readFileSync(new URL(`data/${name}`, import.meta.url))
  const views = imported(data('pyarrow-views.arrows'))
  expect(views.rows).toEqual([
    [
      { text: 'short', bytes: new Uint8Array([120]) },
      { text: null, bytes: null },
      { text: long, bytes: new Uint8Array(Buffer.from('123456789012345')) },
      { text: 'ü', bytes: new Uint8Array(0) },
    ],
  ])
  const zstd = imported(data('pyarrow-zstd.arrows'))
  expect(zstd.rows).toEqual([
    [
      { word: 'x', map: new Map([['k', 1]]), wide: 1n, day: new Date('2020-01-01'), list: [1.5] },
      { word: null, map: null, wide: 2n ** 64n - 1n, day: null, list: null },
      { word: 'x', map: new Map(), wide: 3n, day: new Date('1960-01-02'), list: [] },
    ],
  ])
  expect(() => imported(data('pyarrow-lz4.arrows'))).toThrow(/LZ4; write it with zstd/)
})

test('cyclic rows are an error', () => {
  const node: any = {}
  node.self = node
  expect(() => exported([node])).toThrow(/can't be exported as JSON/)
})

test('what was exported comes back, in the same types', () => {
  const cases: [unknown[], string][] = [
    [[1, null, -0, Number.NaN], 'float64?'],
    [[true, false, null], 'bool?'],
    [[1n, -5n], 'int64'],
    [[new Date(5), new Date(-8.64e15), null], 'timestamp?'],
    [['', 'short', long, null, 'zwölf'], 'utf8?'],
    [
      [
        ['a', 1],
        ['b', 2],
      ],
      'tuple(utf8,float64)',
    ],
    [[[1, 2], [], null, [3]], 'list(float64)?'],
    [
      [{ a: [['x', 1]], b: { c: true } }],
      'struct("a":tuple(tuple(utf8,float64)),"b":struct("c":bool))',
    ],
    [[Buffer.from('ab'), new Uint8Array(20)], 'any'],
    [[null, null], 'absent?'],
    [[], 'absent'],
    [[{}, {}], 'struct()'],
  ]
  for (const [values, signature] of cases) {
    const back = imported(exported(values))
    const expected = values.map(v => (Buffer.isBuffer(v) ? new Uint8Array(v) : v))
    expect(difference(back.rows, [expected])).toBe(null)
    expect(back.signatures).toEqual([signature])
  }
})

/** What apache-arrow sees in row i of a column, with our metadata applied. */
function seen(vector: any, field: arrow.Field, i: number): unknown {
  if (field.typeId === arrow.Type.Null || !vector.isValid(i)) return null
  if (arrow.DataType.isStruct(field.type)) {
    const children = field.type.children.map((child, k) => seen(vector.getChildAt(k), child, i))
    if (field.metadata.get('pelton.kind') === 'tuple') return children
    return objectOf(
      field.type.children.map(child => child.name),
      children,
    )
  }
  const value = vector.get(i)
  if (arrow.DataType.isList(field.type)) {
    const [item] = field.type.children
    return Array.from({ length: value.length }, (_, k) => seen(value, item!, k))
  }
  if (arrow.DataType.isTimestamp(field.type)) return new Date(value)
  return field.metadata.get('ARROW:extension:name') === 'arrow.json' ? JSON.parse(value) : value
}

function objectOf(names: string[], values: unknown[]): object {
  const entries = names.map((name, k) => [name, values[k]])
  // fromEntries defines own properties, __proto__ too.
  return Object.fromEntries(entries)
}

function seenRows(bytes: Uint8Array): unknown[] {
  const table = arrow.tableFromIPC(bytes)
  const { fields, metadata } = table.schema
  const kind = metadata.get('pelton.kind')
  return Array.from({ length: table.numRows }, (_, i) => {
    const values = fields.map((field, k) => seen(table.getChildAt(k), field, i))
    if (kind === 'tuple') return values
    return kind === 'value'
      ? values[0]
      : objectOf(
          fields.map(field => field.name),
          values,
        )
  })
}

/** Tuples that become lists whose items have no type in common. */
const listsOfNoOneType = [
  [
    [[], []],
    [[], [new Date(8.64e15)]],
    [[''], null],
  ],
  [[]],
  [],
]

test('apache-arrow and we read the same from exports of any rows', () => {
  fc.assert(
    fc.property(fc.array(rows, { minLength: 1, maxLength: 3 }), blocks => {
      const bytes = exported(...blocks)
      const ours = imported(bytes)
      arena.rewind()
      expect(ours.rows.map(r => r.length)).toEqual(blocks.map(b => b.length))
      expect(difference(ours.rows.flat(), seenRows(bytes))).toBe(null)
    }),
    { numRuns: 400, examples: [[listsOfNoOneType]] },
  )
})

/** A row as Arrow can say it: missing values null, every field present, well-formed text. */
function sayable(value: any, type: ColumnType, isRoot = false): unknown {
  const isMissing = value === null || value === undefined
  if (type.kind === 'struct' && (isRoot || !isMissing)) {
    return objectOf(
      type.fields.map(field => field.name.toWellFormed()),
      type.fields.map(field => {
        const own = isMissing || !Object.hasOwn(value, field.name) ? null : value[field.name]
        return sayable(own, field.type)
      }),
    )
  }
  if (type.kind === 'tuple' && (isRoot || !isMissing)) {
    return type.items.map((item, k) => sayable(isMissing ? null : value[k], item))
  }
  if (isMissing || (type.kind === 'timestamp' && Number.isNaN(value.getTime()))) return null
  if (type.kind === 'list') return value.map((item: unknown) => sayable(item, type.item))
  return type.kind === 'utf8' ? value.toWellFormed() : value
}

test('rows of columnar types survive the way out and back', () => {
  fc.assert(
    fc.property(
      uniform.chain(type => fc.array(type, { minLength: 1, maxLength: 20 })),
      values => {
        for (const value of values) builder.append(value)
        const ref = builder.seal(arena, 1)
        const block = Block.open(arena, ref.ptr)
        const bytes = toArrowIPC(block)
        const { type, signature } = block
        arena.free(ref.ptr)
        // JSON text does not keep everything, and has its own test.
        fc.pre(!signature.includes('any'))
        const back = imported(bytes)
        arena.rewind()
        const expected = values.map(value => sayable(value, type, true))
        expect(difference(back.rows, [expected])).toBe(null)
      },
    ),
    { numRuns: 400 },
  )
})

test('reads streams and files that apache-arrow wrote', () => {
  const table = arrow.tableFromArrays({
    int: Int32Array.of(1, -2, 3),
    byte: Uint8Array.of(1, 2, 255),
    float: Float32Array.of(1.5, -0, 3),
    double: Float64Array.of(1.25, 2, 3),
    big: BigInt64Array.of(1n, -2n, 3n),
    word: ['dictionary', 'word', 'dictionary'],
  })
  const expected = [
    { int: 1, byte: 1, float: 1.5, double: 1.25, big: 1n, word: 'dictionary' },
    { int: -2, byte: 2, float: -0, double: 2, big: -2n, word: 'word' },
    { int: 3, byte: 255, float: 3, double: 3, big: 3n, word: 'dictionary' },
  ]
  for (const form of ['stream', 'file'] as const) {
    const back = imported(arrow.tableToIPC(table, form))
    expect(difference(back.rows, [expected])).toBe(null)
    expect(back.signatures).toEqual([
      'struct("int":float64,"byte":float64,"float":float64,' +
        '"double":float64,"big":int64,"word":utf8)',
    ])
  }
})

function vectorBytes(type: arrow.DataType, values: unknown[]): Uint8Array {
  const vector = arrow.vectorFromArray(values, type)
  return arrow.tableToIPC(new arrow.Table({ v: vector }), 'stream')
}

test.each<[string, arrow.DataType, unknown[], unknown[]]>([
  ['strings', new arrow.Utf8(), ['a', null, long, 'ü'], ['a', null, long, 'ü']],
  ['large strings', new arrow.LargeUtf8(), ['a', null, long], ['a', null, long]],
  ['bytes', new arrow.Binary(), [Buffer.from('ab'), null], [new Uint8Array([97, 98]), null]],
  ['booleans', new arrow.Bool(), [true, null, false], [true, null, false]],
  ['days', new arrow.DateDay(), [new Date(86_400_000), null], [new Date(86_400_000), null]],
  ['milliseconds', new arrow.DateMillisecond(), [new Date(-5)], [new Date(-5)]],
  ['seconds', new arrow.TimestampSecond(), [5000], [new Date(5000)]],
  ['nanoseconds', new arrow.TimestampNanosecond(), [-1.5], [new Date(-2)]],
  ['unsigned', new arrow.Uint64(), [1n, null, 2n ** 63n], [1n, null, 2n ** 63n]],
  ['shorts', new arrow.Int16(), [1, -2, null], [1, -2, null]],
  ['halves', new arrow.Float16(), [1.5, -2], [1.5, -2]],
  [
    'lists',
    new arrow.List(new arrow.Field('item', new arrow.Utf8(), true)),
    [['a', null], [], null, [long]],
    [['a', null], [], null, [long]],
  ],
  [
    'fixed lists',
    new arrow.FixedSizeList(2, new arrow.Field('item', new arrow.Float64(), true)),
    [[1, 2], null, [3, 4]],
    [[1, 2], null, [3, 4]],
  ],
  [
    'structs',
    new arrow.Struct([
      new arrow.Field('x', new arrow.Int32()),
      new arrow.Field('y', new arrow.Utf8()),
    ]),
    [{ x: 1, y: 'a' }, null, { x: null, y: null }],
    [{ x: 1, y: 'a' }, null, { x: null, y: null }],
  ],
])('reads %s', (_, type, values, expected) => {
  const back = imported(vectorBytes(type, values))
  expect(difference(back.rows, [expected.map(v => ({ v }))])).toBe(null)
})

test('reads maps, nulls and several batches', () => {
  const type = new arrow.Map_(
    new arrow.Field(
      'entries',
      new arrow.Struct([
        new arrow.Field('key', new arrow.Utf8()),
        new arrow.Field('value', new arrow.Int32()),
      ]),
    ) as any,
  )
  const back = imported(
    vectorBytes(type, [
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      null,
    ]),
  )
  expect(back.rows).toEqual([
    [
      {
        v: new Map([
          ['a', 1],
          ['b', 2],
        ]),
      },
      { v: null },
    ],
  ])
  expect(imported(vectorBytes(new arrow.Null(), [null, null])).rows).toEqual([
    [{ v: null }, { v: null }],
  ])
  const one = arrow.tableFromArrays({ x: Int32Array.of(1) })
  const two = arrow.tableFromArrays({ x: Int32Array.of(2, 3) })
  const both = imported(arrow.tableToIPC(one.concat(two), 'stream'))
  expect(both.rows.flat()).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }])
})

/** A copy of a stream in which some 32-bit words, which must occur once, are others. */
function patched(bytes: Uint8Array, words: number[], others: number[]): Uint8Array {
  const at = Buffer.from(bytes).indexOf(Buffer.from(Int32Array.from(words).buffer))
  expect(at).toBeGreaterThan(0)
  const copy = new Uint8Array(bytes)
  copy.set(new Uint8Array(Int32Array.from(others).buffer), at)
  return copy
}

test('lists may begin inside their items; wrong offsets are an error', () => {
  const bytes = exported([[1, 2, 5, 6, 7, 8, 9], [3]])
  const words = [0, 7, 8]
  expect(imported(patched(bytes, words, [2, 4, 8])).rows).toEqual([
    [
      [5, 6],
      [7, 8, 9, 3],
    ],
  ])
  for (const wrong of [
    [0, 9, 8],
    [0, 7, 9],
    [-1, 7, 8],
  ]) {
    expect(() => imported(patched(bytes, words, wrong))).toThrow('wrong offsets')
  }
})

test('text that is no UTF-8 is an error that names the column', () => {
  const bytes = exported([{ word: 'zwölf' }])
  const at = Buffer.from(bytes).indexOf('ö')
  bytes[at + 1] = 0x20
  expect(() => imported(bytes)).toThrow(/column "word" has text that is no UTF-8/)
})

test('streams may lie at odd addresses', () => {
  const values = [
    { n: 1.5, w: long, l: [1n] },
    { n: -0, w: 'b', l: [2n, 3n] },
  ]
  const bytes = exported(values)
  const shifted = new Uint8Array(bytes.length + 1)
  shifted.set(bytes, 1)
  expect(imported(shifted.subarray(1)).rows).toEqual([values])
})

test('an empty column may come without offsets', () => {
  const schema = schemaMessage([arrowField('text', ArrowKind.Utf8)], new Map())
  const records = recordsMessage(0, [0, 0], [0, 0, 0, 0, 0, 0], 0)
  const parts = [schema, records].flatMap(message => {
    return [new Uint8Array(Uint32Array.of(0xffffffff, message.length).buffer), message]
  })
  expect(imported(Buffer.concat(parts))).toEqual({
    rows: [[]],
    signatures: ['struct("text":utf8)'],
  })
})

test('a damaged stream is an error and leaves no block', () => {
  const bytes = exported([{ a: 1, b: long }], [{ a: 2, b: 'x' }])
  const before = imported(bytes).rows
  expect(() => imported(bytes.subarray(0, bytes.length - 30))).toThrow(PeltonError)
  expect(() => imported(new Uint8Array(0))).toThrow(/no schema/)
  expect(() => imported(Buffer.from('not an arrow stream at all'))).toThrow(PeltonError)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const damaged = bytes.slice()
      damaged[at] = value
      try {
        imported(damaged)
      } catch (error) {
        expect(error).toBeInstanceOf(PeltonError)
      }
      expect(arena.live.size).toBe(0)
      arena.rewind()
    }),
    { numRuns: 500 },
  )
  expect(imported(bytes).rows).toEqual(before)
})

test('a type without a counterpart names the column', () => {
  expect(() => imported(vectorBytes(new arrow.IntervalDayTime(), []))).toThrow(/column "v"/)
})
