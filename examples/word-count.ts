/**
 * Counts the words of a text that arrives over a TCP socket, on all cores, a batch a second: the
 * ten most frequent words of each batch, and at the end those of the whole text. The totals must
 * equal a plain count of the file, or the program ends with exit code 1.
 *
 *     npm start
 *     npm start -- --fast --workers 1
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type DStream, StreamingContext, seconds } from 'pelton'
import { kingJames, kingJamesPace, startReplay } from './replay-server.ts'

const usage = `Usage: npm start -- [options]
  --fast        replay as fast as the engine takes the text, instead of in 12 seconds
  --workers N   number of worker threads (default: one a core)
  --help        this text`

const { values: options } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    workers: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** The job. A verse is `Ge1:1 In the beginning …`; its reference is not counted. */
function wordCounts(verses: DStream<string>): DStream<readonly [string, number]> {
  return verses
    .flatMap(verse => verse.toLowerCase().split(' ').slice(1))
    .map(word => word.replace(/^[^a-z]+|[^a-z]+$/g, ''))
    .filter(word => word !== '')
    .map(word => [word, 1] as const)
    .reduceByKey((a, b) => a + b)
}

/** The same counts by a single loop over the file, sharing no code with the job. */
function countPlainly(file: string): Map<string, number> {
  const counts = new Map<string, number>()
  const text = readFileSync(file, 'utf8').replace(/^\S+ /gm, '').toLowerCase()
  for (const [word] of text.matchAll(/[a-z](?:\S*[a-z])?/g)) {
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

function topTen(counts: Iterable<readonly [string, number]>): string {
  return [...counts]
    .sort(([wordA, a], [wordB, b]) => b - a || (wordA < wordB ? -1 : 1))
    .slice(0, 10)
    .map(([word, count]) => `${word} ${count}`)
    .join('  ')
}

/** The first word counted differently, or undefined if there is none. */
function difference(totals: Map<string, number>, expected: Map<string, number>) {
  for (const word of new Set([...expected.keys(), ...totals.keys()])) {
    const [a, b] = [totals.get(word) ?? 0, expected.get(word) ?? 0]
    if (a !== b) return `"${word}": ${a} in the stream, ${b} in the file`
  }
}

async function main(): Promise<void> {
  const replay = await startReplay({
    file: kingJames,
    linesPerSecond: options.fast ? 'fast' : kingJamesPace,
  })
  const workers = options.workers === undefined ? {} : { workers: Number(options.workers) }
  const ssc = new StreamingContext({ batchInterval: seconds(1), ...workers })
  const totals = new Map<string, number>()
  wordCounts(ssc.socketTextStream('127.0.0.1', replay.port)).foreachRDD(async (rdd, time) => {
    const counts = await rdd.collect()
    console.log(new Date(time).toISOString().slice(11, 19), ' ', topTen(counts) || '(no words)')
    for (const [word, count] of counts) totals.set(word, (totals.get(word) ?? 0) + count)
  })

  // Ctrl-C: the context stops gracefully by itself, and the replay then loses its reader.
  let interrupted = false
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      interrupted = true
    })
  }
  const replayed = replay.done.catch(error => {
    if (!interrupted) throw error
  })

  const startMs = performance.now()
  await ssc.start()
  await Promise.race([replayed, ssc.awaitTermination()])
  await ssc.stop({ graceful: true })
  const elapsed = (performance.now() - startMs) / 1000
  await replay.close()

  console.log(`\nAll batches: ${topTen(totals)}`)
  const { rows, batches, workers: threads } = ssc.metrics()
  const rate = Math.round(rows / elapsed).toLocaleString('en')
  console.log(
    `${rows.toLocaleString('en')} rows in ${elapsed.toFixed(1)} s, ${rate} rows/s, ` +
      `${batches} batches, ${threads} workers`,
  )
  if (interrupted) return
  const wrong = difference(totals, countPlainly(kingJames))
  if (wrong !== undefined) {
    console.error(`The totals differ from an independent count of ${kingJames}: ${wrong}`)
    process.exitCode = 1
  }
}

if (options.help) console.log(usage)
else await main()
