/**
 * A TCP server on loopback that replays a text file to the first reader that connects, then closes.
 * It keeps a steady pace in lines per second or, with 'fast', sends as fast as the reader takes it.
 *
 *     node examples/replay-server.ts [FILE] [--lines-per-second N | --fast] [--port N]
 */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { access, constants, open } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** The shipped text: the King James Bible, a verse a line (see data/README.md). */
export const kingJames = fileURLToPath(new URL('data/kjv.txt', import.meta.url))

/** At this pace the shipped text of 31,102 lines takes twelve seconds. */
export const kingJamesPace = Math.ceil(31_102 / 12)

export interface ReplayOptions {
  /** Path of a UTF-8 text file. */
  readonly file: string
  /** The pace, or 'fast' for no pace but the reader's own. */
  readonly linesPerSecond: number | 'fast'
  /** Port to listen on; 0, the default, takes a free one. */
  readonly port?: number
}

export interface Replay {
  readonly port: number
  /** Resolves when the reader has taken the last byte; rejects if it leaves before. */
  readonly done: Promise<void>
  /** Drops the reader, if there is one, and stops listening. */
  close(): Promise<void>
}

/**
 * Starts the server. Rejects if the file can't be read or the pace is not a positive number.
 *
 * @example
 * const replay = await startReplay({ file: kingJames, linesPerSecond: 'fast' })
 * ssc.socketTextStream('127.0.0.1', replay.port)
 * await replay.done
 */
export async function startReplay(options: ReplayOptions): Promise<Replay> {
  const { file, linesPerSecond, port = 0 } = options
  if (linesPerSecond !== 'fast' && !(linesPerSecond > 0 && linesPerSecond < Infinity)) {
    throw new RangeError(`linesPerSecond is ${linesPerSecond}: give a positive number or 'fast'`)
  }
  await access(file, constants.R_OK)
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  const done = serveOnce(server, sockets, file, linesPerSecond)
  // Whoever awaits `done` still sees the rejection; a caller that only closes must not die of it.
  done.catch(() => {})
  return {
    port: (server.address() as AddressInfo).port,
    done,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}

/** Waits for the reader, sends it everything, and returns when the connection has closed. */
async function serveOnce(
  server: Server,
  sockets: Set<Socket>,
  file: string,
  linesPerSecond: number | 'fast',
): Promise<void> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    server.once('connection', resolve)
    server.once('close', () => reject(new Error('the replay was closed before a reader came')))
  })
  sockets.add(socket)
  server.close()
  const text = linesPerSecond === 'fast' ? createReadStream(file) : paced(file, linesPerSecond)
  // `pipeline` stops reading while socket.write() returns false and goes on at 'drain'.
  await pipeline(text, socket)
  // The reader answers our end with its own only after it has taken the last byte.
  if (!socket.closed) await once(socket, 'close')
}

/** The file's lines in small pieces, each held back until the pace allows it. */
function paced(file: string, linesPerSecond: number): Readable {
  const linesPerPiece = Math.max(1, Math.round(linesPerSecond / 50))
  async function* pieces(): AsyncGenerator<string> {
    await using handle = await open(file)
    const startMs = performance.now()
    const dueMs = (lines: number): number => startMs + (lines * 1000) / linesPerSecond
    const wait = (lines: number) => sleep(Math.max(0, dueMs(lines) - performance.now()))
    let lines = 0
    let piece = ''
    for await (const line of handle.readLines({ autoClose: false })) {
      piece += `${line}\n`
      if (++lines % linesPerPiece !== 0) continue
      await wait(lines)
      yield piece
      piece = ''
    }
    if (piece === '') return
    await wait(lines)
    yield piece
  }
  return Readable.from(pieces(), { objectMode: false })
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      'lines-per-second': { type: 'string', default: String(kingJamesPace) },
      fast: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
    },
    allowPositionals: true,
  })
  const replay = await startReplay({
    file: positionals[0] ?? kingJames,
    linesPerSecond: values.fast ? 'fast' : Number(values['lines-per-second']),
    port: Number(values.port),
  })
  console.log(`127.0.0.1:${replay.port}`)
  await replay.done
}

if (import.meta.main) await main()
