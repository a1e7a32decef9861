/** The pools that tests share: thousands of runs fit into a test run. */
import { giveWay, stopwatch } from '../engine/clock.ts'
import { Runtime } from '../engine/runtime.ts'
import { PeltonError } from '../errors.ts'

/** Real milliseconds that a thread may take to exit. */
const exitMsMax = 5000

const runtimes = new Map<number, Runtime>()

/** One warm pool a process and number of workers. */
export function runtimeFor(workers: number): Runtime {
  let runtime = runtimes.get(workers)
  if (!runtime) runtimes.set(workers, (runtime = new Runtime({ workers, poison: true })))
  return runtime
}

/** Ends the pools that tests keep warm; only needed where threads are counted. */
export async function closeTestRuntimes(): Promise<void> {
  const open = [...runtimes.values()]
  runtimes.clear()
  for (const runtime of open) await runtime.close()
}

/** Runs at work on a runtime, and the bytes that were in use before the first of them. */
const atWork = new WeakMap<Runtime, { runs: number; bytes: number }>()

const bytesOf = (runtime: Runtime): number => runtime.bytesInUse - runtime.programs.bytes

/**
 * Runs something on a runtime, and checks that no memory of the arena is left behind by the last of
 * those that run at once.
 *
 * @throws PeltonError `LEAK` where some is, unless what was run has failed itself
 */
export async function balanced<R>(runtime: Runtime, run: () => Promise<R>): Promise<R> {
  const state = atWork.get(runtime) ?? { runs: 0, bytes: 0 }
  if (state.runs++ === 0) state.bytes = bytesOf(runtime)
  atWork.set(runtime, state)
  const left = (): number => (state.runs > 0 ? 0 : bytesOf(runtime) - state.bytes)
  let result: R
  try {
    result = await run()
  } finally {
    state.runs--
  }
  // What a task of a dead worker had taken is given back when its thread has exited.
  const begun = stopwatch()
  while (left() > 0 && stopwatch() - begun < exitMsMax) await giveWay()
  if (left() <= 0) return result
  throw new PeltonError(`${left()} bytes of the arena were not given back`, { code: 'LEAK' })
}
