/** Arena, pool and scheduler of a context; several contexts of a test run may share one. */
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { Arena } from '../columnar/arena.ts'
import { PeltonError, preview } from '../errors.ts'
import { closeCapture } from '../functions/index.ts'
import { EventBus } from './events.ts'
import { LocalRunner } from './local-runner.ts'
import { Pool } from './pool.ts'
import { Programs } from './programs.ts'

export interface RuntimeOptions {
  readonly workers?: number | undefined
  /** Limit of the arena: bytes, or a text such as `'2GiB'`. */
  readonly memory?: number | string | undefined
  /** Heap limit of each worker, in MiB. */
  readonly workerHeapMb?: number | undefined
  /** Fill freed chunks with poison; for tests. */
  readonly poison?: boolean | undefined
}

const units: Record<string, number> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}
const arenaBytesMax = 4 * 2 ** 30 - 64 * 2 ** 20
const arenaBytesMin = 2 ** 20
/** More threads than this are a mistake of units. */
export const workersMax = 1024
const defaultShare = 0.5

/** Bytes of `'256MiB'`, `'1.5 GB'` or a plain number; `owner` is the class with the option. */
export function parseBytes(memory: number | string, owner = 'StreamingContext'): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(memory))
  const unit = match && units[match[2]!.toLowerCase()]
  const bytes = match && unit ? Math.floor(Number(match[1]) * unit) : Number.NaN
  if (bytes >= arenaBytesMin) return Math.min(bytes, arenaBytesMax)
  throw new PeltonError(
    `memory is ${preview(memory)}; it must be at least 1 MiB, as bytes or as a text such as ` +
      "'512MiB' or '2GiB'",
    { code: 'OPTION', operator: owner },
  )
}

/** First number in a cgroup file; undefined where there is none. */
function cgroupNumber(path: string): number | undefined {
  try {
    const value = Number.parseInt(readFileSync(path, 'utf8'), 10)
    return Number.isFinite(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Memory this process may use, in bytes: the container's limit where there is one. */
export function memoryAvailable(): number {
  const limit =
    cgroupNumber('/sys/fs/cgroup/memory.max') ??
    cgroupNumber('/sys/fs/cgroup/memory/memory.limit_in_bytes')
  return Math.min(limit ?? Number.POSITIVE_INFINITY, totalmem())
}

/** Checks a count such as `workers`, an option of `owner`; undefined gives the default. */
export function countOption(
  name: string,
  value: number | undefined,
  fallback: number,
  max = Number.MAX_SAFE_INTEGER,
  owner = 'StreamingContext',
): number {
  if (value === undefined) return fallback
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  const range = max < Number.MAX_SAFE_INTEGER ? `from 1 to ${max}` : 'from 1 up'
  throw new PeltonError(`${name} is ${preview(value)}; it must be a whole number ${range}`, {
    code: 'OPTION',
    operator: owner,
  })
}

// The extension of the file that asks is that of the worker's file: .ts in the sources, .js when
// built.
const workerFile = new URL(
  `../worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
)

export class Runtime {
  readonly arena: Arena
  readonly pool: Pool
  readonly programs: Programs
  /** Runs tasks on the main thread. */
  readonly local: LocalRunner
  readonly events = new EventBus()

  constructor(options: RuntimeOptions) {
    const limitBytes =
      options.memory === undefined
        ? Math.min(arenaBytesMax, Math.floor(memoryAvailable() * defaultShare))
        : parseBytes(options.memory)
    const workers = countOption('workers', options.workers, availableParallelism(), workersMax)
    this.arena = Arena.create({ limitBytes, poison: options.poison ?? false })
    const heapMb = options.workerHeapMb
    this.pool = new Pool(this.arena, { workers, heapMb, workerFile }, this.events)
    this.programs = new Programs(this.arena, this.pool)
    this.local = new LocalRunner(this.arena)
  }

  /** Bytes of the arena in use, without what the threads keep for themselves. */
  get bytesInUse(): number {
    return this.arena.bytesInUse() - this.pool.workerBytes - this.local.bytes
  }

  /** Ends the threads and gives everything back. */
  async close(): Promise<void> {
    await this.pool.destroy()
    this.local.close()
    this.programs.close()
    closeCapture()
  }
}
