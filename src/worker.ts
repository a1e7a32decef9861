/** What a pool thread runs: takes the arena, then one task after the other from the ring. */
import { threadId, workerData } from 'node:worker_threads'
import { Arena } from './columnar/arena.ts'
import { Drainer, type DrainResult } from './engine/drain.ts'
import { fullExitCode, HeapGauge } from './engine/heap-gauge.ts'
import type { CloseMessage, PoolMessage } from './engine/pool.ts'
import { RingMemory, type WorkerData } from './engine/ring.ts'
import { TaskRunner } from './engine/task.ts'
import { builtins } from './ops/builtins.ts'
import { operators } from './ops/index.ts'

// A module of the user's that runs here again, through an import, must not start a second engine.
Object.defineProperty(globalThis, Symbol.for('pelton.worker'), { value: true })

const data = workerData as WorkerData
const arena = Arena.attach(data.arena)
const runner = new TaskRunner(arena, operators, builtins, threadId)
const gauge = new HeapGauge(data.heapMb)
const drainer = new Drainer(
  new RingMemory(data.ring),
  threadId,
  (task, isUnwanted) => runner.run(task, isUnwanted),
  () => (gauge.isFull() ? leave() : undefined),
)
const closeWaitMs = 2000

/** Makes room for another worker, whose heap is empty. */
async function leave(): Promise<void> {
  await runner.close()
  process.exit(fullExitCode)
}

async function run(message: PoolMessage): Promise<DrainResult | undefined> {
  if ('close' in message) return await close(message)
  return await drainer.drain(message)
}

// Piscina loads this file with require(). For a module with nothing but a default export Node then
// builds a second module around it, and the whole process aborts when the thread is ended in that
// moment (Node 24.x, `CreateRequiredModuleFacade`). An export of this name has require() return it
// as it is.
export { run as default, run as 'module.exports' }

/** Waits until every thread has taken up its own request, so that each closes exactly once. */
async function close({ close, workers }: CloseMessage): Promise<undefined> {
  try {
    await runner.close()
  } finally {
    const arrived = Atomics.add(close, 0, 1) + 1
    if (arrived === workers) Atomics.notify(close, 0)
    for (let seen = arrived; seen < workers; seen = Atomics.load(close, 0)) {
      if (Atomics.wait(close, 0, seen, closeWaitMs) === 'timed-out') break
    }
  }
}
