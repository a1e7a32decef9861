/**
 * textFileStream and binaryRecordsStream by Spark's rules, on real files whose times are set. What
 * this can't catch: file systems whose modification times are coarser than the rules.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { runLargeFile } from '../../bench/large-file.ts'
import { PeltonError } from '../../src/index.ts'
import { type Bench, benches } from './harness.ts'

const bench = benches()
const root = mkdtempSync(join(tmpdir(), 'pelton-in-'))
afterAll(() => rmSync(root, { recursive: true }))
let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(root, 'case-'))
})

/** Any real time, a multiple of the batch interval. */
const epoch = Date.UTC(2024, 5, 1)

/** Writes a file in one step, with a modification time in milliseconds since the epoch. */
function write(name: string, content: string | Uint8Array, modified: number, into = directory) {
  const path = join(into, name)
  const hidden = join(root, 'being-written')
  writeFileSync(hidden, content)
  utimesSync(hidden, modified / 1000, modified / 1000)
  renameSync(hidden, path)
  return path
}

function streamOf(options = {}, of = directory) {
  const b = bench({ start: epoch })
  const batches = b.collect(b.ssc.textFileStream(of, options))
  return { b, batches }
}

describe('which files', () => {
  test('new ones, each once, in the batch after they appear, sorted by name', async () => {
    const { b, batches } = streamOf()
    await b.ssc.start()
    await b.tick()
    write('b', 'b1\nb2\n', epoch + 1500)
    write('a', 'a1\n', epoch + 1600)
    await b.tick(2)
    write('c', 'c1\n', epoch + 3500)
    await b.tick(2)
    expect(batches).toEqual([[], ['a1', 'b1', 'b2'], [], ['c1'], []])
    await b.stop()
  })

  test('modified at the batch time: taken; a millisecond later: in the next batch', async () => {
    const { b, batches } = streamOf()
    write('at', 'at', epoch + 1000)
    write('after', 'after', epoch + 1001)
    await b.ssc.start()
    await b.tick(3)
    expect(batches).toEqual([['at'], ['after'], []])
    await b.stop()
  })

  test('modified when the stream was made, or before: left out', async () => {
    write('before', 'before', epoch - 1)
    write('then', 'then', epoch)
    write('new', 'new', epoch + 1)
    const { b, batches } = streamOf()
    await b.ssc.start()
    await b.tick(2)
    expect(batches).toEqual([['new'], []])
    await b.stop()
  })

  test('newFilesOnly: false takes older ones within the remembered minute', async () => {
    // The first batch is at epoch + 1 s; a minute before, the window is open to the left.
    write('too-old', 'too old', epoch + 1000 - 60_000)
    write('old', 'old', epoch + 1001 - 60_000)
    write('older-than-the-stream', 'older', epoch - 5)
    const { b, batches } = streamOf({ newFilesOnly: false })
    await b.ssc.start()
    await b.tick(2)
    expect(batches).toEqual([['old', 'older'], []])
    await b.stop()
  })

  test('the remembered time is rounded up to whole batches', async () => {
    write('out', 'out', epoch + 1000 - 3000)
    write('in', 'in', epoch + 1001 - 3000)
    const { b, batches } = streamOf({ newFilesOnly: false, minRememberDuration: 2100 })
    await b.ssc.start()
    await b.tick()
    expect(batches).toEqual([['in']])
    await b.stop()
  })

  test('one that appears late, with an old time, is taken within the window only', async () => {
    const { b, batches } = streamOf({ minRememberDuration: 3000 })
    await b.ssc.start()
    await b.tick(5)
    write('late', 'late', epoch + 3001)
    write('too-late', 'too late', epoch + 3000)
    await b.tick(2)
    expect(batches.slice(5)).toEqual([['late'], []])
    await b.stop()
  })

  test('one that was taken is not taken again while it is found, even when touched', async () => {
    const { b, batches } = streamOf({ minRememberDuration: 3000 })
    const path = write('file', 'first', epoch + 500)
    await b.ssc.start()
    await b.tick(2)
    utimesSync(path, (epoch + 2500) / 1000, (epoch + 2500) / 1000)
    await b.tick(2)
    // Taken at 1 s, remembered up to 4 s; a new file of that name comes later.
    write('file', 'second', epoch + 4500)
    await b.tick(3)
    expect(batches).toEqual([['first'], [], [], [], ['second'], [], []])
    await b.stop()
  })

  test('a batch that was skipped loses nothing', async () => {
    const { b, batches } = streamOf()
    await b.ssc.start()
    await b.tick()
    b.ssc.pause()
    write('while-paused', 'paused', epoch + 1500)
    await b.tick(2)
    b.ssc.resume()
    await b.tick()
    expect(batches).toEqual([[], ['paused']])
    await b.stop()
  })

  test('direct children only, no dot files, no directories', async () => {
    const { b, batches } = streamOf()
    mkdirSync(join(directory, 'deeper'))
    write('below', 'below', epoch + 500, join(directory, 'deeper'))
    write('.hidden', 'hidden', epoch + 500)
    write('_SUCCESS', 'underscore', epoch + 500)
    await b.ssc.start()
    await b.tick()
    expect(batches).toEqual([['underscore']])
    await b.stop()
  })

  test('a filter of one’s own', async () => {
    const filter = (path: string): boolean => basename(path).endsWith('.log')
    const { b, batches } = streamOf({ filter })
    write('.a.log', 'a', epoch + 500)
    write('b.txt', 'b', epoch + 500)
    await b.ssc.start()
    await b.tick()
    expect(batches).toEqual([['a']])
    await b.stop()
  })

  test('a pattern names directories; their children are taken', async () => {
    for (const name of ['day-1', 'day-2', 'night-1']) {
      mkdirSync(join(directory, name))
      write('file', name, epoch + 500, join(directory, name))
    }
    write('day-file', 'not in a directory', epoch + 500)
    const { b, batches } = streamOf({}, join(directory, 'day-*'))
    await b.ssc.start()
    await b.tick()
    mkdirSync(join(directory, 'day-3'))
    write('file', 'day-3', epoch + 1500, join(directory, 'day-3'))
    await b.tick()
    expect(batches).toEqual([['day-1', 'day-2'], ['day-3']])
    expect(b.warnings).toEqual([])
    await b.stop()
  })

  test('a directory whose name looks like a pattern', async () => {
    const odd = join(directory, '[1]')
    mkdirSync(odd)
    write('file', 'odd', epoch + 500, odd)
    const { b, batches } = streamOf({}, odd)
    await b.ssc.start()
    await b.tick()
    expect(batches).toEqual([['odd']])
    await b.stop()
  })

  test('listeners get the names, and no count of records', async () => {
    const { b } = streamOf()
    const inputs: unknown[] = []
    b.ssc.on('batchSubmitted', batch => inputs.push(...batch.streamIdToInputInfo.values()))
    const paths = [write('a', 'a\n', epoch + 500), write('b', '', epoch + 500)]
    await b.ssc.start()
    await b.tick()
    const metadata = { files: paths, Description: paths.join('\n') }
    expect(inputs).toEqual([{ inputStreamId: 0, numRecords: 0, metadata }])
    await b.stop()
  })
})

