/** Functions called once for equal values, as stages of operators. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import type { ColumnVector } from '../../expressions/columns.ts'
import { selected } from './select.ts'

const idBytes = 4

/** A stage that maps rows. */
export function mapOnce(c: ColumnCode): ColumnStage | undefined {
  const once = c.distinct(0)
  return (
    once && {
      output: once.output,
      begin: () => once.begin(),
      push: ({ rows, column }, next) => {
        if (rows === 0) return
        const mark = c.machine.scratch.mark()
        next({ rows, column: once.map(once.ids(column, rows), rows) })
        c.machine.scratch.release(mark)
      },
    }
  )
}

/** A stage that maps the values of pairs. */
export function mapValuesOnce(c: ColumnCode): ColumnStage | undefined {
  const { input } = c
  if (input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items
  const once = c.distinct(0, value!)
  return (
    once && {
      output: { kind: 'tuple', items: [key!, once.output] },
      begin: () => once.begin(),
      push: ({ rows, column }, next) => {
        if (column.kind !== 'tuple' || rows === 0) return
        const [keys, values] = column.items
        const mark = c.machine.scratch.mark()
        const mapped = once.map(once.ids(values!, rows), rows)
        next({ rows, column: { kind: 'tuple', items: [keys!, mapped] } })
        c.machine.scratch.release(mark)
      },
    }
  )
}

/** A stage that lets rows through; texts go on as ids, which other functions know as well. */
export function filterOnce(c: ColumnCode): ColumnStage | undefined {
  const once = c.distinct(0)
  if (!once) return undefined
  const { kernels, scratch } = c.machine
  const { inputIds } = once
  const texts = inputIds?.kind === 'ids' ? inputIds.texts : undefined

  const kept = ({ rows, column }: ColumnVector): ColumnVector => {
    const ids = once.ids(column, rows)
    const mask = once.mask(ids, rows)
    if (!texts) return selected(c.machine, { rows, column }, mask)
    const at = scratch.take(rows * idBytes)
    return { rows: kernels.filterIds(ids, mask, rows, at), column: { kind: 'ids', at, texts } }
  }
  return {
    output: inputIds ?? c.input,
    begin: () => once.begin(),
    push: (vector, next) => {
      if (vector.rows === 0) return
      const mark = scratch.mark()
      next(kept(vector))
      scratch.release(mark)
    },
    pushCounts: ({ rows, column }, next) => {
      if (rows === 0) return
      const mark = scratch.mark()
      const count = kernels.countMask(once.mask(once.ids(column, rows), rows), rows)
      scratch.release(mark)
      next({ rows: count, column })
    },
  }
}
