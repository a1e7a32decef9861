/** Byte ranges of files as lines, records or rows: how workers read their share of a file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { decodeValue } from '../columnar/codec.ts'
import { PeltonError } from '../errors.ts'
import { linesInBytes } from './lines.ts'

export interface FilePiece {
  /** `rows`: as `rowsFrame` puts them, in files of the engine's own. */
  readonly kind: 'lines' | 'records' | 'rows'
  readonly path: string
  /** Byte range; a line belongs to the range in which it begins. */
  readonly from: number
  readonly to: number
  /** Bytes of a record, for `records`. */
  readonly length: number
}

const frameHeadBytes = 4

/** Rows, as `encodeRows` has made bytes of them, for a range of the kind `rows`. */
export function rowsFrame(encoded: Uint8Array): [head: Uint8Array, encoded: Uint8Array] {
  const head = Buffer.alloc(frameHeadBytes)
  head.writeUInt32LE(encoded.length)
  return [head, encoded]
}

const newline = 10
const defaultBufferBytes = 1024 * 1024
const lineBytesMax = 256 * 1024 * 1024
const recordsMax = 4096
const recordBytesMax = 256 * 1024
const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf)

/**
 * Rows of a range of a file, a bounded number at once. Throws PeltonError `INPUT_FAILED` where the
 * file can't be read or is shorter than when it was listed.
 *
 * @param bufferBytes bytes read at once; a longer line makes the buffer grow
 */
export function* fileRows(
  piece: FilePiece,
  bufferBytes = defaultBufferBytes,
): Generator<readonly unknown[]> {
  const file = new FileWindow(piece, bufferBytes)
  try {
    if (piece.kind === 'records') yield* records(file, piece)
    else if (piece.kind === 'rows') yield* framedRows(file, piece)
    else {
      for (const { begin, end } of lines(file, piece)) {
        yield* linesInBytes(file.bytes, begin, end)
      }
    }
  } finally {
    file.close()
  }
}

/**
 * The lines of a range as bytes, a bounded number of whole lines at once, each valid until the
 * next. Throws as `fileRows` does.
 */
export function* fileText(piece: FilePiece, bufferBytes: number): Generator<Buffer> {
  const file = new FileWindow(piece, bufferBytes)
  try {
    for (const { begin, end } of lines(file, piece)) {
      if (begin < end) yield file.bytes.subarray(begin, end)
    }
  } finally {
    file.close()
  }
}

/**
 * Where in the window there are whole lines, of those that begin in [from, to): a line that `from`
 * cuts belongs to the range before, a line that `to` cuts is read to its end.
 *
 * ```text
 *        from             to
 *   ab\ncd|ef\ngh\n12\n345|678\n9
 *            `---- ours -----'
 * ```
 */
function* lines(
  file: FileWindow,
  { from, to }: FilePiece,
): Generator<{ readonly begin: number; readonly end: number }> {
  if (from > 0 && !seekLine(file, from, to)) return
  let begin = from > 0 ? 0 : byteOrderMarkOf(file)
  for (;;) {
    const isEnd = file.read() === 0
    const end = isEnd ? file.held : file.bytes.lastIndexOf(newline, file.held - 1) + 1
    let stop = end
    if (file.start + end >= to) {
      const last = file.indexOf(newline, to - 1 - file.start)
      if (last >= 0) stop = last + 1
    }
    yield { begin, end: stop }
    if (isEnd || file.start + stop >= to) return
    if (stop > 0) begin = 0
    file.drop(stop)
  }
}

/** Moves to the first line that begins in [from, to); false where none does. */
function seekLine(file: FileWindow, from: number, to: number): boolean {
  // One byte early: if that byte is a newline, the line at `from` is ours.
  file.seek(from - 1)
  for (;;) {
    const read = file.read()
    const end = file.indexOf(newline, 0)
    if (end >= 0) {
      file.drop(end + 1)
      return file.start < to
    }
    file.drop(file.held)
    if (read === 0 || file.start >= to) return false
  }
}

/** Bytes of the mark that some programs put before UTF-8; it is not part of the first line. */
function byteOrderMarkOf(file: FileWindow): number {
  const { length } = byteOrderMark
  while (file.held < length) if (file.read() === 0) return 0
  return file.bytes.subarray(0, length).equals(byteOrderMark) ? length : 0
}

