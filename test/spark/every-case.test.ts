/**
 * What has become of each of Spark's cases that is not about one operator: it runs in a test of its
 * own, or `docs/differences.md` says why it doesn't apply, or it waits for something that is not
 * built yet. None is in two of these places, and none in none.
 *
 * What it can't catch: a test that bears a case's name and checks something else.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { StreamingContext } from 'pelton'
import { expect, test } from 'vitest'
import { allCases } from './case-test.ts'

/** Cases that wait, by what they wait for. */
const later: Record<string, readonly string[]> = {
  'user interface': ['uiutils'],
}

/** How to tell that what is waited for has come, where its public name is Spark's. */
const hasCome: Record<string, () => boolean> = {
  'user interface': () => 'ui' in StreamingContext.prototype,
}

const own = ['unit', 'lifecycle', 'property', 'recovery']
const ids = allCases.filter(one => own.includes(one.kind)).map(one => one.id)

/** How a test bears the name of a case: alone, or with what it says of it. */
const caseName = /sparkTest\(\s*'([\w-]+)'|(?:\btest|\.each\(\w+\))\(\s*'([\w-]+): /g

/** Ids of the cases that tests are named by. */
const tests = new URL('..', import.meta.url)
const ran = readdirSync(tests, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.test.ts'))
  .map(name => readFileSync(new URL(name, tests), 'utf8'))
  .flatMap(text => [...text.matchAll(caseName)].map(([, alone, said]) => alone ?? said!))
  .filter(id => ids.includes(id))

/** Ids in the first column of the last table of the document. */
const different = readFileSync(new URL('../../docs/differences.md', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line.startsWith('| `'))
  .flatMap(line => [...line.split('|')[1]!.matchAll(/`([\w-]+)`/g)].map(found => found[1]!))

const waiting = Object.values(later).flat()

/** What is wrong with the three lists, a line each. */
function faults(lists: Record<string, readonly string[]>, known: readonly string[]): string[] {
  const places = new Map<string, string[]>(known.map(id => [id, []]))
  const unknown: string[] = []
  for (const [place, list] of Object.entries(lists)) {
    for (const id of list) {
      if (places.has(id)) places.get(id)!.push(place)
      else unknown.push(`${id}: ${place}, but no case of that name waits to be placed`)
    }
  }
  const wrong = [...places].filter(([, found]) => found.length !== 1)
  return [...unknown, ...wrong.map(([id, found]) => `${id}: ${found.join(', ') || 'nowhere'}`)]
}

test('each case is in exactly one place', () => {
  expect(faults({ ran, different, later: waiting }, ids)).toEqual([])
  const counts = Object.entries(later).map(([what, list]) => `${list.length} ${what}`)
  console.log(
    `Spark’s other cases: ${ran.length} ran, ${different.length} in docs/differences.md, ` +
      `${waiting.length} later (${counts.join(', ')}), of ${ids.length}`,
  )
})

test('cases that wait for what has come are to be run', () => {
  const come = Object.keys(later).filter(what => hasCome[what]?.())
  expect(come, 'these exist: run their cases, don’t list them').toEqual([])
})

test('a case in no place, in two, or of no name is found', () => {
  expect(faults({ ran: ['a'], later: ['b'] }, ['a', 'b'])).toEqual([])
  expect(faults({ ran: ['a'] }, ['a', 'b'])).toEqual(['b: nowhere'])
  expect(faults({ ran: ['a'], later: ['a'] }, ['a'])).toEqual(['a: ran, later'])
  expect(faults({ ran: ['a', 'a'] }, ['a'])).toEqual(['a: ran, ran'])
  expect(faults({ different: ['c'] }, [])).toHaveLength(1)
})
