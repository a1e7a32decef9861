/** Runs whole jobs: one process a variant, repetitions alternating between them. */
import type { Gear, VariantName, WorkloadName } from './arguments.ts'
import { Child } from './child.ts'
import type { PeerFolders } from './peers/index.ts'
import type { FromVariant, ToVariant } from './variant.ts'
import { type Checks, type Counters, smallestShare, sumCounters } from './workloads/job.ts'

const CLOSE_LIMIT_MS = 10_000
const WARM_UP_SECONDS = 4
const WARM_UPS_MAX = 60
const compiledLate: ReadonlySet<VariantName> = new Set(['pelton', 'pelton-files', 'plain-js'])
const CHECK_TOLERANCE = 1e-9

export interface VariantSpec {
  readonly variant: VariantName
  readonly workers: number
  readonly gear: Gear
}

/** A variant of a workload, and how many batches the data is cut into where it matters. */
export interface Entry {
  readonly workload: WorkloadName
  readonly spec: VariantSpec
  readonly batches?: number
}

/** One line of the report. */
export interface JobResult {
  readonly workload: WorkloadName
  readonly variant: VariantName
  readonly workers: number
  /** Input rows of one repetition. */
  readonly rows: number
  /** Median of the counted repetitions. */
  readonly seconds: number
  readonly rowsPerSecond: number
  /** Minimum and maximum of seconds. */
  readonly spread: readonly [min: number, max: number]
  readonly check: Checks
  readonly peakRssBytes: number
  /** Of pelton variants only: the upper bound for user functions. */
  readonly gear?: Gear
  /** Of pelton variants only, summed over the counted repetitions. */
  readonly counters?: Counters
  /** Of pelton variants only: the smallest share of the rows of a worker in a repetition. */
  readonly smallestShare?: number
}

export interface JobOptions {
  readonly folder: string
  /** Counted repetitions; warm-ups run before them. */
  readonly repetitions: number
  /** How long every variant warms up, at least once; 4 unless said otherwise. */
  readonly warmUpSeconds?: number
  readonly peers?: PeerFolders
  readonly onProgress?: (text: string) => void
}

/** What a variant answers after one repetition. */
export type Answer = Extract<FromVariant, { type: 'result' }>

/**
 * Runs one workload by all variants and compares their checks.
 *
 * @throws when a variant fails, or when two checks differ; the message names both.
 * @example
 * const variants = variantsOf(['pelton', 'plain-js'], [1, 2], 'auto')
 * await runJobs('W1', variants, { folder, repetitions: 5 })
 */
export async function runJobs(
  workload: WorkloadName,
  specs: readonly VariantSpec[],
  options: JobOptions,
): Promise<JobResult[]> {
  const entries = specs.map(spec => ({ workload, spec }))
  const runs = await runInterleaved(entries, options)
  return runs.map(({ rows, answers }, i) => summarise(workload, specs[i]!, rows, answers))
}

/** What one entry answered; the first answer is the warm-up's. */
export interface Run {
  readonly rows: number
  readonly answers: readonly Answer[]
}

/** Runs all entries in turns, and compares the checks of those that have the same work to do. */
export async function runInterleaved(
  entries: readonly Entry[],
  options: JobOptions,
): Promise<Run[]> {
  const { repetitions, warmUpSeconds = WARM_UP_SECONDS, onProgress = () => {} } = options
  const children: Child<FromVariant, ToVariant>[] = []
  try {
    const rows: number[] = []
    for (const entry of entries) {
      onProgress(`${entry.workload}: ${label(entry.spec)} loads`)
      const child = startVariant(entry, options)
      children.push(child)
      rows.push((await answerOf(child, 'ready')).rows)
    }
    const answers: Answer[][] = entries.map(() => [])
    const first = entries.map(entry => entries.findIndex(other => isSameWork(entry, other)))
    const run = async (i: number, what: string): Promise<Answer> => {
      const { workload, spec } = entries[i]!
      onProgress(`${workload}: ${label(spec)} ${what}`)
      children[i]!.send('go')
      const answer = await answerOf(children[i]!, 'result')
      const known = first[i]!
      const expected = answers[known]![0]?.check
      const name = label(entries[known]!.spec)
      compareChecks(workload, answer.check, label(spec), expected, name)
      return answer
    }
    for (const i of entries.keys()) {
      // Only JavaScript compiles while it runs; for the others once is enough.
      const least = compiledLate.has(entries[i]!.spec.variant) ? warmUpSeconds : 0
      answers[i]!.push(await warmedUp(least, () => run(i, 'warms up')))
    }
    for (let repetition = 1; repetition <= repetitions; repetition++) {
      for (const i of entries.keys()) {
        answers[i]!.push(await run(i, `repetition ${repetition} of ${repetitions}`))
      }
    }
    for (const child of children) child.send('close')
    await Promise.all(children.map(child => child.ended(CLOSE_LIMIT_MS)))
    return entries.map((_, i) => ({ rows: rows[i]!, answers: answers[i]! }))
  } finally {
    for (const child of children) child.kill()
  }
}

