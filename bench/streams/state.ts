/**
 * W4: running sums by `mapWithState`, for keys that all have a state from the beginning; every
 * update gives its key's new sum. Sends the milliseconds of every batch:
 * `node state.ts WORKERS GEAR DATA BATCHES`.
 */
import { ManualClock, type RDD, type State, StateSpec, StreamingContext } from 'pelton'
import type { Gear } from '../arguments.ts'
import { cut, openNumbers, readNumbers } from '../data.ts'
import { STATE_ROUND, STATE_WARM_UP, type StateBatches } from '../streams.ts'

const BATCH_INTERVAL_MS = 1000
const TOLERANCE = 1e-6

const [workers, gear, folder, count] = process.argv.slice(2) as [string, Gear, string, string]
const total = STATE_WARM_UP + Number(count)
const clock = new ManualClock(0)
const ssc = new StreamingContext({
  batchInterval: BATCH_INTERVAL_MS,
  clock,
  workers: Number(workers),
  gear,
  handleSignals: false,
})
const init = openNumbers(folder, 'w4_init')
const [keyFile, valueFile] = [openNumbers(folder, 'w4_keys'), openNumbers(folder, 'w4_vals')]
const held = readNumbers(init, 0, init.rows)
const sums = new Map<number, number>()
for (const key of held) sums.set(key, 0)

const round: [keys: Float64Array, values: Float64Array][] = []
const batches: RDD<[number, number]>[] = []
for (const { from, to } of cut(keyFile.rows, STATE_ROUND)) {
  const pairs = [readNumbers(keyFile, from, to), readNumbers(valueFile, from, to)] as const
  round.push([...pairs])
  batches.push(await ssc.parallelize<[number, number]>({ pairs }).persist().materialize())
}

/** What the batch must come to: its updates, and the sum of all that they give. */
function expected(batch: number): [rows: number, sum: number] {
  const [keys, values] = round[batch % STATE_ROUND]!
  let all = 0
  for (let i = 0; i < keys.length; i++) {
    const sum = (sums.get(keys[i]!) ?? 0) + values[i]!
    sums.set(keys[i]!, sum)
    all += sum
  }
  return [keys.length, all]
}

const spec = StateSpec.function((_key: number, value: number | undefined, state: State<number>) => {
  const sum = (state.getOption() ?? 0) + (value ?? 0)
  state.update(sum)
  return sum
})
let finish: (check: [number, number]) => void = () => {}
let fail: (error: unknown) => void = () => {}
ssc
  .queueStream(Array.from({ length: total }, (_, i) => batches[i % STATE_ROUND]!))
  .mapWithState(
    spec.initialState(
      ssc.parallelize<[number, number]>({ pairs: [held, new Float64Array(held.length)] }),
    ),
  )
  .foreachRDD(async rdd => {
    const results = await rdd.persist().materialize()
    const rows = await results.count()
    finish([rows, rows > 0 ? await results.reduce((a, b) => a + b) : 0])
  })
await ssc.start()
ssc.awaitTermination().catch(error => fail(error))

const milliseconds: number[] = []
for (let batch = 0; batch < total; batch++) {
  const [rows, sum] = expected(batch)
  const result = new Promise<[number, number]>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const start = performance.now()
  clock.advance(BATCH_INTERVAL_MS)
  const check = await result
  if (batch >= STATE_WARM_UP) milliseconds.push(performance.now() - start)
  if (check[0] !== rows || Math.abs(check[1] - sum) > TOLERANCE * sum) {
    throw new Error(`W4: ${check} updates and sum; expected ${rows} and ${sum}`)
  }
}
const peakRssBytes = process.resourceUsage().maxRSS * 1024
process.send!({ milliseconds, keys: sums.size, peakRssBytes } satisfies StateBatches)
await ssc.stop()
