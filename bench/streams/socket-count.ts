/**
 * W7: counts the words of a socket in batches of a second and sends the sum of each batch:
 * `node socket-count.ts WORKERS GEAR PORT`.
 */
import { StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'
import type { Counted } from '../streams.ts'

const BATCH_INTERVAL_MS = 1000

const [workers, gear, port] = process.argv.slice(2) as [string, Gear, string]
const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  workers: Number(workers),
  gear,
  handleSignals: false,
})
ssc
  .socketTextStream('127.0.0.1', Number(port))
  .flatMap(line => line.split(' '))
  .map(word => [word, 1] as [string, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => {
    const results = await rdd.persist().materialize()
    const distinct = await results.count()
    const words = distinct > 0 ? await results.map(pair => pair[1]).reduce((a, b) => a + b) : 0
    const peakRssBytes = process.resourceUsage().maxRSS * 1024
    const at = performance.timeOrigin + performance.now()
    process.send!({ words, at, peakRssBytes } satisfies Counted)
  })
await ssc.start()
process.on('disconnect', () => process.exit())
await ssc.awaitTermination()
