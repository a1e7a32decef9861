/**
 * socketTextStream against real TCP servers on loopback, and its receiver against bytes cut at any
 * place. What this can't catch: networks that lose connections without saying so.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { PeltonError, StreamingContext } from '../../src/index.ts'
import { SocketTextReceiver } from '../../src/receivers/index.ts'
import { benches, turn, until } from './harness.ts'

const bench = benches()

/** A server that keeps its connections, to write to them and count them. */
class TextServer {
  readonly server: Server = createServer(socket => {
    this.sockets.push(socket)
    this.accepted++
    socket.on('error', () => undefined)
    socket.on('close', () => this.sockets.splice(this.sockets.indexOf(socket), 1))
  })
  readonly sockets: Socket[] = []
  accepted = 0

  async listen(port = 0): Promise<number> {
    this.server.listen(port, '127.0.0.1')
    await once(this.server, 'listening')
    return (this.server.address() as AddressInfo).port
  }

  /** The connection number `count`, from 1, once it is there. */
  async connection(count: number): Promise<Socket> {
    await until(() => this.accepted >= count && this.sockets.length > 0)
    return this.sockets.at(-1)!
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    if (!this.server.listening) return
    this.server.close()
    await once(this.server, 'close')
  }
}

let servers: TextServer[] = []
async function serve(): Promise<{ server: TextServer; port: number }> {
  const server = new TextServer()
  servers.push(server)
  return { server, port: await server.listen() }
}
afterEach(async () => {
  for (const server of servers) await server.close()
  servers = []
})

/** What a line is, said once more and plainly. */
function split(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => (line.endsWith('\r') ? line.slice(0, -1) : line))
}

/** Sends pieces of bytes, each in a write of its own, and returns the lines that came out. */
async function linesOfPieces(pieces: readonly Uint8Array[], options = {}): Promise<string[]> {
  const { server, port } = await serve()
  const b = bench()
  const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port, options))
  await b.ssc.start()
  const socket = await server.connection(1)
  socket.setNoDelay(true)
  for (const piece of pieces) {
    if (piece.length > 0) await new Promise(resolve => socket.write(piece, resolve))
    await turn()
  }
  socket.end()
  await until(() => b.messages.some(message => message?.includes('had no more data')))
  await b.tick()
  await b.stop()
  return batches.flat()
}

describe('lines', () => {
  test('a text cut at each of its bytes', async () => {
    const text = 'Zürich\r\n\r\n日本 \r語\r\n\n𝒳😀\nend'
    const bytes = Buffer.from(text)
    // All cuts on one connection: the text again and again, cut a byte later each time.
    const pieces = Array.from({ length: bytes.length + 1 }, (_, at) => [
      bytes.subarray(0, at),
      Buffer.concat([bytes.subarray(at), Buffer.from('\n')]),
    ])
    const lines = await linesOfPieces(pieces.flat())
    expect(split(text)).toEqual(['Zürich', '', '日本 \r語', '', '𝒳😀', 'end'])
    expect(lines).toEqual(pieces.flatMap(() => split(text)))
  })

  test('any text in pieces of any length', async () => {
    const unit = fc.constantFrom('a', 'é', '語', '😀', ' ', '\r', '\n', '\r\n', '\ufeff', '\u2028')
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit, maxLength: 60 }),
        fc.array(fc.nat({ max: 20 }), { maxLength: 10 }),
        async (text, lengths) => {
          const bytes = Buffer.from(text)
          const pieces: Buffer[] = []
          let at = 0
          for (const length of lengths) pieces.push(bytes.subarray(at, (at += length)))
          pieces.push(bytes.subarray(at))
          expect(await linesOfPieces(pieces)).toEqual(split(text))
        },
      ),
      { numRuns: 25 },
    )
  })

  test('the last line may lack its newline, empty lines are lines', async () => {
    expect(await linesOfPieces([Buffer.from('\n\na\n\nb')])).toEqual(['', '', 'a', '', 'b'])
    expect(await linesOfPieces([])).toEqual([])
  })

  test('what is no UTF-8 becomes U+FFFD, and the lines around it stay whole', async () => {
    const bytes = Buffer.from([0x61, 0xff, 0x62, 10, 0xe6, 0x97, 10, 0x63, 10])
    expect(await linesOfPieces([bytes])).toEqual(['a\ufffdb', '\ufffd', 'c'])
  })

  test('a line that is too long is reported and left out; the others come', async () => {
    const { server, port } = await serve()
    const b = bench()
    const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port, { maxLineBytes: 8 }))
    await b.ssc.start()
    const socket = await server.connection(1)
    // In one piece; begun and ended in two; going on over several; then the longest that may be.
    for (const piece of ['ok\n123456789\nok2\n1234', '56789\nok3\n123456789', '0123', '\nok4\n']) {
      await new Promise(resolve => socket.write(piece, resolve))
      await turn()
    }
    socket.end('12345678\n')
    await until(() => b.messages.some(message => message?.includes('had no more data')))
    await b.tick()
    expect(batches.flat()).toEqual(['ok', 'ok2', 'ok3', 'ok4', '12345678'])
    const reports = b.messages.filter(message => message?.includes('maxLineBytes'))
    expect(reports).toHaveLength(3)
    expect(reports[0]).toMatch(/127\.0\.0\.1:\d+ is longer than maxLineBytes, 8 bytes.*raise/)
    expect(reports[2]).toContain('3 so far')
    await b.stop()
  })
})

