import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('count', [
  {
    name: 'counts the rows, and an empty batch as 0',
    input: [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]],
    steps: [['count']],
    expected: [[0], [1], [2], [3], [4]],
  },
  {
    name: 'counts null, undefined and equal rows',
    input: [[null, undefined, null, NaN, NaN, 'a', 'a']],
    steps: [['count']],
    expected: [[7]],
  },
  {
    name: 'counts what is left',
    input: [['a b', '', 'c'], ['']],
    steps: [
      ['flatMap', (line: string) => line.split(' ')],
      ['filter', (word: string) => word !== ''],
      ['count'],
    ],
    expected: [[3], [0]],
  },
  {
    name: 'gives numbers to go on with',
    input: [[1, 2], []],
    steps: [['count'], ['map', (n: number) => n * 10]],
    expected: [[20], [0]],
  },
  {
    name: 'counts batches past the input as 0',
    input: [[5]],
    batches: 3,
    steps: [['count']],
    expected: [[1], [0], [0]],
  },
  {
    name: 'counts a window, at its slide only',
    input: [[1], [1, 2], [], [1, 2, 3]],
    steps: [['window', 4000, 2000], ['count']],
    expected: [[3], [6]],
  },
  {
    name: 'fails where the stream has no RDD, as the transform that it is',
    input: [[1], null],
    steps: [['count']],
    error: "Couldn't generate RDD from parent at time",
  },
])
