import { describe, expect, it } from 'vitest'
import { type Answer, compareChecks, type JobResult, median, summarise } from '../../bench/jobs.ts'
import { formatTable, jsonLine } from '../../bench/report.ts'
import { countersBetween, smallestShare, sumCounters } from '../../bench/workloads/job.ts'

const plain: JobResult = {
  workload: 'W2',
  variant: 'plain-js',
  workers: 1,
  rows: 10_000_000,
  seconds: 4.52,
  rowsPerSecond: 10_000_000 / 4.52,
  spread: [4.5, 4.61],
  check: [[632_319, 500_503.25]],
  peakRssBytes: 310_400_000,
}

const pelton: JobResult = {
  ...plain,
  variant: 'pelton',
  workers: 2,
  seconds: 0.15,
  rowsPerSecond: 10_000_000 / 0.15,
  spread: [0.0998, 0.16],
  peakRssBytes: 402_000_000,
  gear: 'row',
  counters: {
    rowsByWorker: [5_200_000, 4_800_000],
    rowsOnMainThread: 20,
    fallbackRows: 0,
    rowBytesThroughPorts: 0,
    tasks: 1234,
  },
  smallestShare: 0.371,
}

describe('the table', () => {
  it('gives ratios against plain JavaScript, and what the engine counted', () => {
    expect(formatTable([pelton, plain])).toBe(
      [
        'W2 keyed sum, 10,000,000 pairs',
        '  variant   workers  seconds            spread  pairs/s  ratio  peak RSS',
        '  pelton          2    0.150  0.0998 … 0.160 s   66.7 M  30.1x    402 MB',
        '  plain-js        1    4.520   4.500 … 4.610 s   2.21 M     1x    310 MB',
        '  pelton, 2 workers, gear row: 1,234 tasks, 20 rows on the main thread, ' +
          '0 rows in fallback columns, 0 row bytes through ports, ' +
          'rows by worker 52 % / 48 % (smallest in a repetition 37 %)',
        '',
      ].join('\n'),
    )
  })

  it('has no ratio without plain JavaScript in the same run', () => {
    expect(formatTable([pelton])).toContain('66.7 M      –    402 MB')
  })
})

it('the JSON line has every field in order, on one line', () => {
  expect(jsonLine(plain)).toBe(
    '{"workload":"W2","variant":"plain-js","workers":1,"rows":10000000,"seconds":4.52,' +
      `"rowsPerSecond":${10_000_000 / 4.52},"spread":[4.5,4.61],` +
      '"check":[[632319,500503.25]],"peakRssBytes":310400000}',
  )
})

describe('checks', () => {
  const compare = (a: [number, number][], b: [number, number][]) => () =>
    compareChecks('W2', a, 'pelton', b, 'plain-js')

  it('may differ by rounding only', () => {
    expect(compare([[3, 1e6]], [[3, 1e6 + 5e-4]])).not.toThrow()
    expect(compare([[3, 0]], [[3, 5e-10]])).not.toThrow()
  })

  it.each<[string, [number, number][], [number, number][]]>([
    ['W2: number of batches: 0 by pelton, 1 by plain-js', [], [[1, 1]]],
    ['W2: rows of batch 0: 1 by pelton, 2 by plain-js', [[1, 1]], [[2, 1]]],
    [
      'W2: sum of batch 1: 2 by pelton, 3 by plain-js',
      [
        [1, 1],
        [1, 2],
      ],
      [
        [1, 1],
        [1, 3],
      ],
    ],
    ['W2: sum of batch 0: 1.000000002 by pelton, 1 by plain-js', [[1, 1.000000002]], [[1, 1]]],
    ['W2: sum of batch 0: NaN by pelton, NaN by plain-js', [[1, Number.NaN]], [[1, Number.NaN]]],
  ])('%s', (message, got, expected) => {
    expect(compare(got, expected)).toThrow(message)
  })
})

it('takes the middle of an odd number and the mean of the middle two of an even one', () => {
  expect(median([3, 1, 100])).toBe(3)
  expect(median([4, 1, 100, 2])).toBe(3)
})

it('summarises the repetitions without the warm-up, with the last peak and all counters', () => {
  const answers = [9, 4, 1, 2].map(
    (seconds, i): Answer => ({
      type: 'result',
      seconds,
      check: [[1, 7]],
      counters: {
        rowsByWorker: [i, 1],
        rowsOnMainThread: 5,
        fallbackRows: i,
        rowBytesThroughPorts: 1,
        tasks: 2,
      },
      peakRssBytes: 100 + i,
    }),
  )
  expect(summarise('W6', { variant: 'pelton', workers: 2, gear: 'row' }, 10, answers)).toEqual({
    workload: 'W6',
    variant: 'pelton',
    workers: 2,
    rows: 10,
    seconds: 2,
    rowsPerSecond: 5,
    spread: [1, 4],
    check: [[1, 7]],
    peakRssBytes: 103,
    gear: 'row',
    counters: {
      rowsByWorker: [6, 3],
      rowsOnMainThread: 15,
      fallbackRows: 6,
      rowBytesThroughPorts: 3,
      tasks: 6,
    },
    smallestShare: 0.25,
  })
})

it('subtracts the counters of earlier repetitions, also where a worker is new', () => {
  const others = { rowsOnMainThread: 4, fallbackRows: 1 }
  const before = { ...others, rowsByWorker: [10], rowBytesThroughPorts: 2, tasks: 3 }
  const after = { ...others, rowsByWorker: [15, 4], rowBytesThroughPorts: 9, tasks: 30 }
  expect(countersBetween(before, after)).toEqual({
    rowsByWorker: [5, 4],
    rowsOnMainThread: 0,
    fallbackRows: 0,
    rowBytesThroughPorts: 7,
    tasks: 27,
  })
})

it('counts a worker without rows as a share of nothing, also where it is missing', () => {
  const counters = (...rowsByWorker: number[]) => ({
    rowsByWorker,
    rowsOnMainThread: 0,
    fallbackRows: 0,
    rowBytesThroughPorts: 0,
    tasks: 1,
  })
  expect(smallestShare([counters(3, 1), counters(2, 2)], 2)).toBe(0.25)
  expect(smallestShare([counters(2, 2), counters(4)], 2)).toBe(0)
  expect(smallestShare([counters(4)], 1)).toBe(1)
  expect(smallestShare([counters(0, 0)], 2)).toBe(0)
  expect(sumCounters([counters(4), counters(1, 2)]).rowsByWorker).toEqual([5, 2])
})
