/**
 * Lists of keys that are easy to confuse: what structural equality must merge and what it must not.
 * Each list is used as the keys of one batch.
 */
export const keys: Readonly<Record<string, readonly unknown[]>> = {
  strings: ['a', 'b', 'a', '', 'A', 'a ', '', 'b'],
  'long strings with a common start': [...'abcab'].map(end => `a key longer than inline, ${end}`),
  'long strings with a common end': [...'abcab'].map(start => `${start} and then the very same`),
  'text beyond ASCII': ['é', 'e\u0301', '😀', 'é', '日本', '😀', '日本', '日'],
  'lone surrogates': ['\ud800', '\udc00', '\ud800', '\ufffd', '\ud83d\ude00', '\ud83d'],
  'strings with zeros': ['a\0', 'a', 'a\0\0', '\0a', 'a\0', '\0'],
  numbers: [1, 2, 1, 1.5, -1, 2 ** 53, 2 ** 53 + 2, 2 ** 32, 0, 1, 1e300],
  'zeros and NaN': [0, -0, NaN, 0, -0, NaN],
  'null and undefined': [null, undefined, null, 0, '', false, undefined],
  'numbers and their strings': [1, '1', 1n, 'true', true, 'null', null, 1, '1', 1n],
  bigints: [1n, 2n ** 64n, -1n, 2n ** 64n, 1n, 2n ** 64n + 1n, 0n],
  dates: [new Date(1), new Date(2), new Date(1), 1, new Date(NaN), new Date(NaN)],
  booleans: [true, false, true, true],
  pairs: [
    ['a', 1],
    ['a', 2],
    ['b', 1],
    ['a', 1],
    ['a', '1'],
    [1, 'a'],
  ],
  'pairs of odd numbers': [
    [NaN, 0],
    [NaN, -0],
    [null, 1],
    [undefined, 1],
    [NaN, 0],
  ],
  'arrays of many lengths': [[], [[]], [null], [], [1], [1, 1], [[1]], [1]],
  'arrays that read alike': [['a,b'], ['a', 'b'], ['a', 'b'], [['a'], 'b'], 'a,b'],
  'deep arrays': [[[1, [2, [3]]]], [[1, [2, [4]]]], [[1, [2, [3]]]], [[1, 2, 3]]],
  objects: [{ a: 1 }, { a: 2 }, { b: 1 }, { a: 1 }, {}, { a: 1, b: 1 }, {}, { a: [1] }],
  'objects in another order': [
    { a: 1, b: 2 },
    { b: 2, a: 1 },
    { a: 2, b: 1 },
  ],
  'objects that read alike': [{ a: 1 }, [['a', 1]], '{"a":1}', { a: '1' }, { 'a":1,"b': 1 }],
  'objects in pairs': [
    ['x', { k: [1] }],
    ['x', { k: [2] }],
    ['x', { k: [1] }],
  ],
}

/** All keys of the lists in one batch. */
export const mixedKeys: readonly unknown[] = Object.values(keys).flat()
