/**
 * Rows chosen at random, by a seed: the same seed and partitions choose the same rows; in a stream,
 * each batch has numbers of its own. Without replacement each row has a number in [0, 1), and those
 * in [from, to) are chosen.
 *
 * @example
 * rdd.sample(false, 0.1, 42)
 */
import type { Operator, Params } from '../engine/operator.ts'
import { badCall, type Caller, preview } from '../errors.ts'

/** Numbers in [0, 1) from a seed (mulberry32, Ettinger, public domain). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Random numbers of a partition. */
export function randomOf(seed: number, partition: number): () => number {
  return randomNumbers(Math.imul(seed + 1, 0x9e3779b1) ^ partition)
}

/** Beyond it, e to the power of minus the mean comes close to the smallest number there is. */
const meanMax = 500

/** How often something happens whose mean is given (Knuth's method for Poisson's distribution). */
export function poisson(mean: number, random: () => number): number {
  if (mean > meanMax) return poisson(mean / 2, random) + poisson(mean / 2, random)
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count++
  return count
}

export const sample: Operator = {
  name: 'sample',
  onAbsent: 'pass',
  keepsPartitioner: true,
  timed: true,
  kernel: {
    form: 'partition',
    *run(rows, _functions, params, partition, time) {
      const { from, to, seed, replaces } = params as Record<string, number>
      // Of NaN, where there is no batch, no bit is left.
      const batch = Math.imul((time % 2 ** 32) | 0, 0x85ebca6b)
      const random = randomOf(seed! ^ batch, partition)
      for (const row of rows) {
        if (!replaces) {
          const drawn = random()
          if (drawn >= from! && drawn < to!) yield row
        } else for (let copies = poisson(to!, random); copies > 0; copies--) yield row
      }
    },
  },
}

/** What `sample` is given, checked for whoever called it. */
export function sampleParams(
  caller: Caller,
  replaces: boolean,
  fraction: number,
  seed: number,
): Params {
  const most = replaces ? Number.MAX_VALUE : 1
  if (fraction >= 0 && fraction <= most) return { from: 0, to: fraction, seed, replaces }
  const range = replaces ? 'from 0 up' : 'from 0 to 1'
  throw badCall(caller, `sample: the fraction is ${preview(fraction)}; give a number ${range}`)
}
