/**
 * Lines of UTF-8 text from a TCP server. Bytes go into blocks as they come, a line is never a
 * string here. A line ends at `\n` or `\r\n` (a lone `\r` stays in the line) or where the server
 * ends the stream; what is no UTF-8 becomes U+FFFD. When the connection can't be made, fails or
 * ends, that is reported and it is made again after `receiverRestartDelay`.
 *
 * @example
 * ssc.socketTextStream('localhost', 9999)
 */
import { connect, type Socket } from 'node:net'
import { checkMaxLineBytes, LineFeed } from '../engine/lines.ts'
import { Receiver } from '../engine/receiver.ts'
import { PeltonError, preview } from '../errors.ts'

/** Where the lines come from, and how long one may be. */
export interface SocketTextOptions {
  readonly host: string
  readonly port: number
  /** Longest line in bytes, default 16 MiB; a longer one is reported and left out. */
  readonly maxLineBytes?: number
}

const operator = 'socketTextStream'

/** Receiver of `socketTextStream`. */
export class SocketTextReceiver extends Receiver<string> {
  readonly #options: SocketTextOptions
  #socket: Socket | undefined

  constructor(options: SocketTextOptions) {
    super()
    this.#options = checked(options)
  }

  onStart(): void {
    const { host, port, maxLineBytes } = this.#options
    const { rowBytesMax } = this
    const report = (message: string): void => this.reportError(message)
    const feed = new LineFeed({ maxLineBytes, rowBytesMax, from: `${host}:${port}`, report })
    const socket = connect({ host, port })
    this.#socket = socket
    let isConnected = false
    socket.on('connect', () => {
      isConnected = true
    })
    socket.on('data', bytes => {
      if (socket === this.#socket) this.#take(socket, feed.push(bytes))
    })
    socket.on('end', () => {
      if (socket !== this.#socket) return
      this.#take(socket, feed.end())
      this.restart('Socket data stream had no more data')
    })
    // Stays after the end: an error that nobody listens to would end the process.
    socket.on('error', error => {
      if (socket !== this.#socket) return
      const what = isConnected ? 'Error receiving data' : `Error connecting to ${host}:${port}`
      this.restart(what, error)
    })
  }

  onStop(): void {
    const socket = this.#socket
    this.#socket = undefined
    // What has come of a line that was cut off is no line: it goes with its connection.
    socket?.destroy()
  }

  #take(socket: Socket, runs: readonly Buffer[]): void {
    let room: Promise<void> | undefined
    for (const lines of runs) room = this.storeText(lines)
    if (!room) return
    // The kernel's buffers fill up, and the sender has to wait: nothing is lost.
    socket.pause()
    void room.then(() => {
      if (socket === this.#socket) socket.resume()
    })
  }
}

function checked(options: SocketTextOptions): SocketTextOptions {
  const { host, port, maxLineBytes } = options
  const bad = (name: string, value: unknown, rule: string): PeltonError =>
    new PeltonError(`${operator}: ${name} is ${preview(value)}; ${rule}`, {
      code: 'OPTION',
      operator,
    })
  if (typeof host !== 'string' || host === '') {
    throw bad('host', host, "give a name or an address, such as 'localhost'")
  }
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw bad('port', port, 'give a whole number from 1 to 65535')
  }
  checkMaxLineBytes(operator, maxLineBytes)
  return options
}
