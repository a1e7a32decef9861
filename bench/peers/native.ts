/**
 * The native reference: a program that loads its own copy of the data, runs a workload several
 * times and prints its median as a line of JSON. One call of it is one repetition.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { WorkloadName } from '../arguments.ts'
import { BATCHES } from '../data.ts'
import type { Checks, Job, Measured } from '../workloads/job.ts'

const ROWS = 10_000_000
const KIBIBYTE = 1024

interface Line {
  readonly peer: string
  readonly workload: string
  readonly records: number
  readonly seconds: number
  readonly notes: string
}

export interface NativeOptions {
  readonly folder: string
  readonly workers: number
}

/** W1, W2 or W6 by the program `anchor`. */
export function openNative(
  workload: WorkloadName,
  variant: 'native' | 'native-tuned',
  { folder, workers }: NativeOptions,
): Job {
  const isTuned = variant === 'native-tuned'
  const job = isTuned && workload !== 'W6' ? `${workload}t` : workload
  let measured: Measured = { seconds: 0, peakRssBytes: 0 }
  return {
    rows: ROWS,
    async run() {
      const lines = await linesOf(folder, job, workers)
      const line = lines.find(
        ({ workload: name, peer }) => name === workload && peer.includes('tuned') === isTuned,
      )
      if (!line || line.records !== ROWS) {
        throw new Error(`anchor ${job} printed ${JSON.stringify(lines)}`)
      }
      const peakRssBytes = Number(/rssKB=(\d+)/.exec(line.notes)?.[1]) * KIBIBYTE
      measured = { seconds: line.seconds, peakRssBytes }
      return checksOf(line)
    },
    measured: () => measured,
  }
}

/** Milliseconds that a batch of another workload takes, such as W3's or W5's. */
export async function nativeMilliseconds(
  job: 'W3' | 'W4' | 'W5',
  { folder, workers }: NativeOptions,
): Promise<number> {
  const [line] = await linesOf(folder, job, workers)
  return line!.seconds * 1000
}

async function linesOf(folder: string, job: string, workers: number): Promise<Line[]> {
  const { stdout } = await promisify(execFile)(join(folder, 'anchor'), [job, String(workers)])
  return stdout
    .trim()
    .split('\n')
    .map(text => JSON.parse(text) as Line)
}

/** The program tells the check of its last batch. */
function checksOf({ workload, notes }: Line): Checks {
  if (workload === 'W6') return [[1, Number(/count=(\d+)/.exec(notes)?.[1])]]
  const [, rows, sum] = /check=\((\d+), ([\d.]+)\)/.exec(notes) ?? []
  const unknown = Array.from({ length: BATCHES - 1 }, () => null)
  return [...unknown, [Number(rows), Number(sum)]]
}
