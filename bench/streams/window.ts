/**
 * W3: a sliding window of keyed sums with an inverse function, over batches from a file of keys.
 * Sends the milliseconds of every batch once the window is full:
 * `node window.ts WORKERS GEAR DATA BATCHES`.
 */
import type { RDD } from 'pelton'
import { cut, openNumbers, readNumbers } from '../data.ts'
import { WINDOW_BATCHES, WINDOW_ROUND, type WindowBatches } from '../streams.ts'
import { peakRss, Stepped } from './stepped.ts'

const [workers, gear, folder, count] = process.argv.slice(2) as [string, string, string, string]
const timed = Number(count)
const stepped = new Stepped<[keys: number, sum: number]>(workers, gear)
const { ssc } = stepped
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

ssc
  .queueStream(queue)
  .reduceByKeyAndWindow(
    (a, b) => a + b,
    (a, b) => a - b,
    WINDOW_BATCHES * stepped.intervalMs,
    stepped.intervalMs,
  )
  .foreachRDD(async rdd => {
    const results = await rdd.persist().materialize()
    const keys = await results.count()
    const sum = keys > 0 ? await results.map(pair => pair[1]).reduce((a, b) => a + b) : 0
    stepped.done([keys, sum])
  })
await stepped.start()

const milliseconds: number[] = []
let check: [number, number] = [0, 0]
for (let batch = 0; batch < total; batch++) {
  const timedBatch = await stepped.batch()
  if (batch < WINDOW_BATCHES) continue
  check = timedBatch.result
  milliseconds.push(timedBatch.milliseconds)
  if (check[0] !== distinct.size || Math.abs(check[1] - expected) > 1) {
    throw new Error(`W3: ${check} keys and sum; expected ${distinct.size} and ${expected}`)
  }
}
process.send!({ milliseconds, check, peakRssBytes: peakRss() } satisfies WindowBatches)
await ssc.stop()
