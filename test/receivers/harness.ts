/** A context on a ManualClock whose events are kept, and steps that wait for what they cause. */
import { setImmediate } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { sharedRuntime } from '../../src/context.ts'
import type { ReceiverInfo } from '../../src/engine/events.ts'
import { Runtime } from '../../src/engine/runtime.ts'
import {
  type DStream,
  ManualClock,
  type PeltonError,
  StreamingContext,
  type StreamingContextOptions,
} from '../../src/index.ts'

export const intervalMs = 1000
const turnsMax = 200_000

/** Settles after promise reactions and events that are due have run. */
export async function turn(): Promise<void> {
  await setImmediate()
}

/** Lets events happen until `done`; a number of turns, not of milliseconds, bounds it. */
export async function until(done: () => boolean): Promise<void> {
  for (let turns = 0; !done(); turns++) {
    if (turns > turnsMax) throw new Error(`not so after ${turnsMax} turns: ${done}`)
    await turn()
  }
}

/** A context, its clock, and everything it has said. */
export class Bench {
  readonly clock: ManualClock
  readonly ssc: StreamingContext
  readonly warnings: string[] = []
  readonly receiverErrors: ReceiverInfo[] = []
  readonly receiverStarts: ReceiverInfo[] = []
  readonly receiverStops: ReceiverInfo[] = []
  readonly errors: PeltonError[] = []
  readonly #runtime: Runtime | undefined
  readonly #bytesBefore: number

  constructor(
    options: Partial<StreamingContextOptions> & { start?: number } = {},
    runtime?: Runtime,
  ) {
    const { start = 0, ...rest } = options
    this.clock = new ManualClock(start)
    this.#runtime = runtime
    this.#bytesBefore = runtime ? inUse(runtime) : 0
    this.ssc = new StreamingContext({
      batchInterval: intervalMs,
      workers: 2,
      clock: this.clock,
      handleSignals: false,
      logger: { warn: () => undefined, error: () => undefined },
      ...rest,
      ...(runtime && { [sharedRuntime]: runtime }),
    } as StreamingContextOptions)
    this.ssc.on('warning', ({ message }) => this.warnings.push(message))
    this.ssc.on('receiverError', info => this.receiverErrors.push(info))
    this.ssc.on('receiverStarted', info => this.receiverStarts.push(info))
    this.ssc.on('receiverStopped', info => this.receiverStops.push(info))
    this.ssc.on('error', ({ error }) => this.errors.push(error))
  }

  /** Messages of the receiver's errors. */
  get messages(): (string | undefined)[] {
    return this.receiverErrors.map(info => info.lastErrorMessage)
  }

  /** Rows of the stream, an array a batch. */
  collect<T>(stream: DStream<T>): T[][] {
    const batches: T[][] = []
    stream.foreachRDD(async rdd => {
      batches.push(await rdd.collect())
    })
    return batches
  }

  /** Runs a batch. */
  async tick(batches = 1): Promise<void> {
    for (let i = 0; i < batches; i++) {
      this.clock.advance(intervalMs)
      await this.ssc.whenIdle()
    }
  }

  /** Runs batches until `done`, letting events happen in between. */
  async tickUntil(done: () => boolean): Promise<void> {
    for (let turns = 0; !done(); turns++) {
      if (turns > turnsMax) throw new Error(`not so after ${turnsMax} batches: ${done}`)
      if (this.errors.length > 0) throw this.errors[0]
      await turn()
      await this.tick()
    }
  }

  /**
   * Stops, and checks that the arena has its memory back and no error was left unread in
   * `errors`.
   */
  async stop(options?: { graceful?: boolean }): Promise<void> {
    await this.ssc.stop(options)
    expect(this.errors).toEqual([])
    if (this.#runtime) expect(inUse(this.#runtime)).toBe(this.#bytesBefore)
    else expect(this.ssc.metrics().arenaBytes).toBe(0)
  }
}

function inUse(runtime: Runtime): number {
  return runtime.bytesInUse - runtime.programs.bytes
}

/** Makes benches that share one warm pool; those with options of their own for it get their own. */
export function benches(): (
  options?: Partial<StreamingContextOptions> & { start?: number },
) => Bench {
  let runtime: Runtime | undefined
  afterAll(() => runtime?.close())
  return options => {
    if (options?.memory !== undefined || options?.workers !== undefined) return new Bench(options)
    runtime ??= new Runtime({ workers: 2, poison: true })
    return new Bench(options, runtime)
  }
}
