/**
 * Runs a stream program in virtual time on a disk that fails and crashes by a seed, has it go on
 * each time, and gives what came out of all its lives together: for tests of programs, and of the
 * engine.
 *
 * ```text
 *   life 1   batch 1, 2, 3 ✗ dies in operation 41 of the disk; what was not synced is lost
 *   life 2               3, 4 ✗ the log can't be written
 *   life 3                  4, 5, 6 … the last batch
 * ```
 * Rows come from a sender that keeps what was not acknowledged and sends it again. So each row is
 * to be counted once, and the result must be that of a run in which nothing happens.
 */
import { inspect } from 'node:util'
import { checkpointDisk, forcedPlacement, StreamingContext, sharedRuntime } from '../context.ts'
import type { DStream } from '../dstream.ts'
import { giveWay, ManualClock } from '../engine/clock.ts'
import { Receiver } from '../engine/receiver.ts'
import { PeltonError } from '../errors.ts'
import { randomNumbers } from '../ops/sample.ts'
import type { StreamingContextOptions } from '../options.ts'
import { MemoryDisk, type MemoryDiskOptions } from './memory-disk.ts'
import type { CommonOptions } from './run-stream.ts'
import { balanced, runtimeFor } from './runtimes.ts'

/**
 * What may happen
 * - `crash`: the process dies in an operation of the disk; what was not synced may be lost.
 * - `disk`: operations fail, with ENOSPC or EIO, one or several running.
 * - `worker`: workers die in the midst of a stage. Which task they had is up to the threads.
 * - `stop`: the context is stopped between two batches, and made anew.
 * - `resend`: the sender sends again what it does not know to be stored.
 */
export type Fault = 'crash' | 'disk' | 'worker' | 'stop' | 'resend'

interface CommonSimulateOptions extends Omit<CommonOptions, 'partitions'> {
  /** What happens, and when, follows from it. */
  readonly seed: number
  /** What may happen; default: all of it. */
  readonly faults?: readonly Fault[]
  /** Milliseconds between checkpoints; default: two batches. */
  readonly checkpointInterval?: number
  /** Told what happens: for the report of a failure. */
  readonly onEvent?: (text: string) => void
}

/** A program over one input, and what may happen to it. */
export interface SimulateOptions<T> extends CommonSimulateOptions {
  /** `input[i]` are the rows of batch i. */
  readonly input: readonly (readonly T[])[]
}

/** A program over several inputs. */
export interface SimulateInputsOptions extends CommonSimulateOptions {
  readonly inputs: readonly (readonly (readonly any[])[])[]
}

const usualIntervalMs = 1000
/** More lives than this go round in circles. */
const livesMax = 40
/** Lives that are disturbed at most; those behind them are left in peace. */
const disturbedMax = 5
/** In which operations of its disk, from its start, a process may die, or these fail. */
const operationsMax = 80
const failingMax = 9
const rowsAtOnceMax = 5
const deathsMax = 2
const tasksBeforeDeathMax = 12

/** How likely something is in a life, or, of those that may come often, in a batch. */
const likely = { crash: 0.7, disk: 0.4, worker: 0.5, stop: 0.1, resend: 0.5 } as const
const likelyToLose = 0.7

/**
 * Runs a program through faults. `build` is called for every life. Resolves to the rows of each
 * batch of the stream that it returns, as `runStream` does.
 *
 * @throws PeltonError `SIMULATION` where a batch that was run again gave other rows, or where rows
 * are gone that were acknowledged, with the seed and what has happened till then; the error of a
 * job that no fault is the cause of
 * @example
 * const rows = await simulate(words => words.countByValue(), { input: [['a'], ['b']], seed: 1 })
 */
