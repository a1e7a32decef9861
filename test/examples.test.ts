/**
 * Every example is run as a reader would run it: its own process, the built package.
 * What this can't catch: how the output looks, and the pace on a slow machine.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { kingJames, startReplay } from '../examples/replay-server.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)
const node = (...args: string[]) => run(process.execPath, args, { cwd: root, timeout: 50_000 })

/** What the engine says when a source ends before the context does. */
const ends = /^pelton: .*(?:has ended|Socket data stream had no more data)\n/gm

/** File (with arguments) → what it must print. The exit code must be 0. */
const examples: Readonly<Record<string, RegExp[]>> = {
  'word-count.ts': [
    /^(\d\d:\d\d:\d\d {3}(\(no words\)|\w+ \d+( {2}\w+ \d+){9})\n){10,}/,
    /^All batches: the 63919 {2}and 51696 {2}of 34618 {2}to 13560 /m,
    /^31,102 rows in 1\d\.\d s, [\d,]+ rows\/s, 1\d batches, [1-9]\d* workers$/m,
  ],
  'word-count.ts --fast --workers 2': [
    /^All batches: the 63919 {2}and 51696 {2}of 34618 {2}to 13560 /m,
    /^31,102 rows in \d+\.\d s, [\d,]+ rows\/s, \d+ batches, 2 workers$/m,
  ],
  'word-count.ts --help': [/^Usage: npm start -- \[options\]\n {2}--fast /],
  'ten-lines.ts': [
    /^-+\nTime: \d+ ms\n-+\n(\((to,2|be,2|or,1|not,1)\)\n){4}\n/,
    /\n(\((that,1|is,1|the,1|question,1)\)\n){4}\n/,
    /\n(\((to,2|sleep,1|dream,1)\)\n){3}\n/,
  ],
  'window.ts': [/^mean 1 of 1\nmean 1.5 of 2\nmean 2 of 3\nmean 5 of 3\nmean 15.75 of 4\n$/],
  'async-iterable.ts': [/^\d{4}-\d\d-\d\dT[\d:.]+Z Basel 38$/m, /Z Uppsala 39$/m],
  'batch.ts': [
    /^31102 verses\nGe1:1 In the beginning God created the heaven and the earth\.$/m,
    /^9 with unicorns\nlongest \[ 535, 'Est8:9' \]\n\[ 1, 4, 9, 16, 25 \] 55\n/m,
    /'odd' => 35/,
    /'even' => 20/,
  ],
  'broadcast.ts': [/^\[ 'heaven', 'earth' \]\n\[ 'face', 'deep' \]\ndropped 6\n$/],
}

describe.concurrent('examples', () => {
  beforeAll(() => node('scripts/build.ts'))

  test.each(Object.entries(examples))('%s', async (command, patterns) => {
    const [file, ...options] = command.split(' ')
    const { stdout, stderr } = await node(`examples/${file}`, ...options)
    expect(stderr.replace(ends, '')).toBe('')
    for (const pattern of patterns) expect(stdout).toMatch(pattern)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('the main job ends cleanly on %s, exit code %i', async (signal, code) => {
    const child = spawn(process.execPath, ['examples/word-count.ts'], { cwd: root })
    let output = ''
    let errors = ''
    child.stderr.on('data', text => {
      errors += text
    })
    await new Promise<void>(resolve => {
      child.stdout.on('data', text => {
        output += text
        if (output.includes('\n')) resolve()
      })
    })
    child.kill(signal)
    expect((await once(child, 'close'))[0]).toBe(code)
    expect(errors).toBe('')
    expect(output).toMatch(/rows in \d+\.\d s, [\d,]+ rows\/s, \d+ batches/)
  })
})

test('each example is in the table, the small ones have at most 40 lines', () => {
  const files = readdirSync(`${root}/examples`).filter(name => name.endsWith('.ts'))
  const known = new Set(Object.keys(examples).map(command => command.split(' ')[0]))
  expect(files.filter(name => !known.has(name))).toEqual(['replay-server.ts'])
  for (const name of files) {
    if (/^(word-count|replay-server)/.test(name)) continue
    expect(readFileSync(`${root}/examples/${name}`, 'utf8').split('\n').length).toBeLessThan(42)
  }
})

describe('the replay server', () => {
  const text = readFileSync(kingJames)

  test('sends the file, the whole file and nothing but the file, then closes', async () => {
    const replay = await startReplay({ file: kingJames, linesPerSecond: 'fast' })
    const chunks: Buffer[] = await connect(replay.port, '127.0.0.1').toArray()
    await replay.done
    expect(Buffer.concat(chunks).equals(text)).toBe(true)
  })

  test('keeps the pace', async () => {
    const linesPerSecond = 100_000
    const replay = await startReplay({ file: kingJames, linesPerSecond })
    const startMs = performance.now()
    const chunks: Buffer[] = await connect(replay.port, '127.0.0.1').toArray()
    expect(performance.now() - startMs).toBeGreaterThan((31_000 / linesPerSecond) * 950)
    expect(Buffer.concat(chunks).equals(text)).toBe(true)
    await replay.done
  })

  test('waits for a reader that does not read', async () => {
    const replay = await startReplay({ file: kingJames, linesPerSecond: 'fast' })
    const socket = connect(replay.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.pause()
    let done = false
    replay.done.then(() => (done = true))
    for (let turn = 0; turn < 1000; turn++) await setImmediate()
    expect(done).toBe(false)
    const chunks: Buffer[] = await socket.toArray()
    await replay.done
    expect(Buffer.concat(chunks).equals(text)).toBe(true)
  })

  test('says so when the reader leaves, when closed, when asked for the impossible', async () => {
    const left = await startReplay({ file: kingJames, linesPerSecond: 100 })
    const socket = connect(left.port, '127.0.0.1')
    await once(socket, 'data')
    socket.destroy()
    await expect(left.done).rejects.toThrow()
    const closed = await startReplay({ file: kingJames, linesPerSecond: 100 })
    await closed.close()
    await expect(closed.done).rejects.toThrow('before a reader came')
    await expect(startReplay({ file: 'nowhere.txt', linesPerSecond: 1 })).rejects.toThrow('nowhere')
    await expect(startReplay({ file: kingJames, linesPerSecond: 0 })).rejects.toThrow(/is 0:/)
  })

  test('as a command prints its address', async () => {
    const child = execFile(process.execPath, ['examples/replay-server.ts', '--fast'], { cwd: root })
    const [line] = await once(child.stdout!, 'data')
    const [host, port] = String(line).trim().split(':')
    expect(host).toBe('127.0.0.1')
    const chunks: Buffer[] = await connect(Number(port), host).toArray()
    expect(Buffer.concat(chunks).equals(text)).toBe(true)
    expect((await once(child, 'exit'))[0]).toBe(0)
  })
})
