/** Small times that are printed and never asserted: they depend on the machine's mood. */
import type { BenchOptions } from './arguments.ts'
import { Child } from './child.ts'
import { median } from './jobs.ts'
import { significant } from './report.ts'

/** Where results and passing remarks go. */
export interface Output {
  print(text: string): void
  progress(text: string): void
}

/** What a script of latency/ sends when it is done. */
export interface LatencyMessage {
  /** Milliseconds, measured as the script's header says. */
  readonly milliseconds: number
}

interface Measure {
  readonly name: string
  readonly script: string
  readonly title: string
  readonly limitMs: number
  /** The parent's part: a process's age counts from before it was started. */
  readonly sinceSpawn: boolean
}

const MEASURES: readonly Measure[] = [
  {
    name: 'first-result',
    script: 'latency/first-result.ts',
    title: 'process start to first result, 10 ms interval',
    limitMs: 300,
    sinceSpawn: true,
  },
  {
    name: 'empty-batch',
    script: 'latency/empty-batch.ts',
    title: 'main-thread time of an empty batch',
    limitMs: 1,
    sinceSpawn: false,
  },
]

/** Runs every measure in fresh processes, alternating, and prints medians with their spread. */
export async function runLatency(
  options: BenchOptions,
  { print, progress }: Output,
): Promise<void> {
  const samples = MEASURES.map((): number[] => [])
  for (let repetition = 0; repetition <= options.repetitions; repetition++) {
    for (const [i, measure] of MEASURES.entries()) {
      progress(`latency: ${measure.name} ${repetition} of ${options.repetitions}`)
      const sample = await measureOnce(measure, options)
      if (repetition > 0) samples[i]!.push(sample)
    }
  }
  for (const [i, measure] of MEASURES.entries()) print(line(measure, samples[i]!, options.json))
}

async function measureOnce(measure: Measure, options: BenchOptions): Promise<number> {
  const start = performance.timeOrigin + performance.now()
  const child = new Child<LatencyMessage>(measure.script, [String(options.workers.at(-1))])
  try {
    const { milliseconds } = await child.next()
    return measure.sinceSpawn ? milliseconds - start : milliseconds
  } finally {
    child.kill()
  }
}

function line({ name, title, limitMs }: Measure, samples: number[], json: boolean): string {
  const milliseconds = median(samples)
  const spread = [Math.min(...samples), Math.max(...samples)] as const
  if (json) return JSON.stringify({ workload: 'latency', measure: name, milliseconds, spread })
  const range = `${significant(spread[0])} … ${significant(spread[1])}`
  return `${title}: ${significant(milliseconds)} ms (${range}; aim below ${limitMs} ms)`
}
