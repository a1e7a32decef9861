/**
 * Checkpoints of a million states of which one in a hundred changes from one to the next:
 * `node checkpoints.ts WORKERS GEAR CHECKPOINTS`. Sends what each of them has written and held up.
 * A receiver brings the rows, so they are logged too.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock, Receiver, type State, StateSpec, StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'
import { SplitMix64 } from '../splitmix.ts'

const KEYS = 1_000_000
const UPDATES = 2500
const INTERVAL_MS = 1000
/** Batches from one checkpoint to the next. */
const EVERY = 4

/** One checkpoint, and the batches around it, in milliseconds. */
export interface MeasuredCheckpoint {
  readonly bytes: number
  readonly takenMs: number
  readonly writtenMs: number
  /** From the tick to the end of the batch behind it, which runs while it is written. */
  readonly nextBatchMs: number
}

export interface MeasuredCheckpoints {
  readonly checkpoints: readonly MeasuredCheckpoint[]
  /** From the tick to the end of batches with no checkpoint before them. */
  readonly batchMs: readonly number[]
}

class Told extends Receiver<[number, number]> {
  onStart(): void {}
  onStop(): void {}
}

const [workers, gear, wanted] = process.argv.slice(2) as [string, Gear, string]
const directory = mkdtempSync(join(tmpdir(), 'pelton-bench-'))
const clock = new ManualClock(0)
const receiver = new Told()
const random = new SplitMix64(17)
const ssc = new StreamingContext({
  batchInterval: INTERVAL_MS,
  checkpointDir: join(directory, 'checkpoints'),
  checkpointInterval: EVERY * INTERVAL_MS,
  clock,
  workers: Number(workers),
  gear,
  handleSignals: false,
})
const count = StateSpec.function((_: number, value: number | undefined, state: State<number>) => {
  const sum = (state.getOption() ?? 0) + (value ?? 0)
  state.update(sum)
  return sum
})
const held = Float64Array.from({ length: KEYS }, (_, i) => i)
const pairs: [Float64Array, Float64Array] = [held, new Float64Array(KEYS)]
const first = ssc.parallelize<[number, number]>({ pairs })
ssc
  .receiverStream(receiver)
  .mapWithState(count.initialState(first))
  .foreachRDD(rdd => rdd.count())

const checkpoints: MeasuredCheckpoint[] = []
const batchMs: number[] = []
let open: Omit<MeasuredCheckpoint, 'nextBatchMs'> | undefined
let batchesSince = 0
ssc.on('checkpointCompleted', ({ bytes, takenMs, writtenMs }) => {
  open = { bytes, takenMs, writtenMs }
  batchesSince = 0
})

try {
  await ssc.start()
  while (checkpoints.length < Number(wanted)) {
    const rows = Array.from({ length: UPDATES }, (): [number, number] => [random.below(KEYS), 1])
    await receiver.store(rows)
    const completed = Promise.withResolvers<void>()
    const off = ssc.on('batchCompleted', () => completed.resolve())
    const start = performance.now()
    clock.advance(INTERVAL_MS)
    await completed.promise
    off()
    const milliseconds = performance.now() - start
    if (batchesSince++ > 1) batchMs.push(milliseconds)
    else if (open) checkpoints.push({ ...open, nextBatchMs: milliseconds })
    open = undefined
    await ssc.whenIdle()
  }
  process.send!({ checkpoints, batchMs } satisfies MeasuredCheckpoints)
} finally {
  await ssc.stop()
  rmSync(directory, { recursive: true })
}
