/**
 * The rows of files that `saveAsObjectFile` wrote, whose paths are the rows that come in.
 *
 * @example
 * ssc.objectFile('out/sessions')
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { decodeValue } from '../columnar/codec.ts'
import type { Operator } from '../engine/operator.ts'
import { PeltonError } from '../errors.ts'
import { lengthBytes, objectBytesMax, objectsHeader } from './save-objects.ts'

const readBytes = 256 * 1024

export const loadObjects: Operator = {
  name: 'objectFile',
  onAbsent: 'pass',
  workersOnly: true,
  kernel: {
    form: 'partition',
    *run(paths) {
      for (const path of paths) yield* rowsOf(path as string)
    },
  },
}

function* rowsOf(path: string): Generator<unknown> {
  const file = new Bytes(path)
  try {
    const header = file.take(objectsHeader.length)
    if (!header?.equals(objectsHeader)) throw damaged(path, 'it does not begin as one')
    for (;;) {
      const { at } = file
      const length = file.take(lengthBytes)?.readUInt32LE()
      if (length === undefined && file.at === at) return
      const row = length === undefined || length > objectBytesMax ? undefined : file.take(length)
      if (!row) throw damaged(path, `there is no whole row at byte ${at}`)
      yield decoded(path, row, at)
    }
  } finally {
    file.close()
  }
}

function decoded(path: string, row: Buffer, at: number): unknown {
  try {
    return decodeValue(row)
  } catch (cause) {
    throw damaged(path, `the row at byte ${at} can't be read (${String(cause)})`)
  }
}

/** A file from its beginning, some bytes at a time. */
class Bytes {
  readonly #fd: number
  #held: Buffer = Buffer.alloc(0)
  /** Bytes taken so far, those of an incomplete part included. */
  at = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'r')
  }

  /** The next `length` bytes; undefined where the file ends before them. */
  take(length: number): Buffer | undefined {
    while (this.#held.length < length) {
      const more = Buffer.allocUnsafe(Math.max(readBytes, length - this.#held.length))
      const read = readSync(this.#fd, more)
      if (read === 0) {
        this.at += this.#held.length
        return undefined
      }
      this.#held = Buffer.concat([this.#held, more.subarray(0, read)])
    }
    const taken = this.#held.subarray(0, length)
    this.#held = this.#held.subarray(length)
    this.at += length
    return taken
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function damaged(path: string, problem: string): PeltonError {
  return new PeltonError(
    `${path} is no whole object file: ${problem}. Write it again with saveAsObjectFile()`,
    { code: 'INPUT_DAMAGED', operator: 'objectFile' },
  )
}
