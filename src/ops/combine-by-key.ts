/**
 * One combined value a key. `create` makes it from the first value, `mergeValue` adds another,
 * `mergeCombiners` joins what two partitions made; keys meet by hash between the two halves.
 *
 *   rows ─ create, mergeValue ─▶ [key, c] ═ exchange by key ═▶ mergeCombiners ─▶ [key, c]
 *          (local half)                                       (other half)
 *
 * @example
 * pairs.combineByKey(v => [v], (list, v) => [...list, v], (a, b) => [...a, ...b])
 */
import { asItLies, exchangedByKey, type Operator, type RowCode } from '../engine/operator.ts'
import { foldByKeyStage } from './columns/fold-by-key.ts'

/** Keys whose combined values the local half holds at once. */
const keysHeldMax = 65_536

/** Functions of the local half: create, mergeValue; of the other: mergeCombiners. */
export const combineByKey: Operator = {
  name: 'combineByKey',
  onAbsent: 'pass',
  holdsRows: 'always',
  keepsPartitioner: true,
  pact: params => (params.local ? asItLies : exchangedByKey(params.partitions as number)),
  columns: c =>
    foldByKeyStage(c, {
      ...(c.params.local ? { create: 0, merge: 1, keysMax: keysHeldMax } : { merge: 0 }),
      passes: false,
    }),
  kernel: {
    form: 'rows',
    row: c => {
      const { key, value, check } = c.pair()
      if (!c.params.local) return check + combine(c, key, value, -1, 0)
      return check + emitWhenMany(c) + combine(c, key, value, 0, 1)
    },
    finish: c => emitCombined(c),
  },
}

/** Has so many keys go on to the other half, where they meet again: the heap has its limits. */
function emitWhenMany(c: RowCode): string {
  return `if (${c.state('combined', '[]')}.length >= ${keysHeldMax}) {\n${emitAll(c)}}\n`
}

/** Emits what there is, and begins anew. */
export function emitAll(c: RowCode): string {
  const table = c.state('table', 'new rt.KeyTable()')
  return `${emitCombined(c)}${table} = new rt.KeyTable();\n${c.state('combined', '[]')} = [];\n`
}

/** Adds one pair to the table; without a `create` (-1) the first value stands for itself. */
export function combine(
  c: RowCode,
  key: string,
  value: string,
  create: number,
  merge: number,
): string {
  const table = c.state('table', 'new rt.KeyTable()')
  const combined = c.state('combined', '[]')
  const id = c.name('id')
  const list = c.name('list')
  const first = create < 0 ? value : c.call(create, value)
  return (
    `const ${id} = ${table}.idOf(${key}), ${list} = ${combined};\n` +
    `if (${id} === ${list}.length) ${list}.push(${first});\n` +
    `else ${list}[${id}] = ${c.call(merge, `${list}[${id}]`, value)};\n`
  )
}

/** Emits every key with what it was combined to, in order of first appearance. */
export function emitCombined(c: RowCode): string {
  const keys = `${c.state('table', 'new rt.KeyTable()')}.keys`
  const combined = c.state('combined', '[]')
  const i = c.name('i')
  const each = c.emitPair(`${keys}[${i}]`, `${combined}[${i}]`)
  return `for (let ${i} = 0; ${i} < ${combined}.length; ${i}++) {\n${each}}\n`
}
