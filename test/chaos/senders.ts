/** What sends rows to the job: over TCP with or without acknowledgements, or as files. */
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { rowOf } from './rows.ts'

/** Milliseconds from one sending to the next, and rows of each. */
const everyMs = 10
const rowsAtOnce = 5
/** Sendings from one file to the next. */
const fileEvery = 7

export interface Sender {
  readonly port: number
  /** Rows that were sent so far; no more are after `end`. */
  readonly sent: number
  /** What the sender has seen go wrong. */
  readonly faults: readonly string[]
  /** No more new rows; what was not acknowledged is still sent again. */
  end(): void
  close(): Promise<void>
}

/** Keeps what was not acknowledged, and begins there with every connection. */
export async function reliableSender(): Promise<Sender> {
  const faults: string[] = []
  let made = 0
  let acknowledged = 0
  let current: { socket: Socket; next: number } | undefined
  let isEnded = false
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    current = { socket, next: acknowledged }
    onLines(socket, line => {
      const [what, text] = line.split(' ')
      const number = Number(text)
      // Whoever has less than what was acknowledged has lost it.
      if (number < acknowledged && (what === 'has' || current?.socket === socket)) {
        faults.push(`${line}, and ${acknowledged} rows were acknowledged`)
      }
      if (number > made) faults.push(`${line}, and only ${made} rows were made`)
      if (what === 'ack') acknowledged = Math.max(acknowledged, number)
    })
  })
  const port = await listen(server)
  const timer = setInterval(() => {
    if (!isEnded) made += rowsAtOnce
    if (!current || current.next >= made) return
    const rows = Array.from({ length: made - current.next }, (_, i) => rowOf(current!.next + i))
    current.socket.write(`${rows.join('\n')}\n`)
    current.next = made
  }, everyMs)
  return {
    port,
    faults,
    get sent() {
      return made
    },
    end: () => {
      isEnded = true
    },
    close: () => closed(server, timer, current?.socket),
  }
}

/** Sends each row once, to whoever is there: what gets lost is lost. */
export async function plainSender(): Promise<Sender> {
  let next = 0
  let current: Socket | undefined
  let isEnded = false
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (current === socket) current = undefined
    })
    socket.resume()
    current = socket
  })
  const port = await listen(server)
  const timer = setInterval(() => {
    if (isEnded || !current) return
    const rows = Array.from({ length: rowsAtOnce }, () => rowOf(next++))
    current.write(`${rows.join('\n')}\n`)
  }, everyMs)
  return {
    port,
    faults: [],
    get sent() {
      return next
    },
    end: () => {
      isEnded = true
    },
    close: () => closed(server, timer, current),
  }
}

/** Drops files of rows into a directory, each whole when it gets its name. */
export function fileSender(directory: string, temporary: string): Sender {
  let next = 0
  let file = 0
  let isEnded = false
  const timer = setInterval(() => {
    if (isEnded) return
    const rows = Array.from({ length: rowsAtOnce * fileEvery }, () => rowOf(next++))
    const name = `${String(file++).padStart(6, '0')}.txt`
    writeFileSync(join(temporary, name), `${rows.join('\n')}\n`)
    renameSync(join(temporary, name), join(directory, name))
  }, everyMs * fileEvery)
  return {
    port: 0,
    faults: [],
    get sent() {
      return next
    },
    end: () => {
      isEnded = true
    },
    close: async () => clearInterval(timer),
  }
}

function onLines(socket: Socket, take: (line: string) => void): void {
  let rest = ''
  socket.on('data', bytes => {
    const lines = `${rest}${bytes}`.split('\n')
    rest = lines.pop()!
    for (const line of lines) take(line)
  })
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function closed(
  server: Server,
  timer: NodeJS.Timeout,
  socket: Socket | undefined,
): Promise<void> {
  clearInterval(timer)
  socket?.destroy()
  await new Promise(resolve => server.close(resolve))
}
