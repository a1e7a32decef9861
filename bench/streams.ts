/** Streams as they run in service: small batches, a socket, a cold start, a long run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchOptions, StreamName } from './arguments.ts'
import { checkpoints } from './checkpoints.ts'
import { Child } from './child.ts'
import { openText, readText } from './data.ts'
import type { DataFile } from './generate.ts'
import { median } from './jobs.ts'
import type { Output } from './latency.ts'
import { missing as notInstalled } from './peers/index.ts'
import { nativeMilliseconds } from './peers/native.ts'
import { grouped, significant } from './report.ts'
import { ask, common, type Line, type Run } from './stream-run.ts'
import { keysHeld, windowLengths } from './stream-sizes.ts'

const MEGABYTE = 1e6
const SMALL_ROWS = 1000
const SMALL_BATCHES = 3000
const HOLD_SECONDS = 60
const SOCKET_SECONDS = 20
const SOAK_SECONDS = 120
const SOAK_BATCHES_A_SECOND = 10_000 / SOAK_SECONDS
/** Batches until a socket's rate is taken to be steady. */
const SOCKET_WARM_UP = 3
/** Words that came in count as lost when nothing has been counted for so long. */
const SILENCE_MS = 15_000
const FIRST_COUNT_BATCHES = 10
/** Batches in W3's window, and after how many its input begins anew. */
export const WINDOW_BATCHES = 300
export const WINDOW_ROUND = 64
const WINDOW_TIMED = 100
/** Batches after which W4's updates begin anew, and those that are not timed. */
export const STATE_ROUND = 30
export const STATE_WARM_UP = 10
const STATE_TIMED = 50
/** More than this above the second quarter is not flat. */
const FLAT_FACTOR = 1.1

/** What streams/small-batches.ts sends. */
export interface SmallBatches {
  readonly milliseconds: readonly number[]
}

/** What streams/hold.ts sends. */
export interface Hold {
  /** Milliseconds from the tick of each batch to its end. */
  readonly delays: readonly number[]
  readonly skipped: number
  /** Batches with a wrong result. */
  readonly wrong: number
}

/** What streams/soak.ts sends. */
export interface Soak {
  readonly batches: number
  readonly samples: readonly { readonly rssBytes: number; readonly arenaBytes: number }[]
}

/** What streams/socket-server.ts sends. */
export type Served =
  | { readonly type: 'listens'; readonly port: number }
  /** How often the file was sent, and when that began: milliseconds since the epoch. */
  | { readonly type: 'sent'; readonly repeats: number; readonly from: number }

/** What streams/socket-count.ts sends for each batch. */
export interface Counted {
  readonly words: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly peakRssBytes: number
}

/** What streams/window.ts sends. */
export interface WindowBatches {
  readonly milliseconds: readonly number[]
  /** Keys and sum of the last window. */
  readonly check: readonly [keys: number, sum: number]
  readonly peakRssBytes: number
}

/** What streams/state.ts sends. */
export interface StateBatches {
  readonly milliseconds: readonly number[]
  /** Keys that have a state. */
  readonly keys: number
  readonly peakRssBytes: number
}

/** What streams/first-count.ts sends. */
export interface FirstCount {
  readonly milliseconds: number
  readonly words: number
}

const RUNS: Readonly<Record<StreamName, Run>> = {
  W3: slidingWindow,
  W4: runningState,
  W5: smallBatches,
  W7: socket,
  T0: firstCount,
  'window-length': windowLengths,
  'keys-held': keysHeld,
  checkpoints,
  hold,
  soak,
}

/** The files that a stream reads. */
export function filesOf(name: StreamName): DataFile[] {
  if (name === 'W3') return ['w3_keys.f64']
  if (name === 'W4') return ['w4_init.f64', 'w4_keys.f64', 'w4_vals.f64']
  return name === 'W7' || name === 'T0' ? ['w1.txt'] : []
}

/** Runs one of them and prints what it came to. */
export async function runStream(
  name: StreamName,
  folder: string,
  options: BenchOptions,
  { print, progress }: Output,
): Promise<void> {
  for (const { text, fields } of await RUNS[name](options, folder, progress)) {
    print(options.json ? JSON.stringify({ workload: name, ...fields }) : `${name} ${text}`)
  }
}

