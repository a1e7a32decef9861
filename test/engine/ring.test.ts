/**
 * The ring: tasks and results in shared memory. Both sides run in one thread here, so that a death
 * can be put at any point of the protocol; test/engine/worker-death.test.ts kills real threads.
 *
 * What it can't catch: an order of memory accesses that only several processors show.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Drainer } from '../../src/engine/drain.ts'
import type { TaskMessage, TaskResult } from '../../src/engine/program.ts'
import { HEAD, QUEUED, slotCount, WAKE } from '../../src/engine/ring.ts'
import { readResult, readTask, writeResult, writeTask } from '../../src/engine/ring-codec.ts'
import { RingQueue, type Ticket } from '../../src/engine/ring-queue.ts'
import type { Piece } from '../../src/engine/vector.ts'
import { rig } from './support.ts'

const address = fc.nat({ max: 2 ** 32 - 1 })
const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ kind: fc.constant('block' as const), ptr: address, from: fc.nat(), to: fc.nat() }),
  fc.record({ kind: fc.constant('text' as const), from: address, to: address }),
  fc.record({
    kind: fc.constantFrom('lines' as const, 'records' as const),
    path: fc.string({ unit: 'binary', maxLength: 20 }),
    from: fc.nat({ max: 2 ** 50 }),
    to: fc.nat({ max: 2 ** 50 }),
    length: fc.nat(),
  }),
)
const pieces = fc.array(piece, { maxLength: 5 })
const task: fc.Arbitrary<TaskMessage> = fc.record({
  attempt: fc.nat(),
  programs: fc.array(fc.record({ id: fc.nat(), ptr: address, bytes: fc.nat() }), { maxLength: 3 }),
  parts: fc.array(
    fc.record({
      time: fc.oneof(fc.nat(), fc.constant(Number.NaN)),
      partition: fc.nat(),
      number: fc.nat(),
      program: fc.nat(),
      pieces,
      table: address,
    }),
    { maxLength: 5 },
  ),
  terminal: fc.oneof(
    fc.record({
      to: fc.constant('blocks' as const),
      limit: fc.constantFrom(0, 7, Number.POSITIVE_INFINITY),
    }),
    fc.record({
      to: fc.constant('exchange' as const),
      partitioner: fc.oneof(
        fc.record({
          kind: fc.constantFrom('hash' as const, 'round-robin' as const),
          partitions: fc.integer({ min: 1, max: 1000 }),
        }),
        fc.constant({ kind: 'single' as const, partitions: 1 as const }),
      ),
    }),
  ),
})
const result: fc.Arbitrary<TaskResult> = fc.record({
  worker: fc.nat(),
  parts: fc.array(fc.record({ partition: fc.nat(), pieces: fc.array(pieces, { maxLength: 4 }) })),
  chunks: fc.array(address),
  accumulators: fc.constant([]),
  rowsIn: fc.nat(),
  rowsOut: fc.nat(),
  fallbackRows: fc.nat(),
  columnRows: fc.nat(),
  kernelValues: fc.nat(),
  calledValues: fc.nat(),
  elapsedMs: fc.double({ noNaN: true }),
  bytesIn: fc.double({ noNaN: true }),
  bytesOut: fc.nat(),
  counts: fc.array(fc.nat(), { maxLength: 30 }),
})

describe('numbers', () => {
  test('bring tasks across as they were', () => {
    fc.assert(
      fc.property(task, each => {
        const numbers = new Float64Array(2000)
        expect(writeTask(numbers, each)).toBe(true)
        expect(readTask(numbers)).toEqual(each)
      }),
    )
  })

  test('bring results across as they were', () => {
    fc.assert(
      fc.property(result, each => {
        const numbers = new Float64Array(4000)
        expect(writeResult(numbers, each)).toBe(true)
        expect(readResult(numbers)).toEqual(each)
      }),
    )
  })

  test('that do not fit are said not to', () => {
    fc.assert(
      fc.property(task, fc.nat({ max: 60 }), (each, room) => {
        // Where nothing is written there is a number that no task has.
        const needed = new Float64Array(2000).fill(-0.5)
        writeTask(needed, each)
        const length = needed.indexOf(-0.5)
        expect(writeTask(new Float64Array(room), each)).toBe(length <= room)
      }),
    )
  })
})

const taskOf = (attempt: number, pieceCount = 0): TaskMessage => ({
  attempt,
  programs: [],
  parts: [
    {
      time: 1000,
      partition: 0,
      number: 0,
      program: 0,
      table: 0,
      pieces: Array.from({ length: pieceCount }, (_, i) => ({ kind: 'text', from: i, to: i })),
    },
  ],
  terminal: { to: 'blocks', limit: Number.POSITIVE_INFINITY },
})
const resultOf = (attempt: number, chunkCount = 1): TaskResult => ({
  worker: 1,
  parts: [],
  chunks: new Array(chunkCount).fill(attempt),
  accumulators: [],
  rowsIn: attempt,
  rowsOut: 0,
  fallbackRows: 0,
  columnRows: 0,
  kernelValues: 0,
  calledValues: 0,
  elapsedMs: 0,
  bytesIn: 0,
  bytesOut: 0,
  counts: [],
})

interface Bench {
  readonly queue: RingQueue
  readonly long: Ticket[]
  /** Attempts whose result has come, in that order. */
  readonly settled: number[]
  readonly failed: unknown[]
  /** Attempts that some worker has run. */
  readonly ran: number[]
  add(attempt: number, group?: number, pieceCount?: number): void
  drainer(run?: (task: TaskMessage) => Promise<TaskResult>): Drainer
}

