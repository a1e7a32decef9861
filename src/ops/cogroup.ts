/**
 * For each key the values of every side, as [key, [values of the first, of the second, …]]; a side
 * without the key gives an empty list. Keys are in order of first appearance, side after side.
 *
 * @example
 * clicks.cogroup(orders)
 */
import { type Operator, type RowCode, zippedByKey } from '../engine/operator.ts'

export const cogroup: Operator = {
  name: 'cogroup',
  onAbsent: 'error',
  absentMessage: t => `Couldn't generate RDD from parent at time ${t} ms`,
  pact: params => zippedByKey(params.partitions as number),
  holdsRows: 'always',
  kernel: {
    form: 'rows',
    row: c => gather(c),
    finish: c => eachKey(c, (key, lists) => c.emitPair(key, lists)),
  },
}

/** Adds a pair to the list of its key and side. */
export function gather(c: RowCode): string {
  const { key, value, check } = c.pair()
  const table = c.state('table', 'new rt.KeyTable()')
  const groups = c.state('groups', '[]')
  const id = c.name('id')
  const lists = Array.from({ length: c.params.sides as number }, () => '[]').join(', ')
  return (
    `${check}const ${id} = ${table}.idOf(${key});\n` +
    `if (${id} === ${groups}.length) ${groups}.push([${lists}]);\n` +
    `${groups}[${id}][${c.side()}].push(${value});\n`
  )
}

/** Code that runs `body` for each key and its lists. */
export function eachKey(c: RowCode, body: (key: string, lists: string) => string): string {
  const keys = `${c.state('table', 'new rt.KeyTable()')}.keys`
  const groups = c.state('groups', '[]')
  const i = c.name('i')
  const key = c.name('key')
  const lists = c.name('lists')
  return (
    `for (let ${i} = 0; ${i} < ${groups}.length; ${i}++) {\n` +
    `const ${key} = ${keys}[${i}], ${lists} = ${groups}[${i}];\n` +
    `${body(key, lists)}}\n`
  )
}
