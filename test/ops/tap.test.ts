import { accumulator } from 'pelton'
import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('tap', [
  {
    name: 'gives the rows as they are, whatever its function returns',
    input: [[1, 2, 2], [], [3]],
    steps: [['tap', (x: number) => x * 100]],
    expected: [[1, 2, 2], [], [3]],
  },
  {
    name: 'leaves pairs where they are, and no RDD none',
    input: [[['a', 1]], null, [['b', 2]]],
    steps: [
      ['tap', () => undefined],
      ['reduceByKey', (a: number, b: number) => a + b],
    ],
    compare: 'set',
    expected: [[['a', 1]], [['b', 2]]],
  },
])

test('the function sees every row, equal ones too', async () => {
  const seen = accumulator<number, number>({
    zero: 0,
    add: (a, b) => a + b,
    merge: (a, b) => a + b,
  })
  await runStream({
    input: [[1, 1, 1], [5]],
    partitions: 2,
    build: stream => stream.tap((x: number) => seen.add(x)),
  })
  expect(seen.value).toBe(8)
})

test('an error names the operator and the row', async () => {
  const running = runStream({
    input: [[{ a: 1 }, { a: 0 }]],
    build: stream =>
      stream.tap((row: { a: number }) => {
        if (row.a === 0) throw new Error('zero')
      }),
  })
  await expect(running).rejects.toThrow(/tap at .*zero/s)
})
