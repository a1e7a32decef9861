import { describe, expect, it } from 'vitest'
import { HELP, parseArguments, UsageError } from '../../bench/arguments.ts'
import { variantsOf } from '../../bench/jobs.ts'

const parse = (line: string) => parseArguments(line === '' ? [] : line.split(' '))

describe('the command line', () => {
  it('runs everything but the micro benchmarks by default', () => {
    expect(parse('')).toEqual({
      help: false,
      json: false,
      workloads: ['W1', 'W2', 'W6'],
      latency: true,
      micro: false,
      ratios: [],
      streams: ['W5', 'T0'],
      variants: [
        ...['pelton', 'pelton-files', 'plain-js', 'duckdb', 'polars'],
        ...['native', 'native-tuned'],
      ],
      workers: [2],
      gear: 'auto',
      repetitions: 5,
      scale: 1,
      scales: [0.1, 1, 10],
      seconds: undefined,
      peers: undefined,
      native: undefined,
      data: undefined,
    })
  })

  it('takes names in any case and order, and options', () => {
    expect(parse('w6 W1 --json --workers 2,1,2 --gear row --data somewhere')).toMatchObject({
      json: true,
      workloads: ['W1', 'W6'],
      latency: false,
      workers: [2, 1],
      gear: 'row',
      data: 'somewhere',
    })
    expect(parse('latency')).toMatchObject({ workloads: [], latency: true, micro: false })
    expect(parse('micro')).toMatchObject({ workloads: [], latency: false, micro: true })
  })

  it('prints one line a variant with --json: latency only where it is asked for', () => {
    expect(parse('--json').latency).toBe(false)
    expect(parse('--json latency').latency).toBe(true)
    expect(parse('--variants plain-js').latency).toBe(false)
  })

  it.each([
    [
      'W9',
      'unknown workload W9: choose among W1, W2, W6, W1-pure, W2-skew, ' +
        'pure, skew, growth, scaling, W3, W4, W5, W7, T0, window-length, keys-held, ' +
        'checkpoints, hold, soak, ' +
        'latency, micro',
    ],
    ['--gear fast', '--gear fast: choose among auto, lifted, distinct, row'],
    [
      '--variants spark',
      '--variants spark: choose among pelton, pelton-files, plain-js, duckdb, polars, ' +
        'native, native-tuned',
    ],
    ['--workers 0', '--workers 0: expected whole numbers from 1 to 256'],
    ['--workers 1,x', '--workers x: expected whole numbers from 1 to 256'],
    ['--workers 1,', '--workers (empty): expected whole numbers from 1 to 256'],
    ['--repetitions 1.5', '--repetitions 1.5: expected whole numbers from 1 to 1000'],
    ['--scale 0', '--scale 0: expected a number from 0.0001 to 10'],
    ['--scales 1,x', '--scales x: expected a number from 0.0001 to 10'],
    ['--scale NaN', '--scale NaN: expected a number from 0.0001 to 10'],
    ['--data d --scale 1', '--scale cuts generated data; it can not be combined with --data'],
    ['--fast', "Unknown option '--fast'; see --help"],
  ])('%s is an error with a remedy', (line, message) => {
    expect(() => parse(line)).toThrow(new UsageError(message))
  })

  it('has a help text for every option', () => {
    const options = ['json', 'workers', 'gear', 'variants', 'repetitions', 'data', 'scale']
    for (const option of [...options, 'scales', 'seconds', 'peers', 'native']) {
      expect(HELP).toContain(`--${option} `)
    }
    expect(HELP.split('\n').filter(line => line.length > 100)).toEqual([])
  })
})

it('takes streams, and how long they run', () => {
  const options = parse('W7 soak --seconds 7')
  expect(options).toMatchObject({ workloads: [], streams: ['W7', 'soak'], seconds: 7 })
  expect(() => parse('W7 --seconds 0')).toThrow('--seconds 0: expected whole numbers')
  expect(parse('--json').streams).toEqual([])
})

it('takes comparisons of the engine with itself', () => {
  const options = parse('skew growth --scales 0.5,2 --workers 1,2')
  expect(options).toMatchObject({ workloads: [], ratios: ['skew', 'growth'], scales: [0.5, 2] })
})

it('runs pelton once for every number of workers, plain JavaScript once', () => {
  expect(variantsOf(['pelton', 'plain-js'], [1, 2], 'row')).toEqual([
    { variant: 'pelton', workers: 1, gear: 'row' },
    { variant: 'pelton', workers: 2, gear: 'row' },
    { variant: 'plain-js', workers: 1, gear: 'row' },
  ])
})
