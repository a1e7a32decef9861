/**
 * SIGINT and SIGTERM: the first stops gracefully, the second ends the process.
 *
 * What it can't catch: what a terminal does with a group of processes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('fixtures/signalled.ts', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it said after it was ready, that is when it had started and all rows were stored. */
  readonly lines: readonly string[]
}

/** Runs the program; `onLine` sees `ready` and then each line, and may send signals. */
async function run(
  mode: string,
  onLine: (line: string, child: ChildProcess) => void,
): Promise<Ended> {
  const waiting = mode === 'two' ? ['started', 'stored', 'stored'] : ['started', 'stored']
  const child = spawn(process.execPath, [program, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout! }).on('line', line => {
    if (waiting.length === 0) {
      lines.push(line)
      onLine(line, child)
    } else {
      expect(waiting).toContain(line)
      waiting.splice(waiting.indexOf(line), 1)
      if (waiting.length === 0) onLine('ready', child)
    }
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(resolve => {
    child.on('close', (code, signal) => resolve([code, signal]))
  })
  return { code, signal, lines }
}

const all = 'a rows 1001 sum 501501'

describe('signals', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s processes what was stored, then ends with %d', async (signal, code) => {
    const ended = await run('rows', (line, child) => {
      if (line === 'ready') child.kill(signal)
    })
    expect(ended).toEqual({
      code,
      signal: null,
      lines: ['receiver stopped', all, 'a stopped', 'terminated true'],
    })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('a second %s ends the process at once', async (signal, code) => {
    const ended = await run('stuck', (line, child) => {
      if (line === 'ready' || line === all) child.kill(signal)
    })
    expect(ended).toEqual({ code, signal: null, lines: ['receiver stopped', all] })
  })

  test('stop all contexts of the process', async () => {
    const ended = await run('two', (line, child) => {
      if (line === 'ready') child.kill('SIGINT')
    })
    expect(ended.code).toBe(130)
    expect(ended.lines.toSorted()).toEqual(
      [
        ...['receiver stopped', 'receiver stopped'],
        ...[all, all.replace('a ', 'b '), 'a stopped', 'b stopped'],
        ...['terminated true', 'terminated true'],
      ].toSorted(),
    )
  })

  test('are left alone with handleSignals: false', async () => {
    const ended = await run('unhandled', (line, child) => {
      if (line === 'ready') child.kill('SIGINT')
    })
    expect(ended).toEqual({ code: null, signal: 'SIGINT', lines: [] })
  })
})