export async function simulate<T, R>(
  build: (stream: DStream<T>, ssc: StreamingContext) => DStream<R>,
  options: SimulateOptions<T>,
): Promise<R[][]>
export async function simulate<R>(
  build: (...streams: any[]) => DStream<R>,
  options: SimulateInputsOptions,
): Promise<R[][]>
export async function simulate<R>(
  build: (...streams: any[]) => DStream<R>,
  options: SimulateOptions<any> | SimulateInputsOptions,
): Promise<R[][]> {
  return (await new Simulation(build, options).run()).results
}

/** What a simulation has led to. */
export interface Simulated<R> {
  readonly results: R[][]
  /** The disk of the last life. */
  readonly disk: MemoryDisk
  /** What has happened, in order. */
  readonly story: readonly string[]
}

/** One input, as its sender sees it. */
interface Sender {
  readonly rows: readonly unknown[]
  /** How many rows there are up to the end of each batch. */
  readonly ends: readonly number[]
  acknowledged: number
}

/** A receiver of numbered rows: those that it has already it leaves out. */
class Numbered extends Receiver<unknown> {
  onStart(): void {}
  onStop(): void {}

  get received(): number {
    return (this.position as number | undefined) ?? 0
  }

  async take(rows: readonly unknown[], first: number): Promise<void> {
    const { received } = this
    // None of them may be new, and still not in the log: that is waited for all the same.
    await this.store(
      rows.slice(Math.max(0, received - first)),
      Math.max(received, first + rows.length),
    )
  }
}

/** A process, from its start to its end. */
interface Life {
  readonly clock: ManualClock
  readonly receivers: readonly Numbered[]
  readonly ssc: StreamingContext
  failure: PeltonError | undefined
  /** Whether all batches have ended. */
  isDone: boolean
  /** What it does from now on does not happen. */
  isOver: boolean
}

/** The lives of a program. For tests of the project, which look at the disk as well. */
export class Simulation<R> {
  readonly #build: (...args: any[]) => DStream<R>
  readonly #options: SimulateOptions<any> | SimulateInputsOptions
  readonly #random: () => number
  readonly #faults: readonly Fault[]
  readonly #senders: readonly Sender[]
  readonly #batches: number
  readonly #intervalMs: number
  readonly #disturbed: number
  readonly #results = new Map<number, R[]>()
  readonly #story: string[] = []
  #lives = 0
  #disk = new MemoryDisk()
  /** Something that must not be. */
  #wrong: PeltonError | undefined

  /** @param build is given the streams, the context, and the disk that it runs on */
  constructor(
    build: (...args: any[]) => DStream<R>,
    options: SimulateOptions<any> | SimulateInputsOptions,
  ) {
    const { seed, faults = ['crash', 'disk', 'worker', 'stop', 'resend'] } = options
    this.#build = build
    this.#options = options
    this.#random = randomNumbers(seed)
    this.#faults = faults
    this.#intervalMs = options.batchInterval ?? usualIntervalMs
    const inputs = 'inputs' in options ? options.inputs : [options.input]
    this.#batches = options.batches ?? Math.max(0, ...inputs.map(input => input.length))
    this.#senders = inputs.map(input => senderOf(input, this.#batches))
    this.#disturbed = faults.length === 0 ? 0 : 1 + this.#below(disturbedMax)
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #happens(fault: Fault): boolean {
    const isLikely = this.#random() < likely[fault]
    return isLikely && this.#faults.includes(fault) && this.#lives <= this.#disturbed
  }

