/**
 * W4: running sums by `mapWithState`, for keys that all have a state from the beginning; every
 * update gives its key's new sum. Sends the milliseconds of every batch:
 * `node state.ts WORKERS GEAR DATA BATCHES`.
 */
import { type RDD, type State, StateSpec } from 'pelton'
import { cut, openNumbers, readNumbers } from '../data.ts'
import { STATE_ROUND, STATE_WARM_UP, type StateBatches } from '../streams.ts'
import { peakRss, Stepped } from './stepped.ts'

const TOLERANCE = 1e-6

const [workers, gear, folder, count] = process.argv.slice(2) as [string, string, string, string]
const total = STATE_WARM_UP + Number(count)
const stepped = new Stepped<[rows: number, sum: number]>(workers, gear)
const { ssc } = stepped
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
    stepped.done([rows, rows > 0 ? await results.reduce((a, b) => a + b) : 0])
  })
await stepped.start()

// Before the first batch: what it computes would take the states' place in the processor's cache.
const checks = Array.from({ length: total }, (_, batch) => expected(batch))
const milliseconds: number[] = []
for (const [batch, [rows, sum]] of checks.entries()) {
  const { milliseconds: taken, result: check } = await stepped.batch()
  if (batch >= STATE_WARM_UP) milliseconds.push(taken)
  if (check[0] !== rows || Math.abs(check[1] - sum) > TOLERANCE * sum) {
    throw new Error(`W4: ${check} updates and sum; expected ${rows} and ${sum}`)
  }
}
process.send!({ milliseconds, keys: sums.size, peakRssBytes: peakRss() } satisfies StateBatches)
await ssc.stop()
