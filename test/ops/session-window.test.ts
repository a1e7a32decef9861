import type { DStream } from 'pelton'
import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('sessionWindow', [
  {
    name: 'closes a session when the gap has passed, and begins another',
    input: [[['k', 'a']], [['k', 'b']], [], [['k', 'c']], [], [], []],
    steps: [['sessionWindow', 2000]],
    compare: 'keyed',
    expected: [
      [],
      [],
      [],
      [['k', { start: 1000, end: 4000, values: ['a', 'b'] }]],
      [],
      [['k', { start: 4000, end: 6000, values: ['c'] }]],
      [],
    ],
  },
  {
    name: 'keeps keys apart, and a batch without an RDD is a pause',
    input: [
      [
        ['x', 1],
        ['y', 1],
        ['x', 2],
      ],
      [['y', 2]],
      null,
      [],
      [['x', 3]],
      [],
    ],
    steps: [['sessionWindow', 2000, 3]],
    compare: 'keyed',
    batches: 8,
  },
  {
    name: 'of a gap that is no multiple of the batch interval',
    input: [[['k', 1]], [], [['k', 2]], [], [], [['k', 3]]],
    steps: [['sessionWindow', 2500]],
    compare: 'keyed',
    batches: 10,
  },
])

test.each([0, 500, Number.NaN, '2000'])('a gap of %s is refused', async gap => {
  const build = (stream: DStream<[string, number]>) => stream.sessionWindow(gap as number)
  await expect(runStream({ input: [[['a', 1]]] as never, build: build as never })).rejects.toThrow(
    /sessionWindow: the gap is .*at least the slide duration, 1000 ms/,
  )
})
