/**
 * Expressions over columns against JavaScript: programs drawn from the lifter's table, on random
 * rows. What it can't catch: what operators make of the columns, which test/engine does.
 */
import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { specialise } from '../../src/expressions/index.ts'
import { liftForms, liftSource } from '../../src/functions/lift.ts'
import {
  captured,
  compile,
  options,
  patterns,
  programs,
  programsWith,
  rows,
} from '../functions/lift-draw.ts'
import { ColumnBench, type ColumnRun } from './column-machine.ts'

const bench = new ColumnBench()
const seen = { programs: 0, typed: 0, kernelsOnly: 0, values: 0, byKernels: 0 }

function check(source: string, input: readonly unknown[]): ColumnRun {
  const lifted = liftSource(source, captured)
  if ('reason' in lifted) throw new Error(`${source}: ${lifted.reason}`)
  const run = bench.run(lifted.expression, input)
  const typed = specialise(lifted.expression, [run.type])
  seen.programs++
  if ('reason' in typed) {
    expect(run.shape, source).toBeUndefined()
    return run
  }
  seen.typed++
  if (!run.shape) throw new Error(`${source} has a type, but no columns`)
  if (!run.calls) seen.kernelsOnly++
  seen.values += run.kernelValues + run.calledValues
  seen.byKernels += run.kernelValues
  const fn = compile(source)
  const expected = input.map(row => fn(row))
  if (!isDeepStrictEqual(run.rows, expected)) {
    const at = expected.findIndex((row, i) => !isDeepStrictEqual(row, run.rows[i]))
    const show = (value: unknown): string => inspect(value, { maxStringLength: 80, depth: 5 })
    throw new Error(
      `${source} row ${at}, ${show(input[at])}: ${show(run.rows[at])}, not ${show(expected[at])}`,
    )
  }
  return run
}

const someRows = fc.array(rows, { minLength: 1, maxLength: 20 })

describe('each entry of the table', () => {
  const withPatterns = liftForms.filter(form => form.patterns.length > 0)
  test.each(withPatterns.map(form => form.name))('%s', name => {
    const own = patterns.filter(one => one.form === name)
    for (const pattern of own) {
      fc.assert(
        fc.property(programsWith(pattern), someRows, (source, input) => void check(source, input)),
        options(20),
      )
    }
  })
})

describe('by kernels alone', () => {
  const input = Array.from({ length: 30 }, (_, i) => ({
    s: ['', 'a', ' b ', 'Ünï', '😀x', `${i}`, 'more than twelve bytes'][i % 7]!,
    t: ['x', 'more than twelve bytes', '😀', '\uffff'][i % 4]!,
    n: [0, -0, Number.NaN, 1.5, i, -i, 2 ** 40 + i][i % 7]!,
    m: i % 5,
    b: i % 3 === 0,
  }))
  test.each([
    'row => row.n * 2 + row.m / 3 - 1',
    'row => (row.n | 0) + (row.m & 3) - (~row.n) + (row.n >>> 2) + (1 << row.m)',
    'row => Math.max(row.n, 3, row.m) + Math.min(row.m, row.n) + Math.max(row.m)',
    'row => [Number.isNaN(row.n), isFinite(row.n), Number.isInteger(row.n)]',
    'row => Number.isSafeInteger(row.n) ? Math.abs(row.n) : Math.sign(row.m)',
    'row => row.n ? row.s : row.t',
    'row => row.s && row.m > 2 ? [row.s, 1] : ["none", row.m]',
    'row => row.s || row.t',
    'row => row.b === (row.m > 2) && !row.s',
    'row => ({ word: row.s, pair: [row.n, row.b] })',
    'row => { const t = row.s + row.t; return t + t.length + "!" }',
    'row => [row.m + row.s, row.s + row.b + row.n]',
    'row => !(row.s && row.m) || row.n ? 1 : 2',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a function.
    'row => `${row.s}-${row.t}`.slice(1, 4)',
    'row => row.s < row.t && row.s >= "a"',
    'row => row.s === row.t || row.t !== "x"',
    'row => row.s.indexOf("b") + row.t.indexOf("twelve") + row.s.indexOf("")',
    'row => row.s.startsWith("m") || row.t.endsWith("bytes") || row.s.includes("an")',
    'row => row.s.trim().toUpperCase().substring(2, 0)',
    'row => row.s.charAt(1) + row.s.concat(row.t, "-")',
    'row => [row.s.at(-1) ?? "", row.t[0] ?? row.s, row.t.at(20) ?? "none"]',
    'row => row.s.charCodeAt(0)',
    'row => [row.s.length, row.t.length].length + row.s.length',
    'row => Number(row.s) + parseInt(row.t, 10) + +row.s + Number.parseFloat(row.t)',
    'row => [typeof row.n, typeof row.s, String(row.s), Boolean(row.t)]',
    'row => [1, "constant", true, null]',
    'row => { const f = row.t.split(" "); return [f[0], f[1] ?? "none", f[3] ?? row.s, f.length] }',
    'row => { const f = row.s.split("an"); return Number(f[0]) + Number(f[1]) + parseInt(f[2]) }',
    'row => [+row.s.split(" ")[1], parseFloat(row.t.split("e")[0]), row.s.split("a").at(1) ?? ""]',
  ])('%s', source => {
    expect(check(source, input)).toMatchObject({ calls: false })
  })
})