describe('directories that are not there', () => {
  test('one warning, then empty batches until it appears; again when it goes again', async () => {
    const missing = join(directory, 'later')
    const { b, batches } = streamOf({}, missing)
    await b.ssc.start()
    await b.tick(3)
    const warning = expect.stringContaining(
      `${missing} does not exist; its batches are empty until`,
    )
    expect(b.warnings).toEqual([warning])
    mkdirSync(missing)
    write('file', 'here', epoch + 3500, missing)
    await b.tick(2)
    expect(batches).toEqual([[], [], [], ['here'], []])
    rmSync(missing, { recursive: true })
    await b.tick(2)
    expect(b.warnings).toEqual([warning, warning])
    await b.stop()
  })

  test('a pattern without a match', async () => {
    const { b, batches } = streamOf({}, join(directory, 'x*'))
    await b.ssc.start()
    await b.tick(2)
    expect(b.warnings).toEqual([expect.stringMatching(/no directory matches .*x\*; batches are/)])
    mkdirSync(join(directory, 'x1'))
    write('file', 'here', epoch + 2500, join(directory, 'x1'))
    await b.tick()
    expect(batches).toEqual([[], [], ['here']])
    await b.stop()
  })

  test('a file in place of the directory', async () => {
    const file = write('file', 'text', epoch + 500)
    const { b, batches } = streamOf({}, file)
    await b.ssc.start()
    await b.tick(2)
    expect(b.warnings).toEqual([expect.stringContaining(`${file} is no directory`)])
    expect(batches).toEqual([[], []])
    await b.stop()
  })

  test('a name that leads nowhere does not stop the others', async () => {
    symlinkSync('loop', join(directory, 'loop'))
    symlinkSync('gone', join(directory, 'dangling'))
    write('real', 'real', epoch + 500)
    const { b, batches } = streamOf()
    await b.ssc.start()
    await b.tick(2)
    expect(batches).toEqual([['real'], []])
    expect(b.warnings).toEqual([expect.stringMatching(/loop is left out: ELOOP/)])
    await b.stop()
  })
})

