/** Numbers reduced by key: keys to group ids, then the reducer over the ids. */
import type { ColumnCode, ColumnStage, Push } from '../../engine/column-kernel.ts'
import type { ColumnShape, ColumnVector } from '../../expressions/columns.ts'
import { combining } from './combining.ts'
import { isNumbers, numbersAt } from './numbers.ts'
import { knownReducer } from './reducers.ts'
import { keyAddresses, keyKinds, pushGroups, sliceVector } from './vectors.ts'

const idBytes = 4

/** A stage for pairs of a key that tables take, and a number. */
export function reduceByKeyStage(c: ColumnCode): ColumnStage | undefined {
  const { input, machine } = c
  const known = knownReducer(c.reducer(0))
  if (!known || input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items as [ColumnShape, ColumnShape]
  const kinds = keyKinds(key)
  if (!kinds || !isNumbers(value)) return undefined
  const { kernels, scratch } = machine
  const reduce = kernels[known.byGroup]
  const counts = known.byGroup === 'sumByGid' && value.kind === 'constant' && value.value === 1
  const table = c.groups()
  let seen = 0
  let passes = false

  const add = ({ rows, column }: ColumnVector): void => {
    if (column.kind !== 'tuple' || rows === 0) return
    const [keys, values] = column.items
    const mark = scratch.mark()
    const gids = scratch.take(rows * idBytes)
    table.group(keyAddresses(keys!), rows, gids)
    if (counts) kernels.countByGid(gids, rows, table.numbers)
    else reduce(gids, numbersAt(machine, values!, rows), rows, table.numbers)
    scratch.release(mark)
  }
  const pass = ({ rows, column }: ColumnVector, next: Push): void => {
    if (column.kind !== 'tuple' || rows === 0) return
    const [keys, values] = column.items
    const mark = scratch.mark()
    const at = numbersAt(machine, values!, rows)
    next({ rows, column: { kind: 'tuple', items: [keys!, { kind: 'float64', at }] } })
    scratch.release(mark)
  }
  return {
    output: { kind: 'tuple', items: [key, { kind: 'float64' }] },
    begin: () => {
      table.begin(kinds, known.initial)
      seen = 0
      passes = false
    },
    push: (vector, next) => {
      if (passes) return pass(vector, next)
      const sample = combining.sampleRows - seen
      seen += vector.rows
      if (!c.params.local || sample <= 0 || vector.rows < sample) return add(vector)
      add(sliceVector(vector, 0, sample))
      passes = table.count > combining.keysMax
      const rest = sliceVector(vector, sample, vector.rows)
      if (!passes) return add(rest)
      pushGroups(table, next)
      pass(rest, next)
    },
    finish: next => {
      if (!passes) pushGroups(table, next)
    },
  }
}
