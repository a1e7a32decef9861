/** A value that every worker reads, and a counter that every worker adds to. */
import { accumulator, broadcast, milliseconds, StreamingContext } from 'pelton'

const stopWords = broadcast(new Set(['the', 'and', 'of']))
const dropped = accumulator(0)

const ssc = new StreamingContext({ batchInterval: milliseconds(200) })
const words = ssc
  .queueStream([['the heaven and the earth'], ['the face of the deep']])
  .flatMap(line => line.split(' '))
  .filter(word => {
    if (!stopWords.value.has(word)) return true
    dropped.add(1)
    return false
  })

let left = 2
const { promise: seen, resolve } = Promise.withResolvers<void>()
words.foreachRDD(async rdd => {
  console.log(await rdd.collect())
  if (--left === 0) resolve()
})

await ssc.start()
await Promise.race([seen, ssc.awaitTermination()])
await ssc.stop()
console.log(`dropped ${dropped.value}`)