function* records(file: FileWindow, piece: FilePiece): Generator<Uint8Array[]> {
  const { length, to } = piece
  const perVector = Math.max(1, Math.min(recordsMax, Math.floor(recordBytesMax / length)))
  file.seek(piece.from)
  while (file.start < to) {
    const bytes = Math.min(to - file.start, perVector * length)
    while (file.held < bytes) file.read()
    const rows: Uint8Array[] = []
    for (let at = 0; at < bytes; at += length) {
      rows.push(new Uint8Array(file.bytes.subarray(at, at + length)))
    }
    yield rows
    file.drop(bytes)
  }
}

function* framedRows(file: FileWindow, { from, to }: FilePiece): Generator<readonly unknown[]> {
  file.seek(from)
  let at = 0
  const hold = (bytes: number): void => {
    if (file.held - at >= bytes) return
    file.drop(at)
    at = 0
    while (file.held < bytes) file.read()
  }
  while (file.start + at < to) {
    hold(frameHeadBytes)
    const bytes = frameHeadBytes + file.bytes.readUInt32LE(at)
    hold(bytes)
    yield decodeValue(file.bytes.subarray(at + frameHeadBytes, at + bytes)) as unknown[]
    at += bytes
  }
}

/** A part of a file in memory: `bytes[0]` lies at `start`, `held` bytes are there. */
class FileWindow {
  bytes: Buffer
  start = 0
  held = 0
  readonly #piece: FilePiece
  readonly #fd: number

  constructor(piece: FilePiece, bufferBytes: number) {
    this.#piece = piece
    this.bytes = Buffer.allocUnsafe(Math.max(byteOrderMark.length, bufferBytes))
    try {
      this.#fd = openSync(piece.path, 'r')
    } catch (error) {
      throw unreadable(piece.path, error)
    }
  }

  /** Forgets what is held and goes on at `position`. */
  seek(position: number): void {
    this.start = position
    this.held = 0
  }

  /** Forgets the first `bytes` bytes. */
  drop(bytes: number): void {
    this.bytes.copyWithin(0, bytes, this.held)
    this.start += bytes
    this.held -= bytes
  }

  /** Reads on behind what is held; 0 at the end of the file, and never before the range's end. */
  read(): number {
    if (this.held === this.bytes.length) this.#grow()
    const { bytes, held, start } = this
    let read: number
    try {
      read = readSync(this.#fd, bytes, held, bytes.length - held, start + held)
    } catch (error) {
      throw unreadable(this.#piece.path, error)
    }
    this.held += read
    if (read === 0 && this.start + this.held < this.#piece.to) throw this.#shrunk()
    return read
  }

  indexOf(byte: number, from: number): number {
    const found = this.bytes.indexOf(byte, from)
    return found < this.held ? found : -1
  }

  close(): void {
    closeSync(this.#fd)
  }

  #grow(): void {
    if (this.bytes.length >= lineBytesMax) {
      throw new PeltonError(
        `a line of ${this.#piece.path} that begins before byte ${this.start + 1} is longer than ` +
          `${lineBytesMax} bytes; is this a text file? Use binaryRecordsStream for records`,
        { code: 'INPUT_FAILED' },
      )
    }
    const larger = Buffer.allocUnsafe(Math.min(lineBytesMax, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.held)
    this.bytes = larger
  }

  #shrunk(): PeltonError {
    const { path, to } = this.#piece
    return new PeltonError(
      `${path} has ${fstatSync(this.#fd).size} bytes now, fewer than the ${to} that it had ` +
        'when it ' +
        'was listed. A file must be complete when it appears: write it elsewhere and rename it',
      { code: 'INPUT_FAILED' },
    )
  }
}

function unreadable(path: string, error: unknown): PeltonError {
  const { code, message } = error as NodeJS.ErrnoException
  const remedy =
    code === 'ENOENT'
      ? 'it was there when it was listed; leave files in place until their batch is done'
      : 'give this process the right to read it, or keep it out with the filter option'
  return new PeltonError(`can't read ${path}: ${message}; ${remedy}`, {
    code: 'INPUT_FAILED',
    cause: error,
  })
}