function bench(): Bench {
  const long: Ticket[] = []
  const settled: number[] = []
  const failed: unknown[] = []
  const ran: number[] = []
  const queue = new RingQueue(ticket => long.push(ticket))
  return {
    queue,
    long,
    settled,
    failed,
    ran,
    add(attempt, group = 0, pieceCount = 0) {
      queue.add({
        task: taskOf(attempt, pieceCount),
        group,
        undo: undefined,
        resolve: each => settled.push(each.rowsIn),
        reject: error => failed.push(error),
        slot: -1,
      })
    },
    drainer(run = async each => resultOf(each.attempt)) {
      return new Drainer(queue.memory, 1, each => {
        ran.push(each.attempt)
        return run(each)
      })
    },
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('the queue', () => {
  test('gives every task to one drain, whatever number of drains and tasks there is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 * slotCount }),
        fc.integer({ min: 1, max: 4 }),
        async (tasks, drains) => {
          const { queue, add, drainer, ran, settled } = bench()
          for (const attempt of upTo(tasks)) add(attempt)
          let drain = 16
          // Slots come free only when results are collected: as many rounds as they are used.
          while (queue.size > 0) {
            await Promise.all(upTo(drains).map(() => drainer().drain({ drain: drain++ })))
            queue.collect()
          }
          expect(ran.toSorted((a, b) => a - b)).toEqual(upTo(tasks))
          expect(settled.toSorted((a, b) => a - b)).toEqual(upTo(tasks))
          expect(queue.isQueued).toBe(false)
        },
      ),
      { numRuns: 20 },
    )
  })

  test('knows which task a dead drain had; the others go to the next drain', async () => {
    const { queue, add, drainer, settled } = bench()
    for (const attempt of upTo(3)) add(attempt)
    // Drain 20 dies in its first task.
    void drainer(() => new Promise(() => undefined)).drain({ drain: 20 })
    await drainer().drain({ drain: 21 })
    queue.collect()
    expect(settled).toEqual([2, 3])
    const [lost, ...others] = queue.takenBy(20)
    expect(lost!.task.attempt).toBe(1)
    expect(others).toEqual([])
    expect(queue.takenBy(21)).toEqual([])
    queue.again(lost!)
    await drainer().drain({ drain: 22 })
    queue.collect()
    expect(settled).toEqual([2, 3, 1])
    expect(queue.size).toBe(0)
  })

  test('goes on where a drain died between taking a task and moving the head on', async () => {
    const { queue, add, drainer, ran } = bench()
    for (const attempt of upTo(2)) add(attempt)
    const { memory } = queue
    const first = queue.published[0]!
    Atomics.compareExchange(memory.words, memory.stateAt(first.slot), QUEUED, 30)
    expect(Atomics.load(memory.words, HEAD)).toBe(0)
    expect(queue.isQueued).toBe(true)
    await drainer().drain({ drain: 31 })
    expect(ran).toEqual([2])
    expect(queue.takenBy(30)).toEqual([first])
    expect(queue.isQueued).toBe(false)
  })

  test('keeps the slot of a lost task from others until it is released', () => {
    const { queue, add } = bench()
    add(1)
    const [ticket] = queue.published
    queue.forget(ticket!)
    for (const attempt of upTo(slotCount)) add(attempt + 1)
    expect(queue.published.map(each => each.slot)).not.toContain(ticket!.slot)
    expect(queue.size).toBe(slotCount)
    queue.release(ticket!.slot)
    expect(queue.published.map(each => each.slot)).toContain(ticket!.slot)
  })

  test('withdraws what nobody has taken, and what waits for a slot', async () => {
    const { queue, add, drainer } = bench()
    for (const attempt of upTo(slotCount + 2)) add(attempt)
    void drainer(() => new Promise(() => undefined)).drain({ drain: 20 })
    const withdrawn = queue.withdraw().map(ticket => ticket.task.attempt)
    expect(withdrawn.toSorted((a, b) => a - b)).toEqual(upTo(slotCount + 2).slice(1))
    expect(queue.size).toBe(1)
    const { ran } = bench()
    await drainer().drain({ drain: 21 })
    expect(ran).toEqual([])
  })
})

