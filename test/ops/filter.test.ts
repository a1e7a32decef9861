import { operatorConformance } from '../conformance/operator.ts'
import { mixed } from '../conformance/values.ts'

const stop = new Set(['the', 'and'])

operatorConformance('filter', [
  {
    name: 'keeps the rows for which the predicate holds, in order',
    input: [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 11, 12],
    ],
    steps: [['filter', (x: number) => x % 2 === 0]],
    expected: [
      [2, 4],
      [6, 8],
      [10, 12],
    ],
  },
  {
    name: 'may keep nothing, and passes batches without rows or RDD on',
    input: [[1, 3], [], null, [2]],
    steps: [['filter', (x: number) => x % 2 === 0]],
    expected: [[], [], [2]],
  },
  {
    name: 'goes by truthiness, not by true',
    input: [mixed],
    steps: [['filter', (x: unknown) => x as boolean]],
    expected: [mixed.filter(Boolean)],
  },
  {
    name: 'compares as JavaScript does',
    input: [[0, -0, NaN, null, undefined, '0', '', [], false, 0n]],
    // biome-ignore lint/suspicious/noDoubleEquals: loose equality is what is tested
    steps: [['filter', (x: any) => x == 0]],
    expected: [[0, -0, '0', '', [], false, 0n]],
  },
  {
    name: 'orders strings by UTF-16 units',
    input: [['a', 'Z', 'é', '\uffff', '😀', '']],
    steps: [['filter', (s: string) => s > 'a' && s < '\uffff']],
    expected: [['é', '😀']],
  },
  {
    name: 'sees captured values, and values of rows stay whole',
    input: [['the', 'light', 'and', 'the', 'a string longer than the inline form']],
    steps: [['filter', (word: string) => !stop.has(word)]],
    expected: [['light', 'a string longer than the inline form']],
  },
  {
    name: 'chains with map in either order',
    input: [[1, 2, 3, 4, 5, 6]],
    steps: [
      ['filter', (x: number) => x > 1],
      ['map', (x: number) => [x, x * x]],
      ['filter', ([, square]: number[]) => square! % 2 === 1],
      ['map', ([x]: number[]) => x],
    ],
    expected: [[3, 5]],
  },
  {
    name: 'goes by position in the text and by property',
    input: [[{ text: 'alpha', tags: ['x'] }, { text: 'beta', tags: [] }, { text: 'alps' }]],
    steps: [['filter', (row: any) => row.text.startsWith('al') && !row.tags?.length]],
    expected: [[{ text: 'alps' }]],
  },
])
