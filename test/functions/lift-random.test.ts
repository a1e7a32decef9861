/**
 * Programs drawn from the table of liftable forms must lift, and mean what JavaScript makes of
 * them.
 * What kernels make of the expressions is tested beside the kernels.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluate, format, specialise } from '../../src/expressions/index.ts'
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
} from './lift-draw.ts'

const seen = { programs: 0, typed: 0, throwing: 0 }

/** Lifts the program and compares it with itself on the row, in every way there is. */
function check(source: string, row: unknown): void {
  const lifted = liftSource(source, captured)
  if ('reason' in lifted) throw new Error(`${source}: ${lifted.reason}`)
  const { expression } = lifted
  const fn = compile(source)
  const expected = outcome(() => fn(row))
  const same = (name: string, found: unknown): void => {
    if (!isDeepStrictEqual(found, expected))
      throw new Error(`${source}: ${name} gives ${show(found)}, not ${show(expected)}`)
  }
  same(
    'evaluate',
    outcome(() => evaluate(expression, [row])),
  )
  const text = new Function('$0', '$1', `return ${format(expression)}`)
  same(
    `the text ${format(expression)}`,
    outcome(() => text(row)),
  )
  seen.programs++
  if ('throws' in (expected as object)) seen.throwing++
  const typed = specialise(expression, [rowType])
  if ('reason' in typed) return
  seen.typed++
  same(
    `specialised to ${format(typed.expression)}`,
    outcome(() => evaluate(typed.expression, [row])),
  )
  const { value } = expected as { value: unknown }
  if ('throws' in (expected as object) || !conforms(value, typed.type))
    throw new Error(`${source}: ${show(expected)} is not of type ${JSON.stringify(typed.type)}`)
}

const show = (value: unknown): string => String(JSON.stringify(value)).slice(0, 200)

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

test('the programs were many, most of them typed, and some threw', () => {
  console.log(`lifted: ${JSON.stringify(seen)}`)
  expect(seen.programs).toBeGreaterThan(10_000)
  expect(seen.typed).toBeGreaterThan(seen.programs / 2)
  expect(seen.throwing).toBeGreaterThan(0)
})
