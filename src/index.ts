/** Pelton: Spark Streaming's programming model on all cores of one machine. */
export { BatchContext } from './context/batch-context.ts'
export type { StreamingListener } from './context/listeners.ts'
export { type ContextState, StreamingContext } from './context.ts'
export type { UpdateOptions } from './dstream/pairs.ts'
export type { StateView } from './dstream/state-view.ts'
export type { SessionWindow } from './dstream/windows.ts'
export {
  type BatchRows,
  DStream,
  MapWithStateDStream,
  type Sink,
  StateDStream,
} from './dstream.ts'
export { milliseconds, minutes, seconds } from './durations.ts'
export { type Clock, ManualClock, SystemClock } from './engine/clock.ts'
export type { Collection } from './engine/collection.ts'
export type {
  BatchInfo,
  EngineEvents,
  OutputOperationInfo,
  ReceiverInfo,
  SpeculationInfo,
  StreamInputInfo,
} from './engine/events.ts'
export { Receiver } from './engine/receiver.ts'
export type { PartOptions, SavedPart, SinkBatch, SinkInfo } from './engine/sink.ts'
export { PeltonError, type Place } from './errors.ts'
export type {
  ExplainedGear,
  ExplainedOperator,
  ExplainedStage,
  Explanation,
} from './explain.ts'
export {
  type Accumulator,
  accumulator,
  type Broadcast,
  broadcast,
  type Resource,
  resource,
  using,
} from './functions/index.ts'
export type { Metrics } from './metrics.ts'
export { aggregates } from './ops/aggregate.ts'
export type { Aggregate } from './ops/aggregate-form.ts'
export type { AsyncOptions } from './ops/map-async.ts'
export type { PipeOptions } from './ops/pipe.ts'
export type {
  BackpressureOptions,
  BatchContextOptions,
  Logger,
  SpeculationOptions,
  StreamingContextOptions,
} from './options.ts'
export type { PartialCount } from './rdd/partitions.ts'
export { RDD } from './rdd.ts'
export type { KeyState as State } from './state/key-state.ts'
export { type InitialState, StateSpec } from './state-spec.ts'
