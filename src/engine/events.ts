import { PeltonError, preview } from '../errors.ts'

/** Rows and description of one input of one batch. */
export interface StreamInputInfo {
  readonly inputStreamId: number
  readonly numRecords: number
  readonly metadata: Readonly<Record<string, unknown>>
}

/** One output operation of one batch; times in milliseconds since the epoch. */
export interface OutputOperationInfo {
  readonly batchTime: number
  /** From 0 in each batch, in the order in which the outputs were defined. */
  readonly id: number
  readonly name: string
  /** The name and where it was called. */
  readonly description: string
  readonly startTime?: number
  readonly endTime?: number
  /** Milliseconds from start to end; only where both have been. */
  readonly duration?: number
  readonly failureReason?: string
}

/**
 * One batch as listeners see it; times in milliseconds since the epoch, delays in milliseconds.
 * What has not happened yet is not there: a submitted batch has no delays, a started one has its
 * scheduling delay, a completed one has all three.
 */
export interface BatchInfo {
  readonly batchTime: number
  readonly streamIdToInputInfo: ReadonlyMap<number, StreamInputInfo>
  /** Rows of all inputs together. */
  readonly numRecords: number
  readonly submissionTime: number
  readonly processingStartTime?: number
  readonly processingEndTime?: number
  /** From submission to the start of processing. */
  readonly schedulingDelay?: number
  /** From the start to the end of processing. */
  readonly processingDelay?: number
  readonly totalDelay?: number
  /** By id, in order. */
  readonly outputOperationInfos: ReadonlyMap<number, OutputOperationInfo>
}

/** A receiver as listeners see it; times in milliseconds since the epoch. */
export interface ReceiverInfo {
  readonly streamId: number
  /** Class and stream, such as `Ticks-0`. */
  readonly name: string
  readonly active: boolean
  /** Host of a receiver; absent for one of this process, which all are today. */
  readonly location?: string
  /** Who runs the receiver; absent for one of this process, which all are today. */
  readonly executorId?: string
  readonly lastErrorMessage?: string
  readonly lastError?: unknown
  readonly lastErrorTime?: number
}

/** What one task did; `rowsIn` counts the rows its first operator saw. */
export interface TaskInfo {
  readonly worker: number
  readonly partitions: number
  readonly rowsIn: number
  readonly rowsOut: number
  readonly fallbackRows: number
  readonly elapsedMs: number
}

/** A checkpoint that is whole and durable. */
export interface CheckpointInfo {
  /** Of the last batch that is in it, in milliseconds since the epoch. */
  readonly batchTime: number
  /** Written to its file; what was there already is not written again. */
  readonly bytes: number
  /** Milliseconds during which the next batch had to wait. */
  readonly takenMs: number
  /** Milliseconds of writing, while later batches ran. */
  readonly writtenMs: number
}

/** A task that got a twin, as it runs for longer than others of its stage. */
export interface SpeculationInfo {
  readonly partitions: number
  /** Milliseconds that it has run so far. */
  readonly elapsedMs: number
  /** Median of the tasks of its stage that have ended, in milliseconds. */
  readonly medianMs: number
}

/** Every event of the engine by name. */
export interface EngineEvents {
  started: { time: number }
  stopped: { time: number }
  batchSubmitted: BatchInfo
  batchStarted: BatchInfo
  batchCompleted: BatchInfo
  checkpointCompleted: CheckpointInfo
  batchesSkipped: { from: number; to: number; count: number; reason: string }
  outputOperationStarted: OutputOperationInfo
  outputOperationCompleted: OutputOperationInfo
  taskCompleted: TaskInfo
  taskFailed: { attempt: number; failures: number; error: PeltonError }
  /** A twin of the task has begun; the first of the two that succeeds counts. */
  taskSpeculated: SpeculationInfo
  workerExited: { worker: number; code: number }
  receiverStarted: ReceiverInfo
  receiverError: ReceiverInfo
  receiverStopped: ReceiverInfo
  /** Rows a second that the receiver may bring from now on; only with `backpressure`. */
  rateUpdated: { streamId: number; rate: number }
  warning: { message: string; error?: unknown }
  error: { error: PeltonError }
}

export type EventName = keyof EngineEvents
export type Listener<N extends EventName> = (event: EngineEvents[N]) => void

/**
 * A typed bus. Whoever wants to know subscribes; the engine itself listens to nothing.
 * A listener that throws is reported as a warning and disturbs neither the others nor the batch.
 */
export class EventBus {
  #listeners = new Map<EventName, Set<Listener<never>>>()

  /** Subscribes; the returned function ends the subscription. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    if (typeof listener !== 'function') {
      throw new PeltonError(`on('${name}') needs a function; got ${preview(listener)}`, {
        code: 'OPTION',
        operator: 'on',
      })
    }
    let set = this.#listeners.get(name)
    if (!set) this.#listeners.set(name, (set = new Set()))
    set.add(listener as Listener<never>)
    return () => set.delete(listener as Listener<never>)
  }

  emit<N extends EventName>(name: N, event: EngineEvents[N]): void {
    const set = this.#listeners.get(name)
    if (!set) return
    for (const listener of [...set]) {
      try {
        ;(listener as Listener<N>)(event)
      } catch (error) {
        if (name !== 'warning') {
          this.emit('warning', {
            message: `a listener of '${name}' threw: ${String(error)}`,
            error,
          })
        }
      }
    }
  }

  has(name: EventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }
}
