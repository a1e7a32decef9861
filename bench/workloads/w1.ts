/** W1, word count: `flatMap(split) → map([w, 1]) → reduceByKey(+)`. Rows are words. */
import { openText, readText, type TextFile, type TextRange } from '../data.ts'
import type { BatchCheck, Job } from './job.ts'

const FIRST_LINE_BYTES_MAX = 4096

/** The lines of W1 in batches. */
export function openLines(folder: string, batches?: number): TextFile {
  return openText(folder, 'w1.txt', batches)
}

/** The lines of one batch as strings. */
export function readLines(file: TextFile, range: TextRange): string[] {
  const text = Buffer.from(readText(file, range).buffer).toString('utf8')
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

/** Words that W1-pure leaves out: those of the first line. */
export function stopWords(file: TextFile): string[] {
  const [first] = file.batches
  const head = readText(file, { from: 0, to: Math.min(first!.to, FIRST_LINE_BYTES_MAX) })
  return Buffer.from(head.buffer).toString('utf8').split('\n', 1)[0]!.split(' ')
}

/** One thread, `split` and a `Map`, over an array of lines a batch. */
export function plainWordCount(folder: string, batches?: number): Job {
  const file = openLines(folder, batches)
  const lines = file.batches.map(range => readLines(file, range))
  return { rows: file.words, run: () => lines.map(countWords) }
}

/** The same with a filter and a map in the middle, called once a word. */
export function plainPureWordCount(folder: string, batches?: number): Job {
  const file = openLines(folder, batches)
  const stop = new Set(stopWords(file))
  const lines = file.batches.map(range => readLines(file, range))
  return { rows: file.words, run: () => lines.map(each => countPureWords(each, stop)) }
}

function countWords(lines: readonly string[]): BatchCheck {
  const counts = new Map<string, number>()
  for (const line of lines) {
    for (const word of line.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return checkOfCounts(counts)
}

function countPureWords(lines: readonly string[], stop: ReadonlySet<string>): BatchCheck {
  const counts = new Map<string, number>()
  for (const line of lines) {
    for (const word of line.split(' ')) {
      if (stop.has(word)) continue
      const key = word.normalize().toUpperCase()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  return checkOfCounts(counts)
}

function checkOfCounts(counts: ReadonlyMap<string, number>): BatchCheck {
  let sum = 0
  for (const count of counts.values()) sum += count
  return [counts.size, sum]
}
