import { operatorConformance } from '../conformance/operator.ts'
import { awkward, mixed } from '../conformance/values.ts'

const identity = (x: unknown) => x
const factor = 3
const table = new Map([['a', 1]])
const twice = (x: number) => x * 2

operatorConformance('map', [
  {
    name: 'applies the function to every row in order',
    input: [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 11, 12],
    ],
    steps: [['map', (x: number) => String(x)]],
    expected: [
      ['1', '2', '3', '4'],
      ['5', '6', '7', '8'],
      ['9', '10', '11', '12'],
    ],
  },
  {
    name: 'of an empty batch is empty, of no RDD nothing',
    input: [[], [1], null, [2], []],
    steps: [['map', (x: number) => x + 1]],
    expected: [[], [2], [3], []],
  },
  {
    name: 'of an input that never has rows',
    input: [[], []],
    steps: [['map', identity]],
    expected: [[], []],
  },
  {
    name: 'runs batches past the input as empty ones',
    input: [[1]],
    batches: 3,
    steps: [['map', (x: number) => -x]],
    expected: [[-1], [], []],
  },
  {
    name: 'changes types from row to row',
    input: [[0, 1, 2, 3, 4, 5]],
    steps: [['map', (x: number) => [x, 'one', [2, 'b'], null, undefined, { five: x }][x]]],
    expected: [[0, 'one', [2, 'b'], null, undefined, { five: 5 }]],
  },
  {
    name: 'changes types from batch to batch',
    input: [[1, 2], ['a', 'b'], [null], [[1]], [{ a: 1 }], [1n], [3]],
    steps: [['map', identity]],
  },
  {
    name: 'gives the function one argument',
    input: [['10', '10', '10']],
    steps: [['map', (...args: unknown[]) => args]],
    expected: [[['10'], ['10'], ['10']]],
  },
  {
    name: 'sees captured values and functions',
    input: [[1, 2, 3]],
    steps: [['map', (x: number) => twice(x) * factor + (table.get('a') ?? 0)]],
    expected: [[7, 13, 19]],
  },
  {
    name: 'chains',
    input: [['a b', 'c'], ['d']],
    steps: [
      ['map', (line: string) => line.split(' ')],
      ['map', (words: string[]) => words.length],
      ['map', (n: number) => n * n],
    ],
    expected: [[4, 1], [1]],
  },
  {
    name: 'keeps 32-bit, 53-bit and fractional arithmetic as JavaScript has it',
    input: [[-1, 0, -0, 2 ** 31, 2 ** 53, 0.1, NaN]],
    steps: [['map', (x: number) => [x % 2, x | 0, x >>> 0, x / 0, x + 0.2, -x]]],
  },
  {
    name: 'takes string methods by UTF-16 units',
    input: [['', 'abc', '😀b', 'İi', 'ß', '\ud83d', 'ǅ']],
    steps: [
      [
        'map',
        (s: string) => [s.length, s.toUpperCase(), s.slice(0, 1), s.charCodeAt(0), s.split('')],
      ],
    ],
  },
  {
    name: 'fails with what the function throws',
    input: [[1, 2], [3]],
    steps: [
      [
        'map',
        (x: number) => {
          if (x === 3) throw new Error('three is not allowed')
          return x
        },
      ],
    ],
    error: 'three is not allowed',
  },
  ...Object.entries(awkward).map(([kind, rows]) => ({
    name: `carries ${kind} unchanged`,
    input: [rows, [], [...rows, ...rows]],
    steps: [['map', identity] as const],
    expected: [rows, [], [...rows, ...rows]],
  })),
  {
    name: 'carries all of them mixed',
    input: [mixed],
    steps: [['map', identity]],
    expected: [mixed],
  },
])
