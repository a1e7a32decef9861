/** The values of pairs mapped; keys stay. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'

/** A stage for pairs. */
export function mapValuesStage(c: ColumnCode): ColumnStage | undefined {
  const { input } = c
  const lifted = c.expression(0)
  if (!lifted || input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items
  const expression = c.compile(lifted, value!)
  if (!expression) return undefined
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
