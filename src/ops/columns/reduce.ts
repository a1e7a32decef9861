/** Numbers reduced by key: keys to group ids, then the reducer over the ids. */
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import type { ColumnMachine, ColumnValue } from '../../expressions/columns.ts'

const idBytes = 4
const numberBytes = 8

/**
 * Reducers that kernels know. The initial value is what leaves every first value as it is:
 * -0 + x is x for every x, also for -0; the least of x and Infinity is x, NaN included.
 */
const known = {
  sum: { kernel: 'sumByGid', initial: -0 },
  min: { kernel: 'minByGid', initial: Number.POSITIVE_INFINITY },
  max: { kernel: 'maxByGid', initial: Number.NEGATIVE_INFINITY },
} as const

/** A stage for pairs of a text or number and a number. */
export function reduceStage(c: ColumnCode): ColumnStage | undefined {
  const reducer = c.reducer(0)
  if (reducer !== 'sum' && reducer !== 'min' && reducer !== 'max') return undefined
  const { input, machine } = c
  if (input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items
  const kind = key!.kind
  if (kind !== 'utf8' && kind !== 'float64') return undefined
  const isNumber = value!.kind === 'constant' && typeof value!.value === 'number'
  if (value!.kind !== 'float64' && !isNumber) return undefined
  const { kernel, initial } = known[reducer]
  const reduce = machine.kernels[kernel]
  const counts = reducer === 'sum' && value!.kind === 'constant' && value!.value === 1
  const table = c.groups()
  return {
    output: undefined,
    begin: () => table.begin(kind, initial),
    push: ({ rows, column }) => {
      if (column.kind !== 'tuple' || rows === 0) return
      const mark = machine.scratch.mark()
      const gids = machine.scratch.take(rows * idBytes)
      const keys = column.items[0] as { readonly at: number }
      table.group(keys.at, rows, gids)
      if (counts) machine.kernels.countByGid(gids, rows, table.numbers)
      else reduce(gids, numbersOf(machine, column.items[1]!, rows), rows, table.numbers)
      machine.scratch.release(mark)
    },
    finish: () => ({
      rows: table.count,
      kind,
      keys: table.keys,
      numbers: table.numbers,
    }),
  }
}

/** Address of a column of numbers; a constant is written out. */
function numbersOf(machine: ColumnMachine, value: ColumnValue, rows: number): number {
  if (value.kind === 'float64') return value.at
  const at = machine.scratch.take(rows * numberBytes)
  machine.kernels.fillF64(at, rows, value.kind === 'constant' ? Number(value.value) : 0)
  return at
}
