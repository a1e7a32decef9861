/**
 * Programs that die and are started again.
 *
 * What it can't catch: a machine that has no memory left for another process.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { supervise } from '../../src/cli/supervise.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** A program that notes each start, and of which the nth start runs `ends[n]`. */
function program(ends: readonly string[]): { file: string; starts: () => number } {
  const [file, notes] = [join(directory, 'program.mjs'), join(directory, 'notes')]
  writeFileSync(notes, '')
  writeFileSync(
    file,
    `import { appendFileSync, readFileSync } from 'node:fs'
    const number = readFileSync(${JSON.stringify(notes)}).length
    appendFileSync(${JSON.stringify(notes)}, '.')
    const ends = [${ends.map(end => `() => { ${end} }`).join(', ')}]
    ends[Math.min(number, ends.length - 1)]()`,
  )
  return { file, starts: () => readFileSync(notes).length }
}

test('one that is killed, aborts or throws is started again, until it ends well', async () => {
  const said: string[] = []
  const { file, starts } = program([
    "process.kill(process.pid, 'SIGKILL')",
    'process.abort()',
    'process.exit(3)',
    '',
  ])
  const options = { restartsMax: 5, say: (text: string) => void said.push(text), delayMs: 1 }
  expect(await supervise(file, [], options)).toBe(0)
  expect(starts()).toBe(4)
  expect(said.map(text => text.replace(file, 'FILE'))).toEqual([
    'FILE was ended by SIGKILL; it is started again in 1 ms',
    'FILE was ended by SIGABRT; it is started again in 2 ms',
    'FILE ended with exit code 3; it is started again in 4 ms',
  ])
})

test('one that dies again and again is given up, with its exit code', async () => {
  const said: string[] = []
  const { file, starts } = program(['process.exit(7)'])
  const options = { restartsMax: 2, say: (text: string) => void said.push(text), delayMs: 1 }
  expect(await supervise(file, [], options)).toBe(7)
  expect(starts()).toBe(3)
  expect(said.at(-1)).toContain('not started again after 2 restarts in a row')
})

const command = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url))

function pelton(...args: string[]) {
  const child = spawn(process.execPath, [command, ...args])
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', data => {
    stdout += data
  })
  child.stderr.on('data', data => {
    stderr += data
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>(resolve =>
    child.once('close', code => resolve({ code, stdout, stderr })),
  )
  return { child, ended }
}

test('a signal goes on to the program, which ends for good', async () => {
  const { file, starts } = program([
    "process.on('SIGTERM', () => { console.log('bye'); process.exit(5) })\n" +
      "setInterval(() => {}, 1000); console.log('up')",
  ])
  const { child, ended } = pelton('run', file, '--supervise')
  await new Promise(resolve => child.stdout.once('data', resolve))
  child.kill('SIGTERM')
  const { code, stdout } = await ended
  expect({ code, stdout, starts: starts() }).toEqual({ code: 5, stdout: 'up\nbye\n', starts: 1 })
})

test('the program gets its arguments, and its exit code is that of the command', async () => {
  const { file } = program(['console.log(process.argv.slice(2).join()); process.exit(4)'])
  const { code, stdout } = await pelton('run', file, '--', '--supervise', 'x').ended
  expect({ code, stdout }).toEqual({ code: 4, stdout: '--supervise,x\n' })
})

test.each([
  [['walk'], 'there is no command "walk"'],
  [['run'], 'run needs a FILE'],
  [['run', '/no/such/file.ts'], 'there is no file /no/such/file.ts'],
  [['run', '--fast', 'a.ts'], 'run has no option "--fast"'],
  [['run', command, '--max-restarts', '3'], '--max-restarts goes with --supervise'],
  [['run', command, '--supervise', '--max-restarts', '-1'], 'needs a whole number from 0 up'],
])('%j is an error that says so, with the help', async (args, message) => {
  const { code, stderr } = await pelton(...args).ended
  expect(code).toBe(2)
  expect(stderr).toContain(message)
  expect(stderr).toContain('Usage: pelton run FILE')
})

test('help is help', async () => {
  const { code, stdout, stderr } = await pelton('--help').ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('--supervise')
})
