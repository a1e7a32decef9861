/** Counts words in three batches that the program makes itself, and prints each batch's counts. */
import { milliseconds, StreamingContext } from 'pelton'

const batches = [['to be or not to be'], ['that is the question'], ['to sleep', 'to dream']]

const ssc = new StreamingContext({ batchInterval: milliseconds(100) })
ssc
  .queueStream(batches)
  .flatMap(line => line.split(' '))
  .map(word => [word, 1] as const)
  .reduceByKey((a, b) => a + b)
  .print()

await ssc.start()
await ssc.awaitTermination(450)
await ssc.stop({ graceful: true })
