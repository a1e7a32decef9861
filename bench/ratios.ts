/** The engine compared with itself: runs that take turns, and the ratio of each turn. */
import type { BenchOptions, RatioName, WorkloadName } from './arguments.ts'
import { BATCHES } from './data.ts'
import { type Entry, median, type Run, runInterleaved } from './jobs.ts'
import type { Output } from './latency.ts'
import { significant } from './report.ts'

const NS = 1e9

/** One comparison: entry 0 is what the others are compared with. */
interface Comparison {
  readonly title: string
  readonly entries: readonly Entry[]
  /** How an entry is called in the line. */
  readonly names: readonly string[]
  /** `times`: of a row, so more is slower; `speed`: rows a second, so more is faster. */
  readonly ratio: 'time' | 'speed'
  readonly aim: string
}

const WORKLOADS_OF: Readonly<Record<RatioName, readonly WorkloadName[]>> = {
  pure: ['W1', 'W1-pure'],
  skew: ['W2', 'W2-skew'],
  growth: ['W1', 'W2'],
  scaling: ['W1', 'W2', 'W6'],
}

/** The workloads that a comparison runs. */
export function workloadsOf(name: RatioName): readonly WorkloadName[] {
  return WORKLOADS_OF[name]
}

/** Runs a comparison and prints a line for each pair. */
export async function runRatios(
  name: RatioName,
  folder: string,
  options: BenchOptions,
  { print, progress }: Output,
): Promise<void> {
  for (const comparison of comparisonsOf(name, options)) {
    const { repetitions } = options
    const runs = await runInterleaved(comparison.entries, {
      folder,
      repetitions,
      onProgress: progress,
    })
    for (const line of ratioLines(name, comparison, runs, options.json)) print(line)
  }
}

/** What there is to compare. */
export function comparisonsOf(name: RatioName, options: BenchOptions): Comparison[] {
  const workers = options.workers.at(-1)!
  const { gear } = options
  const entry = (workload: WorkloadName, count = workers, batches?: number): Entry => ({
    workload,
    spec: { variant: 'pelton', workers: count, gear },
    ...(batches !== undefined && { batches }),
  })
  if (name === 'pure' || name === 'skew') {
    const names = WORKLOADS_OF[name]
    const aim = name === 'pure' ? 'at most 1.5x' : 'at most 1.3x'
    const entries = names.map(workload => entry(workload))
    return [{ title: name, entries, names, ratio: 'time', aim }]
  }
  if (name === 'growth') {
    return WORKLOADS_OF.growth.map(workload => {
      const counts = options.scales.map(scale => Math.max(1, Math.round(BATCHES / scale)))
      return {
        title: `${workload} growth`,
        entries: counts.map(batches => entry(workload, workers, batches)),
        names: counts.map(batches => `${BATCHES / batches}x rows a batch`),
        ratio: 'time',
        aim: 'within 25 %',
      }
    })
  }
  const counts = options.workers.length > 1 ? options.workers : [1, 2]
  return WORKLOADS_OF.scaling.map(workload => ({
    title: `${workload} scaling`,
    entries: counts.map(count => entry(workload, count)),
    names: counts.map(count => `${count} workers`),
    ratio: 'speed',
    aim: 'at least 1.7x for two',
  }))
}

/** A line an entry; the ratio is the median over the turns, with the smallest and the largest. */
export function ratioLines(
  measure: RatioName,
  { title, entries, names, ratio, aim }: Comparison,
  runs: readonly Run[],
  json: boolean,
): string[] {
  const nanoseconds = runs.map(({ rows, answers }) =>
    answers.slice(1).map(answer => (answer.seconds / rows) * NS),
  )
  const base = nanoseconds[0]!
  const lines: string[] = []
  const medians: number[] = []
  for (const [i, times] of nanoseconds.entries()) {
    const ratios = times.map((time, turn) =>
      ratio === 'time' ? time / base[turn]! : base[turn]! / time,
    )
    const middle = median(ratios)
    const spread = [Math.min(...ratios), Math.max(...ratios)] as const
    medians.push(middle)
    const { workload, spec } = entries[i]!
    const nsPerRow = median(times)
    if (json) {
      const { workers } = spec
      const line = { measure, workload, name: names[i], workers, nsPerRow, ratio: middle, spread }
      lines.push(JSON.stringify(line))
    } else {
      const range = `${significant(spread[0])} … ${significant(spread[1])}`
      const against = i === 0 ? '' : `, ${significant(middle)}x ${names[0]} (${range})`
      lines.push(`  ${names[i]}: ${significant(nsPerRow)} ns a row${against}`)
    }
  }
  if (json) return lines
  const deviation = Math.max(...medians) / Math.min(...medians) - 1
  const growth = measure === 'growth' ? `; largest deviation ${Math.round(deviation * 100)} %` : ''
  return [`${title} (aim: ${aim}${growth})`, ...lines, '']
}