/** The last of so many runs that compilers have done what they do in the first seconds. */
async function warmedUp(least: number, run: () => Promise<Answer>): Promise<Answer> {
  let seconds = 0
  for (let runs = 1; ; runs++) {
    const answer = await run()
    seconds += answer.seconds
    if (seconds >= least || runs === WARM_UPS_MAX) return answer
  }
}

/** Whether two entries have to come to the same results. */
function isSameWork(a: Entry, b: Entry): boolean {
  return a.workload === b.workload && a.batches === b.batches
}

/** The variants to run: each once for every number of workers, plain JavaScript with one thread. */
export function variantsOf(
  names: readonly VariantName[],
  workers: readonly number[],
  gear: Gear,
): VariantSpec[] {
  return names.flatMap(variant =>
    (variant === 'plain-js' ? [1] : workers).map(count => ({ variant, workers: count, gear })),
  )
}

function startVariant(
  { workload, spec, batches }: Entry,
  { folder, repetitions, peers }: JobOptions,
): Child<FromVariant, ToVariant> {
  const { variant, workers, gear } = spec
  const options = {
    workers,
    gear,
    data: folder,
    runs: repetitions + WARM_UPS_MAX,
    batches,
    ...peers,
  }
  const args = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
  return new Child('variant.ts', [workload, variant, ...args])
}

async function answerOf<T extends FromVariant['type']>(
  child: Child<FromVariant, ToVariant>,
  type: T,
): Promise<Extract<FromVariant, { type: T }>> {
  const answer = await child.next()
  if (answer.type === type) return answer as Extract<FromVariant, { type: T }>
  throw new Error(answer.type === 'error' ? answer.message : `unexpected answer ${answer.type}`)
}

function label({ variant, workers }: VariantSpec): string {
  return variant === 'plain-js' ? variant : `${variant} with ${workers} workers`
}

/** Numbers of rows must be equal; sums may differ by rounding, since the order of adding does. */
export function compareChecks(
  workload: WorkloadName,
  check: Checks,
  name: string,
  expected: Checks | undefined,
  expectedName: string,
): void {
  if (!expected) return
  const fail = (what: string, got: number, want: number): never => {
    throw new Error(`${workload}: ${what}: ${got} by ${name}, ${want} by ${expectedName}`)
  }
  if (check.length !== expected.length) fail('number of batches', check.length, expected.length)
  for (const [batch, got] of check.entries()) {
    const want = expected[batch]
    if (!got || !want) continue
    const [rows, sum] = got
    const [expectedRows, expectedSum] = want
    if (rows !== expectedRows) fail(`rows of batch ${batch}`, rows, expectedRows)
    const limit = CHECK_TOLERANCE * Math.max(1, Math.abs(expectedSum))
    // Written so that a NaN fails too.
    if (!(Math.abs(sum - expectedSum) <= limit)) fail(`sum of batch ${batch}`, sum, expectedSum)
  }
}

/** Makes one line of the report of a variant's answers, of which the first is the warm-up. */
export function summarise(
  workload: WorkloadName,
  { variant, workers, gear }: VariantSpec,
  rows: number,
  answers: readonly Answer[],
): JobResult {
  const counted = answers.slice(1).map(answer => answer.seconds)
  const counters = answers.slice(1).flatMap(answer => answer.counters ?? [])
  const last = answers.at(-1)!
  const seconds = median(counted)
  return {
    workload,
    variant,
    workers,
    rows,
    seconds,
    rowsPerSecond: rows / seconds,
    spread: [Math.min(...counted), Math.max(...counted)],
    check: last.check,
    peakRssBytes: last.peakRssBytes,
    ...(variant.startsWith('pelton') && { gear }),
    ...(counters.length > 0 && {
      counters: sumCounters(counters),
      smallestShare: smallestShare(counters, workers),
    }),
  }
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
