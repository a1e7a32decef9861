/**
 * Columns of values that are easy to get wrong, one list a type. They must come back exactly, first
 * by type, as a typed column holds them, then mixed, as only the fallback column can.
 */
export const awkward: Readonly<Record<string, readonly unknown[]>> = {
  numbers: [
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    0.1,
    2 ** 53,
    -(2 ** 31),
    5e-324,
    1.7976931348623157e308,
  ],
  'short strings': ['', 'a', 'twelve chars', ' ', '\0', 'a\0b', '\n', '\u2028'],
  'long strings': ['thirteen char', 'x'.repeat(300), `${'y'.repeat(20)}\0`],
  'text beyond ASCII': [
    'é',
    'e\u0301',
    'ß',
    'Δοκιμή',
    '日本語のテキスト',
    '😀',
    '👩‍👩‍👧 family',
    '\u00ff',
  ],
  'lone surrogates': ['\ud800', '\udc00', 'a\udfffb', '\udc00\ud800', `${'z'.repeat(30)}\ud83d`],
  booleans: [true, false, true],
  'bigints within 64 bits': [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)],
  'bigints beyond 64 bits': [1n, 2n ** 63n, -(2n ** 64n), 10n ** 40n],
  dates: [new Date(0), new Date(-1), new Date(1.7e12), new Date(NaN), new Date(8.64e15)],
  'null and undefined': [null, undefined, undefined, null],
  'numbers with gaps': [1, null, undefined, -0, null],
  'strings with gaps': ['a', null, '', undefined, 'a string longer than the rest'],
  pairs: [
    ['a', 1],
    ['b', -0],
    ['', NaN],
    [null, undefined],
  ],
  'nested pairs': [
    [['a', 1], { b: [2] }],
    [['a', [1, [2, [3]]]], {}],
  ],
  'arrays of many lengths': [[], [1], [1, 2, 3], [undefined], [[]], [[], []]],
  // biome-ignore lint/suspicious/noSparseArray: a hole is the value under test
  'arrays with holes': [[1, , 3], [,], [undefined]],
  'objects of one shape': [
    { a: 1, b: 'x' },
    { a: -0, b: '' },
    { a: NaN, b: 'é' },
  ],
  'objects of many shapes': [
    {},
    { a: 1 },
    { b: 2, a: 1 },
    { a: 1, b: 2 },
    { a: undefined },
    { '': 0 },
  ],
  'objects with odd keys': [JSON.parse('{"__proto__": 1}'), { constructor: 1 }, { 1: 'a', b: 2 }],
  'nested objects': [{ a: { b: { c: [1, { d: null }] } } }, { a: { b: undefined } }, { a: null }],
  'maps and sets': [
    new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 1 }, [2]],
    ]),
    new Set([1, 'a']),
    new Set(),
  ],
  bytes: [new Uint8Array([1, 2, 255]), new Uint8Array(0), new Float64Array([-0, NaN, 1.5])],
}

/** Every value above in one batch. */
export const mixed: readonly unknown[] = Object.values(awkward).flat()
