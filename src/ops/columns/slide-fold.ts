/** A sliding reduction of numbers: what leaves the window and what enters it, by group id. */
import { type ColumnCode, type ColumnStage, GiveUp } from '../../engine/column-kernel.ts'
import type { ColumnShape, ColumnVector } from '../../expressions/columns.ts'
import type { Expression } from '../../expressions/index.ts'
import { type NumberLoop, numberLoop } from './fold-numbers.ts'
import { isNumbers, numbersAt } from './numbers.ts'
import { knownReducer } from './reducers.ts'
import { keyAddresses, keyKinds, pushGroups } from './vectors.ts'

const idBytes = 4
const numberBytes = 8
const sides = { before: 0, left: 1, entered: 2 } as const

/** A stage for pairs of numbers of which a key has one a side at most. */
export function slideFoldStage(c: ColumnCode): ColumnStage | undefined {
  const { input, machine, params } = c
  if (!params.single || input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items as [ColumnShape, ColumnShape]
  const kinds = keyKinds(key)
  if (!kinds || !isNumbers(value)) return undefined
  // Where columns give up in the end, the row loop calls the functions again.
  if (!c.isRepeatable(0) || !c.isRepeatable(1)) return undefined
  const { kernels, scratch, memory } = machine
  const sums = knownReducer(c.reducer(0))?.byGroup === 'sumByGid' && isDifference(c.expression(1))
  const [add, remove] = sums ? [] : [numberLoop(c, 0), numberLoop(c, 1)]
  const table = c.groups(key)
  let before = 0
  let expected = 0

  const called = (loop: NumberLoop, gids: number, at: number, rows: number, seen: number): void => {
    const { u32, f64 } = memory
    const [ids, values, numbers] = [gids / idBytes, at / numberBytes, table.numbers / numberBytes]
    loop(u32, ids, f64, values, rows, numbers, seen)
  }
  const fold = ({ rows, column }: ColumnVector): void => {
    if (column.kind !== 'tuple' || rows === 0) return
    const [keys, values] = column.items
    const mark = scratch.mark()
    const gids = scratch.take(rows * idBytes)
    const seen = table.group(keyAddresses(keys!), rows, gids)
    const at = numbersAt(machine, values!, rows)
    const { side } = machine.state
    if (side === sides.before) before = table.count
    if (side === sides.left) {
      // Without a value before, nothing is removed: the row loop tells such keys apart.
      if (table.count > before) throw new GiveUp('a key that leaves a window it is not in')
      if (remove) called(remove, gids, at, rows, Number.POSITIVE_INFINITY)
      else {
        const negative = scratch.take(rows * numberBytes)
        kernels.negF64(at, rows, negative)
        kernels.sumByGid(gids, negative, rows, table.numbers)
      }
    } else if (add) called(add, gids, at, rows, seen)
    else kernels.sumByGid(gids, at, rows, table.numbers)
    scratch.release(mark)
  }
  return {
    output: { kind: 'tuple', items: [key, { kind: 'float64' }] },
    begin: () => {
      before = 0
      // -0 and the first value make that value, whatever it is.
      table.begin(kinds, -0, expected)
    },
    push: fold,
    finish: next => {
      expected = table.count
      pushGroups(table, next)
    },
  }
}

/** Whether an expression is `a - b` of its two parameters. */
function isDifference(expression: Expression | undefined): boolean {
  if (expression?.kind !== 'binary' || expression.operator !== '-') return false
  const { left, right } = expression
  const isParameter = (one: Expression, index: number): boolean =>
    one.kind === 'parameter' && one.index === index
  return isParameter(left, 0) && isParameter(right, 1)
}
