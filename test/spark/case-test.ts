/** A test of one case of Spark's suites, by its id. */
import { readFileSync } from 'node:fs'
import { test } from 'vitest'

/** A case as `cases.json` holds it; `params` and `expected` differ from case to case. */
export interface AnyCase {
  readonly id: string
  readonly kind: string
  readonly params: any
  readonly input: any
  readonly expected: any
  readonly expectedError: any
}

export const allCases: readonly AnyCase[] = JSON.parse(
  readFileSync(new URL('cases.json', import.meta.url), 'utf8'),
)

/**
 * A test that is named by a case and given its data. `every-case.test.ts` finds these calls in the
 * text of the files, so the id stands there as it is.
 *
 * @example sparkTest('input-socket', async ({ params, expected }) => { … })
 */
export function sparkTest(id: string, run: (one: AnyCase) => unknown, timeoutMs?: number): void {
  const one = allCases.find(other => other.id === id)
  if (!one) throw new Error(`cases.json has no case ${id}`)
  test(id, timeoutMs === undefined ? {} : { timeout: timeoutMs }, async () => {
    await run(one)
  })
}

/** The numbers in a sentence of `cases.json`: some properties name theirs in words only. */
export function numbersIn(text: string): number[] {
  return [...text.matchAll(/\d+/g)].map(found => Number(found[0]))
}