describe('connections', () => {
  test('a refused one is reported and tried again after the restart delay', async () => {
    const { server, port } = await serve()
    await server.close()
    const b = bench()
    const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port))
    await b.ssc.start()
    await until(() => b.receiverErrors.length === 1)
    expect(b.messages[0]).toContain(`Error connecting to 127.0.0.1:${port}: `)
    expect(b.messages[0]).toContain('ECONNREFUSED')
    expect(b.messages[0]).toContain('2000 ms')
    expect(b.receiverErrors[0]).toMatchObject({ streamId: 0, lastErrorTime: 0 })
    await turn()
    await b.tick()
    await turn()
    expect(b.receiverStarts).toHaveLength(1)
    await server.listen(port)
    await b.tick()
    const socket = await server.connection(1)
    expect(b.receiverStarts).toHaveLength(2)
    socket.write('hello\n')
    await b.tickUntil(() => batches.flat().length > 0)
    expect(batches.flat()).toEqual(['hello'])
    await b.stop()
  })

  test('one refused under all its addresses says why', async () => {
    const { server, port } = await serve()
    await server.close()
    const b = bench()
    b.collect(b.ssc.socketTextStream('localhost', port))
    await b.ssc.start()
    await until(() => b.receiverErrors.length === 1)
    expect(b.messages[0]).toMatch(/Error connecting to localhost:\d+: .*ECONNREFUSED/)
    await b.stop()
  })

  test('one that ends is made again, as often as it ends, and leaves no socket', async () => {
    const { server, port } = await serve()
    const b = bench({ receiverRestartDelay: 10 })
    const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port))
    await b.ssc.start()
    const rounds = 50
    for (let round = 1; round <= rounds; round++) {
      const socket = await server.connection(round)
      socket.end(`line ${round}\nlast ${round}`)
      await until(() => b.receiverErrors.length === round)
      expect(b.messages.at(-1)).toContain('Socket data stream had no more data')
      await turn()
      b.clock.advance(10)
    }
    await server.connection(rounds + 1)
    await until(() => server.sockets.length === 1)
    await b.tick()
    const expected = Array.from({ length: rounds }, (_, i) => [`line ${i + 1}`, `last ${i + 1}`])
    expect(batches.flat()).toEqual(expected.flat())
    await b.stop()
    await until(() => server.sockets.length === 0)
    expect(socketHandles()).toBe(1)
  })

  test('one that breaks is reported and made again; half a line is not a line', async () => {
    const { server, port } = await serve()
    const b = bench()
    const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port))
    await b.ssc.start()
    const socket = await server.connection(1)
    socket.write('whole\nhal')
    await b.tickUntil(() => batches.flat().length > 0)
    socket.resetAndDestroy()
    await until(() => b.receiverErrors.length === 1)
    expect(b.messages[0]).toContain('Error receiving data: ')
    expect(b.messages[0]).toContain('ECONNRESET')
    await turn()
    await b.tick(2)
    const again = await server.connection(2)
    again.write('next\n')
    await b.tickUntil(() => batches.flat().length > 1)
    expect(batches.flat()).toEqual(['whole', 'next'])
    await b.stop()
  })

  test('stop() while connecting, while waiting for a restart, and twice', async () => {
    const { server, port } = await serve()
    const connecting = bench()
    connecting.collect(connecting.ssc.socketTextStream('127.0.0.1', port))
    await connecting.ssc.start()
    await connecting.stop()
    await connecting.stop()
    expect(connecting.receiverStops).toHaveLength(1)
    await until(() => server.sockets.length === 0)

    await server.close()
    const waiting = bench()
    waiting.collect(waiting.ssc.socketTextStream('127.0.0.1', port))
    await waiting.ssc.start()
    await until(() => waiting.receiverErrors.length === 1)
    await waiting.stop()
    waiting.clock.advance(60_000)
    await turn()
    expect(waiting.receiverStarts).toHaveLength(1)
    expect(socketHandles()).toBe(0)
  })

  test('a graceful stop processes every stored line', async () => {
    const { server, port } = await serve()
    const b = bench()
    const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port))
    await b.ssc.start()
    const socket = await server.connection(1)
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`)
    socket.end(`${lines.join('\n')}\n`)
    await until(() => b.receiverErrors.length === 1)
    await b.stop({ graceful: true })
    expect(batches.flat()).toEqual(lines)
  })

  test('metrics count the rows, and an idle stream gives empty RDDs', async () => {
    const { server, port } = await serve()
    const b = bench()
    const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port))
    const records: number[] = []
    b.ssc.on('batchSubmitted', batch => records.push(batch.numRecords))
    await b.ssc.start()
    await b.tick()
    const socket = await server.connection(1)
    socket.end('1\n2\n3')
    await until(() => b.receiverErrors.length === 1)
    await b.tick(2)
    expect(batches).toEqual([[], ['1', '2', '3'], []])
    expect(records).toEqual([0, 3, 0])
    expect(b.ssc.metrics().rows).toBe(3)
    await b.stop()
  })
})

/** Open TCP connections and servers of this process. */
function socketHandles(): number {
  return process.getActiveResourcesInfo().filter(name => /^TCP/.test(name)).length
}

/** `lines` numbered lines of 64 bytes. */
function numbered(from: number, lines: number): Buffer {
  const texts = Array.from({ length: lines }, (_, i) => String(from + i).padEnd(63, '.'))
  return Buffer.from(`${texts.join('\n')}\n`)
}

describe('pressure', () => {
  test('64 MB through 4 MiB: nothing is lost, nothing is over the limit', async () => {
    const { server, port } = await serve()
    const b = bench({ memory: '4MiB' })
    let rows = 0
    let sum = 0
    const parts: number[] = []
    b.ssc.socketTextStream('127.0.0.1', port).foreachRDD(async rdd => {
      const sums = rdd.mapPartitions(lines => {
        let [n, total] = [0, 0]
        for (const line of lines) {
          n++
          total += Number.parseInt(line, 10)
        }
        return [[n, total] as const]
      })
      const results = await sums.collect()
      parts.push(results.length)
      for (const [n, total] of results) {
        rows += n
        sum += total
      }
    })
    await b.ssc.start()
    const socket = await server.connection(1)
    const lines = 1_000_000
    const sent = (async () => {
      for (let at = 0; at < lines; at += 10_000) {
        if (!socket.write(numbered(at, 10_000))) await once(socket, 'drain')
      }
      socket.end()
    })()
    await b.tickUntil(() => rows >= lines)
    await sent
    await b.tick(2)
    expect(rows).toBe(lines)
    expect(sum).toBe((lines * (lines - 1)) / 2)
    const { arenaPeakBytes } = b.ssc.metrics()
    expect(arenaPeakBytes).toBeGreaterThan(1024 * 1024)
    expect(arenaPeakBytes).toBeLessThanOrEqual(4 * 1024 * 1024)
    expect(b.warnings).toEqual([])
    expect(Math.max(...parts)).toBeGreaterThan(2)
    expect(b.messages.every(message => message?.includes('had no more data'))).toBe(true)
    await b.stop()
  })

  test('a sender has to wait while there are no batches', async () => {
    const { server, port } = await serve()
    const b = bench({ memory: '4MiB' })
    const batches = b.collect(b.ssc.socketTextStream('127.0.0.1', port).count())
    await b.ssc.start()
    const socket = await server.connection(1)
    const lines = 500_000
    let sent = 0
    const sending = (async () => {
      for (; sent < lines; sent += 10_000) {
        if (!socket.write(numbered(sent, 10_000))) await once(socket, 'drain')
      }
      socket.end()
    })()
    for (let i = 0; i < 3000; i++) await turn()
    expect(sent).toBeLessThan(lines / 2)
    await b.tickUntil(() => batches.flat().reduce((sum, n) => sum + n, 0) === lines)
    await sending
    await b.stop()
  })

  test('a burst of many MB a batch makes at most `partitions` partitions, in order', async () => {
    const { server, port } = await serve()
    const b = bench({ memory: '256MiB', partitions: 5 })
    const counts: number[] = []
    let lines: string[] = []
    b.ssc.socketTextStream('127.0.0.1', port).foreachRDD(async rdd => {
      counts.push((await rdd.mapPartitions(() => [0]).collect()).length)
      lines = await rdd.collect()
    })
    await b.ssc.start()
    const socket = await server.connection(1)
    const total = 400_000
    const bytes = numbered(0, total)
    socket.end(bytes)
    await until(() => b.receiverErrors.length === 1)
    await b.tick()
    expect(counts).toEqual([5])
    expect(Buffer.from(`${lines.join('\n')}\n`).equals(bytes)).toBe(true)
    await b.stop()
  })
})

describe('options', () => {
  const cases: [string, unknown[], RegExp][] = [
    ['an empty host', ['', 9999], /host is "".*'localhost'/],
    ['no host', [undefined, 9999], /host is undefined/],
    ['port 0', ['localhost', 0], /port is 0; give a whole number from 1 to 65535/],
    ['a port that is too large', ['localhost', 65536], /port is 65536/],
    ['a port as text', ['localhost', '9999'], /port is "9999"/],
    ['half a port', ['localhost', 1.5], /port is 1.5/],
    ['maxLineBytes 0', ['localhost', 9999, { maxLineBytes: 0 }], /maxLineBytes is 0; give a pos/],
  ]
  test.each(cases)('%s', (_, args, message) => {
    const ssc = new StreamingContext({ batchInterval: 1000 })
    const make = ssc.socketTextStream.bind(ssc) as (...args: unknown[]) => unknown
    expect(() => make(...args)).toThrow(message)
    expect(() => make(...args)).toThrow(PeltonError)
  })

  test('the receiver can be made by hand, for ssc.from', async () => {
    const { server, port } = await serve()
    const b = bench()
    const batches = b.collect(b.ssc.from(new SocketTextReceiver({ host: '127.0.0.1', port })))
    await b.ssc.start()
    ;(await server.connection(1)).end('a\nb\n')
    await until(() => b.receiverErrors.length === 1)
    await b.tick()
    expect(batches).toEqual([['a', 'b']])
    await b.stop()
  })
})
