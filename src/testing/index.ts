/** Tools for tests of programs that use Pelton. */
export { ManualClock } from '../engine/clock.ts'
export { type RunStreamOptions, type RunStreamsOptions, runStream } from './run-stream.ts'
export { closeTestRuntimes } from './runtimes.ts'
export {
  type Fault,
  type SimulateInputsOptions,
  type SimulateOptions,
  simulate,
} from './simulate.ts'
