import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('reduce', [
  {
    name: 'makes one row of a batch',
    input: [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 11, 12],
    ],
    steps: [['reduce', (a: number, b: number) => a + b]],
    expected: [[10], [26], [42]],
  },
  {
    name: 'makes none of an empty batch, and does not call the function for one row',
    input: [[], [7], null, []],
    steps: [
      [
        'reduce',
        () => {
          throw new Error('called')
        },
      ],
    ],
    expected: [[], [7], []],
  },
  {
    name: 'folds in the order of the rows',
    input: [
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'],
      ['x', '', 'y'],
    ],
    steps: [['reduce', (a: string, b: string) => a + b]],
    expected: [['abcdefghi'], ['xy']],
  },
  {
    name: 'starts with the first row, not with a zero',
    input: [[-5, -3, -9], [-0], [2n ** 70n, 1n]],
    steps: [['reduce', (a: any, b: any) => (a > b ? a : b)]],
    expected: [[-3], [-0], [2n ** 70n]],
  },
  {
    name: 'keeps null and undefined as values',
    input: [[undefined], [null], [undefined, null]],
    steps: [['reduce', (_: unknown, b: unknown) => b]],
    expected: [[undefined], [null], [null]],
  },
  {
    name: 'of objects and arrays',
    input: [
      [
        { n: 1, words: ['a'] },
        { n: 2, words: [] },
        { n: 3, words: ['b', 'c'] },
      ],
    ],
    steps: [['reduce', (a: any, b: any) => ({ n: a.n + b.n, words: [...a.words, ...b.words] })]],
    expected: [[{ n: 6, words: ['a', 'b', 'c'] }]],
  },
  {
    name: 'after a filter that empties some partitions',
    input: [
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
      [1, 3],
    ],
    steps: [
      ['filter', (x: number) => x % 4 === 0],
      ['reduce', (a: number, b: number) => a * b],
    ],
    expected: [[32], []],
  },
  {
    name: 'gives one partition',
    input: [[3, 1, 2], []],
    steps: [['reduce', (a: number, b: number) => Math.min(a, b)], ['glom']],
    expected: [[[1]], [[]]],
  },
])
