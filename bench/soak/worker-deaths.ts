/**
 * A minute of batches of a second on the machine's clock, in which workers are killed 20 times in
 * the midst of a task: no batch may be lost or come twice, and none may be late by an interval.
 * `node bench/soak/worker-deaths.ts [SECONDS] [KILLS]`; the same without kills comes first.
 */
import { accumulator, type State, StateSpec, StreamingContext } from '../../src/index.ts'

const [seconds = 60, kills = 20] = process.argv.slice(2).map(Number)
const intervalMs = 1000
const rowsABatch = 200_000
const keys = 1000
/** Batches in which everything is compiled: their delays don't count, and nobody is killed. */
const warmUp = 3

interface Figures {
  readonly batches: number
  readonly lost: number
  readonly twice: number
  readonly wrong: number
  readonly killed: number
  readonly deaths: number
  readonly medianMs: number
  readonly longestMs: number
  readonly arenaBytes: number
}

/** Runs so many batches, and kills workers at times that are spread over them. */
async function run(batches: number, kills: number): Promise<Figures> {
  const ssc = new StreamingContext({ batchInterval: intervalMs, workers: 2, handleSignals: false })
  const numbers = Array.from({ length: rowsABatch }, (_, i) => i)
  const queue = Array.from({ length: batches }, (_, b) => numbers.map(x => x + b))
  const seen = accumulator()
  const sums: number[] = []
  const states = new Map<number, number>()
  const delays: number[] = []
  let batch = 0
  let killed = 0
  let deaths = 0
  ssc.on('workerExited', () => deaths++)
  ssc.on('batchStarted', () => batch++)
  ssc.on('batchCompleted', ({ totalDelay }) => delays.push(totalDelay!))
  const due = (): number => ((batch - warmUp) * kills) / (batches - 2 * warmUp)
  const killer = setInterval(() => {
    if (killed > deaths || killed >= Math.min(kills, due())) return
    if (ssc.session.runtime.pool.endWorker()) killed++
  }, 3)
  const pairs = ssc.queueStream(queue).map(x => {
    seen.add(1)
    return [x % 1000, x] as [number, number]
  })
  pairs
    .reduceByKey((a, b) => a + b)
    .foreachRDD(async rdd => {
      const found = await rdd.collect()
      sums.push(found.reduce((all, [, sum]) => all + sum, 0))
    })
  pairs
    .mapWithState(
      StateSpec.function((key: number, value: number | undefined, state: State<number>) => {
        state.update((state.getOption() ?? 0) + value!)
        return [key, state.get()] as [number, number]
      }),
    )
    .foreachRDD(async rdd => {
      const last = rdd.reduceByKey((a, b) => Math.max(a, b))
      for (const [key, sum] of await last.collect()) states.set(key, sum)
    })
  await ssc.start()
  while (delays.length < batches) await ssc.awaitTermination(100)
  clearInterval(killer)
  await ssc.stop()
  const first = (rowsABatch * (rowsABatch - 1)) / 2
  const expected = Array.from({ length: batches }, (_, b) => first + b * rowsABatch)
  const ran = sums.slice(0, batches)
  const all = expected.reduce((a, b) => a + b, 0)
  const held = [...states.values()].reduce((a, b) => a + b, 0)
  const isOff = held !== all || states.size !== keys || seen.value !== 2 * batches * rowsABatch
  const sorted = delays.slice(warmUp, batches).toSorted((a, b) => a - b)
  return {
    batches: ran.length,
    lost: expected.filter(sum => !ran.includes(sum)).length,
    twice: ran.filter((sum, i) => ran.indexOf(sum) !== i).length,
    wrong: isOff ? 1 : 0,
    killed,
    deaths,
    medianMs: sorted[sorted.length >> 1]!,
    longestMs: sorted.at(-1)!,
    arenaBytes: ssc.metrics().arenaBytes,
  }
}

const calm = await run(Math.min(seconds, 20), 0)
console.log('no kills:', JSON.stringify(calm))
const killed = await run(seconds, kills)
console.log(`${kills} kills:`, JSON.stringify(killed))
const added = killed.longestMs - calm.medianMs
console.log(`longest delay above the median without kills: ${added} ms of ${intervalMs}`)
const isGood = killed.lost + killed.twice + killed.wrong === 0 && killed.killed === kills
if (!isGood || added >= intervalMs) process.exitCode = 1
