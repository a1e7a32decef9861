/**
 * A program that is taken up again after every batch: each batch runs in a context of its own, with
 * another number of workers than the one before, which begins where that one ended.
 */
import { type DStream, ManualClock, StreamingContext } from 'pelton'
import { restoredFrom, sharedRuntime, takeSnapshot } from '../../src/context.ts'
import { Runtime } from '../../src/engine/runtime.ts'
import type { Snapshot } from '../../src/engine/snapshot.ts'
import type { StreamingContextOptions } from '../../src/options.ts'
import type { Batches } from '../oracle.ts'

export interface RestoredOptions {
  readonly inputs: readonly Batches[]
  /** Default: as many as the longest input has. */
  readonly batches?: number
  readonly batchInterval?: number
  readonly partitions: number
  readonly context: object
  readonly build: (...streamsThenContext: any[]) => any
}

const workersMax = 3
const runtimes: Runtime[] = []
const runtimeOf = (batch: number): Runtime => {
  const workers = 1 + (batch % workersMax)
  return (runtimes[workers] ??= new Runtime({ workers, poison: true }))
}

/** The rows of every batch that had an RDD; rejects with the job's error. */
export async function runRestored(options: RestoredOptions): Promise<unknown[][]> {
  const results: unknown[][] = []
  let snapshot: Snapshot | undefined
  const { inputs, batches = Math.max(...inputs.map(input => input.length)) } = options
  for (let batch = 0; batch < batches; batch++) {
    const runtime = runtimeOf(batch)
    const before = runtime.bytesInUse - runtime.programs.bytes
    snapshot = await runBatch(options, { runtime, batch, snapshot, results })
    const left = runtime.bytesInUse - runtime.programs.bytes - before
    if (left > 0) throw new Error(`${left} bytes of the arena were not given back`)
  }
  return results
}

interface Run {
  readonly runtime: Runtime
  readonly batch: number
  readonly snapshot: Snapshot | undefined
  readonly results: unknown[][]
}

async function runBatch(options: RestoredOptions, run: Run): Promise<Snapshot> {
  const { inputs, batchInterval = 1000, partitions, build, context } = options
  const clock = new ManualClock(run.batch * batchInterval)
  const ssc = new StreamingContext({
    batchInterval,
    clock,
    handleSignals: false,
    logger: { warn() {}, error() {} },
    ...context,
    [sharedRuntime]: run.runtime,
    [restoredFrom]: run.snapshot,
  } as StreamingContextOptions)
  try {
    const streams = inputs.map(input => {
      const rows = run.batch < input.length ? input[run.batch] : []
      return ssc.queueStream([rows] as any[], { partitions })
    })
    const built = build(...streams, ssc) as DStream<unknown>
    built.foreachRDD(async rdd => {
      run.results.push(await rdd.collect())
    })
    let failure: Error | undefined
    ssc.on('error', ({ error }) => {
      failure ??= error
    })
    await ssc.start()
    clock.advance(batchInterval)
    await ssc.whenIdle()
    if (failure) throw failure
    const snapshot = await ssc[takeSnapshot]()
    await ssc.stop()
    return structuredClone(snapshot)
  } finally {
    await ssc.stop()
  }
}
