/**
 * T0: sends the time of the first word count of a file, in milliseconds since the epoch:
 * `node first-count.ts WORKERS GEAR FILE`.
 */
import { StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'
import type { FirstCount } from '../streams.ts'

const BATCH_INTERVAL_MS = 10

const [workers, gear, file] = process.argv.slice(2) as [string, Gear, string]
const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  workers: Number(workers),
  gear,
})
ssc
  .queueStream([ssc.textFile(file)])
  .flatMap(line => line.split(' '))
  .map(word => [word, 1] as [string, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => {
    const pairs = await rdd.collect()
    if (pairs.length === 0) return
    const milliseconds = performance.timeOrigin + performance.now()
    const words = pairs.reduce((sum, [, count]) => sum + count, 0)
    process.send!({ milliseconds, words } satisfies FirstCount)
  })
await ssc.start()
