/**
 * Batches of 1,000 pairs every 5 ms on the machine's clock. Sends how long each took from its tick
 * to its end: `node hold.ts WORKERS GEAR SECONDS`.
 */
import { StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'
import type { Hold } from '../streams.ts'

const BATCH_INTERVAL_MS = 5
const ROWS = 1000
const KEYS = 100

const [workers, gear, seconds] = process.argv.slice(2) as [string, Gear, string]
const batches = (Number(seconds) * 1000) / BATCH_INTERVAL_MS
const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  workers: Number(workers),
  gear,
  handleSignals: false,
})
const keys = Float64Array.from({ length: ROWS }, (_, i) => i)
const values = new Float64Array(ROWS).fill(1)
const input = await ssc
  .parallelize<[number, number]>({ pairs: [keys, values] })
  .persist()
  .materialize()
let wrong = 0
let done = 0
const delays: number[] = []
const finished = Promise.withResolvers<void>()
let skipped = 0
ssc.on('batchesSkipped', ({ count }) => {
  skipped += count
})
ssc.on('batchCompleted', ({ batchTime }) => {
  delays.push(performance.timeOrigin + performance.now() - batchTime)
  done++
  if (done === batches) finished.resolve()
})
ssc
  .queueStream(Array.from({ length: batches }, () => input))
  .map(([key, value]) => [key % KEYS, value] as [number, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => {
    const sum = (await rdd.collect()).reduce((all, [, value]) => all + value, 0)
    if (sum !== ROWS) wrong++
  })
await ssc.start()
await Promise.race([finished.promise, ssc.awaitTermination()])
process.send!({ delays, skipped, wrong } satisfies Hold)
await ssc.stop()
