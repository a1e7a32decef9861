/**
 * The rows that a function of each record and of its key's state gives, and the states afterwards.
 *
 *   side 0: what it gave before     ─┐
 *   side 1: [key, first state]      ─┼─ call ─▶ [0, key, state, touched, –]   states, for later
 *   side 2: [key, value]            ─┘          [1, –, –, –, mapped]          mapped rows
 *
 * Records are taken in their order, states before them. A key without a record for longer than the
 * timeout gets a last call.
 *
 * @example
 * pairs.mapWithState(StateSpec.function((key, value, state) => state.getOption()))
 */
import { type Operator, type RowCode, zippedByKey } from '../engine/operator.ts'

export const mapState: Operator = {
  name: 'mapState',
  onAbsent: 'empty',
  pact: params => zippedByKey(params.partitions as number),
  // What comes out is no pair.
  keepsPartitioner: false,
  arity: 4,
  kernel: {
    form: 'rows',
    row: c => {
      const table = c.state('table', 'new rt.KeyTable()')
      const held = c.state('held', '[]')
      const state = c.state('state', 'new rt.KeyState()')
      const [row, id, before, mapped] = ['row', 'id', 'before', 'mapped'].map(c.name) as [
        ...[string, string, string, string],
      ]
      const kept =
        c.params.timeout === undefined ? '' : `else if (${before}) ${before}[1] = ${c.time()};\n`
      const { key, value, check } = c.pair()
      return (
        `if (${c.side()} === 0) {\nconst ${row} = ${c.row()};\n` +
        `if (${row}[0] === 0) ${held}[${table}.idOf(${row}[1])] = [${row}[2], ${row}[3]];\n` +
        `} else {\n${check}const ${id} = ${table}.idOf(${key});\n` +
        `if (${c.side()} === 1) ${held}[${id}] = [${value}, ${c.time()}];\n` +
        `else {\nconst ${before} = ${held}[${id}];\n` +
        `${state}.wrap(${before} !== undefined, ${before}?.[0], false);\n` +
        `const ${mapped} = ${call(c, key, value, state)};\n` +
        `if (${state}.outcome === 'removed') ${held}[${id}] = undefined;\n` +
        `else if (${state}.outcome === 'updated') ` +
        `${held}[${id}] = [${state}.get(), ${c.time()}];\n${kept}` +
        `if (${mapped} !== undefined) {\n${emitMapped(c, mapped)}}\n}\n}\n`
      )
    },
    finish: c => {
      const keys = `${c.state('table', 'new rt.KeyTable()')}.keys`
      const held = c.state('held', '[]')
      const state = c.state('state', 'new rt.KeyState()')
      const [i, one, mapped] = [c.name('i'), c.name('one'), c.name('mapped')]
      const keep = c.emit(`[0, ${keys}[${i}], ${one}[0], ${one}[1], undefined]`)
      const { timeout } = c.params
      const expired =
        timeout === undefined
          ? ''
          : `if (${one}[1] < ${c.time()} - ${Number(timeout)}) {\n` +
            `${state}.wrap(true, ${one}[0], true);\n` +
            `const ${mapped} = ${call(c, `${keys}[${i}]`, 'undefined', state)};\n` +
            `if (${mapped} !== undefined) {\n${emitMapped(c, mapped)}}\ncontinue;\n}\n`
      return (
        `for (let ${i} = 0; ${i} < ${held}.length; ${i}++) {\n` +
        `const ${one} = ${held}[${i}];\nif (${one} === undefined) continue;\n${expired}${keep}}\n`
      )
    },
  },
}

function call(c: RowCode, key: string, value: string, state: string): string {
  const args = [...(c.params.timed ? [c.time()] : []), key, value, state]
  return c.callOn(`[${key}, ${value}]`, 0, ...args)
}

function emitMapped(c: RowCode, mapped: string): string {
  return c.emit(`[1, undefined, undefined, undefined, ${mapped}]`)
}
