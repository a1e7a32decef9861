/**
 * What an async `f` resolves to for each row: for look-ups. Some calls of a partition are on their
 * way at once; the next one begins when one has ended.
 *
 * @example
 * ids.mapAsync(async id => (await fetch(`http://localhost:8080/${id}`)).json(), { retries: 2 })
 */
import { watchdog } from '../engine/clock.ts'
import type { Operator, Params } from '../engine/operator.ts'
import { PeltonError, preview } from '../errors.ts'

/** How calls are made. */
export interface AsyncOptions {
  /** Calls of one partition that are on their way at once; 16 unless said otherwise. */
  readonly concurrency?: number
  /** Milliseconds after which a call counts as failed; without it there is no limit. */
  readonly timeout?: number
  /** How often a call that failed is made again; 0 unless said otherwise. */
  readonly retries?: number
  /** Milliseconds before the first of those, twice as many before each next; 100. */
  readonly retryDelay?: number
  /** Whether results come in the order of their rows, as they do unless said otherwise. */
  readonly ordered?: boolean
}

const concurrencyMax = 65_536
const delayMsMax = 2 ** 31 - 1

/** Options with what they are by default, checked. */
export function asyncParams(options: AsyncOptions): Params {
  const { concurrency = 16, timeout, retries = 0, retryDelay = 100, ordered = true } = options
  const check = (name: string, value: number, least: number, most: number): void => {
    if (Number.isInteger(value) && value >= least && value <= most) return
    throw new PeltonError(
      `mapAsync: ${name} is ${preview(value)}; give a whole number from ${least} to ${most}`,
      { code: 'OPTION', operator: 'mapAsync' },
    )
  }
  check('concurrency', concurrency, 1, concurrencyMax)
  check('retries', retries, 0, concurrencyMax)
  check('retryDelay', retryDelay, 0, delayMsMax)
  if (timeout !== undefined) check('timeout', timeout, 1, delayMsMax)
  return { concurrency, timeout, retries, retryDelay, ordered: Boolean(ordered) }
}

export const mapAsync: Operator = {
  name: 'mapAsync',
  onAbsent: 'pass',
  workersOnly: true,
  actsOutside: true,
  kernel: {
    form: 'async',
    async run(rows, [f], params, failed) {
      const { concurrency, ordered } = params as { concurrency: number; ordered: boolean }
      const results: unknown[] = []
      const source = rows[Symbol.iterator]()
      let next = 0
      let isOver = false
      const work = async (): Promise<void> => {
        while (!isOver) {
          const { done, value: row } = source.next()
          if (done) return
          const place = next++
          try {
            const result = await called(f!, row, params)
            if (ordered) results[place] = result
            else results.push(result)
          } catch (error) {
            // The others end with the calls that they have made.
            isOver = true
            throw failed(error, row)
          }
        }
      }
      const ends = await Promise.allSettled(Array.from({ length: concurrency }, work))
      const bad = ends.find(end => end.status === 'rejected')
      if (bad) throw bad.reason
      return results
    },
  },
}

/** One row's result, after so many tries as are allowed. */
async function called(f: Function, row: unknown, params: Params): Promise<unknown> {
  const { retries, retryDelay } = params as { retries: number; retryDelay: number }
  for (let failures = 0; ; failures++) {
    try {
      return await limited(f(row), params.timeout as number | undefined)
    } catch (error) {
      if (failures === retries) throw error
      await new Promise<void>(resolve => watchdog(retryDelay * 2 ** failures, resolve))
    }
  }
}

/** A promise that rejects when `ms` have passed. */
function limited(result: unknown, ms: number | undefined): unknown {
  if (ms === undefined) return result
  return new Promise((resolve, reject) => {
    const cancel = watchdog(ms, () => {
      reject(
        new PeltonError(`a call took longer than its timeout, ${ms} ms; give it more time`, {
          code: 'TIMEOUT',
        }),
      )
    })
    Promise.resolve(result).then(resolve, reject).finally(cancel)
  })
}
