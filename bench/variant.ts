/**
 * The child process of one variant: `node bench/variant.ts WORKLOAD VARIANT --workers N --gear G
 * --data DIR --runs N`. Loads the data, says `ready`, runs once for every `go`, ends on `close`.
 */
import { parseArgs } from 'node:util'
import { type Gear, UsageError, type VariantName, type WorkloadName } from './arguments.ts'
import { WORKLOADS } from './workloads/index.ts'
import { type BatchCheck, type Counters, countersBetween, type Job } from './workloads/job.ts'

export type ToVariant = 'go' | 'close'

export type FromVariant =
  | { readonly type: 'ready'; readonly rows: number }
  | {
      readonly type: 'result'
      readonly seconds: number
      readonly check: readonly BatchCheck[]
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
    },
  })
  const [workload, variant] = positionals as [WorkloadName, VariantName]
  if (variant === 'plain-js') return WORKLOADS[workload].plain(values.data!)
  // Loaded here only: the plain variant must not carry the engine's modules in its memory.
  const { openPelton } = await import('./pelton.ts')
  return openPelton(workload, values.data!, {
    workers: Number(values.workers),
    gear: values.gear as Gear,
    runs: Number(values.runs),
  })
}

async function repeat(job: Job): Promise<void> {
  const before = job.counters?.()
  const start = performance.now()
  const check = await job.run()
  const seconds = (performance.now() - start) / 1000
  const counters = before && countersBetween(before, job.counters!())
  // maxRSS is in kibibytes, and covers every thread of the process.
  const peakRssBytes = process.resourceUsage().maxRSS * KIBIBYTE
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
