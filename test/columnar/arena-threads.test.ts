// Real threads, random work, random deaths. What goes wrong once in a million operations can slip
// through here; arena-steps.test.ts takes the interleavings one by one.
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena, type ArenaHandle } from '../../src/columnar/arena.ts'
import { formatArenaMemory } from '../../src/columnar/arena-memory.ts'
import { hasTag } from './fixtures/arena-tags.ts'
import type { ArenaWorkerData, ArenaWorkerResult } from './fixtures/arena-worker.ts'

const MIB = 2 ** 20
const url = new URL('./fixtures/arena-worker.ts', import.meta.url)

interface Spawned {
  readonly worker: Worker
  readonly progress: Int32Array
  readonly result: Promise<ArenaWorkerResult>
  readonly exit: Promise<unknown>
}

/** Starts a worker; `onShared` gets the chunks that it leaves to the main thread. */
function spawn(
  handle: ArenaHandle,
  owner: number,
  steps: number,
  onShared?: (addresses: number[]) => void,
): Spawned {
  const progress = new Int32Array(new SharedArrayBuffer(12))
  const shareEvery = onShared === undefined ? 0 : 3
  const workerData: ArenaWorkerData = { handle, owner, steps, shareEvery, progress }
  const worker = new Worker(url, { workerData })
  const result = new Promise<ArenaWorkerResult>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('message', (message: number[] | ArenaWorkerResult) => {
      if (!Array.isArray(message)) return resolve(message)
      onShared?.(message)
      Atomics.add(progress, 2, message.length)
    })
  })
  return { worker, progress, result, exit: once(worker, 'exit') }
}

/** Frees what workers allocated and counts chunks that do not carry their tag. */
function mainFrees(arena: Arena): { free(addresses: number[]): void; bad: number; count: number } {
  const seen = {
    bad: 0,
    count: 0,
    free(addresses: number[]): void {
      for (const address of addresses) {
        if (!hasTag(arena, address, address | 0)) seen.bad++
        seen.count++
        arena.free(address)
      }
    },
  }
  return seen
}

/** `freedMin`: how many chunks the main thread must have freed, at least. */
async function stress(
  arena: Arena,
  threads: number,
  steps: number,
  freedMin = 101,
): Promise<number> {
  const main = mainFrees(arena)
  const all = Array.from({ length: threads }, (_, k) =>
    spawn(arena.handle(), k + 1, steps, main.free),
  )
  const results = await Promise.all(all.map(({ result }) => result))
  for (const { shared } of results) main.free(shared)
  await Promise.all(all.map(({ exit }) => exit))
  expect(results.map(({ corrupt }) => corrupt)).toEqual(results.map(() => 0))
  expect(main.bad).toBe(0)
  expect(main.count).toBeGreaterThanOrEqual(freedMin)
  expect(arena.bytesInUse()).toBe(0)
  expect(arena.peakBytes()).toBeGreaterThan(0)
  expect(arena.reconcile()).toBe(0)
  expect(arena.pagesTaken()).toBe(0)
  return results.reduce((sum, { full }) => sum + full, 0)
}

describe('arena in several threads', () => {
  it.each([2, 4])('%d workers allocate, they and the main thread free', async threads => {
    const arena = Arena.create({ limitBytes: 3072 * MIB })
    expect(await stress(arena, threads, 30_000)).toBe(0)
  })

  it('stays sound where it is always full', async () => {
    const arena = Arena.create({ limitBytes: 12 * MIB })
    // Which thread finds room in a full arena is chance: on a busy machine few chunks get shared.
    expect(await stress(arena, 2, 10_000, 1)).toBeGreaterThan(0)
    expect(arena.peakBytes()).toBeLessThanOrEqual(arena.limitBytes)
  })

  it('poisons only what nobody owns', async () => {
    await stress(Arena.create({ limitBytes: 1024 * MIB, poison: true }), 2, 3000)
  })

  it('grows under all threads at once', async () => {
    const { memory } = Arena.create({ reserveBytes: 2 * MIB }).handle()
    const Memory = memory.constructor as new (options: object) => typeof memory
    const small = new Memory({ initial: 64, maximum: 16_384, shared: true })
    const arena = Arena.attach(formatArenaMemory(small, 16_384, 1000 * MIB, false))
    const before = arena.buffer.byteLength
    expect(await stress(arena, 3, 10_000)).toBe(0)
    expect(arena.buffer.byteLength).toBeGreaterThan(before)
    for (const view of [arena.u8, arena.u32, arena.i32, arena.f64, arena.i64, arena.bytes]) {
      expect(view.byteLength).toBe(small.buffer.byteLength)
    }
  })
})

describe('arena whose threads are killed', () => {
  it('loses nothing and blocks nobody in 20 kills', async () => {
    const lives = fc.sample(fc.integer({ min: 0, max: 4000 }), { numRuns: 20 })
    const arena = Arena.create({ limitBytes: 1024 * MIB })
    const survivors = [1, 2].map(owner => spawn(arena.handle(), owner, 2 ** 30))
    for (const [k, steps] of lives.entries()) {
      const owner = 100 + k
      const victim = spawn(arena.handle(), owner, 2 ** 30)
      // Polling, because a victim that announced where it is would not die just anywhere.
      while (Atomics.load(victim.progress, 0) <= steps) await setImmediate()
      await victim.worker.terminate()
      arena.reap(owner)
      expect(arena.ownedBy(owner)).toBe(0)
    }
    const before = survivors.map(({ progress }) => Atomics.load(progress, 0))
    while (survivors.some((s, k) => Atomics.load(s.progress, 0) < before[k]! + 1000)) {
      await setImmediate()
    }
    for (const { progress } of survivors) Atomics.store(progress, 1, 1)
    for (const { corrupt, full } of await Promise.all(survivors.map(({ result }) => result))) {
      expect([corrupt, full]).toEqual([0, 0])
    }
    await Promise.all(survivors.map(({ exit }) => exit))
    arena.reconcile()
    expect(arena.bytesInUse()).toBe(0)
    expect(arena.pagesTaken()).toBe(0)
    arena.free(arena.alloc(arena.limitBytes, 1))
  })
})
