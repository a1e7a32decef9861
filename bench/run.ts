/**
 * The benchmarks: `npm run bench -- --help` says how they are used, `test/bench` what they promise.
 *
 *   run.ts ── arguments.ts, data.ts (generate.ts)
 *     ├─ jobs.ts ── child.ts ⇒ variant.ts ── workloads/*, pelton.ts      a process a variant
 *     ├─ latency.ts ── child.ts ⇒ latency/*                              a process a measurement
 *     ├─ micro/index.ts                                                  in this process
 *     └─ report.ts
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type BenchOptions, HELP, parseArguments, UsageError } from './arguments.ts'
import { ensureGenerated } from './data.ts'
import { runJobs, variantsOf } from './jobs.ts'
import { runLatency } from './latency.ts'
import { runMicro } from './micro/index.ts'
import { formatTable, jsonLine } from './report.ts'
import { WORKLOADS } from './workloads/index.ts'

/** Shows one line that replaces itself, on a terminal only. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

function print(text: string): void {
  progress('')
  process.stdout.write(`${text}\n`)
}

async function runWorkloads(options: BenchOptions): Promise<void> {
  const specs = variantsOf(options.variants, options.workers, options.gear)
  const files = options.workloads.flatMap(name => WORKLOADS[name].files)
  const folder =
    options.data ??
    ensureGenerated(files, options.scale, file => progress(`generating ${file}, once`))
  // Before the first long run, so that a mistake in the last folder shows at once.
  for (const name of options.workloads) WORKLOADS[name].validate(folder)
  for (const name of options.workloads) {
    const results = await runJobs(name, specs, {
      folder,
      repetitions: options.repetitions,
      onProgress: progress,
    })
    if (options.json) for (const result of results) print(jsonLine(result))
    else print(formatTable(results))
  }
}

/** The package as users import it is measured, not its sources. */
function requireBuild(): void {
  const entry = fileURLToPath(import.meta.resolve('pelton'))
  if (existsSync(entry)) return
  throw new UsageError(`no ${entry}: run npm run build first, or npm run bench, which does`)
}

async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2))
  if (options.help) return print(HELP)
  const jobs = options.workloads.length > 0 && options.variants.includes('pelton')
  if (jobs || options.latency) requireBuild()
  if (options.workloads.length > 0) await runWorkloads(options)
  if (options.latency) await runLatency(options, { print, progress })
  if (options.micro) await runMicro(options, { print, progress })
}

// A reader that has seen enough, such as `head`, is no failure; there is nobody left to print for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

main().catch(error => {
  progress('')
  const usage = error instanceof UsageError
  process.stderr.write(`${usage ? error.message : (error.stack ?? error)}\n`)
  process.exitCode = usage ? 2 : 1
})