test('places that follow from the shape count for text of any kind', () => {
  const input = ['abcd', '\u{10000}', '😀😀'].map(t => ({ t, list: ['', ''] }))
  for (const t of input) {
    for (const call of ['substring(row.list.length)', 'slice(row.list.length, 3)', 'charAt(1)']) {
      expect(check(`row => row.t.${call}`, [t]).rows).toHaveLength(1)
    }
  }
})

test('the length of a tuple is a constant', () => {
  const input = [{ s: 'alpha', p: ['x'], n: 1 }]
  for (const source of [
    'row => row.s.startsWith("al") && !row.p.length',
    'row => row.p.length > 1 ? row.s : "none"',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a function.
    'row => [row.p.length + row.n, row.p.length + 1, `${row.p.length}${row.s}`, -row.p.length]',
    'row => row.p.length === 1 && row.n === row.p.length',
    'row => Math.max(row.p.length, row.n) + Math.max(row.p.length, 2) + Number(row.p.length)',
    'row => row.s.slice(row.p.length).at(row.p.length) ?? row.p.length',
    'row => (row.p.length && row.s) || row.p.length',
  ]) {
    check(source, input)
  }
})

test('parts of text with halves of characters, and parts as values', () => {
  const texts = [
    'a,b',
    '',
    ',',
    '\ud83d,\ude00',
    'x,\ud83d',
    '😀,😀,long enough for the heap',
    'é,,',
  ]
  const input = texts.map((s, i) => ({ s, t: texts[(i * 3 + 1) % texts.length]!, n: i }))
  for (const source of [
    'row => { const f = row.s.split(","); return [f[0], f[1], f[2] ?? row.t, f.length, f.at(-1)] }',
    'row => [row.s.split(","), (row.s + row.t).split("\ud83d"), row.t.split(",").at(1)]',
    'row => { const f = row.s.split(","); return row.n > 2 ? f : row.t.split("") }',
    'row => { const f = row.s.split(",")[1]; return [f === undefined, f ?? null, f] }',
    'row => [Number(row.s.split(",")[1]), +row.t.split(",")[2], row.s.split(",")[1] ?? "-"]',
    'row => row.s.split(",").slice(1).join("+")',
    'row => row.n > 3 ? row.s.split(",")[1] : row.t.split(",")[1]',
  ]) {
    check(source, input)
    check(
      source,
      input.filter(row => row.s.isWellFormed() && row.t.isWellFormed()),
    )
  }
})

test('random programs on many rows', () => {
  const program = fc.tuple(programs, fc.array(rows, { minLength: 1, maxLength: 20 }))
  fc.assert(
    fc.property(program, ([source, few]) => {
      const short = few.map(row => ({ ...row, s: row.s.slice(0, 40), t: row.t.slice(0, 40) }))
      check(
        source,
        Array.from({ length: 4200 }, (_, i) => short[i % short.length]!),
      )
    }),
    options(20),
  )
})

test('random programs', () => {
  fc.assert(
    fc.property(programs, someRows, (source, input) => void check(source, input)),
    options(1500),
  )
  const { programs: drawn, typed, kernelsOnly, values, byKernels } = seen
  const share = Math.round((byKernels / values) * 100)
  console.log(
    `${drawn} programs, ${typed} with a type, ${kernelsOnly} of them by kernels alone; ` +
      `${share} % of ${values} values by kernels`,
  )
  expect(typed).toBeGreaterThan(drawn / 4)
})

test('a vector gives its memory back, also what it took beyond the usual', () => {
  const before = bench.arena.bytesInUse()
  const input = Array.from({ length: 5000 }, (_, i) => ({
    s: `${i}`.repeat(100),
    t: 'İ'.repeat(i % 9),
  }))
  const run = check(`row => row.s + row.t.toUpperCase() + row.s`, input)
  expect(run.shape).toEqual({ kind: 'utf8', made: true })
  expect(bench.arena.bytesInUse()).toBe(before)
})
