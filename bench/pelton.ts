/** The Pelton variants: one function a workload, over the public API only. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DStream, ManualClock, type RDD, StreamingContext } from 'pelton'
import type { Gear, WorkloadName } from './arguments.ts'
import { readText, type TextFile } from './data.ts'
import type { BatchCheck, Job } from './workloads/job.ts'
import { openLines, stopWords } from './workloads/w1.ts'
import { openPairs, openSkewedPairs } from './workloads/w2.ts'
import { openW6 } from './workloads/w6.ts'

const BATCH_INTERVAL_MS = 1000

export interface PeltonOptions {
  readonly workers: number
  readonly gear: Gear
  /** Runs that the job must be able to make: the queue is filled before the clock starts. */
  readonly runs: number
  /** Batches that W1 and W2 are cut into. */
  readonly batches: number
  /** The lines of W1 are read from files, one a batch, while the clock runs. */
  readonly fromFiles: boolean
}

/** Makes a workload ready: the input lies in blocks, the context is started, the clock stands. */
export function openPelton(
  workload: WorkloadName,
  folder: string,
  options: PeltonOptions,
): Promise<Job> {
  const openers = {
    W1: wordCount,
    W2: keyedSum,
    W6: numbers,
    'W1-pure': wordCount,
    'W2-skew': keyedSum,
  }
  return openers[workload](folder, options, workload)
}

async function wordCount(
  folder: string,
  options: PeltonOptions,
  workload: WorkloadName,
): Promise<Job> {
  const { ssc, clock } = context(options)
  const file = openLines(folder, options.batches)
  const batches = options.fromFiles ? linesInFiles(ssc, file) : await linesInBlocks(ssc, file)
  const words = ssc.queueStream(queue(batches, options.runs)).flatMap(line => line.split(' '))
  const counts = (workload === 'W1-pure' ? pureWords(words, stopWords(file)) : words)
    .map(word => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b)
  return streamJob(ssc, clock, counts, { rows: file.words, batches: batches.length })
}

async function linesInBlocks(ssc: StreamingContext, file: TextFile): Promise<RDD<string>[]> {
  const batches: RDD<string>[] = []
  for (const range of file.batches) {
    batches.push(await inBlocks(ssc.parallelize<string>({ text: readText(file, range) })))
  }
  return batches
}

/** Each batch as a file of its own, in a folder that goes with the process. */
function linesInFiles(ssc: StreamingContext, file: TextFile): RDD<string>[] {
  const folder = mkdtempSync(join(tmpdir(), 'pelton-bench-lines-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  return file.batches.map((range, i) => {
    const path = join(folder, `${i}.txt`)
    writeFileSync(path, readText(file, range))
    return ssc.textFile(path)
  })
}

/** What only a call a distinct word can do. */
function pureWords(words: DStream<string>, stopped: readonly string[]): DStream<string> {
  const stop = new Set(stopped)
  return words.filter(w => !stop.has(w)).map(w => w.normalize().toUpperCase())
}

async function keyedSum(
  folder: string,
  options: PeltonOptions,
  workload: WorkloadName,
): Promise<Job> {
  const { ssc, clock } = context(options)
  const open = workload === 'W2-skew' ? openSkewedPairs : openPairs
  const pairs = open(folder, options.batches)
  const batches: RDD<[number, number]>[] = []
  for (const { keys, values } of pairs.batches()) {
    batches.push(await inBlocks(ssc.parallelize<[number, number]>({ pairs: [keys, values] })))
  }
  const sums = ssc.queueStream(queue(batches, options.runs)).reduceByKey((a, b) => a + b)
  return streamJob(ssc, clock, sums, { rows: pairs.rows, batches: batches.length })
}

async function numbers(folder: string, options: PeltonOptions): Promise<Job> {
  const { ssc } = context(options)
  const file = openW6(folder)
  const input = await inBlocks(ssc.parallelize<number>(file.read()))
  return {
    rows: file.rows,
    async run() {
      const count = await input
        .filter(x => x % 2 === 0)
        .map(x => x * 3 + 1)
        .filter(y => y % 5 < 3)
        .count()
      return [[1, count]]
    },
    counters: () => ssc.metrics(),
    close: () => ssc.stop(),
  }
}

function context({ workers, gear }: PeltonOptions): { ssc: StreamingContext; clock: ManualClock } {
  const clock = new ManualClock(0)
  const ssc = new StreamingContext({
    batchInterval: BATCH_INTERVAL_MS,
    clock,
    workers,
    gear,
    // An interrupt from the keyboard ends the benchmark, not only its current batch.
    handleSignals: false,
  })
  return { ssc, clock }
}

function inBlocks<T>(rdd: RDD<T>): Promise<RDD<T>> {
  return rdd.persist().materialize()
}

/** Every run needs its batches in the queue: a started stream takes no new sources. */
function queue<T>(batches: readonly T[], runs: number): T[] {
  return Array.from({ length: runs }, () => batches).flat()
}

/** Starts the context; a run moves the clock over one round of the queue and awaits every check. */
async function streamJob(
  ssc: StreamingContext,
  clock: ManualClock,
  results: DStream<[unknown, number]>,
  size: { rows: number; batches: number },
): Promise<Job> {
  let checks: BatchCheck[] = []
  let finish: (checks: readonly BatchCheck[]) => void = () => {}
  let fail: (error: unknown) => void = () => {}
  results.foreachRDD(async rdd => {
    checks.push(await checkOf(rdd))
    if (checks.length === size.batches) finish(checks)
  })
  await ssc.start()
  // A failed batch never reaches its check, so the run listens for the context's failure as well.
  ssc.awaitTermination().catch(error => fail(error))
  return {
    rows: size.rows,
    run() {
      checks = []
      return new Promise<readonly BatchCheck[]>((resolve, reject) => {
        finish = resolve
        fail = reject
        clock.advance(size.batches * BATCH_INTERVAL_MS)
      })
    },
    counters: () => ssc.metrics(),
    close: () => ssc.stop(),
  }
}

/** The number of rows and the sum of their values; the rows are computed once, for both. */
async function checkOf(rdd: RDD<[unknown, number]>): Promise<BatchCheck> {
  const results = await rdd.persist().materialize()
  const rows = await results.count()
  const sum = rows > 0 ? await results.map(pair => pair[1]).reduce((a, b) => a + b) : 0
  results.unpersist()
  return [rows, sum]
}
