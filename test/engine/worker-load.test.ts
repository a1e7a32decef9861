/**
 * How the threads of the pool load their file: a thread may be ended at any moment of it.
 *
 * What it can't catch: other moments of a thread's start at which Node can't be interrupted.
 */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { RingQueue } from '../../src/engine/ring-queue.ts'

const file = createRequire(import.meta.url).resolve('../../src/worker.ts')

test('require() gives the function itself: no second module is built around it', async () => {
  const queue = new RingQueue(() => {})
  const arena = Arena.create({ limitBytes: 2 ** 28 })
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    parentPort.postMessage(typeof require(workerData.file))`
  const workerData = { file, arena: arena.handle(), ring: queue.memory.buffer }
  const worker = new Worker(source, { eval: true, workerData })
  const [kind] = await once(worker, 'message')
  await worker.terminate()
  queue.close()
  // A module around it would be an object with the function in it.
  expect(kind).toBe('function')
})
