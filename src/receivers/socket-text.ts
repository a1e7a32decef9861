/**
 * Lines of UTF-8 text from a TCP server. Bytes go into blocks as they come, a line is never a
 * string here. The connection is made again after `receiverRestartDelay` when it ends.
 *
 * @example
 * ssc.socketTextStream('localhost', 9999)
 */
import { connect, type Socket } from 'node:net'
import { Receiver } from '../engine/receiver.ts'
import { PeltonError, preview } from '../errors.ts'

export interface SocketTextOptions {
  readonly host: string
  readonly port: number
  /** Longest line in bytes, default 16 MiB; a longer one is reported and left out. */
  readonly maxLineBytes?: number
}

const newline = 10
const defaultMaxLineBytes = 16 * 1024 * 1024

/** Receiver of `socketTextStream`. */
export class SocketTextReceiver extends Receiver<string> {
  #options: SocketTextOptions
  #maxLineBytes: number
  #socket: Socket | undefined
  /** The line that has begun and not ended yet. */
  #carry: Buffer[] = []
  #carryBytes = 0
  /** True while the rest of a line that was too long goes by. */
  #skipping = false

  constructor(options: SocketTextOptions) {
    super()
    this.#options = checked(options)
    this.#maxLineBytes = options.maxLineBytes ?? defaultMaxLineBytes
  }

  onStart(): void {
    const { host, port } = this.#options
    const socket = connect({ host, port })
    this.#socket = socket
    let connected = false
    socket.on('connect', () => {
      connected = true
    })
    socket.on('data', bytes => this.#take(socket, bytes))
    socket.on('error', error => {
      if (socket !== this.#socket) return
      const what = connected ? 'Error receiving data' : `Error connecting to ${host}:${port}`
      this.restart(what, error)
    })
    socket.on('end', () => {
      if (socket !== this.#socket) return
      this.#flush()
      this.restart('Socket data stream had no more data')
    })
  }

  onStop(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#flush()
    socket?.destroy()
  }

  #take(socket: Socket, bytes: Buffer): void {
    if (socket !== this.#socket) return
    if (this.#skipping) {
      const end = bytes.indexOf(newline)
      if (end < 0) return
      this.#skipping = false
      bytes = bytes.subarray(end + 1)
    }
    const end = bytes.lastIndexOf(newline) + 1
    if (end === 0) {
      this.#hold(bytes)
      return
    }
    const first = bytes.indexOf(newline) + 1
    if (this.#carry.length === 0) this.#store(socket, bytes.subarray(0, end))
    else {
      this.#store(socket, Buffer.concat([...this.#carry, bytes.subarray(0, first)]))
      if (end > first) this.#store(socket, bytes.subarray(first, end))
    }
    this.#carry = []
    this.#carryBytes = 0
    if (end < bytes.length) this.#hold(bytes.subarray(end))
  }

  #hold(bytes: Buffer): void {
    this.#carry.push(Buffer.from(bytes))
    this.#carryBytes += bytes.length
    if (this.#carryBytes <= this.#maxLineBytes) return
    this.reportError(
      `a line from ${this.#options.host}:${this.#options.port} is longer than maxLineBytes, ` +
        `${this.#maxLineBytes} bytes, and was left out; raise maxLineBytes if such lines are meant`,
    )
    this.#carry = []
    this.#carryBytes = 0
    this.#skipping = true
  }

  #store(socket: Socket, lines: Buffer): void {
    const room = this.storeText(lines)
    if (!room) return
    // The kernel's buffers fill up, and the sender has to wait: nothing is lost.
    socket.pause()
    void room.then(() => {
      if (socket === this.#socket) socket.resume()
    })
  }

  /** The last line may lack its newline. */
  #flush(): void {
    if (this.#carryBytes === 0) return
    const line = Buffer.concat([...this.#carry, Buffer.of(newline)])
    this.#carry = []
    this.#carryBytes = 0
    void this.storeText(line)
  }
}

function checked(options: SocketTextOptions): SocketTextOptions {
  const { host, port, maxLineBytes } = options
  const bad = (name: string, value: unknown, rule: string): PeltonError =>
    new PeltonError(`socketTextStream: ${name} is ${preview(value)}; ${rule}`, {
      code: 'OPTION',
      operator: 'socketTextStream',
    })
  if (typeof host !== 'string' || host === '')
    throw bad('host', host, "give a name such as 'localhost'")
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw bad('port', port, 'give a number from 1 to 65535')
  }
  if (maxLineBytes !== undefined && !(Number.isInteger(maxLineBytes) && maxLineBytes > 0)) {
    throw bad('maxLineBytes', maxLineBytes, 'give a positive whole number of bytes')
  }
  return options
}
