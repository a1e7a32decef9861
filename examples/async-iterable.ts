/** JavaScript on both ends: an async generator is the source, `for await` reads the batches. */
import { setTimeout as sleep } from 'node:timers/promises'
import { milliseconds, StreamingContext } from 'pelton'

async function* temperatures() {
  for (let i = 0; i < 40; i++) {
    yield { city: i % 2 === 0 ? 'Basel' : 'Uppsala', celsius: i }
    await sleep(5)
  }
}

await using ssc = new StreamingContext({ batchInterval: milliseconds(50) })
const warmest = ssc
  .from(temperatures())
  .map(({ city, celsius }) => [city, celsius] as const)
  .reduceByKey((a, b) => Math.max(a, b))
const batches = warmest.batches()

await ssc.start()
const seen = new Map<string, number>()
for await (const { time, rows } of batches) {
  for (const [city, celsius] of rows) {
    console.log(`${new Date(time).toISOString()} ${city} ${celsius}`)
    seen.set(city, celsius)
  }
  if (seen.get('Uppsala') === 39) break
}
