import { operatorConformance } from '../conformance/operator.ts'

const numbers = [3, NaN, 0, -0, 1e300, -1, NaN, 5.5, -Infinity, 0, 2 ** 53]
const texts = [
  'b',
  'a text that is longer than a view',
  '',
  'é',
  '\ud83d\ude00',
  '\uffff',
  'a text that is longer',
  'b',
  'a\0',
  'a',
  'B',
]
const pairs = texts.map((text, i) => [text, i % 3] as [string, number])

operatorConformance('sorted', [
  {
    name: 'orders numbers, and keeps the order of equal keys',
    input: [[3, 1, 2], [], [5, -1, 5.5]],
    steps: [['sortBy', (x: number) => Math.floor(x)]],
    expected: [[1, 2, 3], [], [-1, 5, 5.5]],
  },
  {
    name: 'orders strings by UTF-16 units, the other way round',
    input: [['b', 'a', '\ud83d\ude00', '\uffff', 'B', '']],
    steps: [['sortBy', (text: string) => text, false]],
    expected: [['\uffff', '\ud83d\ude00', 'b', 'a', 'B', '']],
  },
  {
    name: 'passes no RDD on',
    input: [null, [2, 1]],
    steps: [['sortBy', (x: number) => x]],
    expected: [[1, 2]],
  },
  ...[true, false].flatMap(ascending => {
    const how = ascending ? 'upwards' : 'downwards'
    return [
      {
        name: `numbers of all kinds, ${how}`,
        input: [numbers],
        steps: [['sortBy', (x: number) => x, ascending] as const],
      },
      {
        name: `texts of all kinds, ${how}`,
        input: [texts, texts.slice(4)],
        steps: [['sortBy', (text: string) => text, ascending] as const],
      },
      {
        name: `pairs by what many share, ${how}`,
        input: [pairs],
        steps: [['sortBy', (pair: [string, number]) => pair[1], ascending] as const],
      },
      {
        name: `pairs by text, with rows behind it, ${how}`,
        input: [pairs],
        steps: [
          ['sortBy', ([text]: [string, number]) => text, ascending] as const,
          ['map', ([text, n]: [string, number]) => `${text}${n}`] as const,
        ],
      },
      {
        name: `objects by one of their parts, ${how}`,
        input: [pairs.map(([text, n]) => ({ text, n, odd: n === 1 }))],
        steps: [['sortBy', (row: { n: number }) => -row.n, ascending] as const],
      },
    ]
  }),
])
