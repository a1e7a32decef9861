/**
 * Sends the main thread's processor time of one empty batch, in milliseconds: the mean over many
 * batches of a word count whose queue is empty, on a clock that jumps from tick to tick.
 */
import { ManualClock, StreamingContext } from 'pelton'
import type { LatencyMessage } from '../latency.ts'

const BATCH_INTERVAL_MS = 1000
const WARM_UP_BATCHES = 50
const COUNTED_BATCHES = 200

const clock = new ManualClock(0)
const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  clock,
  workers: Number(process.argv[2] ?? 2),
})
let finish: () => void = () => {}
ssc
  .queueStream<string>([])
  .flatMap(line => line.split(' '))
  .map(word => [word, 1] as [string, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => {
    await rdd.count()
    finish()
  })
await ssc.start()

async function batches(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const finished = new Promise<void>(resolve => (finish = resolve))
    clock.advance(BATCH_INTERVAL_MS)
    await finished
  }
}

await batches(WARM_UP_BATCHES)
const before = process.threadCpuUsage()
await batches(COUNTED_BATCHES)
const { user, system } = process.threadCpuUsage(before)
process.send!({ milliseconds: (user + system) / 1000 / COUNTED_BATCHES } satisfies LatencyMessage)
