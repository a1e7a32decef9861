/**
 * W5: small batches on a clock that jumps, one after the other. Sends the milliseconds from tick to
 * result of each: `node small-batches.ts WORKERS GEAR ROWS BATCHES`.
 */
import type { SmallBatches } from '../streams.ts'
import { Stepped } from './stepped.ts'

const WARM_UP_BATCHES = 1000
const KEYS = 100

const [workers, gear, rows, batches] = process.argv.slice(2) as [string, string, string, string]
const count = Number(rows)
const stepped = new Stepped<[number, number][]>(workers, gear)
const { ssc } = stepped
const keys = Float64Array.from({ length: count }, (_, i) => i)
const values = new Float64Array(count).fill(1)
const input = await ssc
  .parallelize<[number, number]>({ pairs: [keys, values] })
  .persist()
  .materialize()
const total = WARM_UP_BATCHES + Number(batches)

ssc
  .queueStream(Array.from({ length: total }, () => input))
  .map(([key, value]) => [key % KEYS, value] as [number, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => stepped.done(await rdd.collect()))
await stepped.start()

const milliseconds: number[] = []
for (let batch = 0; batch < total; batch++) {
  const { milliseconds: taken, result: pairs } = await stepped.batch()
  if (batch >= WARM_UP_BATCHES) milliseconds.push(taken)
  const sum = pairs.reduce((all, [, value]) => all + value, 0)
  if (sum !== count || pairs.length !== Math.min(KEYS, count)) {
    throw new Error(`W5: batch ${batch} came to ${pairs.length} keys and a sum of ${sum}`)
  }
  await ssc.whenIdle()
}
process.send!({ milliseconds } satisfies SmallBatches)
await ssc.stop()
