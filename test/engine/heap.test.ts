/**
 * Heaps of workers that fill up: the worker is ended before V8 ends the process, its task is tried
 * again, and the error says which limit it was.
 *
 * What it can't catch: an allocation that is several times as large as all that lay in the heap
 * before it. V8 aborts the process then.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type BusyWorker, HeapWatch } from '../../src/engine/heap-watch.ts'
import { rig } from './support.ts'

const fixture = fileURLToPath(new URL('fixtures/heap-grows.ts', import.meta.url))

describe('a task that grows without end', () => {
  test.each(['map', 'objects'])(
    'by its %s costs its worker, not the process',
    kind => {
      const child = spawnSync(process.execPath, [fixture, kind], { encoding: 'utf8' })
      expect(child.stderr).toBe('')
      const { message, ...rest } = JSON.parse(child.stdout)
      expect(rest).toEqual({ code: 'WORKER_LOST', next: [2, 3], warnings: [], arenaBytes: 0 })
      expect(message).toMatch(/workerHeap, 64 MiB\)?, running map at .*heap-grows\.ts:\d+:\d+/)
      expect(message).toMatch(/tried 2 times\. Keep less in the functions, or raise workerHeap/)
    },
    60_000,
  )
})

test('what functions keep from task to task costs the worker between two of them', async () => {
  const { ssc, tick, warnings, errors } = rig({ workerHeap: 64, workers: 1 })
  const results: number[] = []
  const codes: number[] = []
  const ended = new Promise(resolve => {
    ssc.on('workerExited', ({ code }) => {
      codes.push(code)
      resolve(code)
    })
  })
  const batches = 12
  ssc
    .queueStream(Array.from({ length: batches }, (_, i) => [i]))
    .map(x => {
      const shared = globalThis as { held?: unknown[] }
      shared.held ??= []
      // Some 8 MB that live, and time enough for the worker to look again.
      shared.held.push(Array.from({ length: 1000 }, () => new Array(1000).fill(x)))
      for (const end = performance.now() + 60; performance.now() < end; );
      return x
    })
    .foreachRDD(async rdd => {
      results.push(...(await rdd.collect()))
    })
  await ssc.start()
  await tick(batches)
  await ended
  expect(results).toEqual(Array.from({ length: batches }, (_, i) => i))
  expect(codes).toContain(82)
  expect(warnings.join('\n')).toMatch(/more than 80 % of its heap .*workerHeap, 64 MiB/)
  expect(errors).toEqual([])
  await ssc.stop()
})

describe('the watch', () => {
  const mib = 2 ** 20
  /** What the watch says of a heap that was seen to hold so many MiB one time after another. */
  async function watched(heapMb: number | undefined, uses: number[]): Promise<string[]> {
    const ends: string[] = []
    const all = Promise.withResolvers<void>()
    let looks = 0
    const thread = {
      getHeapStatistics: () => {
        const used_heap_size = (uses[looks++] ?? 0) * mib
        return Promise.resolve({ used_heap_size, heap_size_limit: 300 * mib })
      },
    } as unknown as BusyWorker['thread']
    const watch = new HeapWatch(heapMb, () => {
      if (looks < uses.length) {
        return [{ attempt: 1, ranMs: 50, thread, end: why => void ends.push(why) }]
      }
      all.resolve()
      return undefined
    })
    watch.wake()
    await all.promise
    watch.stop()
    return ends
  }

  test('leaves garbage alone, however much there is', async () => {
    const uses = [20, 50, 80, 40, 70, 100, 130, 60, 90, 120, 150, 75, 105, 135, 165]
    expect(await watched(100, uses)).toEqual([])
  })

  test('ends a worker where collecting garbage has left too much', async () => {
    const ends = await watched(100, [90, 120, 145, 85])
    expect(ends).toEqual([
      "the task held 85 MiB of memory in the worker's heap, against workerHeap, 100 MiB",
    ])
  })

  test('takes no collection of young objects for one of all', async () => {
    expect(await watched(100, [90, 130, 110, 150, 130])).toEqual([])
  })

  test('ends a worker where one object is as large as its heap may be', async () => {
    const ends = await watched(100, [20, 120])
    expect(ends).toEqual([
      "the task held 120 MiB of memory in the worker's heap, against workerHeap, 100 MiB",
    ])
  })

  test('ends a worker that comes near the limit of V8', async () => {
    expect(await watched(100, [75, 130, 180, 211])).toHaveLength(1)
    expect(await watched(undefined, [20, 141, 241, 260, 271])).toEqual([
      "the task held 271 MiB of memory in the worker's heap, against V8's limit, 300 MiB",
    ])
  })
})
