/**
 * A word count over one file that is much larger than the job’s memory: textFileStream reads it
 * in the workers, range by range. The file is made of one block of text again and again, so its
 * totals are known; it is checked that they come out.
 *
 *     node bench/large-file.ts [--gb 3] [--memory 256MiB] [--workers 2] [--keep]
 */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, utimesSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ManualClock, StreamingContext, seconds } from '../src/index.ts'
import { SplitMix64 } from './splitmix.ts'

const blockBytes = 8 * 1024 * 1024
const distinctWords = 20_000
const wordsPerLine = 10
const megabyte = 1e6

export interface LargeFileOptions {
  readonly gigabytes: number
  readonly memory: string
  readonly workers?: number
  /** Where the file is made. */
  readonly directory: string
  /** Leave the file there. */
  readonly keep?: boolean
}

export interface LargeFileResult {
  readonly bytes: number
  readonly counted: Totals
  readonly expected: Totals
  readonly seconds: number
  readonly arenaPeakBytes: number
}

interface Totals {
  readonly words: number
  readonly distinct: number
  /** Occurrences of a word times its number, summed up: words mixed up with others change it. */
  readonly weighted: number
}

/** Makes the file, counts its words in one batch, and removes the file again. */
export async function runLargeFile(options: LargeFileOptions): Promise<LargeFileResult> {
  const { directory, memory, workers = 2 } = options
  const block = textBlock()
  const repeats = Math.max(1, Math.ceil((options.gigabytes * 1e9) / block.bytes.length))
  const folder = join(directory, 'large-file')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'text.txt')
  try {
    const clock = new ManualClock(Math.floor(Date.now() / 1000) * 1000)
    const ssc = new StreamingContext({ batchInterval: seconds(1), memory, workers, clock })
    writeRepeated(path, block.bytes, repeats, clock.now() + 500)
    let counted: Totals = { words: 0, distinct: 0, weighted: 0 }
    ssc
      .textFileStream(folder)
      .flatMap(line => line.split(' '))
      .map(word => [word, 1] as const)
      .reduceByKey((a, b) => a + b)
      .foreachRDD(async rdd => {
        counted = totalsOf(await rdd.collect())
      })
    const failed = Promise.withResolvers<never>()
    ssc.on('error', ({ error }) => failed.reject(error))
    const begun = performance.now()
    await ssc.start()
    clock.advance(seconds(1))
    await Promise.race([ssc.whenIdle(), failed.promise])
    const elapsed = (performance.now() - begun) / 1000
    const { arenaPeakBytes } = ssc.metrics()
    await ssc.stop()
    const { words, distinct, weighted } = block.totals
    const expected = { words: words * repeats, distinct, weighted: weighted * repeats }
    const bytes = repeats * block.bytes.length
    return { bytes, counted, expected, seconds: elapsed, arenaPeakBytes }
  } finally {
    if (!options.keep) rmSync(folder, { recursive: true })
  }
}

/** Lines of skewed words, about 8 MB, and what is in them. */
function textBlock(): { bytes: Buffer; totals: Totals } {
  const random = new SplitMix64(42)
  const words = Array.from({ length: distinctWords }, (_, i) => `word${i}`)
  const lines: string[] = []
  const counts = new Map<string, number>()
  for (let size = 0; size < blockBytes; ) {
    const line = Array.from({ length: wordsPerLine }, () => {
      const word = words[Math.floor(random.unit() ** 3 * distinctWords)]!
      counts.set(word, (counts.get(word) ?? 0) + 1)
      return word
    }).join(' ')
    lines.push(line)
    size += line.length + 1
  }
  return { bytes: Buffer.from(`${lines.join('\n')}\n`), totals: totalsOf([...counts]) }
}

function totalsOf(counts: readonly (readonly [string, number])[]): Totals {
  let words = 0
  let weighted = 0
  for (const [word, count] of counts) {
    words += count
    weighted += count * Number.parseInt(word.slice('word'.length), 10)
  }
  return { words, distinct: counts.length, weighted }
}

function writeRepeated(path: string, block: Buffer, repeats: number, modified: number): void {
  const hidden = join(dirname(path), '.being-written')
  const fd = openSync(hidden, 'w')
  for (let i = 0; i < repeats; i++) writeSync(fd, block)
  closeSync(fd)
  utimesSync(hidden, modified / 1000, modified / 1000)
  renameSync(hidden, path)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      gb: { type: 'string', default: '3' },
      memory: { type: 'string', default: '256MiB' },
      workers: { type: 'string', default: '2' },
      keep: { type: 'boolean', default: false },
    },
  })
  const gigabytes = Number(values.gb)
  const workers = Number(values.workers)
  if (!(gigabytes > 0)) throw new RangeError(`--gb is ${values.gb}; give a positive number`)
  const directory = fileURLToPath(new URL('../.bench-data/', import.meta.url))
  const { memory, keep } = values
  const result = await runLargeFile({ gigabytes, memory, workers, directory, keep })
  const { bytes, counted, expected, arenaPeakBytes } = result
  const isRight = JSON.stringify(counted) === JSON.stringify(expected)
  const rate = bytes / megabyte / result.seconds
  const peakRss = process.resourceUsage().maxRSS * 1024
  console.log(
    [
      `file        ${(bytes / megabyte).toFixed(0)} MB, memory ${memory}, ${workers} workers`,
      `words       ${counted.words} (${counted.distinct} distinct): ${isRight ? 'right' : 'WRONG'}`,
      `time        ${result.seconds.toFixed(1)} s, ${rate.toFixed(0)} MB/s`,
      `arena peak  ${(arenaPeakBytes / megabyte).toFixed(1)} MB`,
      `peak RSS    ${(peakRss / megabyte).toFixed(0)} MB, all of the process`,
    ].join('\n'),
  )
  if (isRight) return
  console.error(`expected ${JSON.stringify(expected)}, counted ${JSON.stringify(counted)}`)
  process.exitCode = 1
}

if (import.meta.main) await main()
