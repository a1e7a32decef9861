import fc from 'fast-check'

/** Strings with empty, ASCII, wide and lone-surrogate characters, below and above 12 bytes. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'twelve bytes',
    'thirteen byte',
    'é',
    'zwölf',
    '\ud800',
    'a\udfffb',
    '😀',
    '\0',
    '\ud800😀',
    '😀 a pair before a lone half \udfff',
  ),
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map(c => String.fromCharCode(c)),
    maxLength: 20,
  }),
)

export const number: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -1, 2 ** 32, 2 ** 31),
  fc.double(),
  fc.integer(),
)

const bigint = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(2n ** 63n, -(2n ** 63n) - 1n, 2n ** 200n, -(2n ** 64n), 0n),
)

const date = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(
    new Date(8.64e15),
    new Date(-8.64e15),
    new Date(-1),
    new Date(0),
    new Date(1.7e12),
  ),
)

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '1', '0', '__proto__', 'constructor', 'toJSON', 'length', ''),
  fc.string({ maxLength: 5 }),
  fc.constantFrom('\ud800', 'then', 'hasOwnProperty', 'size', 'valueOf', '-1', '01', '4294967295'),
)

const bytes = fc.uint8Array({ maxLength: 20 })

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 4, arbitrary: number },
  { weight: 2, arbitrary: fc.boolean() },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, undefined) },
  bigint,
  date,
  bytes,
  bytes.map(b => Buffer.from(b)),
  bytes.map(b => b.slice().buffer),
  bytes.map(b => new DataView(b.slice().buffer, Math.min(1, b.length))),
  fc.float32Array({ maxLength: 4 }),
  fc.float64Array({ maxLength: 4 }).map(a => a.subarray(Math.min(1, a.length))),
  fc.bigInt64Array({ maxLength: 3 }),
  fc.constantFrom<unknown>(
    /a\/b/giu,
    /[é]/,
    new Error('x'),
    new TypeError('y\ud800'),
    Object(5),
    Object('s'),
  ),
)

/** Plain objects with own keys of any name, `__proto__` included. */
export function objectOf(value: fc.Arbitrary<unknown>, maxKeys = 5): fc.Arbitrary<object> {
  return fc.array(fc.tuple(key, value), { maxLength: maxKeys }).map(entries => {
    const object = {}
    for (const [name, item] of entries) {
      Object.defineProperty(object, name, {
        value: item,
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
    return object
  })
}

/** Any plain data: what structured clone knows, nested. */
export const anything: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    objectOf(tie('value')),
    fc.array(tie('value'), { maxLength: 3 }).map(items => new Set(items)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map(pairs => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 3 }).map(items => {
      const holes = [...items]
      holes.length += 1
      return holes
    }),
  ),
})).value

/** Arbitraries whose rows mostly share one column type, nested up to two levels. */
export const uniform: fc.Arbitrary<fc.Arbitrary<unknown>> = fc.letrec<{
  type: fc.Arbitrary<unknown>
}>(tie => ({
  type: fc
    .oneof(
      { maxDepth: 2, depthSize: 'small' },
      fc.constantFrom<fc.Arbitrary<unknown>>(
        text,
        number,
        fc.boolean(),
        date,
        fc.string(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      ),
      tie('type').map(item => fc.array(item, { maxLength: 5 })),
      fc.array(tie('type'), { minLength: 1, maxLength: 4 }).map(items => fc.tuple(...items)),
      fc
        .uniqueArray(fc.tuple(key, tie('type')), { maxLength: 4, selector: pair => pair[0] })
        .chain(fields => fc.boolean().map(whole => recordOf(fields, whole))),
    )
    .chain(type =>
      fc.constantFrom(
        type,
        fc.option(type, { freq: 3 }),
        fc.option(type, { nil: undefined, freq: 3 }),
        fc.oneof(type, type, fc.constantFrom<unknown>(null, undefined)),
      ),
    ),
})).type

/** Objects of some fields, in the given order or rotated, complete or with keys left out. */
function recordOf(fields: [string, fc.Arbitrary<unknown>][], whole: boolean): fc.Arbitrary<object> {
  const values = fc.tuple(...fields.map(([, type]) => type))
  const mask = fc.tuple(fc.nat(whole ? 0 : 15), fc.nat(whole ? 0 : 3))
  return fc.tuple(values, mask).map(([items, [left, turn]]) => {
    const object = {}
    for (let k = 0; k < fields.length; k++) {
      const field = (k + turn) % fields.length
      if ((left >> field) & 1) continue
      const attributes = { enumerable: true, writable: true, configurable: true }
      Object.defineProperty(object, fields[field]![0], { value: items[field], ...attributes })
    }
    return object
  })
}

/** Rows of one type, perhaps with strangers from some row on. */
export const rows: fc.Arbitrary<unknown[]> = uniform.chain(type =>
  fc
    .tuple(
      fc.array(type, { maxLength: 30 }),
      fc.option(fc.array(anything, { maxLength: 3 })),
      fc.array(type, { maxLength: 10 }),
    )
    .map(([before, strangers, after]) => [...before, ...(strangers ?? []), ...after]),
)
