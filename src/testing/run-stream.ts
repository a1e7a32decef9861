/** Runs a stream program on given batches and returns what came out: for tests. */
import { StreamingContext, sharedRuntime } from '../context.ts'
import type { DStream } from '../dstream.ts'
import { ManualClock } from '../engine/clock.ts'
import type { StreamingContextOptions } from '../options.ts'
import { balanced, runtimeFor } from './runtimes.ts'

type Batches<T> = readonly (readonly T[] | null)[]

/** What `runStream` and `simulate` share. */
export interface CommonOptions {
  /** Milliseconds between batches; default 1000. */
  readonly batchInterval?: number
  /** Batches to run; default: as many as the longest input. More are empty ones. */
  readonly batches?: number
  /** Slices of each input batch; default 2. */
  readonly partitions?: number
  /** Worker threads; default 2. */
  readonly workers?: number
  readonly gear?: StreamingContextOptions['gear']
  readonly seed?: number
  /** Further options of the context. */
  readonly context?: Partial<StreamingContextOptions>
}

/** A program over one input. */
export interface RunStreamOptions<T, R> extends CommonOptions {
  /** `input[i]` is batch i; null stands for a batch without an RDD. */
  readonly input: Batches<T>
  readonly build: (stream: DStream<T>, ssc: StreamingContext) => DStream<R>
}

/** A program over several inputs. */
export interface RunStreamsOptions<R> extends CommonOptions {
  readonly inputs: readonly Batches<any>[]
  readonly build: (...streams: any[]) => DStream<R>
}

/**
 * Runs the real engine on a ManualClock: no sleeping, same result every time. Resolves to one array
 * of rows for each result of the stream that `build` returns; rejects with the job's error. Checks
 * that no arena memory is left behind.
 *
 * @example
 * await runStream({ input: [[1, 2], [3]], build: s => s.map(x => x * 2) }) // [[2, 4], [6]]
 */
export async function runStream<T, R>(options: RunStreamOptions<T, R>): Promise<R[][]>
export async function runStream<R>(options: RunStreamsOptions<R>): Promise<R[][]>
export async function runStream<R>(
  options: RunStreamOptions<any, R> | RunStreamsOptions<R>,
): Promise<R[][]> {
  const { batchInterval = 1000, partitions = 2, workers = 2, gear } = options
  const inputs = 'inputs' in options ? options.inputs : [options.input]
  const batches = options.batches ?? Math.max(0, ...inputs.map(input => input.length))
  const clock = new ManualClock(0)
  const runtime = runtimeFor(workers)
  const ssc = new StreamingContext({
    batchInterval,
    clock,
    handleSignals: false,
    logger: { warn() {}, error() {} },
    ...(gear && { gear }),
    ...options.context,
    [sharedRuntime]: runtime,
  } as StreamingContextOptions)
  const results: R[][] = []
  const run = async (): Promise<void> => {
    try {
      const streams = inputs.map(input => {
        const missing = Array.from({ length: Math.max(0, batches - input.length) }, () => [])
        return ssc.queueStream([...input, ...missing] as any[], { partitions })
      })
      const built = (options.build as (...args: unknown[]) => DStream<R>)(...streams, ssc)
      built.foreachRDD(async rdd => {
        results.push(await rdd.collect())
      })
      await ssc.start()
      const ended = ssc.awaitTermination()
      ended.catch(() => undefined)
      let failed = false
      ended.catch(() => {
        failed = true
      })
      for (let i = 0; i < batches && !failed; i++) {
        clock.advance(batchInterval)
        await ssc.whenIdle()
      }
      await ssc.stop()
      await ended
    } finally {
      await ssc.stop()
    }
  }
  await balanced(runtime, run)
  return results
}
