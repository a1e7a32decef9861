/**
 * Batches of 10,000 pairs beside a window or a state of any size: `node sizes.ts WORKERS GEAR WHAT
 * SIZE BATCHES`, where WHAT is `window` (SIZE batches, reduceByKeyAndWindow with an inverse) or
 * `states` (SIZE keys, mapWithState). Sends the milliseconds of every batch, once the window is
 * full and all keys have a state.
 */
import { type DStream, type RDD, type State, StateSpec } from 'pelton'
import { SplitMix64 } from '../splitmix.ts'
import type { SizedBatches } from '../stream-sizes.ts'
import { Stepped } from './stepped.ts'

const PAIRS = 10_000
const WINDOW_KEYS = 100_000
/** Batches after which the input begins anew, and those that are not timed. */
const ROUND = 32
const WARM_UP = 200

const [workers, gear, what, size, batches] = process.argv.slice(2) as [
  string,
  string,
  'window' | 'states',
  string,
  string,
]
const count = Number(size)
const stepped = new Stepped<number>(workers, gear)
const { ssc, intervalMs } = stepped
const random = new SplitMix64(11)
const keys = what === 'window' ? WINDOW_KEYS : count
const untimed = WARM_UP + (what === 'window' ? count : 1)
const total = untimed + Number(batches)

const round: RDD<[number, number]>[] = []
for (let i = 0; i < ROUND; i++) {
  const pairs: [Float64Array, Float64Array] = [
    Float64Array.from({ length: PAIRS }, () => random.below(keys)),
    new Float64Array(PAIRS).fill(1),
  ]
  round.push(await ssc.parallelize<[number, number]>({ pairs }).persist().materialize())
}
const before = ssc.metrics().arenaBytes
const stream = ssc.queueStream(Array.from({ length: total }, (_, i) => round[i % ROUND]!))

function windows(): DStream<unknown> {
  return stream.reduceByKeyAndWindow(
    (a, b) => a + b,
    (a, b) => a - b,
    count * intervalMs,
    intervalMs,
  )
}

/** All keys have a state from the beginning. */
function states(): DStream<unknown> {
  const held = Float64Array.from({ length: count }, (_, i) => i)
  const pairs: [Float64Array, Float64Array] = [held, new Float64Array(count)]
  const spec = StateSpec.function((_: number, value: number | undefined, state: State<number>) => {
    const sum = (state.getOption() ?? 0) + (value ?? 0)
    state.update(sum)
    return sum
  })
  return stream.mapWithState(spec.initialState(ssc.parallelize<[number, number]>({ pairs })))
}

const output = what === 'window' ? windows() : states()
output.foreachRDD(async rdd => stepped.done(await rdd.count()))
await stepped.start()

const milliseconds: number[] = []
for (let batch = 0; batch < total; batch++) {
  const { milliseconds: taken, result } = await stepped.batch()
  if (batch >= untimed) milliseconds.push(taken)
  if (what === 'states' && result !== PAIRS) throw new Error(`${result} rows of ${PAIRS}`)
  await ssc.whenIdle()
}
const bytes = ssc.metrics().arenaBytes - before
process.send!({ milliseconds, bytes } satisfies SizedBatches)
await ssc.stop()
