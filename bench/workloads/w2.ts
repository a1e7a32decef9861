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
export function openPairs(folder: string, batches = BATCHES): PairFiles {
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
      for (const { from, to } of cut(keys.rows, batches)) {
        yield { keys: readNumbers(keys, from, to), values: readNumbers(values, from, to) }
      }
    },
  }
}

/** The same pairs, but every second row of a batch has the key of its first row. */
export function openSkewedPairs(folder: string, batches?: number): PairFiles {
  const pairs = openPairs(folder, batches)
  return {
    rows: pairs.rows,
    *batches() {
      for (const { keys, values } of pairs.batches()) {
        for (let i = 0; i < keys.length; i += 2) keys[i] = keys[0]!
        yield { keys, values }
      }
    },
  }
}

/** One thread and a `Map`, over two Float64Arrays a batch. */
export function plainKeyedSum(folder: string, batches?: number): Job {
  return plainSum(openPairs(folder, batches))
}

/** The same over skewed pairs. */
export function plainSkewedSum(folder: string, batches?: number): Job {
  return plainSum(openSkewedPairs(folder, batches))
}

function plainSum(pairs: PairFiles): Job {
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
