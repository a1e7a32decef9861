/**
 * Runs a program in a process of its own, and starts it again when that dies: some ends, such as an
 * abort of V8 where a heap is full, no code within the process can survive.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { SystemClock, sleep, stopwatch } from '../engine/clock.ts'

/** One that ran so long did not die at its start. */
const soundMs = 60_000
const delayMsMin = 100
const delayMsMax = 30_000
const signalBase = 128

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface SuperviseOptions {
  /** Restarts in a row, of programs that did not run for a minute. */
  readonly restartsMax: number
  say(message: string): void
  /** Milliseconds before the first restart; each one in a row takes twice as long, to 30 s. */
  readonly delayMs?: number
}

/** The exit code of a shell for how a process has ended. */
function exitCode({ code, signal }: Ended): number {
  return code ?? signalBase + constants.signals[signal!]
}

/** Runs a program once; resolves to its exit code. */
export async function runProgram(file: string, args: readonly string[]): Promise<number> {
  return exitCode(await once(file, args).ended)
}

/**
 * Runs a program until it ends by itself with exit code 0, or is told to: SIGINT and SIGTERM go on
 * to it, and it is not started again. Resolves to the last exit code.
 */
export async function supervise(
  file: string,
  args: readonly string[],
  { restartsMax, say, delayMs = delayMsMin }: SuperviseOptions,
): Promise<number> {
  const clock = new SystemClock()
  let inARow = 0
  for (;;) {
    const begun = stopwatch()
    const { ended, wasToldTo } = once(file, args)
    const end = await ended
    if (end.code === 0 || wasToldTo()) return exitCode(end)
    inARow = stopwatch() - begun > soundMs ? 1 : inARow + 1
    const how = end.signal ? `was ended by ${end.signal}` : `ended with exit code ${end.code}`
    if (inARow > restartsMax) {
      say(`${file} ${how}; it is not started again after ${restartsMax} restarts in a row`)
      return exitCode(end)
    }
    const wait = Math.min(delayMsMax, delayMs * 2 ** (inARow - 1))
    say(`${file} ${how}; it is started again in ${wait} ms`)
    await sleep(clock, wait)
  }
}

function once(
  file: string,
  args: readonly string[],
): { readonly ended: Promise<Ended>; wasToldTo(): boolean } {
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' })
  let isTold = false
  const pass = (signal: NodeJS.Signals): void => {
    isTold = true
    child.kill(signal)
  }
  process.on('SIGINT', pass)
  process.on('SIGTERM', pass)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      process.off('SIGINT', pass)
      process.off('SIGTERM', pass)
      resolve({ code, signal })
    })
  })
  return { ended, wasToldTo: () => isTold }
}
