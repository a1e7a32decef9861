/**
 * W5: small batches on a clock that jumps, one after the other. Sends the milliseconds from tick to
 * result of each: `node small-batches.ts WORKERS GEAR ROWS BATCHES`.
 */
import { ManualClock, StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'
import type { SmallBatches } from '../streams.ts'

const BATCH_INTERVAL_MS = 1000
const WARM_UP_BATCHES = 1000
const KEYS = 100

const [workers, gear, rows, batches] = process.argv.slice(2) as [string, Gear, string, string]
const count = Number(rows)
const clock = new ManualClock(0)
const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  clock,
  workers: Number(workers),
  gear,
  handleSignals: false,
})
const keys = Float64Array.from({ length: count }, (_, i) => i)
const values = new Float64Array(count).fill(1)
const input = await ssc
  .parallelize<[number, number]>({ pairs: [keys, values] })
  .persist()
  .materialize()
const total = WARM_UP_BATCHES + Number(batches)

let finish: (result: [number, number][]) => void = () => {}
let fail: (error: unknown) => void = () => {}
ssc
  .queueStream(Array.from({ length: total }, () => input))
  .map(([key, value]) => [key % KEYS, value] as [number, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => finish(await rdd.collect()))
await ssc.start()
ssc.awaitTermination().catch(error => fail(error))

const milliseconds: number[] = []
for (let batch = 0; batch < total; batch++) {
  const result = new Promise<[number, number][]>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const start = performance.now()
  clock.advance(BATCH_INTERVAL_MS)
  const pairs = await result
  if (batch >= WARM_UP_BATCHES) milliseconds.push(performance.now() - start)
  const sum = pairs.reduce((all, [, value]) => all + value, 0)
  if (sum !== count || pairs.length !== Math.min(KEYS, count)) {
    throw new Error(`W5: batch ${batch} came to ${pairs.length} keys and a sum of ${sum}`)
  }
  await ssc.whenIdle()
}
process.send!({ milliseconds } satisfies SmallBatches)
await ssc.stop()
