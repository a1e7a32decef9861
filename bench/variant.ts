/**
 * The child process of one variant: `node bench/variant.ts WORKLOAD VARIANT --workers N --gear G
 * --data DIR --runs N …`. Loads the data, says `ready`, runs once for every `go`, ends on `close`.
 */
import { parseArgs } from 'node:util'
import { type Gear, UsageError, type VariantName, type WorkloadName } from './arguments.ts'
import { BATCHES } from './data.ts'
import { WORKLOADS } from './workloads/index.ts'
import { type Checks, type Counters, countersBetween, type Job } from './workloads/job.ts'

export type ToVariant = 'go' | 'close'

export type FromVariant =
  | { readonly type: 'ready'; readonly rows: number }
  | {
      readonly type: 'result'
      readonly seconds: number
      readonly check: Checks
      readonly counters: Counters | undefined
      readonly peakRssBytes: number
    }
  | { readonly type: 'error'; readonly message: string }

const KIBIBYTE = 1024

function answer(message: FromVariant): void {
  process.send!(message)
}

async function open(): Promise<Job> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      workers: { type: 'string', default: '1' },
      gear: { type: 'string', default: 'auto' },
      data: { type: 'string' },
      runs: { type: 'string', default: '1' },
      batches: { type: 'string', default: String(BATCHES) },
      peers: { type: 'string' },
      native: { type: 'string' },
    },
  })
  const [workload, variant] = positionals as [WorkloadName, VariantName]
  const data = values.data!
  const workers = Number(values.workers)
  const batches = Number(values.batches)
  // Loaded where needed only: no variant must carry another's modules in its memory.
  switch (variant) {
    case 'plain-js':
      return WORKLOADS[workload].plain(data, batches)
    case 'duckdb':
      return (await import('./peers/duckdb.ts')).openDuckdb(workload, data, workers, values.peers)
    case 'polars':
      return (await import('./peers/polars.ts')).openPolars(workload, data, workers, values.peers)
    case 'native':
    case 'native-tuned':
      return (await import('./peers/native.ts')).openNative(workload, variant, {
        folder: values.native!,
        workers,
      })
    default: {
      const { openPelton } = await import('./pelton.ts')
      const gear = values.gear as Gear
      const runs = Number(values.runs)
      const fromFiles = variant === 'pelton-files'
      return openPelton(workload, data, { workers, gear, runs, batches, fromFiles })
    }
  }
}

async function repeat(job: Job): Promise<void> {
  const before = job.counters?.()
  const start = performance.now()
  const check = await job.run()
  const elapsed = (performance.now() - start) / 1000
  const counters = before && countersBetween(before, job.counters!())
  // maxRSS is in kibibytes, and covers every thread of the process.
  const ownRssBytes = process.resourceUsage().maxRSS * KIBIBYTE
  const measured = job.measured?.()
  const { seconds, peakRssBytes } = measured ?? { seconds: elapsed, peakRssBytes: ownRssBytes }
  answer({ type: 'result', seconds, check, counters, peakRssBytes })
}

function fail(error: unknown): void {
  const message =
    error instanceof UsageError ? error.message : ((error as Error)?.stack ?? String(error))
  if (process.send) {
    answer({ type: 'error', message })
  } else {
    process.stderr.write(`${message}\n`)
    process.exitCode = 2
  }
}

async function main(): Promise<void> {
  if (!process.send) throw new UsageError('bench/variant.ts is started by bench/run.ts')
  // The parent is gone: whatever runs here has no reader any more.
  process.on('disconnect', () => process.exit())
  const job = await open()
  process.on('message', (message: ToVariant) => {
    if (message === 'go') repeat(job).catch(fail)
    else Promise.resolve(job.close?.()).then(() => process.exit(), fail)
  })
  answer({ type: 'ready', rows: job.rows })
}

main().catch(fail)
