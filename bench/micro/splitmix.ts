import type { Bench } from 'tinybench'
import { SplitMix64 } from '../splitmix.ts'

const DRAWS = 1000

/** The generator of the workload data, a thousand draws a call. */
export function addSplitMix(bench: Bench): void {
  const random = new SplitMix64(1)
  let sum = 0
  bench.add(`splitmix64, ${DRAWS} draws`, () => {
    for (let i = 0; i < DRAWS; i++) sum += random.below(6)
    return sum
  })
}
