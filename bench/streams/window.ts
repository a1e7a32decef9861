/**
 * W3: a sliding window of keyed sums with an inverse function, over batches from a file of keys.
 * Sends the milliseconds of every batch once the window is full:
 * `node window.ts WORKERS GEAR DATA BATCHES`.
 */
import { ManualClock, type RDD, StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'
import { cut, openNumbers, readNumbers } from '../data.ts'
import { WINDOW_BATCHES, WINDOW_ROUND, type WindowBatches } from '../streams.ts'

const BATCH_INTERVAL_MS = 1000

const [workers, gear, folder, count] = process.argv.slice(2) as [string, Gear, string, string]
const timed = Number(count)
const clock = new ManualClock(0)
const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  clock,
  workers: Number(workers),
  gear,
  handleSignals: false,
})
const file = openNumbers(folder, 'w3_keys')
const round: RDD<[number, number]>[] = []
const distinct = new Set<number>()
let rows = 0
for (const { from, to } of cut(file.rows, WINDOW_ROUND)) {
  const keys = readNumbers(file, from, to)
  for (const key of keys) distinct.add(key)
  rows += keys.length
  const pairs: [Float64Array, Float64Array] = [keys, new Float64Array(keys.length).fill(1)]
  round.push(await ssc.parallelize<[number, number]>({ pairs }).persist().materialize())
}
// All of the window's batches have as many rows, and it holds every one of the round.
const expected = (rows / WINDOW_ROUND) * WINDOW_BATCHES
const total = WINDOW_BATCHES + timed
const queue = Array.from({ length: total }, (_, i) => round[i % WINDOW_ROUND]!)

let finish: (check: [number, number]) => void = () => {}
let fail: (error: unknown) => void = () => {}
ssc
  .queueStream(queue)
  .reduceByKeyAndWindow(
    (a, b) => a + b,
    (a, b) => a - b,
    WINDOW_BATCHES * BATCH_INTERVAL_MS,
    BATCH_INTERVAL_MS,
  )
  .foreachRDD(async rdd => {
    const results = await rdd.persist().materialize()
    const keys = await results.count()
    const sum = keys > 0 ? await results.map(pair => pair[1]).reduce((a, b) => a + b) : 0
    finish([keys, sum])
  })
await ssc.start()
ssc.awaitTermination().catch(error => fail(error))

const milliseconds: number[] = []
let check: [number, number] = [0, 0]
for (let batch = 0; batch < total; batch++) {
  const result = new Promise<[number, number]>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const start = performance.now()
  clock.advance(BATCH_INTERVAL_MS)
  check = await result
  if (batch < WINDOW_BATCHES) continue
  milliseconds.push(performance.now() - start)
  if (check[0] !== distinct.size || Math.abs(check[1] - expected) > 1) {
    throw new Error(`W3: ${check} keys and sum; expected ${distinct.size} and ${expected}`)
  }
}
const peakRssBytes = process.resourceUsage().maxRSS * 1024
process.send!({ milliseconds, check, peakRssBytes } satisfies WindowBatches)
await ssc.stop()
