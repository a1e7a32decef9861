/**
 * Any function over group ids. Keys are never decoded on the way: kernels turn them into ids, and
 * what a key has come to lies in an array by id.
 */
import { type ColumnCode, type ColumnStage, GiveUp } from '../../engine/column-kernel.ts'
import { type ColumnShape, type ColumnVector, valuesOf } from '../../expressions/columns.ts'
import { CombiningSample, combining } from './combining.ts'
import { canDecode, decodeKeys } from './decode.ts'
import { keyAddresses, keyKinds } from './vectors.ts'

const idBytes = 4

/** What becomes of a key's values. */
export interface Fold {
  /** Function that makes something of the first value; none: the value itself. */
  readonly create?: number
  /** Function that adds a value; none: values are gathered in lists. */
  readonly merge?: number
  /** Whether rows pass once their keys are seen to hardly repeat; see combining.ts. */
  readonly passes: boolean
  /** Most keys whose values are held at once; with more the row loop begins anew. */
  readonly keysMax?: number
}

type Loop = (
  gids: Uint32Array,
  from: number,
  values: ArrayLike<unknown>,
  rows: number,
  folded: unknown[],
) => void

/**
 * A loop of its own for every stage, so that V8 inlines the stage's functions.
 *
 * @param failed Makes the error to throw, of what a function has thrown and the value it got.
 */
function compileLoop(
  create: Function | undefined,
  merge: Function | undefined,
  failed: (error: unknown, value: unknown) => unknown,
): Loop {
  const first = create ? 'create(value)' : merge ? 'value' : '[value]'
  const next = merge ? 'folded[gid] = merge(folded[gid], value)' : 'folded[gid].push(value)'
  const source = `'use strict';
return (gids, from, values, rows, folded) => {
  let value;
  try {
    for (let i = 0; i < rows; i++) {
      const gid = gids[from + i];
      value = values[i];
      if (gid === folded.length) folded.push(${first});
      else ${next};
    }
  } catch (error) { throw failed(error, value) }
}`
  return new Function('create', 'merge', 'failed', source)(create, merge, failed) as Loop
}

/** A stage for pairs whose key a table takes; its rows come as JavaScript values. */
export function foldByKeyStage(c: ColumnCode, fold: Fold): ColumnStage | undefined {
  const { input, machine } = c
  if (input.kind !== 'tuple' || input.items.length !== 2) return undefined
  const [key, value] = input.items as [ColumnShape, ColumnShape]
  const kinds = keyKinds(key)
  if (!kinds || !canDecode(value)) return undefined
  const { create, merge, passes, keysMax = Number.POSITIVE_INFINITY } = fold
  const called = [create, merge].filter(index => index !== undefined)
  // Where columns give up in the end, the row loop calls the functions again.
  if (!called.every(index => c.isRepeatable(index))) return undefined
  const of = (index: number | undefined): Function | undefined =>
    index === undefined ? undefined : c.fn(index)
  const loop = compileLoop(of(create), of(merge), c.failed)
  const table = c.groups(key)
  const sample = new CombiningSample()
  let folded: unknown[] = []
  let expected = 0
  const add = ({ rows, column }: ColumnVector): void => {
    if (column.kind !== 'tuple' || rows === 0) return
    const [keys, values] = column.items
    const { scratch, memory } = machine
    const mark = scratch.mark()
    const gids = scratch.take(rows * idBytes)
    table.group(keyAddresses(keys!), rows, gids)
    if (table.count > keysMax) throw new GiveUp('so many keys at once')
    loop(memory.u32, gids / idBytes, valuesOf(machine, values!, value, rows), rows, folded)
    scratch.release(mark)
  }
  return {
    output: undefined,
    begin: () => {
      table.begin(kinds, 0, expected)
      sample.begin()
      folded = []
    },
    push: vector => {
      if (!passes) return add(vector)
      const [first, rest] = sample.cut(vector)
      add(first)
      // Rows that pass are rows as they were, which is what the row loop makes of them.
      if (rest && table.count > combining.keysMax) throw new GiveUp('keys that hardly repeat')
      if (rest) add(rest)
    },
    pairs: () => {
      expected = table.count
      return { keys: decodeKeys(machine, table), values: folded }
    },
  }
}
