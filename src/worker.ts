/** What a pool thread runs: takes the arena, then one task after the other. */
import { threadId, workerData } from 'node:worker_threads'
import { Arena } from './columnar/arena.ts'
import type { CloseMessage, PoolMessage, WorkerData } from './engine/pool.ts'
import type { TaskResult } from './engine/program.ts'
import { TaskRunner } from './engine/task.ts'
import { builtins } from './ops/builtins.ts'
import { operators } from './ops/index.ts'

// A module of the user's that runs here again, through an import, must not start a second engine.
Object.defineProperty(globalThis, Symbol.for('pelton.worker'), { value: true })

const data = workerData as WorkerData
const arena = Arena.attach(data.arena)
const runner = new TaskRunner(arena, operators, builtins, threadId)
const attemptSlots = data.attempts.length
const closeWaitMs = 2000

export default async function run(message: PoolMessage): Promise<TaskResult | undefined> {
  if ('close' in message) return await close(message)
  Atomics.store(data.attempts, message.attempt % attemptSlots, threadId)
  return await runner.run(message)
}

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
