/** Tools for tests of programs that use Pelton. */
export { ManualClock } from '../engine/clock.ts'
export {
  closeTestRuntimes,
  type RunStreamOptions,
  type RunStreamsOptions,
  runStream,
} from './run-stream.ts'
