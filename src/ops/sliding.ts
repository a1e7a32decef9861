/**
 * A reduction over a window that slides, made of the one before, of what has left the window and of
 * what has entered it: its cost is that of the change and of the keys, not that of the window.
 *
 *   previous   ├───────────────┤          t - slide
 *   now              ├───────────────┤    t
 *              └ left ┘         └ entered ┘
 *
 * @example
 * pairs.reduceByKeyAndWindow((a, b) => a + b, (a, b) => a - b, seconds(30), seconds(10))
 */
import type { NodeTiming, Operator } from '../engine/operator.ts'

/** Beginning (exclusive) and end of what left and of what entered. */
export function changes(t: number, window: number, slide: number) {
  return {
    left: { after: t - slide - window, to: Math.min(t - window, t - slide) },
    entered: { after: Math.max(t - slide, t - window), to: t },
  }
}

function timesIn(range: { after: number; to: number }, { parentSlides, zeroTime }: NodeTiming) {
  const step = parentSlides[0]!
  const times: number[] = []
  for (let t = Math.max(range.after, zeroTime) + step; t <= range.to; t += step) times.push(t)
  return times
}

export const sliding: Operator = {
  name: 'sliding',
  onAbsent: 'empty',
  slide: params => params.slide as number,
  needs(t, timing) {
    const { left, entered } = changes(
      t,
      timing.params.window as number,
      timing.params.slide as number,
    )
    return [[...timesIn(left, timing), ...timesIn(entered, timing)]]
  },
  needsOwn: (t, { params }) => [t - (params.slide as number)],
}
