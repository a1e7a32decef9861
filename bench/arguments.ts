/** The command line of the benchmarks. */
import { parseArgs } from 'node:util'

/** A mistake of the caller: printed as one line, without a stack, exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export const WORKLOAD_NAMES = ['W1', 'W2', 'W6', 'W1-pure', 'W2-skew'] as const
export type WorkloadName = (typeof WORKLOAD_NAMES)[number]
const USUAL_WORKLOADS: readonly WorkloadName[] = ['W1', 'W2', 'W6']

/** Those after plain-js are not part of this project, and run where they are installed. */
export const VARIANT_NAMES = [
  'pelton',
  'pelton-files',
  'plain-js',
  'duckdb',
  'polars',
  'native',
  'native-tuned',
] as const
export type VariantName = (typeof VARIANT_NAMES)[number]

export const GEARS = ['auto', 'lifted', 'distinct', 'row'] as const
export type Gear = (typeof GEARS)[number]

/** Comparisons of the engine with itself: two or more runs that take turns. */
export const RATIO_NAMES = ['pure', 'skew', 'growth', 'scaling'] as const
export type RatioName = (typeof RATIO_NAMES)[number]

/** Streams as they run in service. */
export const STREAM_NAMES = [
  'W3',
  'W4',
  'W5',
  'W7',
  'T0',
  'window-length',
  'keys-held',
  'checkpoints',
  'hold',
  'soak',
] as const
export type StreamName = (typeof STREAM_NAMES)[number]
const USUAL_STREAMS: readonly StreamName[] = ['W5', 'T0']

const SECONDS_MAX = 3600
const SCALE_MIN = 0.0001
const SCALE_MAX = 10
const WORKERS_MAX = 256
const REPETITIONS_MAX = 1000

export interface BenchOptions {
  readonly help: boolean
  readonly json: boolean
  readonly workloads: readonly WorkloadName[]
  readonly ratios: readonly RatioName[]
  readonly streams: readonly StreamName[]
  readonly latency: boolean
  readonly micro: boolean
  readonly variants: readonly VariantName[]
  readonly workers: readonly number[]
  readonly gear: Gear
  /** Counted repetitions; one more runs first as a warm-up. */
  readonly repetitions: number
  readonly scale: number
  /** Rows a batch of `growth`, as multiples of the usual ones. */
  readonly scales: readonly number[]
  /** How long W7, hold and soak run; undefined for as long as each of them is meant to. */
  readonly seconds: number | undefined
  /** Where packages of other engines are looked for; without it, from here. */
  readonly peers: string | undefined
  /** The folder of the built native reference. */
  readonly native: string | undefined
  /** A folder of data files, or undefined for the generated data. */
  readonly data: string | undefined
}

export const HELP = `Usage: npm run bench [-- NAME … --json --workers 1,2 --gear row --data DIR]

Names
  W1       word count: 10 batches of 100,000 lines of 10 words
  W2       keyed sum: 10 batches of 1,000,000 pairs over 1,000,000 sparse keys
  W6       filter, map, filter, count over 10,000,000 numbers
  W1-pure  W1 with closures in the middle that no kernel knows; W2-skew: one key has half the rows
  pure     W1-pure as a ratio to W1; skew: W2-skew as a ratio to W2
  W5       batches of 1,000 pairs and of none, tick to result; hold: one every 5 ms for a minute
  W7       word count of a socket on this machine, batches of a second
  T0       process start to the first word count of 7.5 MB
  soak     10,000 batches in two minutes: whether memory grows
  W3       a sliding window of 300 batches; W4: running sums of a million keys by mapWithState
  window-length  W3 with windows of 30, 300 and 3,000 batches of 10,000 pairs
  keys-held      10,000 updates by mapWithState of 10,000 to 10,000,000 keys
  checkpoints    checkpoints of a million states, of which a hundredth has changed
  growth   W1 and W2 with more rows a batch, ns a row; scaling: W1, W2, W6 by --workers
  latency  process start to first result; main-thread time of an empty batch
  micro    small parts of the engine, one at a time
  Without names: W1 W2 W6, and W5 T0 latency unless --json or variants without pelton are given.

Options
  --json             one JSON line a variant instead of the table
  --workers 1,2      workers of the pelton variants, each a variant of its own (default 2)
  --gear GEAR        upper bound for user functions: ${GEARS.join(', ')} (default auto)
  --variants A,B     which of ${VARIANT_NAMES.join(', ')}
                     to run (default all; other engines where installed, see bench/README.md)
  --peers DIR        a folder in which duckdb and polars have been installed by npm
  --native DIR       the folder of the native reference's programs, its target/release
  --scales 0.1,1,10  rows a batch of growth, as multiples of the usual ones
  --repetitions N    counted repetitions after four seconds of warm-up (default 5)
  --seconds N        how long W7, hold and soak run (default 20, 60, 120)
  --data DIR         read w1.txt, w2_keys.f64 or .i64, w2_vals.f64, w6.f64 or .i64 (little-endian)
                     instead of generating; W1 and W2 are cut into 10 equal batches
  --scale S          generate the first part of the data only, such as 0.001 (default 1)
  --help             this text

Every variant is a process of its own; repetitions alternate between them, and times are medians.
The clock starts when the input lies in memory in the variant's own form, and ends when the checked
result of the last batch is there. Generated data is kept in .bench-data/.
`

