/**
 * Thousands of batches with new input each, through a receiver: text into a word count, and numbers
 * into sums by key. Sends what memory was taken on the way: `node soak.ts WORKERS GEAR BATCHES MS`,
 * with at least so many milliseconds a batch.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Receiver } from 'pelton'
import { SplitMix64 } from '../splitmix.ts'
import type { Soak } from '../streams.ts'
import { Stepped } from './stepped.ts'

const LINES = 500
const WORDS_A_LINE = 10
const VOCABULARY = 20_000
const TEXTS = 64
const SAMPLES = 100

class Lines extends Receiver<string> {
  onStart(): void {}
  onStop(): void {}
  add(text: Buffer): Promise<void> | undefined {
    return this.storeText(text)
  }
}

const [workers, gear, count, milliseconds] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
]
const batches = Number(count)
const random = new SplitMix64(5)
const texts = Array.from({ length: TEXTS }, () => {
  const lines = Array.from({ length: LINES }, () =>
    Array.from({ length: WORDS_A_LINE }, () => `word${random.below(VOCABULARY)}`).join(' '),
  )
  return Buffer.from(`${lines.join('\n')}\n`)
})

const stepped = new Stepped<never>(workers, gear)
const { ssc } = stepped
const receiver = new Lines()
let words = 0
const counts = ssc
  .receiverStream(receiver)
  .flatMap(line => line.split(' '))
  .map(word => [word, 1] as [string, number])
  .reduceByKey((a, b) => a + b)
counts.foreachRDD(async rdd => {
  const sum = await rdd.map(pair => pair[1]).reduce((a, b) => a + b)
  words += sum
})
counts
  .map(([word, n]) => [word.length, n] as [number, number])
  .reduceByKey((a, b) => a + b)
  .foreachRDD(async rdd => void (await rdd.collect()))
await stepped.start()

const samples: { rssBytes: number; arenaBytes: number }[] = []
const every = Math.max(1, Math.floor(batches / SAMPLES))
for (let batch = 0; batch < batches; batch++) {
  const start = performance.now()
  await receiver.add(texts[batch % TEXTS]!)
  stepped.tick()
  await ssc.whenIdle()
  if (batch % every === 0) {
    const { arenaBytes } = ssc.metrics()
    samples.push({ rssBytes: process.memoryUsage.rss(), arenaBytes })
  }
  const left = Number(milliseconds) - (performance.now() - start)
  if (left > 1) await sleep(left)
}
const expected = batches * LINES * WORDS_A_LINE
if (words !== expected) throw new Error(`soak: counted ${words} words of ${expected}`)
process.send!({ samples, batches } satisfies Soak)
await ssc.stop()
