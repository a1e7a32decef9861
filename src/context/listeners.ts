/** Spark's streaming listeners: nine callbacks, each of which hears one event of the bus. */
import type { BatchInfo, EventBus, OutputOperationInfo, ReceiverInfo } from '../engine/events.ts'
import { misused, preview } from '../errors.ts'

/**
 * Callbacks of a program that watches its batches; every one is optional, times are milliseconds
 * since the epoch on the clock of the context. They run on the main thread, in the order of the
 * events, and nobody waits for a promise that one returns.
 *
 * A callback may call `ssc.stop()`. Spark forbids that, because its listeners have a thread that a
 * stop waits for; nothing waits for ours.
 *
 * @example
 * const listener: StreamingListener = {
 *   onBatchCompleted: batch => console.log(batch.batchTime, batch.numRecords, batch.totalDelay),
 *   onReceiverError: receiver => console.warn(receiver.name, receiver.lastErrorMessage),
 * }
 * ssc.addStreamingListener(listener)
 */
export interface StreamingListener {
  /** `start()` has begun, at `time`. */
  onStreamingStarted?(time: number): void
  /** A receiver has been started, or started again. */
  onReceiverStarted?(receiver: ReceiverInfo): void
  /** A receiver has reported an error, be it one that ends it. */
  onReceiverError?(receiver: ReceiverInfo): void
  /** A receiver has ended for good; a restart is no such end. */
  onReceiverStopped?(receiver: ReceiverInfo): void
  /** A batch has been put into the queue: it has its rows, and no delays yet. */
  onBatchSubmitted?(batch: BatchInfo): void
  /** The outputs of a batch begin: it has its scheduling delay. */
  onBatchStarted?(batch: BatchInfo): void
  /** All outputs of a batch have ended, those that failed too: `failureReason` says why. */
  onBatchCompleted?(batch: BatchInfo): void
  /** An output operation of a batch begins. */
  onOutputOperationStarted?(output: OutputOperationInfo): void
  /** An output operation has ended or failed. */
  onOutputOperationCompleted?(output: OutputOperationInfo): void
}

type Callback = keyof StreamingListener
type InfoOf<C extends Callback> = Parameters<NonNullable<StreamingListener[C]>>[0]
type Unsubscribe = () => void

/** By callback: which event it hears, and what of the event it gets. */
const subscriptions: {
  readonly [C in Callback]-?: (events: EventBus, hear: (info: InfoOf<C>) => void) => Unsubscribe
} = {
  onStreamingStarted: (events, hear) => events.on('started', ({ time }) => hear(time)),
  onReceiverStarted: (events, hear) => events.on('receiverStarted', hear),
  onReceiverError: (events, hear) => events.on('receiverError', hear),
  onReceiverStopped: (events, hear) => events.on('receiverStopped', hear),
  onBatchSubmitted: (events, hear) => events.on('batchSubmitted', hear),
  onBatchStarted: (events, hear) => events.on('batchStarted', hear),
  onBatchCompleted: (events, hear) => events.on('batchCompleted', hear),
  onOutputOperationStarted: (events, hear) => events.on('outputOperationStarted', hear),
  onOutputOperationCompleted: (events, hear) => events.on('outputOperationCompleted', hear),
}
const callbacks = Object.keys(subscriptions) as Callback[]
const adding = { label: 'addStreamingListener' }

/** The listeners of one context, as subscriptions to its bus. */
export class StreamingListeners {
  readonly #events: EventBus
  readonly #added = new Map<StreamingListener, Unsubscribe[]>()

  constructor(events: EventBus) {
    this.#events = events
  }

  /** Subscribes the callbacks that the listener has now; each is looked up again when called. */
  add(listener: StreamingListener): void {
    const present = callbacksOf(listener)
    if (this.#added.has(listener)) return
    this.#added.set(
      listener,
      present.map(callback => this.#subscribe(listener, callback)),
    )
  }

  #subscribe<C extends Callback>(listener: StreamingListener, callback: C): Unsubscribe {
    let isWarned = false
    const failed = (error: unknown): void => {
      if (isWarned) return
      isWarned = true
      this.#events.emit('warning', { message: complaint(listener, callback, error), error })
    }
    return subscriptions[callback](this.#events, info => {
      try {
        const call = listener[callback] as ((info: InfoOf<C>) => unknown) | undefined
        const result = call?.call(listener, info)
        if (result instanceof Promise) result.catch(failed)
      } catch (error) {
        failed(error)
      }
    })
  }

  remove(listener: StreamingListener): void {
    for (const unsubscribe of this.#added.get(listener) ?? []) unsubscribe()
    this.#added.delete(listener)
  }

  /** Lets go of all listeners. */
  close(): void {
    for (const listener of [...this.#added.keys()]) this.remove(listener)
  }
}

/** The callbacks that a listener has; throws where one is no function, or where there is none. */
function callbacksOf(listener: unknown): Callback[] {
  if ((typeof listener !== 'object' && typeof listener !== 'function') || listener === null) {
    throw misused(adding, `needs an object with callbacks; got ${preview(listener)}`)
  }
  const held = listener as Readonly<Record<Callback, unknown>>
  const present = callbacks.filter(name => held[name] !== undefined)
  for (const name of present) {
    if (typeof held[name] === 'function') continue
    throw misused(adding, `needs a function as ${name}; got ${preview(held[name])}`)
  }
  if (present.length > 0) return present
  const keys = Object.keys(listener).join(', ') || 'nothing'
  throw misused(
    adding,
    `got an object with ${keys}; it needs one or more of ${callbacks.join(', ')}`,
  )
}

function complaint(listener: StreamingListener, callback: Callback, error: unknown): string {
  const { name } = listener.constructor ?? {}
  const owner = name === undefined || name === 'Object' ? 'a StreamingListener' : name
  const reason = error instanceof Error ? String(error) : preview(error)
  return (
    `${callback} of ${owner} threw: ${reason}. The batch goes on; the callback is called for ` +
    'later events too, and this is said once. Catch the error inside the callback'
  )
}
