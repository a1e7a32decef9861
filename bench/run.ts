/**
 * The benchmarks: `npm run bench -- --help` says how they are used, `test/bench` what they promise.
 *
 *   run.ts ── arguments.ts, data.ts (generate.ts)
 *     ├─ jobs.ts ── child.ts ⇒ variant.ts ── workloads/*, pelton.ts, peers/*   a process a variant
 *     ├─ ratios.ts ── jobs.ts                                            the engine with itself
 *     ├─ streams.ts ── child.ts ⇒ streams/*                              a process a stream
 *     ├─ latency.ts ── child.ts ⇒ latency/*                              a process a measurement
 *     ├─ micro/index.ts                                                  in this process
 *     └─ report.ts
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  type BenchOptions,
  HELP,
  parseArguments,
  UsageError,
  type VariantName,
  type WorkloadName,
} from './arguments.ts'
import { ensureGenerated } from './data.ts'
import type { DataFile } from './generate.ts'
import { runJobs, variantsOf } from './jobs.ts'
import { runLatency } from './latency.ts'
import { runMicro } from './micro/index.ts'
import { hasWorkload, missing } from './peers/index.ts'
import { runRatios, workloadsOf } from './ratios.ts'
import { formatTable, jsonLine } from './report.ts'
import { filesOf, runStream } from './streams.ts'
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
  const present = options.variants.filter(name => !missing(name, options))
  const folder = folderOf(options, options.workloads)
  for (const workload of options.workloads) {
    const names = present.filter(name => hasWorkload(name, workload) && hasData(name, options))
    const results = await runJobs(workload, variantsOf(names, options.workers, options.gear), {
      folder,
      repetitions: options.repetitions,
      peers: { peers: options.peers, native: options.native },
      onProgress: progress,
    })
    if (options.json) for (const result of results) print(jsonLine(result))
    else print(formatTable(results))
  }
  for (const name of options.variants) {
    const reason = missing(name, options)
    // One line of JSON a variant that ran, and nothing else, is what its readers expect.
    if (reason && !options.json) print(`${name}: ${reason}`)
  }
}

/** The native reference has data of its own: all of it, and the same as is generated here. */
function hasData(variant: VariantName, options: BenchOptions): boolean {
  return !variant.startsWith('native') || options.scale === 1
}

/** The folder of the data, checked before the first long run: a mistake shows at once. */
function folderOf(
  options: BenchOptions,
  workloads: readonly WorkloadName[],
  more: readonly DataFile[] = [],
): string {
  const files = [...new Set([...workloads.flatMap(name => WORKLOADS[name].files), ...more])]
  const folder =
    options.data ??
    ensureGenerated(files, options.scale, file => progress(`generating ${file}, once`))
  for (const name of workloads) WORKLOADS[name].validate(folder)
  return folder
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
  const jobs = options.workloads.length > 0 && options.variants.some(v => v.startsWith('pelton'))
  const own = options.ratios.length + options.streams.length > 0
  if (jobs || own || options.latency) requireBuild()
  if (options.workloads.length > 0) await runWorkloads(options)
  for (const name of options.ratios) {
    const folder = folderOf(options, workloadsOf(name))
    await runRatios(name, folder, options, { print, progress })
  }
  for (const name of options.streams) {
    const folder = folderOf(options, [], filesOf(name))
    await runStream(name, folder, options, { print, progress })
  }
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