const NAMES = [...WORKLOAD_NAMES, ...RATIO_NAMES, ...STREAM_NAMES, 'latency', 'micro'] as const

/** Turns the arguments after the script's name into options; throws UsageError. */
export function parseArguments(argv: readonly string[]): BenchOptions {
  const { values, positionals } = parse(argv)
  const json = values.json ?? false
  const names = new Set(positionals.map(nameOf))
  if (names.size === 0) for (const name of USUAL_WORKLOADS) names.add(name)
  const variants = list(values.variants ?? VARIANT_NAMES.join(','))
  for (const variant of variants) oneOf('--variants', variant, VARIANT_NAMES)
  const isUsual = positionals.length === 0 && !json && variants.includes('pelton')
  if (values.data !== undefined && values.scale !== undefined) {
    throw new UsageError('--scale cuts generated data; it can not be combined with --data')
  }
  return {
    help: values.help ?? false,
    json,
    workloads: WORKLOAD_NAMES.filter(name => names.has(name)),
    ratios: RATIO_NAMES.filter(name => names.has(name)),
    streams: STREAM_NAMES.filter(
      name => names.has(name) || (isUsual && USUAL_STREAMS.includes(name)),
    ),
    latency: names.has('latency') || isUsual,
    micro: names.has('micro'),
    variants: VARIANT_NAMES.filter(name => variants.includes(name)),
    workers: [
      ...new Set(list(values.workers ?? '2').map(text => whole('--workers', text, WORKERS_MAX))),
    ],
    gear: oneOf('--gear', values.gear ?? 'auto', GEARS),
    repetitions: whole('--repetitions', values.repetitions ?? '5', REPETITIONS_MAX),
    scale: scaleOf('--scale', values.scale ?? '1'),
    scales: list(values.scales ?? '0.1,1,10').map(text => scaleOf('--scales', text)),
    seconds:
      values.seconds === undefined ? undefined : whole('--seconds', values.seconds, SECONDS_MAX),
    peers: values.peers,
    native: values.native,
    data: values.data,
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        json: { type: 'boolean' },
        workers: { type: 'string' },
        gear: { type: 'string' },
        variants: { type: 'string' },
        repetitions: { type: 'string' },
        data: { type: 'string' },
        scale: { type: 'string' },
        scales: { type: 'string' },
        seconds: { type: 'string' },
        peers: { type: 'string' },
        native: { type: 'string' },
      },
    })
  } catch (error) {
    // parseArgs explains itself well; only the remedy is added.
    throw new UsageError(`${(error as Error).message.split('. ')[0]}; see --help`)
  }
}

function nameOf(text: string): (typeof NAMES)[number] {
  const name = NAMES.find(known => known.toLowerCase() === text.toLowerCase())
  if (name) return name
  throw new UsageError(`unknown workload ${text}: choose among ${NAMES.join(', ')}`)
}

function list(text: string): string[] {
  return text.split(',').map(part => part.trim())
}

function oneOf<T extends string>(option: string, text: string, allowed: readonly T[]): T {
  if ((allowed as readonly string[]).includes(text)) return text as T
  throw new UsageError(`${option} ${text || '(empty)'}: choose among ${allowed.join(', ')}`)
}

function whole(option: string, text: string, max: number): number {
  const value = Number(text)
  if (text !== '' && Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new UsageError(`${option} ${text || '(empty)'}: expected whole numbers from 1 to ${max}`)
}

function scaleOf(option: string, text: string): number {
  const value = Number(text)
  if (text !== '' && value >= SCALE_MIN && value <= SCALE_MAX) return value
  throw new UsageError(
    `${option} ${text || '(empty)'}: expected a number from ${SCALE_MIN} to ${SCALE_MAX}`,
  )
}