async function smallBatches(
  options: BenchOptions,
  _folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  const kinds = [SMALL_ROWS, 0].map(rows => ({ rows, milliseconds: [] as number[] }))
  for (let repetition = 1; repetition <= options.repetitions; repetition++) {
    for (const { rows, milliseconds } of kinds) {
      progress(`W5: ${rows} rows, repetition ${repetition} of ${options.repetitions}`)
      const args = [...common(options), String(rows), String(SMALL_BATCHES)]
      milliseconds.push(...(await ask<SmallBatches>('small-batches.ts', args)).milliseconds)
    }
  }
  const native = await nativeLine('W5', options)
  const lines = kinds.map(({ rows, milliseconds }) => {
    const middle = median(milliseconds)
    const p99 = percentile(milliseconds, 0.99)
    const batch = rows > 0 ? `a batch of ${grouped(rows)} pairs` : 'an empty batch'
    return {
      text:
        `${batch}, map and reduceByKey, tick to result: ${significant(middle)} ms ` +
        `(aim below 0.3), p99 ${significant(p99)} ms (aim below 2), ` +
        `${grouped(milliseconds.length)} batches`,
      fields: { rows, milliseconds: middle, p99, batches: milliseconds.length },
    }
  })
  return [...lines, ...native]
}

/** The same by the native reference, where it is built. */
async function nativeLine(job: 'W3' | 'W4' | 'W5', options: BenchOptions): Promise<Line[]> {
  const { native: folder, workers } = options
  if (folder === undefined || notInstalled('native', options)) return []
  const native = await nativeMilliseconds(job, { folder, workers: workers.at(-1)! })
  return [{ text: `native: ${significant(native)} ms a batch`, fields: { native } }]
}

async function slidingWindow(
  options: BenchOptions,
  folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  progress('W3: fills the window')
  const args = [...common(options), folder, String(WINDOW_TIMED)]
  const { milliseconds, check, peakRssBytes } = await ask<WindowBatches>('window.ts', args)
  const { text, fields } = batchTimes(milliseconds, 1.6)
  return [
    {
      text:
        `sum by key in a window of ${WINDOW_BATCHES} batches, with an inverse: ${text}, ` +
        `${grouped(check[0])} keys, peak RSS ${Math.round(peakRssBytes / MEGABYTE)} MB`,
      fields: { ...fields, check, peakRssBytes },
    },
    ...(await nativeLine('W3', options)),
  ]
}

async function runningState(
  options: BenchOptions,
  folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  progress('W4: batches of updates')
  const args = [...common(options), folder, String(STATE_TIMED)]
  const { milliseconds, keys, peakRssBytes } = await ask<StateBatches>('state.ts', args)
  const { text, fields } = batchTimes(milliseconds, 2.5)
  return [
    {
      text:
        `running sums by key, mapWithState: ${text}, ${grouped(keys)} keys held, ` +
        `peak RSS ${Math.round(peakRssBytes / MEGABYTE)} MB`,
      fields: { ...fields, keys, peakRssBytes },
    },
    ...(await nativeLine('W4', options)),
  ]
}

/** What batches took, beside what they may take. */
function batchTimes(milliseconds: readonly number[], aim: number): Line {
  const middle = median(milliseconds)
  const spread = [percentile(milliseconds, 0.05), percentile(milliseconds, 0.95)] as const
  return {
    text:
      `${significant(middle)} ms a batch (${significant(spread[0])} … ` +
      `${significant(spread[1])} for 9 of 10; aim at most ${aim})`,
    fields: { milliseconds: middle, spread },
  }
}

async function hold(
  options: BenchOptions,
  _folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  const seconds = options.seconds ?? HOLD_SECONDS
  progress(`hold: ${seconds} s`)
  const { delays, skipped, wrong } = await ask<Hold>('hold.ts', [
    ...common(options),
    String(seconds),
  ])
  const parts = Math.floor(delays.length / 6)
  // The first sixth is the warm-up.
  const early = median(delays.slice(parts, 2 * parts))
  const late = median(delays.slice(-parts))
  const p99 = percentile(delays.slice(parts), 0.99)
  const grows = late > early + 1
  return [
    {
      text:
        `an interval of 5 ms for ${seconds} s: ${grouped(delays.length)} batches, ` +
        `${skipped} skipped, ${wrong} wrong; tick to end ${significant(early)} ms early, ` +
        `${significant(late)} ms at the end, p99 ${significant(p99)} ms: ` +
        `the delay ${grows ? 'GROWS' : 'does not grow'}`,
      fields: { seconds, batches: delays.length, skipped, wrong, early, late, p99, grows },
    },
  ]
}

