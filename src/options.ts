/** Options of contexts: checked once, with defaults. */
import { type Clock, SystemClock } from './engine/clock.ts'
import type { GearLimit } from './engine/gears.ts'
import type { RateSettings } from './engine/input.ts'
import { PidRateEstimator, usualGains } from './engine/rate-estimator.ts'
import { countOption, parseBytes, workersMax } from './engine/runtime.ts'
import type { SpeculationSettings } from './engine/twins.ts'
import { PeltonError, preview } from './errors.ts'

/** Where warnings and errors go that nobody else hears. */
export interface Logger {
  warn(message: string): void
  error(message: string): void
}

/** What a BatchContext is made with; every option has a default. */
export interface BatchContextOptions {
  /** Name of the job in messages. */
  readonly name?: string
  /** Worker threads; default: the cores this process may use. */
  readonly workers?: number
  /** Default number of partitions, 16; results never depend on the number of workers. */
  readonly partitions?: number
  /** Limit of the arena, such as `'512MiB'`; default: half of the memory this process may use. */
  readonly memory?: number | string
  /**
   * What the heap of each worker may hold, in MiB, at least 16; default: V8's own limit. A worker
   * with more than 80 % of it is replaced, and its task tried again. Garbage may take more room
   * than that.
   */
  readonly workerHeap?: number
  /**
   * Which ways of running user functions are allowed: as kernels where their source is known
   * exactly, called once for equal rows where they are pure, row by row. `'auto'`, the default,
   * takes the first that fits; the others allow the named one and, below it, the row loop. The
   * results are the same.
   */
  readonly gear?: GearLimit
  /** Aborting it stops the context. */
  readonly signal?: AbortSignal
  readonly logger?: Logger
  /** Attempts of a task before its job fails; default 4. */
  readonly maxTaskFailures?: number
  /** Milliseconds of running after which a task is ended with its worker; default: never. */
  readonly taskTimeout?: number
  /**
   * Whether a task that runs for much longer than others of its stage is begun once more, on a
   * worker that has nothing else to do; the first of the two that succeeds counts. Default true.
   * Tasks that write states or files, start processes, call `tap`, `mapAsync`, `foreach` or
   * `foreachPartition`, or use a `resource()` are never run twice at once.
   */
  readonly speculation?: boolean | SpeculationOptions
}

/**
 * When a task is begun once more: when it has run for `multiplier` times the median of its stage's
 * tasks, or for as much longer as it has more rows.
 *
 * @example
 * new BatchContext({ speculation: { multiplier: 3, minRuntime: 1000 } })
 */
export interface SpeculationOptions {
  /** Share of the stage's tasks that must have ended; above 0, at most 1, default 0.75. */
  readonly quantile?: number
  /** From 1 up, default 1.5. */
  readonly multiplier?: number
  /** Milliseconds that a task must have run in any case; from 0 up, default 50. */
  readonly minRuntime?: number
}

/**
 * How the rate of receivers follows the speed of processing: Spark's PID estimator. After each
 * batch the rate of a receiver becomes the last rate less `proportional` times what came too fast,
 * less `integral` times what waits already, less `derivative` times how fast the error grows.
 *
 * @example
 * new StreamingContext({ batchInterval: seconds(1), backpressure: { initialRate: 10_000 } })
 */
export interface BackpressureOptions {
  /** Weight of rate less speed; from 0 up, default 1. */
  readonly proportional?: number
  /** Weight of the scheduling delay; from 0 up, default 0.2. */
  readonly integral?: number
  /** Weight of the change of the error; from 0 up, default 0. */
  readonly derivative?: number
  /** Least rate that is estimated, in rows a second; above 0, default 100. */
  readonly minRate?: number
  /** Rows a second before the first estimate; above 0, default and at most `maxRate`. */
  readonly initialRate?: number
}

/** What a StreamingContext is made with; only `batchInterval` is required. */
export interface StreamingContextOptions extends BatchContextOptions {
  /** Milliseconds between batches; see `seconds()` and its like. */
  readonly batchInterval: number
  readonly clock?: Clock
  /**
   * Where what the program needs to go on after a crash is kept; the directory is made. Received
   * rows are logged there before their batch begins. Go on from it with
   * `StreamingContext.getOrCreate`.
   */
  readonly checkpointDir?: string
  /**
   * Milliseconds between checkpoints, a multiple of the batch interval; default: about ten seconds.
   * Batches behind the last one are run again from the log.
   */
  readonly checkpointInterval?: number
  /**
   * Where windows go that the memory has no room for; default: the system's temporary directory.
   * False: nowhere, they stay in memory. Only this process can read the files, which are gone when
   * it ends.
   */
  readonly spillDir?: string | false
  /** Jobs that may run at once; default 1. */
  readonly concurrentJobs?: number
  /** Milliseconds before a receiver starts again; default 2000. */
  readonly receiverRestartDelay?: number
  /** Ticks are skipped while this many batches wait; default 1000. */
  readonly maxWaitingBatches?: number
  /**
   * Milliseconds that stop() waits for the batch that runs, and a graceful one before that for
   * receivers that still have rows to bring (at least 10,000) and for batches that wait; default 10
   * batch intervals, at least 1000.
   */
  readonly gracefulStopTimeout?: number
  /**
   * Rows a second that each receiver may bring, from the first batch on; above 0, default: no
   * limit. Sockets and Node streams are paused, iterables are asked for no more rows, and the
   * promise of `store` waits: a receiver that doesn't await it can't be slowed, and its rows are
   * taken. A single store, or what one read of a socket brings, may be more than a batch's worth;
   * it is taken at once, and nothing more comes until it is paid for.
   */
  readonly maxRate?: number
  /**
   * Whether each receiver is slowed to the speed at which its batches are processed; default false.
   * The first two batches that have rows come at `initialRate`, or without a limit. Each new rate
   * is the event `rateUpdated`.
   */
  readonly backpressure?: boolean | BackpressureOptions
  /** Stop gracefully on SIGINT and SIGTERM; a second signal ends the process. Default true. */
  readonly handleSignals?: boolean
}

