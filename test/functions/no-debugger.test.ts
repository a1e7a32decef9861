/**
 * Functions whose script has called the operator are captured without the debugger, which takes
 * tens of milliseconds to tell of all scripts.
 *
 * What it can't catch: a slower answer of the inspector.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the debugger stays off, and the lines are those of the file', () => {
  const fixture = fileURLToPath(new URL('fixtures/no-debugger.ts', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, [fixture], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({ switchedOn: 0, places: [14, 15] })
})
