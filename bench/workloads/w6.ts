/** W6, numbers: `filter → map → filter → count`. One batch; its result is one row, the count. */
import { openNumbers, readNumbers } from '../data.ts'
import type { Job } from './job.ts'

export interface NumbersFile {
  readonly rows: number
  read(): Float64Array
}

/** The numbers of W6. */
export function openW6(folder: string): NumbersFile {
  const file = openNumbers(folder, 'w6')
  return { rows: file.rows, read: () => readNumbers(file, 0, file.rows) }
}

const isEven = (x: number): boolean => x % 2 === 0
const triplePlusOne = (x: number): number => x * 3 + 1
const isSmall = (y: number): boolean => y % 5 < 3

/** One thread, one loop that calls the three closures, over a Float64Array. */
export function plainNumbers(folder: string): Job {
  const file = openW6(folder)
  const numbers = file.read()
  return { rows: file.rows, run: () => [[1, countSmall(numbers)]] }
}

function countSmall(numbers: Float64Array): number {
  let count = 0
  for (const x of numbers) {
    if (isEven(x) && isSmall(triplePlusOne(x))) count++
  }
  return count
}
