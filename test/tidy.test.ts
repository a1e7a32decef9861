/**
 * The house rules as tests over the repository's own files. Each rule is first run on samples that
 * break it, so that a rule that finds nothing is known to be able to find something.
 * What they can't catch: an upward dependency through a URL, a callback or a global.
 */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import * as absences from './tidy/absences.ts'
import * as layers from './tidy/layers.ts'
import type { Rule } from './tidy/rule.ts'
import * as shape from './tidy/shape.ts'
import { readRepository } from './tidy/source.ts'
import * as words from './tidy/words.ts'

const repository = readRepository(fileURLToPath(new URL('..', import.meta.url)))

const rules: Rule[] = [layers, absences, shape, words]
  .flatMap(module => Object.values<unknown>(module))
  .filter((value): value is Rule => typeof value === 'object' && value !== null && 'check' in value)

describe.each(rules)('$name', rule => {
  test.each(rule.bad.map((files, i) => ({ files, i })))('finds bad sample $i', ({ files }) => {
    expect(rule.check(files)).not.toEqual([])
  })

  test('accepts the good sample', () => {
    expect(rule.check(rule.good)).toEqual([])
  })

  test('holds in the repository', () => {
    expect(rule.check(repository)).toEqual([])
  })
})

test('the repository was read', () => {
  const paths = repository.map(file => file.path)
  expect(paths).toContain('src/index.ts')
  expect(paths).toContain('.ci/run')
  expect(paths).not.toContain('package-lock.json')
  expect(rules.length).toBeGreaterThan(10)
})

test('longer than typical: printed, not refused', () => {
  const long = shape.longerThanTypical(repository)
  if (long.length > 0) console.warn(`Longer than typical:\n  ${long.join('\n  ')}`)
  const body = '\n'.repeat(100)
  const sample = [{ path: 'src/a.ts', text: `function f() {${body}}${body.repeat(3)}` }]
  expect(shape.longerThanTypical(sample)).toHaveLength(2)
})
