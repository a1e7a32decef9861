/** Programs that are ended and taken up again, on directories and on disks in memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DStream,
  ManualClock,
  type PeltonError,
  Receiver,
  StreamingContext,
  type StreamingContextOptions,
} from 'pelton'
import { afterAll } from 'vitest'
import { checkpointDisk, sharedRuntime } from '../../src/context.ts'
import { Runtime } from '../../src/engine/runtime.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'

let runtime: Runtime | undefined
afterAll(() => runtime?.close())

const root = mkdtempSync(join(tmpdir(), 'pelton-recovery-'))
afterAll(() => rmSync(root, { recursive: true }))

/** A directory of the test's own that does not exist yet. */
export function freshDirectory(): string {
  return join(mkdtempSync(join(root, 'case-')), 'state')
}

/** A receiver that stores what the test tells it to, and says how far it got. */
export class Told extends Receiver<any> {
  onStart(): void {}
  onStop(): void {}

  /** The position that was stored last. */
  get at(): any {
    return this.position
  }

  lines(text: string): void {
    this.storeText(Buffer.from(text))
  }
}

/** Rows by batch time: in an order of their own, since that of a partition says nothing. */
export type Rows = Map<number, string[]>
export type Build = (rows: DStream<any>, ssc: StreamingContext) => DStream<any>

export interface RunOptions extends Partial<StreamingContextOptions> {
  /** What the clock shows when the process begins. */
  readonly start?: number
  /** Other receivers of the program. */
  readonly others?: readonly Receiver<any>[]
  /** Called with the rows of each batch; what it throws fails the output. */
  readonly output?: (time: number, rows: string[]) => void
}

/** A process that runs a program on a directory (by `getOrCreate`), or on a disk of the test's. */
export class Run {
  readonly clock: ManualClock
  readonly ssc: StreamingContext
  readonly receiver = new Told()
  readonly outputs: Rows = new Map()
  readonly warnings: string[] = []
  readonly errors: PeltonError[] = []

  constructor(place: MemoryDisk | string | undefined, build: Build, options: RunOptions = {}) {
    const { start = 0, others = [], output, ...rest } = options
    runtime ??= new Runtime({ workers: 2, poison: true })
    this.clock = new ManualClock(start)
    const create = (): StreamingContext => {
      const ssc = new StreamingContext({
        batchInterval: 1000,
        checkpointInterval: 2000,
        clock: this.clock,
        handleSignals: false,
        logger: { warn: message => this.warnings.push(message), error() {} },
        [sharedRuntime]: runtime,
        ...(place instanceof MemoryDisk && { [checkpointDisk]: place }),
        ...rest,
      } as StreamingContextOptions)
      const rows = ssc.receiverStream(this.receiver)
      for (const other of others) ssc.receiverStream(other)
      build(rows, ssc).foreachRDD(async (rdd, time) => {
        const found = (await rdd.collect()).map(row => JSON.stringify(row)).sort()
        this.outputs.set(time, found)
        output?.(time, found)
      })
      return ssc
    }
    this.ssc = typeof place === 'string' ? StreamingContext.getOrCreate(place, create) : create()
    this.ssc.on('error', ({ error }) => this.errors.push(error))
  }

  start(): Promise<void> {
    return this.ssc.start()
  }

  /** Stores rows and runs a batch. */
  async batch(rows: readonly unknown[] = [], position?: unknown): Promise<void> {
    if (rows.length > 0) await this.receiver.store(rows, position)
    await this.tick()
  }

  async tick(batches = 1): Promise<void> {
    for (let i = 0; i < batches; i++) {
      this.clock.advance(this.ssc.batchInterval)
      await this.ssc.whenIdle()
    }
  }

  stop(): Promise<void> {
    return this.ssc.stop()
  }

  /** Rows of the last batch. */
  get last(): string[] | undefined {
    return [...this.outputs.values()].at(-1)
  }
}

/** Runs the program on a disk, and ends it as a crash does, behind these batches. */
export async function crashed(
  build: Build,
  batches: readonly (readonly unknown[])[],
  options: RunOptions = {},
): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const run = new Run(disk, build, options)
  await run.start()
  for (const rows of batches) await run.batch(rows)
  const after = disk.crash({ seed: batches.length })
  await run.stop()
  return after
}

/** Counts of all rows so far. */
export const counted: Build = rows =>
  rows
    .map(row => [row, 1] as [unknown, number])
    .updateStateByKey((values, before: number | undefined) => values.length + (before ?? 0))

export const pairs = (all: Record<string, number>): string[] =>
  Object.entries(all)
    .map(pair => JSON.stringify(pair))
    .sort()

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<PeltonError> {
  return (await promise.then(
    () => {
      throw new Error('it did not reject')
    },
    (error: unknown) => error,
  )) as PeltonError
}
