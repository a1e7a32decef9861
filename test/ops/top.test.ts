import type { DStream } from 'pelton'
import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('top', [
  {
    name: 'gives the greatest rows, greatest first',
    input: [[3, 1, 4, 1, 5, 9, 2, 6], [], [7]],
    steps: [['topK', 3]],
    expected: [[9, 6, 5], [], [7]],
  },
  {
    name: 'keeps the order of rows for which the function gives the same',
    input: [['bb', 'a', 'cc', 'd', 'ee']],
    steps: [['topK', 4, (word: string) => word.length]],
    expected: [['bb', 'cc', 'ee', 'a']],
  },
  {
    name: 'goes on from pairs, and passes no RDD on',
    input: [
      [
        ['a', 1],
        ['b', 5],
        ['c', 3],
      ],
      null,
      [['d', 0]],
    ],
    steps: [['topK', 2, ([, n]: [string, number]) => n]],
    expected: [
      [
        ['b', 5],
        ['c', 3],
      ],
      [['d', 0]],
    ],
  },
  { name: 'gives none of none', input: [[1, 2]], steps: [['topK', 0]], expected: [[]] },
  {
    name: 'of more rows than wait to be sorted',
    input: [Array.from({ length: 5000 }, (_, i) => (i * 7919) % 5003)],
    steps: [['topK', 1500]],
  },
])

test.each([-1, 1.5, Number.NaN, '3'])('a count of %s is refused', async count => {
  const build = (stream: DStream<number>) => stream.topK(count as number)
  await expect(runStream({ input: [[1]], build })).rejects.toThrow(/topK: the number of rows is/)
})