/** Options of any context with every default filled in. */
export interface BatchSettings {
  readonly name: string
  readonly partitions: number
  readonly gear: GearLimit
  readonly logger: Logger
  readonly maxTaskFailures: number
  readonly taskTimeoutMs: number | undefined
  readonly speculation: SpeculationSettings | undefined
}

/** Options of a StreamingContext with every default filled in. */
export interface Settings extends BatchSettings {
  readonly batchInterval: number
  readonly clock: Clock
  readonly checkpointDir: string | undefined
  readonly spillDir: string | false | undefined
  readonly checkpointMs: number
  readonly concurrentJobs: number
  readonly receiverRestartDelayMs: number
  readonly waitingBatchesMax: number
  readonly gracefulStopTimeoutMs: number
  readonly rate: RateSettings
  readonly handleSignals: boolean
}

const defaultCheckpointMs = 10_000
const defaultPartitions = 16
const partitionsMax = 65_536
const defaultTaskFailures = 4
const defaultRestartDelayMs = 2000
const defaultWaitingBatches = 1000
const gracefulIntervals = 10
/** With less, a worker can't even start. */
const workerHeapMbMin = 16
const gracefulMsMin = 1000
const gears = ['auto', 'lifted', 'distinct', 'row']

const stderrLogger: Logger = {
  warn: message => console.warn(`pelton: ${message}`),
  error: message => console.error(`pelton: ${message}`),
}

/** Checks options; throws PeltonError `OPTION` that names the option, its value and the rule. */
export function settingsOf(options: StreamingContextOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw bad('options', options, 'pass an object such as { batchInterval: seconds(1) }')
  }
  const { batchInterval, clock } = options
  if (batchInterval === null || batchInterval === undefined) {
    throw bad(
      'batchInterval',
      batchInterval,
      'Batch duration for StreamingContext cannot be null; pass milliseconds, such as seconds(1)',
    )
  }
  if (!(Number.isInteger(batchInterval) && batchInterval > 0)) {
    throw bad(
      'batchInterval',
      batchInterval,
      'it must be a positive whole number of milliseconds, such as seconds(1)',
    )
  }
  if (clock !== undefined && !has(clock, 'now', 'at', 'monotonic')) {
    throw bad('clock', clock, 'pass a SystemClock or a ManualClock')
  }
  return {
    ...batchSettingsOf(options, 'StreamingContext'),
    batchInterval,
    clock: clock ?? new SystemClock(),
    checkpointDir: directoryOf('checkpointDir', options.checkpointDir),
    spillDir: options.spillDir === false ? false : directoryOf('spillDir', options.spillDir),
    checkpointMs: checkpointMsOf(options.checkpointInterval, batchInterval),
    concurrentJobs: countOption('concurrentJobs', options.concurrentJobs, 1),
    receiverRestartDelayMs: countOption(
      'receiverRestartDelay',
      options.receiverRestartDelay,
      defaultRestartDelayMs,
    ),
    waitingBatchesMax: countOption(
      'maxWaitingBatches',
      options.maxWaitingBatches,
      defaultWaitingBatches,
    ),
    gracefulStopTimeoutMs: countOption(
      'gracefulStopTimeout',
      options.gracefulStopTimeout,
      Math.max(gracefulMsMin, batchInterval * gracefulIntervals),
    ),
    rate: rateSettingsOf(options),
    handleSignals: options.handleSignals ?? true,
  }
}

function directoryOf(name: string, directory: unknown): string | undefined {
  if (directory === undefined) return undefined
  if (typeof directory === 'string' && directory !== '') return directory
  throw bad(name, directory, 'give the path of a directory')
}

/** Checks the time between checkpoints; also that of a stream of its own. */
function checkpointMsOf(interval: number | undefined, batchMs: number): number {
  if (interval === undefined) return Math.ceil(defaultCheckpointMs / batchMs) * batchMs
  if (Number.isFinite(interval) && interval > 0 && interval % batchMs === 0) return interval
  const rule = `it must be a positive multiple of the batch interval, ${batchMs} ms`
  throw bad('checkpointInterval', interval, rule)
}

