/**
 * Programs drawn from the table of liftable forms must lift, and mean what JavaScript makes of
 * them.
 * What kernels make of the expressions is tested beside the kernels.
 */
import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Expression, evaluate, format, specialise } from '../../src/expressions/index.ts'
import { liftForms, liftSource } from '../../src/functions/lift.ts'
import {
  captured,
  compile,
  conforms,
  options,
  outcome,
  patterns,
  programs,
  programsWith,
  rows,
  rowType,
  wildRows,
} from './lift-draw.ts'

const seen = { programs: 0, typed: 0, throwing: 0 }

/** Lifts the program and compares it with itself on the row; returns what it gives. */
function checkAny(source: string, row: unknown): { expression: Expression; expected: unknown } {
  const lifted = liftSource(source, captured)
  if ('reason' in lifted) throw new Error(`${source}: ${lifted.reason}`)
  const { expression } = lifted
  const fn = compile(source)
  const expected = outcome(() => fn(row))
  compare(source, 'evaluate', () => evaluate(expression, [row]), expected)
  const text = new Function('$0', '$1', `return ${format(expression)}`)
  compare(source, `the text ${format(expression)}`, () => text(row), expected)
  seen.programs++
  if ('throws' in (expected as object)) seen.throwing++
  return { expression, expected }
}

/** The same on a row of `rowType`, for which most programs have a type. */
function check(source: string, row: unknown): void {
  const { expression, expected } = checkAny(source, row)
  const typed = specialise(expression, [rowType])
  if ('reason' in typed) return
  seen.typed++
  const words = `specialised to ${format(typed.expression)}`
  compare(source, words, () => evaluate(typed.expression, [row]), expected)
  const { value } = expected as { value: unknown }
  if ('throws' in (expected as object) || !conforms(value, typed.type))
    throw new Error(`${source}: ${show(expected)} is not of type ${JSON.stringify(typed.type)}`)
}

function compare(source: string, way: string, run: () => unknown, expected: unknown): void {
  const found = outcome(run)
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(`${source}: ${way} gives ${show(found)}, not ${show(expected)}`)
}

const show = (value: unknown): string => inspect(value, { maxStringLength: 80 })

describe('each entry of the table', () => {
  const withPatterns = liftForms.filter(form => form.patterns.length > 0)
  test.each(withPatterns.map(form => form.name))('%s', name => {
    const own = patterns.filter(one => one.form === name)
    for (const pattern of own)
      fc.assert(fc.property(programsWith(pattern), rows, check), options(60))
  })
})

test('random programs', () => {
  fc.assert(fc.property(programs, rows, check), options(4000))
})

test('random programs on rows they were not made for', () => {
  fc.assert(
    fc.property(programs, wildRows, (source, row) => void checkAny(source, row)),
    options(4000),
  )
})

test('the programs were many, most of them typed, and some threw', () => {
  console.log(`lifted: ${JSON.stringify(seen)}`)
  expect(seen.programs).toBeGreaterThan(10_000)
  expect(seen.typed).toBeGreaterThan(seen.programs / 2)
  expect(seen.throwing).toBeGreaterThan(0)
})
