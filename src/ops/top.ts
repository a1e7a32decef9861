/**
 * The rows for which `f` gives most, those with most first; of equal ones the first come first. In
 * two halves: each partition's own, then those of all of them.
 *
 * @example
 * counts.topK(10, ([, n]) => n)
 */
import { natural } from '../columnar/natural-order.ts'
import { asItLies, gathered, type Operator } from '../engine/operator.ts'

interface Keyed {
  readonly row: unknown
  readonly key: unknown
}

/** Rows that wait to be sorted in, at least. */
const waitingMin = 1024

export const top: Operator = {
  name: 'top',
  onAbsent: 'pass',
  pact: params => (params.local ? asItLies : gathered),
  kernel: {
    form: 'partition',
    *run(rows, [f], params) {
      const count = params.count as number
      let kept: Keyed[] = []
      // A sort leaves equal keys in their order, and what came earlier stands in front.
      const cut = (): void => {
        kept = kept.sort((a, b) => natural(b.key, a.key)).slice(0, count)
      }
      for (const row of rows) {
        kept.push({ row, key: f!(row) })
        if (kept.length >= Math.max(waitingMin, 2 * count)) cut()
      }
      cut()
      for (const { row } of kept) yield row
    },
  },
}
