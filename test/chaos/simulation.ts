/** The simulated campaign: jobs in virtual time, on disks that fail and crash by a seed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { randomNumbers } from '../../src/ops/sample.ts'
import { type Fault, Simulation } from '../../src/testing/simulate.ts'
import { inputsOf, type Job, jobs, type Mishap, savedFiles } from './jobs.ts'

export interface SeedReport {
  readonly seed: number
  readonly job: string
  readonly lives: number
  readonly crashes: number
  /** What went wrong, with all that has happened till then. */
  readonly fault: string | undefined
  readonly story: readonly string[]
}

/** The job of a seed. */
export const jobOf = (seed: number): Job => jobs[seed % jobs.length]!

/** Runs the job of a seed undisturbed and through faults, and compares. */
export async function simulateSeed(seed: number): Promise<SeedReport> {
  const job = jobOf(seed)
  const random = randomNumbers(seed)
  const directory = mkdtempSync(join(tmpdir(), 'pelton-simulation-'))
  // Threads make the order of things their own: half of the seeds do without.
  const threads: readonly Fault[] = random() < 1 / 2 ? ['worker'] : []
  const kinds = ['none', 'throws', 'is slow'] as const
  const kind = kinds[Math.floor(random() * kinds.length)]!
  const story: string[] = []
  const run = async (faults: readonly Fault[], mishap: Mishap) => {
    const simulation = new Simulation(
      (...args: any[]) => {
        const [ssc, disk] = args.slice(job.inputs)
        return job.build(args.slice(0, job.inputs), { ssc, disk, mishap })
      },
      { inputs: inputsOf(job, seed), seed, faults, onEvent: text => void story.push(text) },
    )
    const { results, disk } = await simulation.run()
    const rows = results.map(batch => batch.map(row => JSON.stringify(row)).sort())
    return { rows, files: savedFiles(disk) }
  }
  let fault: string | undefined
  try {
    const file = join(directory, 'mishap')
    const expected = await run([], { file, kind: 'none' })
    story.length = 0
    const disturbed: readonly Fault[] = ['crash', 'disk', 'stop', 'resend', ...threads]
    const actual = await run(disturbed, { file, kind })
    if (!isDeepStrictEqual(actual, expected)) {
      fault = `it gave ${JSON.stringify(actual)}, and undisturbed ${JSON.stringify(expected)}`
    }
  } catch (error) {
    fault = String(error instanceof Error ? error.stack : error)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  const count = (start: string): number => story.filter(text => text.startsWith(start)).length
  const [lives, crashes] = [count('life'), count('  dies')]
  return { seed, job: job.name, lives, crashes, fault, story }
}
