import { operatorConformance } from '../conformance/operator.ts'
import { from, here } from '../oracle.ts'

operatorConformance('glom', [
  {
    name: 'makes one array of each partition',
    input: [[1, 2, 3, 4, 5, 6, 7, 8], ['a'], []],
    steps: [['glom']],
    expected: [[[1, 2, 3, 4, 5, 6, 7, 8]], [['a']], [[]]],
  },
  {
    name: 'keeps partitions through narrow operators, empty ones too',
    input: [[1, 2, 3, 4, 5, 6, 7, 8]],
    steps: [['filter', (x: number) => x > 5], ['map', (x: number) => -x], ['glom']],
    expected: [[[-6, -7, -8]]],
  },
  {
    name: 'passes no RDD on',
    input: [null, [1]],
    steps: [['glom']],
    expected: [[[1]]],
  },
  {
    name: 'shows the partitions of both sides of a union',
    inputs: [
      [[1, 2], []],
      [['a'], ['b', 'c']],
    ],
    steps: [['union', from(1)], ['glom']],
    expected: [
      [[1, 2], ['a']],
      [[], ['b', 'c']],
    ],
  },
  {
    name: 'shows the partitions of every batch of a window',
    input: [[1, 2], [3], [4]],
    steps: [['window', 2000], ['glom']],
    expected: [[[1, 2]], [[1, 2], [3]], [[3], [4]]],
  },
  {
    name: 'undone by flatMap gives the rows back',
    input: [[null, undefined, 'x', [1]]],
    steps: [['union', here()], ['glom'], ['flatMap', (rows: unknown[]) => rows]],
    expected: [[null, undefined, 'x', [1], null, undefined, 'x', [1]]],
  },
])
