/**
 * The other end of W7: serves the lines of a file to the first that connects, again and again for
 * some seconds, as fast as they are read: `node socket-server.ts FILE SECONDS`. Sends its port, and
 * at the end how often the file was sent.
 */
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Served } from '../streams.ts'

const PIECE_BYTES = 1 << 18

const [file, seconds] = process.argv.slice(2) as [string, string]
const text = readFileSync(file)

async function serve(socket: Socket): Promise<void> {
  const start = performance.now()
  const from = performance.timeOrigin + start
  let repeats = 0
  while (performance.now() - start < Number(seconds) * 1000) {
    for (let at = 0; at < text.length; at += PIECE_BYTES) {
      if (socket.write(text.subarray(at, at + PIECE_BYTES))) continue
      await new Promise(resolve => socket.once('drain', resolve))
    }
    repeats++
  }
  // The connection stays: its end would have the receiver connect again.
  process.send!({ type: 'sent', repeats, from } satisfies Served)
}

process.on('disconnect', () => process.exit())
const server = createServer(socket => {
  socket.on('error', () => process.exit())
  void serve(socket)
})
server.listen(0, '127.0.0.1', () => {
  process.send!({ type: 'listens', port: (server.address() as AddressInfo).port } satisfies Served)
})
