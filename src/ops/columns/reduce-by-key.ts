/** Numbers reduced by key: keys to group ids, then the reducer over the ids. */
import type { ColumnCode, ColumnStage, Push } from '../../engine/column-kernel.ts'
import {
  type ColumnShape,
  type ColumnValue,
  type ColumnVector,
  withoutIds,
  writtenOut,
} from '../../expressions/columns.ts'
import { CombiningSample, combining } from './combining.ts'
import { foldByKeyStage } from './fold-by-key.ts'
import { numberLoop } from './fold-numbers.ts'
import { isNumbers, numbersAt } from './numbers.ts'
import { knownReducer } from './reducers.ts'
import { keyAddresses, keyKinds, pushGroups } from './vectors.ts'

const idBytes = 4
const numberBytes = 8

/** How numbers are reduced by group id. */
interface NumbersByKey {
  /** What a group's number begins with. */
  readonly initial: number
  /** `seen` groups were there before. */
  add(gids: number, values: ColumnValue, rows: number, numbers: number, seen: number): void
}

/** By a kernel where there is one, else by the function itself. */
function numbersByKey(c: ColumnCode, value: ColumnShape): NumbersByKey | undefined {
  const { machine } = c
  const { kernels } = machine
  const known = knownReducer(c.reducer(0))
  if (known?.byGroup === 'sumByGid' && value.kind === 'constant' && value.value === 1) {
    const add: NumbersByKey['add'] = (gids, _, rows, numbers) => {
      kernels.countByGid(gids, rows, numbers)
    }
    return { initial: known.initial, add }
  }
  if (known) {
    const reduce = kernels[known.byGroup]
    const add: NumbersByKey['add'] = (gids, values, rows, numbers) => {
      reduce(gids, numbersAt(machine, values, rows), rows, numbers)
    }
    return { initial: known.initial, add }
  }
  if (!c.isRepeatable(0)) return undefined
  const loop = numberLoop(c, 0)
  return {
    initial: 0,
    add: (gids, values, rows, numbers, seen) => {
      const at = numbersAt(machine, values, rows) / numberBytes
      const { u32, f64 } = machine.memory
      loop(u32, gids / idBytes, f64, at, rows, numbers / numberBytes, seen)
    },
  }
}

/** A stage for pairs whose key a table takes. */
export function reduceByKeyStage(c: ColumnCode): ColumnStage | undefined {
  const { input, machine } = c
  if (input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items as [ColumnShape, ColumnShape]
  const kinds = keyKinds(key)
  if (!kinds) return undefined
  if (!isNumbers(value)) return foldByKeyStage(c, { merge: 0, passes: c.params.local === true })
  const reduce = numbersByKey(c, value)
  if (!reduce) return undefined
  const { scratch } = machine
  const table = c.groups(key)
  const sample = new CombiningSample()
  let passes = false
  let expected = 0

  const add = ({ rows, column }: ColumnVector): void => {
    if (column.kind !== 'tuple' || rows === 0) return
    const [keys, values] = column.items
    const mark = scratch.mark()
    const gids = scratch.take(rows * idBytes)
    const seen = table.group(keyAddresses(keys!), rows, gids)
    reduce.add(gids, values!, rows, table.numbers, seen)
    scratch.release(mark)
  }
  const pass = ({ rows, column }: ColumnVector, next: Push): void => {
    if (column.kind !== 'tuple' || rows === 0) return
    const [keys, values] = column.items
    const mark = scratch.mark()
    const at = numbersAt(machine, values!, rows)
    const texts = writtenOut(machine, keys!, rows)
    next({ rows, column: { kind: 'tuple', items: [texts, { kind: 'float64', at }] } })
    scratch.release(mark)
  }
  return {
    output: { kind: 'tuple', items: [withoutIds(key), { kind: 'float64' }] },
    begin: () => {
      table.begin(kinds, reduce.initial, expected)
      sample.begin()
      passes = false
    },
    push: (vector, next) => {
      if (passes) return pass(vector, next)
      if (!c.params.local) return add(vector)
      const [first, rest] = sample.cut(vector)
      add(first)
      if (!rest) return
      passes = table.count > combining.keysMax
      if (!passes) return add(rest)
      pushGroups(table, next)
      pass(rest, next)
    },
    finish: next => {
      expected = table.count
      if (!passes) pushGroups(table, next)
    },
  }
}
