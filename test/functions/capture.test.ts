/**
 * The table of functions under Vitest, as a plain TypeScript program, and as plain JavaScript.
 * Other bundlers and other versions of Vite, which rewrite imports in other ways, are out of its
 * reach.
 */
import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { cases } from './fixtures/cases.ts'
import { checkCase, Far } from './fixtures/check.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const far = new Far(new URL('./fixtures/worker.ts', import.meta.url))
afterAll(() => far.close())

describe('under vitest', () => {
  test.each(cases.map(one => [one.name, one] as const))('%s', async (_, one) => {
    expect(await checkCase(one, far)).toBeUndefined()
  })
})

/** What a run of the table as a program has to print. */
function checkSummary(stdout: string): void {
  const { stacks, ...rest } = JSON.parse(stdout)
  expect(rest).toEqual({ ran: cases.length, wrong: {}, own: [6, 6, 6, 6] })
  expect(stacks).toHaveLength(5)
  for (const [far, near] of stacks) {
    expect(far.length).toBeGreaterThan(0)
    expect(far).toEqual(near)
  }
}

test('the table in a plain TypeScript program', async () => {
  const entry = join(root, 'test/functions/fixtures/entry.ts')
  const { stdout } = await run(process.execPath, [entry])
  checkSummary(stdout)
})

test('the table in plain JavaScript', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pelton-capture-'))
  try {
    for (const path of ['src/errors.ts', 'src/functions', 'test/functions/fixtures'])
      copyAsJavaScript(join(root, path), join(folder, path))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const { stdout } = await run(process.execPath, [
      join(folder, 'test/functions/fixtures/entry.js'),
    ])
    checkSummary(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('functions of a CommonJS program', async () => {
  const { stdout } = await run(process.execPath, [join(root, 'test/functions/fixtures/main.cjs')])
  expect(JSON.parse(stdout)).toEqual({
    builtin: 'w',
    own: 'w?',
    destructured: 2,
    closure: 3,
    package: 'Program',
    inside: 8,
    environment: 'string',
    helper: 3,
    composed: 301,
    undefinedName: 'CAPTURE',
  })
})

/** A stand-in for the build: types blanked out, `.ts` in quotes turned into `.js`. */
function copyAsJavaScript(from: string, to: string): void {
  if (!from.endsWith('.ts')) {
    if (from.endsWith('.cjs')) cpSync(from, to)
    else if (!/\.\w+$/.test(from))
      for (const name of readdirSync(from)) copyAsJavaScript(join(from, name), join(to, name))
    return
  }
  mkdirSync(dirname(to), { recursive: true })
  const text = stripTypeScriptTypes(readFileSync(from, 'utf8'))
  writeFileSync(to.replace(/\.ts$/, '.js'), text.replaceAll(/\.ts'/g, ".js'"))
}
