import { operatorConformance } from '../conformance/operator.ts'

const stop = new Set(['the', 'of'])

operatorConformance('flatMap', [
  {
    name: 'puts the results of each row in place of the row',
    input: [
      [1, 2, 3, 4],
      [5, 6],
    ],
    steps: [['flatMap', (x: number) => [x, x * 2]]],
    expected: [
      [1, 2, 2, 4, 3, 6, 4, 8],
      [5, 10, 6, 12],
    ],
  },
  {
    name: 'may give nothing for a row, or for every row',
    input: [[0, 2, 0, 1], [0, 0], [], null, [1]],
    steps: [['flatMap', (n: number) => Array.from({ length: n }, (_, i) => i)]],
    expected: [[0, 1, 0], [], [], [0]],
  },
  {
    name: 'splits lines as split does, empty strings and all',
    input: [
      ['to be or', '', ' a  b ', 'x'],
      ['\t', '😀 é'],
    ],
    steps: [['flatMap', (line: string) => line.split(' ')]],
    expected: [
      ['to', 'be', 'or', '', '', 'a', '', 'b', '', 'x'],
      ['\t', '😀', 'é'],
    ],
  },
  {
    name: 'splits by the empty string into UTF-16 units',
    input: [['ab', '😀', '']],
    steps: [['flatMap', (line: string) => line.split('')]],
    expected: [['a', 'b', '\ud83d', '\ude00']],
  },
  {
    name: 'splits by a longer separator, by a regular expression and up to a limit',
    input: [['a, b,c, d'], ['']],
    steps: [
      [
        'flatMap',
        (line: string) => [...line.split(', '), ...line.split(/,\s*/), ...line.split(',', 2)],
      ],
    ],
  },
  {
    name: 'accepts any iterable',
    input: [['ab', 'a']],
    steps: [['flatMap', (text: string) => new Set([text, text, 'z'])]],
    expected: [['ab', 'z', 'a', 'z']],
  },
  {
    name: 'accepts a generator',
    input: [[2, 0, 3]],
    steps: [
      [
        'flatMap',
        function* (n: number) {
          for (let i = 0; i < n; i++) yield `${n}:${i}`
        },
      ],
    ],
    expected: [['2:0', '2:1', '3:0', '3:1', '3:2']],
  },
  {
    name: 'takes the entries of a Map and the characters of a string',
    input: [['k😀']],
    steps: [
      ['flatMap', (text: string) => text],
      ['flatMap', (c: string) => new Map([[c, c.length]])],
    ],
    expected: [
      [
        ['k', 1],
        ['😀', 2],
      ],
    ],
  },
  {
    name: 'flattens one level only',
    input: [[1]],
    steps: [['flatMap', (x: number) => [[x], [[x]]]]],
    expected: [[[1], [[1]]]],
  },
  {
    name: 'carries null and undefined among the results',
    input: [[1, 2]],
    steps: [['flatMap', (x: number) => [null, undefined, x]]],
    expected: [[null, undefined, 1, null, undefined, 2]],
  },
  {
    name: 'makes many rows of few',
    input: [[300, 200]],
    steps: [['flatMap', (n: number) => Array.from({ length: n }, (_, i) => `word number ${i}`)]],
  },
  {
    name: 'sees captured values',
    input: [['the king of Judah']],
    steps: [['flatMap', (line: string) => line.split(' ').filter(word => !stop.has(word))]],
    expected: [['king', 'Judah']],
  },
])
