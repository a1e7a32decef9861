/** Rows counted without looking at them, and their numbers added up. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import { numbersAt, pushNumber } from './numbers.ts'

/** A stage that gives one number, the rows of the partition. */
export function countStage({ input, machine }: ColumnCode): ColumnStage | undefined {
  if (input.kind === 'lines') return undefined
  let rows = 0
  return {
    output: { kind: 'float64' },
    countsOnly: true,
    begin: () => {
      rows = 0
    },
    push: vector => {
      rows += vector.rows
    },
    finish: next => pushNumber(machine, rows, next),
  }
}

/** A stage that gives one number, the sum of the partition's numbers from 0 on. */
export function totalStage({ input, machine }: ColumnCode): ColumnStage | undefined {
  if (input.kind !== 'float64') return undefined
  let total = 0
  return {
    output: { kind: 'float64' },
    begin: () => {
      total = 0
    },
    push: ({ rows, column }) => {
      total = machine.kernels.sumF64(numbersAt(machine, column, rows), rows, total)
    },
    finish: next => pushNumber(machine, total, next),
  }
}
