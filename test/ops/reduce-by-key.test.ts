import { keys, mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'

const sum = (a: number, b: number) => a + b

operatorConformance('reduceByKey', [
  {
    name: 'reduces the values of equal keys',
    input: [['a', 'a', 'b'], ['', ''], []],
    steps: [
      ['map', (word: string) => [word, 1]],
      ['reduceByKey', sum],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 2],
        ['b', 1],
      ],
      [['', 2]],
      [],
    ],
  },
  {
    name: 'passes no RDD on',
    input: [null, [['a', 1]], null],
    steps: [['reduceByKey', sum]],
    compare: 'keyed',
    expected: [[['a', 1]]],
  },
  {
    name: 'does not call the function for a single value',
    input: [
      [
        ['a', null],
        ['b', undefined],
        ['c', -0],
      ],
    ],
    steps: [
      [
        'reduceByKey',
        () => {
          throw new Error('called')
        },
      ],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', null],
        ['b', undefined],
        ['c', -0],
      ],
    ],
  },
  {
    name: 'folds the values of a key in the order of the rows',
    input: [[...'abcdefghijklmnop'].map((c, i) => [i % 3, c])],
    steps: [['reduceByKey', (a: string, b: string) => a + b]],
    compare: 'keyed',
    expected: [
      [
        [0, 'adgjmp'],
        [1, 'behkn'],
        [2, 'cfilo'],
      ],
    ],
  },
  {
    name: 'starts with the first value, so a minimum stays one',
    input: [
      [
        ['a', 5],
        ['a', 3],
        ['b', 7],
        ['a', 9],
        ['b', 8],
      ],
    ],
    steps: [['reduceByKey', (a: number, b: number) => Math.min(a, b)]],
    compare: 'keyed',
    expected: [
      [
        ['a', 3],
        ['b', 7],
      ],
    ],
  },
  {
    name: 'carries values of any type',
    input: [
      [
        ['a', [1]],
        ['b', { n: 1n }],
        ['a', [2, null]],
        ['b', { n: 2n }],
        ['c', new Date(1)],
      ],
    ],
    steps: [
      ['reduceByKey', (a: any, b: any) => (Array.isArray(a) ? [...a, ...b] : { n: a.n + b.n })],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', [1, 2, null]],
        ['b', { n: 3n }],
        ['c', new Date(1)],
      ],
    ],
  },
  {
    name: 'lets the type of a value change on the way',
    input: [
      [
        ['a', 1],
        ['a', 2],
        ['b', 1],
        ['a', 3],
      ],
    ],
    steps: [['reduceByKey', (a: number | string, b: number | string) => `${a}+${b}`]],
    compare: 'keyed',
    expected: [
      [
        ['a', '1+2+3'],
        ['b', 1],
      ],
    ],
  },
  {
    name: 'takes a number of partitions',
    input: [['a', 'b', 'a', 'c', 'd', 'e', 'f'].map(k => [k, 1])],
    steps: [['reduceByKey', sum, 3]],
    compare: 'keyed',
    expected: [
      [
        ['a', 2],
        ['b', 1],
        ['c', 1],
        ['d', 1],
        ['e', 1],
        ['f', 1],
      ],
    ],
  },
  {
    name: 'reduces what was reduced',
    input: [['aa', 'ab', 'b', 'ba', 'aa'].map(k => [k, 1]), []],
    steps: [
      ['reduceByKey', sum],
      ['map', ([k, n]: [string, number]) => [k[0], n]],
      ['reduceByKey', sum],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 3],
        ['b', 2],
      ],
      [],
    ],
  },
  {
    name: 'adds numbers as JavaScript does',
    input: [
      [
        ['a', 2 ** 53],
        ['a', 1],
        ['n', NaN],
        ['n', 1],
        ['i', Infinity],
        ['i', -Infinity],
      ],
    ],
    steps: [['reduceByKey', sum]],
    compare: 'keyed',
    expected: [
      [
        ['a', 2 ** 53],
        ['n', NaN],
        ['i', NaN],
      ],
    ],
  },
  {
    name: 'keeps many keys apart',
    input: [
      Array.from({ length: 5000 }, (_, i) => [`key ${i % 1700}`, i]),
      Array.from({ length: 5000 }, (_, i) => [i % 1700, 1]),
    ],
    steps: [['reduceByKey', sum]],
    compare: 'keyed',
  },
  {
    name: 'fails with what the function throws',
    input: [
      [
        ['a', 1],
        ['a', 2],
      ],
    ],
    steps: [
      [
        'reduceByKey',
        (_: number, b: number) => {
          throw new Error(`no ${b}`)
        },
      ],
    ],
    error: 'no 2',
  },
  ...Object.entries({ ...keys, 'all kinds mixed': mixedKeys }).map(([kind, list]) => ({
    name: `groups by ${kind}`,
    input: [list.map(key => [key, 1]), list.slice(1).map(key => [key, 1])],
    steps: [['reduceByKey', sum] as const],
    compare: 'keyed' as const,
  })),
])
