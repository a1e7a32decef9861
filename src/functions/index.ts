export {
  analyse,
  closeCapture,
  type FunctionHandle,
  identityOf,
  type PortableFunction,
  portable,
  portableValue,
  type Site,
} from './capture.ts'
export { callerPlace } from './place.ts'
export { type ReviveHost, revive } from './revive.ts'
export {
  Accumulator,
  type AccumulatorDefinition,
  AccumulatorPart,
  type AccumulatorSpec,
  accumulator,
  Broadcast,
  broadcast,
  Resource,
  resource,
  sharedById,
} from './shared.ts'
export { using } from './using.ts'
