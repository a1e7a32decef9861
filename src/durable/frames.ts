/**
 * Files of frames: what a log and a checkpoint write. Everything in them is found to be whole or
 * not by checksums, since a crash may leave any part of what was not synced, and disks forget.
 *
 * ```
 * file    ┌────────┬───────┬───────┬─ ─ ─
 *         │ header │ frame │ frame │
 *         └────────┴───────┴───────┴─ ─ ─
 *         0       8         10              12    16         20
 * header  │ magic │ version │ purpose bytes │ id  │ crc32 of │ purpose
 *         │       │ u16     │ u16           │ u32 │ all u32  │ UTF-8
 *
 *         0        4                8      12     13         17
 * frame   │ length │ crc32 of the   │ back │ kind │ crc32 of │ payload
 *         │ u32    │ payload u32    │ u32  │ u8   │ head u32 │ `length` bytes
 * ```
 *
 * Numbers are little-endian. The checksum of a frame's head also covers the file's id and the
 * frame's place, so that bytes of another file, or of a payload that looks like a frame, are none.
 * It is a checksum of its own, so that a length is known to be true before anything is read by it,
 * and that a search for frames costs the same at every byte.
 *
 * `back` says how far in front of the frame its *group* begins: what is written at once, and synced
 * before the next group is written. That tells a crash from damage. Of the last group any part may
 * be missing, in any order; but where a bad frame is followed by a frame of a later group, it has
 * been whole once.
 *
 * ```
 * │ group, synced   │ group, not synced │          │ group, synced   │ group           │
 * │ frame │ frame   │ fra??????? │ frame│   torn   │ frame │ fr???   │ frame │ frame   │   damaged
 * ```
 */
import { crc32 } from 'node:zlib'
import { PeltonError } from '../errors.ts'
import type { Disk } from './disk.ts'

/** The line end shows when a file was copied as text. */
const magic = Buffer.from('PELTON\r\n', 'latin1')
const formatVersion = 1
const fixedHeaderBytes = 20
const headBytes = 17
/** What of a frame's head its own checksum covers. */
const headSummedBytes = 13
const pieceBytesDefault = 1024 * 1024

/** Longest payload of a frame. */
export const FRAME_BYTES_MAX = 256 * 1024 * 1024
/** What a frame takes beside its payload. */
export const FRAME_HEAD_BYTES = headBytes

/** What a file of frames says of itself. */
export interface FileKind {
  /** What it is for, such as `log`: a file of another purpose is refused. */
  readonly purpose: string
  /** Tells it from other files of that purpose: 0 to 2^32 - 1. */
  readonly id: number
}

export interface Frame {
  /** 1 to 255. */
  readonly kind: number
  /** Part of what was read at once; a copy is due where one of many is kept for long. */
  readonly payload: Uint8Array
  /** Where the frame begins in the file. */
  readonly at: number
  /** Where the next one begins. */
  readonly end: number
}

/**
 * How a file ends
 * - `whole`: with its last frame.
 * - `torn`: with frames that were not synced when a crash came, or with a last group gone bad.
 * - `damaged`: `at` is a frame that was whole once, since there are later groups.
 */
export interface Ending {
  readonly how: 'whole' | 'torn' | 'damaged'
  /** Where the good frames end. */
  readonly at: number
  /** What is wrong there, such as "its head is cut off". */
  readonly why: string
}

/** The checksum of a payload in parts. */
export function payloadSum(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => crc32(part, sum), 0)
}

/** A frame's head is summed with the file's id and its place behind it. */
const summed = Buffer.alloc(headSummedBytes + 12)

function headSum(head: Buffer, id: number, at: number): number {
  head.copy(summed, 0, 0, headSummedBytes)
  summed.writeUInt32LE(id, headSummedBytes)
  summed.writeDoubleLE(at, headSummedBytes + 4)
  return crc32(summed)
}

/**
 * Lays out the bytes of a file. It writes nothing itself: what `take` gives is appended to the file
 * and synced before the next `take`.
 *
 * @example
 * const writer = new FrameWriter({ purpose: 'log', id: 1 })
 * writer.frame(1, [Buffer.from('rows')])
 * await file.append(writer.take())
 * await file.sync()
 */
