/** ssc.from(Readable): objects as rows, bytes and texts as lines. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type Bench, benches, turn, until } from './harness.ts'

const bench = benches()
const directory = mkdtempSync(join(tmpdir(), 'pelton-readable-'))
afterAll(() => rmSync(directory, { recursive: true }))

class Unfit {}

/** Rows of a stream that ends. */
async function rowsOf(stream: Readable): Promise<unknown[]> {
  const b = bench()
  const batches = b.collect(b.ssc.from<unknown>(stream))
  await b.ssc.start()
  await until(() => b.receiverStops.length === 1)
  await b.tick()
  await b.stop()
  expect(stream.destroyed).toBe(true)
  return batches.flat()
}

function split(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => line.replace(/\r$/, ''))
}

describe('bytes', () => {
  const text = 'é\r\n\n日本 \r語\n😀\nend'

  test('every cut', async () => {
    const bytes = Buffer.from(text)
    for (let at = 0; at <= bytes.length; at++) {
      const stream = new PassThrough()
      stream.write(bytes.subarray(0, at))
      stream.end(bytes.subarray(at))
      expect(await rowsOf(stream)).toEqual(split(text))
    }
  })

  test('any text, cut into characters’ halves, with an encoding set', async () => {
    const unit = fc.constantFrom('a', 'é', '語', '😀', '\r', '\n', '\r\n')
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit, maxLength: 40 }),
        fc.constantFrom(undefined, 'utf8' as const),
        async (some, encoding) => {
          const stream = new PassThrough({ ...(encoding && { encoding }) })
          for (const byte of Buffer.from(some)) stream.write(Buffer.of(byte))
          stream.end()
          expect(await rowsOf(stream)).toEqual(split(some))
        },
      ),
      { numRuns: 50 },
    )
  })

  test('another encoding gives its text', async () => {
    const stream = new PassThrough({ encoding: 'latin1' })
    stream.end(Buffer.from([0xe9, 10, 0xfc]))
    expect(await rowsOf(stream)).toEqual(['é', 'ü'])
  })

  test('nothing', async () => {
    expect(await rowsOf(Readable.from([], { objectMode: false }))).toEqual([])
  })

  test('a file, and the standard output of a process', async () => {
    const path = join(directory, 'lines.txt')
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i} é`)
    writeFileSync(path, lines.join('\n'))
    expect(await rowsOf(createReadStream(path))).toEqual(lines)
    const child = spawn(process.execPath, ['-e', 'console.log("from\\na child")'])
    const closed = once(child, 'close')
    expect(await rowsOf(child.stdout)).toEqual(['from', 'a child'])
    await closed
  })

  test('many bytes through a small arena: the stream has to wait', async () => {
    const b = bench({ memory: '4MiB' })
    const line = Buffer.from(`${'x'.repeat(99)}\n`)
    const chunk = Buffer.concat(Array.from({ length: 500 }, () => line))
    let pushed = 0
    const stream = new Readable({
      read() {
        this.push(pushed++ < 400 ? chunk : null)
      },
    })
    let rows = 0
    b.ssc.from<string>(stream).foreachRDD(async rdd => {
      rows += await rdd.count()
    })
    await b.ssc.start()
    await until(() => stream.isPaused())
    expect(pushed).toBeLessThan(100)
    await b.tickUntil(() => rows === 200_000)
    expect(b.ssc.metrics().arenaPeakBytes).toBeLessThanOrEqual(4 * 1024 * 1024)
    await b.stop()
  })
})

describe('objects', () => {
  test('are rows, arrays too', async () => {
    const rows = [{ a: 1 }, [1, 2], 'text\nwith a newline', 5]
    expect(await rowsOf(Readable.from(rows))).toEqual(rows)
  })

  test('more than fit wait their turn', async () => {
    const b = bench({ memory: '4MiB' })
    const count = 300_000
    const stream = Readable.from(
      (function* () {
        for (let i = 0; i < count; i++) yield { i, text: `row ${i}` }
      })(),
    )
    const batches = b.collect(b.ssc.from<{ i: number }>(stream).map(row => row.i))
    await b.ssc.start()
    await b.tickUntil(() => batches.flat().length === count)
    expect(batches.flat().every((row, i) => row === i)).toBe(true)
    expect(batches.length).toBeGreaterThan(3)
    await b.stop()
  })

  test('one that is no data ends the stream and fails the context', async () => {
    const b = bench()
    const stream = Readable.from([1, new Unfit(), 2])
    const batches = b.collect(b.ssc.from<unknown>(stream))
    await b.ssc.start()
    await expect(b.ssc.awaitTermination()).rejects.toMatchObject({
      code: 'VALUE',
      message: expect.stringContaining('class Unfit'),
    })
    await b.tick()
    expect(batches).toEqual([[1]])
    expect(stream.destroyed).toBe(true)
    b.errors.splice(0)
    await b.stop()
  })
})

describe('ends', () => {
  async function failing(b: Bench, stream: Readable, cause: Error): Promise<void> {
    const ended = b.ssc.awaitTermination()
    await expect(ended).rejects.toMatchObject({ code: 'INPUT_FAILED', operator: 'from', cause })
    expect(b.messages).toEqual([`the stream failed: ${cause.message}`])
    expect(b.errors.splice(0)).toHaveLength(1)
    expect(stream.destroyed).toBe(true)
    await b.stop()
  }

  test('an error: what came before is processed, half a line is not', async () => {
    const b = bench()
    const stream = new PassThrough()
    const batches = b.collect(b.ssc.from<string>(stream))
    await b.ssc.start()
    stream.write('whole\nhal')
    await turn()
    const cause = new Error('disk on fire')
    stream.destroy(cause)
    await until(() => b.errors.length > 0)
    await b.tick()
    expect(batches).toEqual([['whole']])
    await failing(b, stream, cause)
  })

  test('an error before the start', async () => {
    const b = bench()
    const stream = new PassThrough()
    b.collect(b.ssc.from<string>(stream))
    const cause = new Error('early')
    stream.destroy(cause)
    await turn()
    await b.ssc.start()
    await failing(b, stream, cause)
  })

  test('a stream that had ended or was closed before the start', async () => {
    const stream = new PassThrough()
    stream.resume().end()
    await once(stream, 'end')
    expect(await rowsOf(stream)).toEqual([])
    const closed = new PassThrough()
    closed.destroy()
    expect(await rowsOf(closed)).toEqual([])
  })

  test('a stream that is closed before its end', async () => {
    const b = bench()
    const stream = new PassThrough()
    b.collect(b.ssc.from<string>(stream))
    await b.ssc.start()
    stream.destroy()
    await until(() => b.receiverStops.length === 1)
    expect(b.messages).toEqual(['the stream ended: it was closed before its end'])
    await b.stop()
  })

  test('stopping the context destroys the stream and takes its listeners away', async () => {
    const b = bench()
    const stream = new PassThrough()
    const batches = b.collect(b.ssc.from<string>(stream))
    await b.ssc.start()
    stream.write('stored\nhal')
    await turn()
    await b.stop({ graceful: true })
    expect(batches).toEqual([['stored']])
    expect(stream.destroyed).toBe(true)
    expect(stream.listenerCount('data')).toBe(0)
    // An error afterwards must not end the process.
    stream.emit('error', new Error('late'))
    expect(b.errors).toEqual([])
  })

  test('a line that is too long is reported and left out', async () => {
    const b = bench({ memory: '256MiB' })
    const stream = new PassThrough({ highWaterMark: 64 * 1024 * 1024 })
    const batches = b.collect(b.ssc.from<string>(stream))
    await b.ssc.start()
    stream.write(Buffer.alloc(17 * 1024 * 1024, 'x'))
    stream.end('\nshort\n')
    await until(() => b.receiverStops.length === 1)
    expect(b.messages).toEqual([expect.stringMatching(/a line from a stream is longer than max/)])
    await b.tick()
    expect(batches).toEqual([['short']])
    await b.stop()
  })
})