describe('contents', () => {
  test.each([
    ['no newline at the end', 'one\ntwo', ['one', 'two']],
    ['nothing', '', []],
    ['a newline only', '\n', ['']],
    ['CRLF', 'one\r\n\r\ntwo\r\n', ['one', '', 'two']],
    ['lone carriage returns', 'a\rb\n\rc', ['a\rb', '\rc']],
    ['a byte order mark', '\ufeffone\ntwo', ['one', 'two']],
    ['characters of all lengths', 'é\n語\n😀', ['é', '語', '😀']],
  ])('%s', async (_, content, lines) => {
    const { b, batches } = streamOf()
    write('file', content, epoch + 500)
    await b.ssc.start()
    await b.tick()
    expect(batches).toEqual([lines])
    await b.stop()
  })

  test('a file of several ranges and many small files, in order', async () => {
    const { b, batches } = streamOf()
    const text = Array.from({ length: 400_000 }, (_, i) => `line ${i}`).join('\n')
    write('large', text, epoch + 500)
    await b.ssc.start()
    await b.tick()
    for (let i = 0; i < 100; i++) {
      write(String(i).padStart(3, '0'), `file ${i}\nmore\n`, epoch + 1500)
    }
    await b.tick()
    expect(batches[0]!.join('\n') === text).toBe(true)
    expect(batches[1]).toEqual(Array.from({ length: 100 }, (_, i) => [`file ${i}`, 'more']).flat())
    await b.stop()
  })

  test('many small files are no more than `partitions` partitions', async () => {
    const b = bench({ start: epoch, partitions: 4 })
    const sizes = b.collect(b.ssc.textFileStream(directory).glom())
    for (let i = 0; i < 50; i++) write(`file-${i}`, 'x\n'.repeat(i + 1), epoch + 500)
    await b.ssc.start()
    await b.tick()
    expect(sizes[0]!.length).toBeLessThanOrEqual(4)
    expect(sizes[0]!.length).toBeGreaterThan(1)
    expect(sizes[0]!.flat()).toHaveLength((50 * 51) / 2)
    await b.stop()
  })

  test('a window reads its files again', async () => {
    const b = bench({ start: epoch })
    const batches = b.collect(b.ssc.textFileStream(directory).window(2000).count())
    write('file', 'one\ntwo\n', epoch + 500)
    await b.ssc.start()
    await b.tick(3)
    expect(batches).toEqual([[2], [2], [0]])
    await b.stop()
  })
})

describe('files that fail', () => {
  /** Runs the first batch after `spoil` has met the file that it lists. */
  async function failureOf(b: Bench, spoil: () => void): Promise<string> {
    b.ssc.on('batchSubmitted', () => spoil())
    await b.ssc.start()
    await b.tick()
    const errors = b.errors.splice(0)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ code: 'INPUT_FAILED', batchTime: epoch + 1000 })
    return errors[0]!.message
  }

  test('one that disappears between listing and reading', async () => {
    const { b } = streamOf()
    const path = write('file', 'text\n', epoch + 500)
    const message = await failureOf(b, () => rmSync(path))
    expect(message).toContain(`can't read ${path}: ENOENT`)
    expect(message).toContain('leave files in place until their batch is done')
    await b.stop()
  })

  test('one that shrinks between listing and reading', async () => {
    const { b } = streamOf()
    const path = write('file', 'text\n'.repeat(100), epoch + 500)
    const message = await failureOf(b, () => truncateSync(path, 7))
    expect(message).toContain(`${path} has 7 bytes now, fewer than the 500 that it had`)
    await b.stop()
  })

  test('one that can’t be read, and the next batch goes on', async () => {
    const { b, batches } = streamOf()
    const path = write('file', 'text\n', epoch + 500)
    let spoilt = false
    const message = await failureOf(b, () => {
      if (spoilt) return
      spoilt = true
      // What root may not read either.
      rmSync(path)
      mkdirSync(path)
    })
    expect(message).toMatch(/can't read .*file: EISDIR.*give this process the right to read it/)
    write('next', 'next', epoch + 1500)
    await b.tick()
    expect(batches).toEqual([['next']])
    await b.stop()
  })

  test.skipIf(process.getuid?.() === 0)('one without permission', async () => {
    const { b } = streamOf()
    const path = write('file', 'text\n', epoch + 500)
    chmodSync(path, 0)
    expect(await failureOf(b, () => undefined)).toContain(`can't read ${path}: EACCES`)
    await b.stop()
  })
})

