/** The values of pairs mapped; keys stay. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import { mapValuesOnce } from './once.ts'

/** A stage for pairs. */
export function mapValuesStage(c: ColumnCode): ColumnStage | undefined {
  const { input } = c
  const lifted = c.expression(0)
  if (input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items
  const expression = lifted && c.compile(lifted, value!)
  // A part without a kernel is called for every row: better once for equal values.
  if (!expression || expression.calls) {
    const once = mapValuesOnce(c)
    if (once || !expression) return once
  }
  return {
    output: { kind: 'tuple', items: [key!, expression.shape] },
    push: ({ rows, column }, next) => {
      if (column.kind !== 'tuple') return
      const [keys, values] = column.items
      const mapped = expression.run({ rows, column: values! })
      next({ rows, column: { kind: 'tuple', items: [keys!, mapped] } })
    },
  }
}
