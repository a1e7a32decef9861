/** W1, word count: `flatMap(split) → map([w, 1]) → reduceByKey(+)`. Rows are words. */
import { openText, readText, type TextFile } from '../data.ts'
import type { BatchCheck, Job } from './job.ts'

/** The lines of W1 in batches. */
export function openLines(folder: string): TextFile {
  return openText(folder, 'w1.txt')
}

/** One thread, `split` and a `Map`, over an array of lines a batch. */
export function plainWordCount(folder: string): Job {
  const file = openLines(folder)
  const batches = file.batches.map(range => {
    const text = Buffer.from(readText(file, range).buffer).toString('utf8')
    return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
  })
  return { rows: file.words, run: () => batches.map(countWords) }
}

function countWords(lines: readonly string[]): BatchCheck {
  const counts = new Map<string, number>()
  for (const line of lines) {
    for (const word of line.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  let sum = 0
  for (const count of counts.values()) sum += count
  return [counts.size, sum]
}
