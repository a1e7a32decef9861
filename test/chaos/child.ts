/** One life of the job: a process of its own, from its start to its end by whatever hand. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Point, SourceKind } from './points.ts'

const job = fileURLToPath(new URL('./fixtures/job.ts', import.meta.url))

export interface ChildOptions {
  readonly kind: SourceKind
  readonly directory: string
  readonly port: number
  /** Where the process kills itself, and at which time of coming there. */
  readonly dies?: { readonly point: Point; readonly number: number }
}

export interface Ending {
  readonly signal: NodeJS.Signals | null
  readonly code: number | null
  /** The point at which it has killed itself. */
  readonly point: Point | undefined
}

/** All that are alive: whoever ends early can end them. */
const living = new Set<Child>()

export class Child {
  /** Lines it has written; of both outputs, for a report. */
  readonly said: string[] = []
  readonly ready: Promise<void>
  readonly ended: Promise<Ending>
  readonly #process: ReturnType<typeof spawn>

  constructor({ kind, directory, port, dies }: ChildOptions) {
    const env = { ...process.env, CHAOS_KILL: dies ? JSON.stringify(dies) : '' }
    const child = spawn(process.execPath, [job, kind, directory, String(port)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    living.add(this)
    const { promise: ready, resolve: isReady } = Promise.withResolvers<void>()
    this.ready = ready
    let rest = ''
    child.stdout.on('data', bytes => {
      const lines = `${rest}${bytes}`.split('\n')
      rest = lines.pop()!
      this.said.push(...lines)
      if (lines.includes('ready')) isReady()
    })
    child.stderr.on('data', bytes => this.said.push(`error ${bytes}`))
    this.ended = new Promise(resolve => {
      child.on('close', (code, signal) => {
        living.delete(this)
        const point = this.said.find(line => line.startsWith('dies '))?.slice('dies '.length)
        resolve({ signal, code, point: point as Point | undefined })
      })
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** How it ended, where it has within `ms`. */
  async endedWithin(ms: number): Promise<Ending | undefined> {
    return await within(this.ended, ms)
  }

  /** Whether it has begun to work within `ms`; false where it ends before. */
  async readyWithin(ms: number): Promise<boolean> {
    const ready = this.ready.then(() => true)
    const ended = this.ended.then(() => false)
    return (await within(Promise.race([ready, ended]), ms)) ?? false
  }
}

/** Ends every job that is still alive, and waits for it. */
export async function killAll(): Promise<void> {
  await Promise.all(
    [...living].map(child => {
      child.kill('SIGKILL')
      return child.ended
    }),
  )
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
