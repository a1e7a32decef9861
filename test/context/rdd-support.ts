/** A context for tests of RDDs. */
import { ManualClock, StreamingContext } from 'pelton'

/** Runs a test in a context of its own, which is stopped afterwards. */
export async function inContext(run: (ssc: StreamingContext) => Promise<void>): Promise<void> {
  await using ssc = new StreamingContext({
    batchInterval: 1000,
    clock: new ManualClock(0),
    workers: 2,
  })
  await run(ssc)
}