describe('binaryRecordsStream', () => {
  test('records of the new files', async () => {
    const b = bench({ start: epoch })
    const batches = b.collect(b.ssc.binaryRecordsStream(directory, 3))
    write('old', Uint8Array.of(9, 9, 9), epoch)
    write('a', Uint8Array.of(1, 2, 3, 4, 5, 6), epoch + 500)
    write('b', new Uint8Array(0), epoch + 500)
    await b.ssc.start()
    await b.tick()
    write('c', Uint8Array.of(7, 10, 13), epoch + 1500)
    await b.tick()
    expect(batches).toEqual([
      [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)],
      [Uint8Array.of(7, 10, 13)],
    ])
    await b.stop()
  })

  test('a length that does not divide the file is an error of that batch', async () => {
    const b = bench({ start: epoch })
    const batches = b.collect(b.ssc.binaryRecordsStream(directory, 4))
    const path = write('odd', new Uint8Array(10), epoch + 500)
    await b.ssc.start()
    await b.tick()
    const [error] = b.errors.splice(0)
    expect(error).toMatchObject({ code: 'INPUT_FAILED', operator: 'binaryRecordsStream' })
    expect(error!.message).toContain(`Partial record (length = 2) found at the end of ${path}`)
    write('even', new Uint8Array(4), epoch + 1500)
    await b.tick()
    expect(batches).toEqual([[new Uint8Array(4)]])
    await b.stop()
  })

  test.each([0, -1, 2.5, undefined])('recordLength %j is refused', length => {
    const b = bench()
    expect(() => b.ssc.binaryRecordsStream(directory, length as number)).toThrow(
      /recordLength is .*; give a positive (whole )?number of bytes/,
    )
  })
})

describe('options', () => {
  test.each([
    ['', {}, /textFileStream: the directory is ""; give a path/],
    [undefined, {}, /the directory is undefined/],
    ['in', { filter: '*.txt' }, /filter is "\*\.txt"; give a function of the path/],
    ['in', { newFilesOnly: 'no' }, /newFilesOnly is "no"; give true or false/],
    ['in', { minRememberDuration: 0 }, /minRememberDuration is 0; give a positive number/],
  ])('%j %j is refused', (path, options, message) => {
    const b = bench()
    expect(() => b.ssc.textFileStream(path as never, options as never)).toThrow(message)
    expect(() => b.ssc.textFileStream(path as never, options as never)).toThrow(PeltonError)
  })
})

describe('textFile', () => {
  test('a file, a directory, a pattern', async () => {
    const { b } = streamOf()
    write('a', 'a1\na2', 0)
    write('b', 'b1\n', 0)
    write('.hidden', 'hidden', 0)
    write('_SUCCESS', '', 0)
    symlinkSync('gone', join(directory, 'dangling'))
    const lines = (path: string): Promise<string[]> => b.ssc.textFile(path).collect()
    expect(await lines(join(directory, 'a'))).toEqual(['a1', 'a2'])
    expect(await lines(directory)).toEqual(['a1', 'a2', 'b1'])
    expect(await lines(join(directory, '[ab]'))).toEqual(['a1', 'a2', 'b1'])
    await expect(lines(join(directory, 'c'))).rejects.toThrow(/Input path does not exist: ".*c"/)
    await expect(lines(join(directory, 'c*'))).rejects.toThrow(/Input Pattern ".*" matches 0 files/)
    await expect(lines('/dev/null')).rejects.toThrow(/is neither a file nor a directory/)
    await b.stop()
  })
})

test('a file larger than the arena passes through a word count', async () => {
  const result = await runLargeFile({ gigabytes: 0.05, memory: '32MiB', directory: root })
  expect(result.counted).toEqual(result.expected)
  expect(result.bytes).toBeGreaterThan(50_000_000)
  expect(result.arenaPeakBytes).toBeLessThan(32 * 1024 * 1024)
})