export class FrameWriter {
  readonly #id: number
  #parts: Uint8Array[]
  #size: number
  /** Where the group begins that the next frame belongs to; the first has the header in it. */
  #groupAt = 0

  constructor({ purpose, id }: FileKind) {
    const name = Buffer.from(purpose)
    const header = Buffer.alloc(fixedHeaderBytes + name.length)
    magic.copy(header)
    header.writeUInt16LE(formatVersion, 8)
    header.writeUInt16LE(name.length, 10)
    header.writeUInt32LE(id, 12)
    name.copy(header, fixedHeaderBytes)
    header.writeUInt32LE(headerSum(header), 16)
    this.#id = id
    this.#parts = [header]
    this.#size = header.length
  }

  /** Bytes of the file with everything that was added. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds a frame and returns where it begins. The parts are not copied.
   *
   * @param kind 1 to 255
   * @param sum the parts' `payloadSum`, where it is known
   */
  frame(kind: number, parts: readonly Uint8Array[], sum = payloadSum(parts)): number {
    const at = this.#size
    const length = parts.reduce((total, part) => total + part.length, 0)
    const head = Buffer.alloc(headBytes)
    head.writeUInt32LE(length, 0)
    head.writeUInt32LE(sum, 4)
    head.writeUInt32LE(at - this.#groupAt, 8)
    head.writeUInt8(kind, 12)
    head.writeUInt32LE(headSum(head, this.#id, at), headSummedBytes)
    this.#parts.push(head, ...parts)
    this.#size += headBytes + length
    return at
  }

  /** The bytes since the last `take`: one group. */
  take(): Uint8Array[] {
    const parts = this.#parts
    this.#parts = []
    this.#groupAt = this.#size
    return parts
  }
}

/** The checksum of a file's header, without the four bytes that hold it. */
const headerSum = (header: Buffer): number =>
  crc32(header.subarray(fixedHeaderBytes), crc32(header.subarray(0, 16)))

interface Head {
  readonly length: number
  readonly sum: number
  readonly back: number
  readonly kind: number
}

/**
 * Reads a file of frames, a piece at a time, and says at the end how it ended. It believes no
 * number that a checksum does not vouch for, and takes no more memory than the file has bytes.
 *
 * @example
 * const reader = new FrameReader(disk, 'log-00000001', { purpose: 'log', id: 1 })
 * for await (const { kind, payload } of reader.frames()) use(kind, payload)
 * if (reader.ending.how !== 'whole') warn(reader.ending.why)
 */
export class FrameReader {
  readonly #disk: Disk
  readonly #name: string
  readonly #file: FileKind
  readonly #pieceBytes: number
  #size = 0
  /** The bytes read last, and where they begin. */
  #piece: Buffer = Buffer.alloc(0)
  #pieceAt = 0
  #ending: Ending | undefined

  /** @param pieceBytes what is read at once, unless a frame is longer */
  constructor(disk: Disk, name: string, file: FileKind, pieceBytes = pieceBytesDefault) {
    this.#disk = disk
    this.#name = name
    this.#file = file
    this.#pieceBytes = pieceBytes
  }

  /** How the file ended; known when all frames have been read. */
  get ending(): Ending {
    if (!this.#ending) throw new Error(`${this.#name} has not been read to its end`)
    return this.#ending
  }

  /**
   * The good frames from the file's beginning.
   *
   * @throws PeltonError `FORMAT` where a newer Pelton has written the file, or it is for another
   * purpose; `DISK` where it can't be read
   */
  async *frames(): AsyncGenerator<Frame> {
    this.#size = await this.#disk.size(this.#name)
    const begin = await this.#header()
    if (typeof begin === 'string') {
      this.#ending = await this.#judge(0, begin)
      return
    }
    let at = begin
    while (at < this.#size) {
      const frame = await this.#frame(at)
      if (typeof frame === 'string') {
        this.#ending = await this.#judge(at, frame)
        return
      }
      yield frame
      at = frame.end
    }
    this.#ending = { how: 'whole', at, why: '' }
  }

  /** Where the first frame begins, or what is wrong with the header. */
  async #header(): Promise<number | string> {
    const { purpose, id } = this.#file
    const fixed = await this.#bytes(0, fixedHeaderBytes)
    if (fixed.length === 0) return 'it is empty'
    if (fixed.length < fixedHeaderBytes) return 'its header is cut off'
    if (!fixed.subarray(0, magic.length).equals(magic)) return 'it does not begin as Pelton’s files'
    // What a newer header looks like behind the version is not known here.
    const version = fixed.readUInt16LE(8)
    if (version > formatVersion) {
      throw this.#refused(
        `has format version ${version}, and this Pelton knows versions up to ${formatVersion}; ` +
          'use the Pelton that wrote it, or a newer one',
      )
    }
    const length = fixedHeaderBytes + fixed.readUInt16LE(10)
    const header = await this.#bytes(0, length)
    if (header.length < length) return 'its header is cut off'
    if (headerSum(header) !== header.readUInt32LE(16)) return 'its header has a wrong checksum'
    const found = header.toString('utf8', fixedHeaderBytes)
    if (found !== purpose) {
      throw this.#refused(`is for "${found}", where one for "${purpose}" is needed`)
    }
    const foundId = header.readUInt32LE(12)
    return foundId === id ? length : `it was written as number ${foundId}`
  }

  #refused(what: string): PeltonError {
    return new PeltonError(`${this.#disk.name}/${this.#name} ${what}`, { code: 'FORMAT' })
  }

  /** The frame at a place, or what is wrong with it. */
  async #frame(at: number): Promise<Frame | string> {
    const bytes = await this.#bytes(at, headBytes)
    if (bytes.length < headBytes) return 'the head of a frame is cut off'
    const head = this.#head(bytes, at)
    if (!head) return 'the head of a frame has a wrong checksum'
    const end = at + headBytes + head.length
    if (end > this.#size) return 'a frame is cut off'
    const payload = (await this.#bytes(at, headBytes + head.length)).subarray(headBytes)
    if (payload.length < head.length) return 'a frame is cut off'
    if (crc32(payload) !== head.sum) return 'the payload of a frame has a wrong checksum'
    return { kind: head.kind, payload, at, end }
  }

  /** The head in these bytes, if they are one for this place of this file. */
  #head(bytes: Buffer, at: number): Head | undefined {
    const kind = bytes[12]!
    const length = bytes.readUInt32LE(0)
    const back = bytes.readUInt32LE(8)
    // Cheap questions first; a run of zeros, as crashes leave it, ends with the first of them.
    if (kind === 0 || back > at || length > FRAME_BYTES_MAX) return undefined
    if (headSum(bytes, this.#file.id, at) !== bytes.readUInt32LE(headSummedBytes)) return undefined
    return { length, sum: bytes.readUInt32LE(4), back, kind }
  }

  /** Torn or damaged: whether a later group follows what is bad at `at`. */
  async #judge(at: number, why: string): Promise<Ending> {
    for (let from = at + 1; from + headBytes <= this.#size; ) {
      const piece = await this.#bytes(from, headBytes)
      if (piece.length < headBytes) break
      // All that is at hand; the last bytes of it are looked at again with what follows them.
      const all = this.#piece.subarray(from - this.#pieceAt)
      const last = all.length - headBytes
      for (let i = 0; i <= last; i++) {
        if (from + i - all.readUInt32LE(i + 8) <= at) continue
        if (this.#head(all.subarray(i, i + headBytes), from + i)) return { how: 'damaged', at, why }
      }
      from += last + 1
    }
    return { how: 'torn', at, why }
  }

  /** `count` bytes from `at`, fewer at the file's end. */
  async #bytes(at: number, count: number): Promise<Buffer> {
    const end = Math.min(this.#size, at + count)
    if (at < this.#pieceAt || end > this.#pieceAt + this.#piece.length) {
      const to = Math.min(this.#size, at + Math.max(count, this.#pieceBytes))
      const read = await this.#disk.read(this.#name, at, to)
      this.#piece = Buffer.from(read.buffer, read.byteOffset, read.length)
      this.#pieceAt = at
    }
    return this.#piece.subarray(at - this.#pieceAt, end - this.#pieceAt)
  }
}
