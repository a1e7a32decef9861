/**
 * The documents hold what they say: commands, links, paths and code.
 * What this can't catch: prose that is no longer true.
 */
import { existsSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/differences.md',
]

test('the two commands open the README', () => {
  const [first] = read('README.md').match(/```[\s\S]*?```/) ?? ['']
  expect(first).toContain('npm ci && npm start')
  expect(first).toContain('npm cit')
  expect(read('README.md').indexOf(first)).toBeLessThan(1000)
})

describe.each([...documents, 'examples/data/README.md'])('%s', document => {
  test('its links and the paths it names exist', () => {
    expect(missing(document, read(document))).toEqual([])
  })

  test('its npm scripts exist', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const named = [...read(document).matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)].map(m => m[1]!)
    expect(named.filter(name => !(name in scripts))).toEqual([])
  })

  test('its TypeScript is TypeScript, and imports what is exported', async () => {
    const exported = new Set(Object.keys(await import('../src/index.ts')))
    const blocks = [...read(document).matchAll(/^( *)```ts\n([\s\S]*?)^\1```/gm)]
    for (const [, , code] of blocks) {
      expect(() => stripTypeScriptTypes(code!), code).not.toThrow()
      const names = /import \{([^}]*)\} from 'pelton'/.exec(code!)?.[1]?.split(',') ?? []
      const values = names.map(name => name.trim()).filter(name => !/^type /.test(name))
      expect(values.filter(name => name !== '' && !exported.has(name))).toEqual([])
    }
  })
})

test('a missing link or path is found', () => {
  expect(missing('README.md', '[a](nowhere.md) and `src/nowhere.ts`')).toHaveLength(2)
  expect(missing('README.md', '[a](https://example.org) [b](#c) `src/errors.ts`')).toEqual([])
})

/** Relative links that lead nowhere, and files named in backticks that do not exist. */
function missing(document: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(found => found[1]!)
  const relative = links.filter(link => !/^[a-z]+:/.test(link))
  const named = [...text.matchAll(/`((?:src|test|bench|examples|scripts)\/[\w./-]+)`/g)]
  // CONTRIBUTING names files that are yet to be written.
  const paths = document === 'CONTRIBUTING.md' ? [] : named.map(found => found[1]!)
  return [
    ...relative.filter(link => !existsSync(join(root, dirname(document), link))),
    ...paths.filter(path => !existsSync(join(root, path))),
  ]
}
