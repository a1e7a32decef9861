/** The mean of the last three batches of numbers, at every batch. */
import { milliseconds, StreamingContext } from 'pelton'

const batches = [[1], [2], [3], [10], [20, 30]]
const interval = milliseconds(50)

const ssc = new StreamingContext({ batchInterval: interval })
const sums = ssc
  .queueStream(batches)
  .window(3 * interval)
  .map(x => ({ sum: x, count: 1 }))
  .reduce((a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }))

let left = batches.length
const { promise: seen, resolve } = Promise.withResolvers<void>()
sums.foreachRDD(async rdd => {
  for (const { sum, count } of await rdd.collect()) {
    console.log(`mean ${sum / count} of ${count}`)
  }
  if (--left === 0) resolve()
})

await ssc.start()
await Promise.race([seen, ssc.awaitTermination()])
await ssc.stop()
