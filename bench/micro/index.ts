/** Small parts of the engine, one at a time, by tinybench. A part is one file with `add`. */
import { Bench } from 'tinybench'
import type { BenchOptions } from '../arguments.ts'
import type { Output } from '../latency.ts'
import { align, grouped } from '../report.ts'
import { addArena } from './arena.ts'
import { addBuilder } from './builder.ts'
import { addKernels } from './kernels.ts'
import { addSplitMix } from './splitmix.ts'

/** Adds the measurements of one part of the engine. */
export type AddMicro = (bench: Bench) => void | Promise<void>

const PARTS: readonly AddMicro[] = [addArena, addBuilder, addSplitMix, addKernels]

const TASK_MS = 300

/** Runs every part; prints the median time a call, and the spread between quartiles. */
export async function runMicro(options: BenchOptions, { print, progress }: Output): Promise<void> {
  const bench = new Bench({ time: TASK_MS, warmupTime: TASK_MS / 3 })
  for (const add of PARTS) await add(bench)
  bench.addEventListener('cycle', event => progress(`micro: ${event.task?.name}`))
  await bench.run()
  const rows = bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed') throw new Error(`micro ${name} ended ${result.state}`)
    const { p50, p75 } = result.latency
    return { name, nanoseconds: Math.round(p50 * 1e6), p75: Math.round(p75 * 1e6) }
  })
  if (options.json) {
    for (const row of rows) print(JSON.stringify({ workload: 'micro', ...row }))
    return
  }
  const cells = rows.map(row => [row.name, grouped(row.nanoseconds), grouped(row.p75)])
  print(align([['part', 'median ns', '75 % ns'], ...cells]).join('\n'))
}
