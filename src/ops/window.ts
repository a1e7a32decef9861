/**
 * All rows of the last `window` milliseconds, every `slide` milliseconds; the first ones are
 * partial.
 *
 *   window 3, slide 2       ┌── t=4 ──┐
 *   parent   1    2    3    4    5    6
 *                           └── t=6 ──┘
 *
 * @example
 * stream.window(seconds(30), seconds(10))
 */
import type { Operator } from '../engine/operator.ts'

export const window: Operator = {
  name: 'window',
  onAbsent: 'empty',
  keptInParents: true,
  slide: params => params.slide as number,
  needs(t, { parentSlides, zeroTime, params }) {
    const step = parentSlides[0]!
    const times: number[] = []
    const first = Math.max(t - (params.window as number), zeroTime) + step
    for (let time = first; time <= t; time += step) times.push(time)
    return [times]
  },
}