  #tell(text: string): void {
    this.#story.push(text)
    this.#options.onEvent?.(text)
  }

  async run(): Promise<Simulated<R>> {
    await balanced(runtimeFor(this.#options.workers ?? 2), async () => {
      while (!(await this.#live())) {
        if (this.#lives >= livesMax) throw this.#failure('it does not come to an end')
      }
    })
    const times = [...this.#results.keys()].sort((a, b) => a - b)
    const results = times.map(time => this.#results.get(time)!)
    return { results, disk: this.#disk, story: this.#story }
  }

  /** Whether it was the last one: all batches are done, and nothing has come in between. */
  async #live(): Promise<boolean> {
    this.#lives++
    this.#tell(`life ${this.#lives}`)
    const died = Promise.withResolvers<boolean>()
    const buried = Promise.withResolvers<void>()
    const options = this.#diskOptions(() => {
      life.isOver = true
      died.resolve(true)
      return buried.promise
    })
    this.#disk = this.#disk.crash({ seed: 0, loses: 'nothing', options })
    const life = this.#newLife()
    const working = this.#work(life)
    const isDead = await Promise.race([died.promise, working.then(() => false)])
    // The operation that it died in has its effect, or a part of it.
    if (isDead) await giveWay()
    const [loses, seed] = [this.#random() < likelyToLose, this.#below(2 ** 31)] as const
    if (isDead)
      this.#tell(`  dies, and loses ${loses ? `what was not synced, ${seed}` : 'nothing'}`)
    this.#disk = this.#disk.crash({ seed, loses: isDead && loses ? 'unsynced' : 'nothing' })
    life.isOver = true
    buried.resolve()
    await working
    if (this.#wrong) throw this.#wrong
    if (!isDead && life.failure) this.#checkFailure(life.failure, options)
    return !isDead && life.isDone && life.failure === undefined
  }

  /** Which operations of the disk fail, and in which the process dies. */
  #diskOptions(die: () => Promise<void>): MemoryDiskOptions {
    const faults: Record<number, string> = {}
    let diesAt = Number.POSITIVE_INFINITY
    if (this.#happens('disk')) {
      const first = 1 + this.#below(operationsMax)
      const last = first + this.#below(failingMax)
      const code = this.#random() < 1 / 2 ? 'ENOSPC' : 'EIO'
      for (let at = first; at <= last; at++) faults[at] = code
      this.#tell(`  operations ${first} to ${last} fail with ${code}`)
    }
    if (this.#happens('crash')) diesAt = 1 + this.#below(operationsMax)
    let number = 0
    const before: MemoryDiskOptions['before'] = async (operation, name) => {
      number++
      if (number === diesAt) {
        this.#tell(`  operation ${number}, ${operation} ${name}, is its last`)
        void die()
      } else if (number > diesAt) await die()
    }
    return { seed: this.#below(2 ** 31), faults, diesAt, before }
  }

  #newLife(): Life {
    const clock = new ManualClock(0)
    const { context, gear, workers = 2, checkpointInterval } = this.#options
    const placement = this.#happens('worker') ? 'all' : 'inline'
    const ssc = new StreamingContext({
      batchInterval: this.#intervalMs,
      checkpointInterval: checkpointInterval ?? 2 * this.#intervalMs,
      clock,
      handleSignals: false,
      logger: { warn: text => life.isOver || this.#tell(`  warning: ${text}`), error() {} },
      [forcedPlacement]: placement,
      ...(gear && { gear }),
      ...context,
      [sharedRuntime]: runtimeFor(workers),
      [checkpointDisk]: this.#disk,
    } as StreamingContextOptions)
    const receivers = this.#senders.map(() => new Numbered())
    const state = { failure: undefined, isDone: false, isOver: false }
    const life: Life = { clock, receivers, ssc, ...state }
    if (placement === 'all') this.#endWorkers(life)
    const streams = receivers.map(receiver => ssc.receiverStream(receiver))
    this.#build(...streams, ssc, this.#disk).foreachRDD(async (rdd, time) => {
      const rows = await rdd.collect()
      if (!life.isOver) this.#put(time, rows)
    })
    ssc.on('error', ({ error }) => {
      life.failure ??= error
    })
    return life
  }

  #endWorkers({ ssc }: Life): void {
    let deaths = 0
    let tasks = this.#below(tasksBeforeDeathMax)
    ssc.on('taskCompleted', () => {
      if (tasks-- > 0 || deaths === deathsMax || !ssc.session.runtime.pool.endWorker()) return
      this.#tell('  a worker dies')
      deaths++
      tasks = this.#below(tasksBeforeDeathMax)
    })
  }

  /** What a batch has given: whenever it is run again, it must give the same. */
  #put(time: number, rows: R[]): void {
    const before = this.#results.get(time)
    this.#results.set(time, rows)
    const [was, is] = [before && textOf(before), textOf(rows)]
    if (was === undefined || was === is) return
    this.#wrong ??= this.#failure(`the batch at ${time} ms gave ${is}, and before ${was}`)
  }

  /** Everything that the process does. Never rejects. */
  async #work(life: Life): Promise<void> {
    try {
      await life.ssc.start()
      await this.#runBatches(life)
    } catch (error) {
      life.failure ??= error as PeltonError
    }
    await life.ssc.stop()
  }

  async #runBatches(life: Life): Promise<void> {
    const { clock, receivers, ssc } = life
    for (const [i, { acknowledged }] of this.#senders.entries()) {
      const { received } = receivers[i]!
      if (received >= acknowledged || life.isOver) continue
      const text = `input ${i} has ${received} rows, and ${acknowledged} were acknowledged`
      this.#wrong ??= this.#failure(text)
    }
    const isEnding = (): boolean => life.failure !== undefined || life.isOver
    for (let batch = clock.now() / this.#intervalMs; batch < this.#batches; batch++) {
      for (const [i, sender] of this.#senders.entries()) {
        if (!isEnding()) await this.#send(life, receivers[i]!, sender, sender.ends[batch]!)
      }
      if (isEnding()) return
      clock.advance(this.#intervalMs)
      // Some batches wait for the one before.
      if (this.#random() < 1 / 2) await ssc.whenIdle()
      if (!this.#happens('stop')) continue
      this.#tell(`  is stopped behind batch ${batch + 1}`)
      return
    }
    await ssc.whenIdle()
    life.isDone = true
  }

  async #send(life: Life, receiver: Numbered, sender: Sender, end: number): Promise<void> {
    const { acknowledged, rows } = sender
    let from = this.#happens('resend') ? acknowledged : receiver.received
    while (from < end) {
      const to = Math.min(end, from + 1 + this.#below(rowsAtOnceMax))
      const taken = receiver.take(rows.slice(from, to), from).then(() => {
        if (!life.isOver) sender.acknowledged = Math.max(sender.acknowledged, to)
      })
      taken.catch(() => undefined)
      if (this.#random() < 1 / 2) await taken
      from = to
    }
  }

  /** A process may give up where its disk has failed, and for no other reason. */
  #checkFailure(failure: PeltonError, { faults = {} }: MemoryDiskOptions): void {
    this.#tell(`  ends: ${failure.code}, ${failure.message}`)
    const isPlanned = Object.keys(faults).length > 0
    for (let cause: any = failure; cause; cause = cause.cause) {
      if (isPlanned && (cause.code === 'DISK' || cause.code === 'LOG')) return
    }
    throw this.#failure(failure.message, failure)
  }

  #failure(what: string, cause?: unknown): PeltonError {
    const story = this.#story.join('\n')
    const message = `seed ${this.#options.seed}: ${what}. What has happened:\n${story}`
    return new PeltonError(message, { code: 'SIMULATION', cause })
  }
}

function senderOf(input: readonly (readonly unknown[])[], batches: number): Sender {
  const ends: number[] = []
  for (let i = 0, end = 0; i < batches; i++) ends.push((end += input[i]?.length ?? 0))
  return { rows: input.flat(1), ends, acknowledged: 0 }
}

/** Rows in an order of their own: where they lie depends on how they came. */
const textOf = (rows: readonly unknown[]): string =>
  rows
    .map(row => inspect(row, { depth: null, breakLength: Number.POSITIVE_INFINITY }))
    .sort()
    .join(' ')
