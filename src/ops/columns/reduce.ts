/** Columns of numbers reduced to one. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import { isNumbers, numbersAt, pushNumber } from './numbers.ts'
import { knownReducer } from './reducers.ts'

/** A stage that gives one number a partition, or nothing where it has no rows. */
export function reduceStage(c: ColumnCode): ColumnStage | undefined {
  const { input, machine } = c
  const known = knownReducer(c.reducer(0))
  if (!known || !isNumbers(input)) return undefined
  const reduce = machine.kernels[known.ofColumn]
  let result = 0
  let some = false
  return {
    output: { kind: 'float64' },
    begin: () => {
      result = known.initial
      some = false
    },
    push: ({ rows, column }) => {
      if (rows === 0) return
      const mark = machine.scratch.mark()
      some = true
      result = reduce(numbersAt(machine, column, rows), rows, result)
      machine.scratch.release(mark)
    },
    finish: next => {
      if (some) pushNumber(machine, result, next)
    },
  }
}