function rateSettingsOf(options: StreamingContextOptions): RateSettings {
  const { backpressure = false, batchInterval } = options
  const maxRate = rateOption('maxRate', options.maxRate, Number.POSITIVE_INFINITY)
  if (backpressure === false) return { maxRate, initialRate: maxRate, gains: undefined }
  if (backpressure !== true && (typeof backpressure !== 'object' || backpressure === null)) {
    const rule = 'pass true, false, or an object such as { initialRate: 10_000 }'
    throw bad('backpressure', backpressure, rule)
  }
  const {
    proportional = usualGains.proportional,
    integral = usualGains.integral,
    derivative = usualGains.derivative,
    minRate = usualGains.minRate,
    initialRate,
  } = backpressure === true ? {} : backpressure
  const gains = { proportional, integral, derivative, minRate }
  // It checks its arguments: what it can't be made of is refused here, and not at the first input.
  new PidRateEstimator(batchInterval, gains)
  const first = rateOption('backpressure.initialRate', initialRate, maxRate)
  return { maxRate, initialRate: first, gains }
}

function rateOption(name: string, rate: number | undefined, fallback: number): number {
  if (rate === undefined) return fallback
  if (typeof rate === 'number' && rate > 0) return rate
  throw bad(name, rate, 'it must be a number above 0, in rows a second')
}

/** The same for the options that every context has; `owner` is the class in messages. */
export function batchSettingsOf(
  options: BatchContextOptions,
  owner = 'BatchContext',
): BatchSettings {
  if (typeof options !== 'object' || options === null) {
    throw bad('options', options, 'pass an object such as { workers: 2 }, or nothing', owner)
  }
  const { gear, logger, signal, workerHeap, taskTimeout } = options
  const count = (name: string, value: number | undefined, fallback: number, max?: number): number =>
    countOption(name, value, fallback, max, owner)
  if (gear !== undefined && !gears.includes(gear)) {
    throw bad('gear', gear, `it must be one of ${gears.join(', ')}`, owner)
  }
  if (options.memory !== undefined) parseBytes(options.memory, owner)
  count('workers', options.workers, 1, workersMax)
  if (
    workerHeap !== undefined &&
    !(Number.isInteger(workerHeap) && workerHeap >= workerHeapMbMin)
  ) {
    const rule = `it must be a whole number of MiB, at least ${workerHeapMbMin}`
    throw bad('workerHeap', workerHeap, rule, owner)
  }
  if (logger !== undefined && !has(logger, 'warn', 'error')) {
    const rule = 'it must have the methods warn and error, as console has'
    throw bad('logger', logger, rule, owner)
  }
  if (signal !== undefined && !has(signal, 'addEventListener', 'removeEventListener')) {
    throw bad('signal', signal, 'pass the signal of an AbortController', owner)
  }
  return {
    name: options.name ?? 'pelton',
    partitions: count('partitions', options.partitions, defaultPartitions, partitionsMax),
    gear: gear ?? 'auto',
    logger: logger ?? stderrLogger,
    maxTaskFailures: count('maxTaskFailures', options.maxTaskFailures, defaultTaskFailures),
    taskTimeoutMs: taskTimeout === undefined ? undefined : count('taskTimeout', taskTimeout, 1),
    speculation: speculationOf(options.speculation, owner),
  }
}

function speculationOf(
  speculation: boolean | SpeculationOptions = true,
  owner: string,
): SpeculationSettings | undefined {
  if (speculation === false) return undefined
  if (speculation !== true && (typeof speculation !== 'object' || speculation === null)) {
    const rule = 'pass true, false, or an object such as { multiplier: 3 }'
    throw bad('speculation', speculation, rule, owner)
  }
  const given = speculation === true ? {} : speculation
  const { quantile = 0.75, multiplier = 1.5, minRuntime = 50 } = given
  const check = (name: string, value: unknown, isGood: boolean, rule: string): void => {
    if (typeof value !== 'number' || !isGood) {
      throw bad(`speculation.${name}`, value, `it must be a number ${rule}`, owner)
    }
  }
  check('quantile', quantile, quantile > 0 && quantile <= 1, 'above 0, at most 1')
  check('multiplier', multiplier, multiplier >= 1 && multiplier < Infinity, 'from 1 up')
  check(
    'minRuntime',
    minRuntime,
    minRuntime >= 0 && minRuntime < Infinity,
    'of milliseconds from 0 up',
  )
  return { quantile, multiplier, minRuntimeMs: minRuntime }
}

/** Whether an object of the program's own has the methods that will be called. */
function has(part: object, ...methods: string[]): boolean {
  return (
    typeof part === 'object' &&
    part !== null &&
    methods.every(name => typeof part[name as keyof typeof part] === 'function')
  )
}

function bad(name: string, value: unknown, rule: string, owner = 'StreamingContext'): PeltonError {
  return new PeltonError(`${name} is ${preview(value)}; ${rule}`, {
    code: 'OPTION',
    operator: owner,
  })
}
