/** Sends the time of the first result of a small job, in milliseconds since the epoch. */
import { StreamingContext } from 'pelton'
import type { LatencyMessage } from '../latency.ts'

const BATCH_INTERVAL_MS = 10

const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  workers: Number(process.argv[2] ?? 2),
})
ssc
  .queueStream([['to be or not to be', 'that is the question']])
  .flatMap(line => line.split(' '))
  .map(word => [word, 1] as [string, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => {
    const rows = await rdd.collect()
    if (rows.length === 0) return
    const milliseconds = performance.timeOrigin + performance.now()
    process.send!({ milliseconds } satisfies LatencyMessage)
  })
await ssc.start()
