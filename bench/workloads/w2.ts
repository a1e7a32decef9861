/** W2, keyed sum: `reduceByKey(+)` over pairs of numbers with sparse keys. Rows are pairs. */
import { UsageError } from '../arguments.ts'
import { BATCHES, cut, openNumbers, readNumbers } from '../data.ts'
import type { BatchCheck, Job } from './job.ts'

export interface PairBatch {
  readonly keys: Float64Array
  readonly values: Float64Array
}

export interface PairFiles {
  readonly rows: number
  /** Reads one batch after the other. */
  batches(): Iterable<PairBatch>
}

/** The pairs of W2 in batches. */
export function openPairs(folder: string): PairFiles {
  const keys = openNumbers(folder, 'w2_keys')
  const values = openNumbers(folder, 'w2_vals')
  if (keys.rows !== values.rows) {
    throw new UsageError(
      `${keys.path} has ${keys.rows} rows and ${values.path} has ${values.rows}: ` +
        'need one value a key',
    )
  }
  return {
    rows: keys.rows,
    *batches() {
      for (const { from, to } of cut(keys.rows, BATCHES)) {
        yield { keys: readNumbers(keys, from, to), values: readNumbers(values, from, to) }
      }
    },
  }
}

/** One thread and a `Map`, over two Float64Arrays a batch. */
export function plainKeyedSum(folder: string): Job {
  const pairs = openPairs(folder)
  const batches = [...pairs.batches()]
  return { rows: pairs.rows, run: () => batches.map(sumByKey) }
}

function sumByKey({ keys, values }: PairBatch): BatchCheck {
  const sums = new Map<number, number>()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    sums.set(key, (sums.get(key) ?? 0) + values[i]!)
  }
  let total = 0
  for (const sum of sums.values()) total += sum
  return [sums.size, total]
}