describe('what does not fit into a slot', () => {
  test('is a task that a port brings to a drain', async () => {
    const { queue, add, drainer, long, settled } = bench()
    add(1, 0, 5000)
    add(2)
    expect(long.map(ticket => ticket.task.attempt)).toEqual([1])
    const [{ slot, task: sent }] = long as [Ticket]
    await drainer().drain({ drain: 20, first: { slot, task: sent } })
    queue.collect()
    expect(settled).toEqual([1, 2])
  })

  test('is a result that ends the drain and goes with it', async () => {
    const { queue, add, drainer, settled } = bench()
    for (const attempt of upTo(2)) add(attempt)
    const answer = await drainer(async each => resultOf(each.attempt, 5000)).drain({ drain: 20 })
    expect(answer!.result.rowsIn).toBe(1)
    queue.settle(queue.at(answer!.slot)!, answer!.result)
    expect(settled).toEqual([1])
    await drainer().drain({ drain: 21 })
    queue.collect()
    expect(settled).toEqual([1, 2])
  })

  test('both in a context: many pieces in one task, and many targets in one result', async () => {
    const { ssc } = rig({ workers: 2, gear: 'row' })
    const rows = Array.from({ length: 3000 }, (_, i) => i)
    const sums = await ssc
      .parallelize(rows, 3000)
      .map(x => [x % 1500, x] as [number, number])
      .reduceByKey((a, b) => a + b, 1500)
      .collect()
    expect(sums.toSorted((a, b) => a[0] - b[0])).toEqual(
      Array.from({ length: 1500 }, (_, i) => [i, i + i + 1500]),
    )
    await ssc.stop()
    expect(ssc.metrics().arenaBytes).toBe(0)
  })
})

describe('waking the main thread', () => {
  const isAwake = (queue: RingQueue): boolean => Atomics.load(queue.memory.words, WAKE) === 1

  test('happens once a group, with its last task', async () => {
    const { queue, add, drainer } = bench()
    const group = queue.newGroup()
    for (const attempt of upTo(2)) add(attempt, group)
    const awake: boolean[] = []
    await drainer(async each => {
      awake.push(isAwake(queue))
      return resultOf(each.attempt)
    }).drain({ drain: 20 })
    awake.push(isAwake(queue))
    expect(awake).toEqual([false, false, true])
  })

  test('happens with every task that failed, or has no group', async () => {
    const { queue, add, drainer } = bench()
    const group = queue.newGroup()
    for (const attempt of upTo(2)) add(attempt, group)
    const failure = { name: 'Error', message: 'no', stack: '', code: 'TASK_FAILED' }
    const nothing = { operator: undefined, place: undefined, row: undefined }
    const awake: boolean[] = []
    await drainer(async each => {
      awake.push(isAwake(queue))
      return { ...resultOf(each.attempt), failure: { ...failure, ...nothing } }
    }).drain({ drain: 20 })
    expect(awake).toEqual([false, true])
    queue.collect()
    Atomics.store(queue.memory.words, WAKE, 0)
    add(3)
    await drainer().drain({ drain: 21 })
    expect(isAwake(queue)).toBe(true)
  })

  test('collects what has come', async () => {
    const { queue, add, drainer, settled } = bench()
    add(1)
    queue.listen()
    await drainer().drain({ drain: 20 })
    while (settled.length === 0) await new Promise(resolve => setImmediate(resolve))
    expect(settled).toEqual([1])
    queue.close()
  })
})