async function soak(
  options: BenchOptions,
  _folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  const seconds = options.seconds ?? SOAK_SECONDS
  const count = Math.max(40, Math.round(seconds * SOAK_BATCHES_A_SECOND))
  progress(`soak: ${count} batches`)
  const interval = String(1000 / SOAK_BATCHES_A_SECOND)
  const { samples, batches } = await ask<Soak>('soak.ts', [
    ...common(options),
    String(count),
    interval,
  ])
  const quarter = Math.floor(samples.length / 4)
  const figures = (['rssBytes', 'arenaBytes'] as const).map(name => {
    const values = samples.map(sample => sample[name])
    const second = median(values.slice(quarter, 2 * quarter))
    const last = median(values.slice(-quarter))
    return { name, second, last, isFlat: last <= second * FLAT_FACTOR }
  })
  const words = figures.map(({ name, second, last, isFlat }) => {
    const what = name === 'rssBytes' ? 'RSS' : 'arena'
    const change = `${significant(second / MEGABYTE)} → ${significant(last / MEGABYTE)} MB`
    return `${what} ${change}, ${isFlat ? 'flat' : 'GROWS'}`
  })
  return [
    {
      text: `${grouped(batches)} batches, second to last quarter: ${words.join('; ')}`,
      fields: { batches, memory: figures },
    },
  ]
}

async function socket(
  options: BenchOptions,
  folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  const seconds = options.seconds ?? SOCKET_SECONDS
  const { path, words } = openText(folder, 'w1.txt')
  const server = new Child<Served>('streams/socket-server.ts', [path, String(seconds)])
  let counter: Child<Counted> | undefined
  try {
    const listens = await server.next()
    if (listens.type !== 'listens') throw new Error('W7: the server sent before it listened')
    counter = new Child<Counted>('streams/socket-count.ts', [
      ...common(options),
      String(listens.port),
    ])
    let sent: number | undefined
    let from = 0
    const all = server.next().then(done => {
      if (done.type !== 'sent') return
      sent = done.repeats * words
      from = done.from
    })
    const batches: Counted[] = []
    let counted = 0
    let heard = performance.now()
    while (sent === undefined || counted < sent) {
      const batch = await counter.next()
      counted += batch.words
      if (batch.words > 0) {
        heard = performance.now()
        batches.push(batch)
      }
      progress(`W7: ${grouped(counted)} words`)
      if (sent !== undefined && performance.now() - heard > SILENCE_MS) break
    }
    await all
    return [socketLine(batches, { counted, sent: sent!, from })]
  } finally {
    server.kill()
    counter?.kill()
  }
}

function socketLine(
  batches: readonly Counted[],
  { counted, sent, from }: { counted: number; sent: number; from: number },
): Line {
  const first = batches[Math.min(SOCKET_WARM_UP, batches.length - 1)]!
  // The last batch is cut short by the end of the text.
  const last = batches.at(-2) ?? first
  const steady = batches.slice(SOCKET_WARM_UP + 1, -1).reduce((sum, { words }) => sum + words, 0)
  const seconds = (last.at - first.at) / 1000
  const wordsPerSecond = seconds > 0 ? steady / seconds : 0
  const lost = sent - counted
  const { peakRssBytes, at } = batches.at(-1)!
  const overall = counted / ((at - from) / 1000)
  return {
    text:
      `word count of a socket, batches of 1 s: ${significant(wordsPerSecond / 1e6)} M words/s ` +
      `over ${significant(seconds)} s (aim at least 40), ${significant(overall / 1e6)} M from ` +
      `start to end, ${grouped(counted)} counted of ` +
      `${grouped(sent)} sent, ${lost === 0 ? 'nothing lost' : `${grouped(lost)} LOST`}, ` +
      `peak RSS ${Math.round(peakRssBytes / MEGABYTE)} MB`,
    fields: { wordsPerSecond, seconds, overall, counted, sent, lost, peakRssBytes },
  }
}

async function firstCount(
  options: BenchOptions,
  folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  const temporary = mkdtempSync(join(tmpdir(), 'pelton-bench-first-'))
  try {
    const text = openText(folder, 'w1.txt', FIRST_COUNT_BATCHES)
    const path = join(temporary, 'lines.txt')
    const bytes = readText(text, text.batches[0]!)
    writeFileSync(path, bytes)
    const { words } = openText(temporary, 'lines.txt')
    const samples: number[] = []
    for (let repetition = 0; repetition <= options.repetitions; repetition++) {
      progress(`T0: ${repetition} of ${options.repetitions}`)
      const start = performance.timeOrigin + performance.now()
      const first = await ask<FirstCount>('first-count.ts', [...common(options), path])
      if (first.words !== words) {
        throw new Error(`T0: counted ${first.words} words of ${words}`)
      }
      if (repetition > 0) samples.push(first.milliseconds - start)
    }
    const milliseconds = median(samples)
    const spread = [Math.min(...samples), Math.max(...samples)] as const
    return [
      {
        text:
          `process start to the first word count of ${significant(bytes.length / MEGABYTE)} MB: ` +
          `${significant(milliseconds)} ms ` +
          `(${significant(spread[0])} … ${significant(spread[1])}; aim below 300)`,
        fields: { milliseconds, spread, bytes: bytes.length },
      },
    ]
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

/** The value that a part of all values does not exceed. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)]!
}
