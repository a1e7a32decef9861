import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('mapPartitions', [
  {
    name: 'gives the function the rows of a partition and takes an iterable back',
    input: [[1, 2, 3], [], [4]],
    steps: [
      [
        'mapPartitions',
        function* (rows: Iterable<number>) {
          for (const row of rows) if (row !== 2) yield row * 10
        },
      ],
    ],
    expected: [[10, 30], [], [40]],
  },
  {
    name: 'calls the function once for every partition, empty ones included',
    input: [[1, 2, 3, 4, 5], [1], []],
    steps: [['mapPartitions', (rows: Iterable<number>) => [[...rows].length]]],
  },
  {
    name: 'takes an array back',
    input: [['b', 'a', 'c']],
    steps: [['mapPartitions', (rows: Iterable<string>) => [...rows].map(row => row + row)]],
    expected: [['bb', 'aa', 'cc']],
  },
  {
    name: 'gives rows one by one, so that the first can be taken alone',
    input: [[3, 1, 2], [7]],
    steps: [
      [
        'mapPartitions',
        (rows: Iterable<number>) => {
          const first = rows[Symbol.iterator]().next()
          return first.done ? [] : [['first', first.value]]
        },
      ],
    ],
  },
  {
    name: 'passes no RDD on',
    input: [null, [1], null],
    steps: [['mapPartitions', (rows: Iterable<number>) => rows]],
    expected: [[1]],
  },
  {
    name: 'keeps rows of any type and follows other narrow operators',
    input: [['a', null, undefined, -0, ['k', { v: 1n }]]],
    steps: [
      ['filter', (x: unknown) => x !== null],
      ['mapPartitions', (rows: Iterable<unknown>) => [...rows]],
      ['map', (x: unknown) => [x]],
    ],
    expected: [[['a'], [undefined], [-0], [['k', { v: 1n }]]]],
  },
])
