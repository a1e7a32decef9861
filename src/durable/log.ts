/**
 * A write-ahead log: what `append` has acknowledged is read again after any crash, in the order in
 * which it was appended. Frames lie in files of a disk, `log-00000001` and so on.
 *
 * Group commit: while a write and its sync are under way, everything that is appended waits, and
 * goes into the next single write and sync. So the more there is to write, the fewer syncs a frame
 * costs.
 *
 * A write that fails ends its file. It is tried again in a new one, and after `maxFailures`
 * attempts its appends reject; the log goes on with those that follow, unless it is told to end
 * there (`endsOnFailure`). `segments.ts` says how a reader tells what counts.
 *
 * What it leaves to others: that only one process writes to the directory (`directory-lock.ts`),
 * and when there is too much waiting (`pendingBytes`).
 */
import { PeltonError, preview } from '../errors.ts'
import type { Disk, DiskFile } from './disk.ts'
import { FRAME_BYTES_MAX, FRAME_HEAD_BYTES, FrameWriter, payloadSum } from './frames.ts'
import { checkedOptions, type LogOptions } from './log-options.ts'
import {
  beginFrame,
  chainTo,
  countedFrames,
  damaged,
  findTail,
  type Position,
  RECORD_KIND_MAX,
  segmentFile,
  segmentName,
  segmentNumbers,
  type Tail,
} from './segments.ts'

export type { LogOptions, Position }

/** A larger group would hold up what comes behind it, without saving syncs worth mentioning. */
const groupBytesMax = 16 * 1024 * 1024

/** What was appended, as it is read. */
export interface LogRecord {
  readonly kind: number
  readonly payload: Uint8Array
  readonly position: Position
}

/** An append that is not durable yet. */
interface Waiting {
  readonly kind: number
  readonly parts: readonly Uint8Array[]
  readonly sum: number
  readonly bytes: number
  readonly resolve: (position: Position) => void
  readonly reject: (error: PeltonError) => void
}

/** The file that is being written. */
interface Segment {
  readonly number: number
  readonly file: DiskFile
  readonly writer: FrameWriter
  readonly openedAt: number
}

/**
 * @example
 * const log = await WriteAheadLog.open(await NodeDisk.open('state'), { now: () => clock.now() })
 * for await (const { kind, payload } of log.read()) replay(kind, payload)
 * const position = await log.append(1, [Buffer.from('rows')]) // durable from here on
 * await log.trim(position) // what lies before is not needed any more
 * await log.close()
 */
export class WriteAheadLog {
  readonly #disk: Disk
  readonly #options: Required<LogOptions>
  /** Where what is durable ends; everything before it counts, whatever happens. */
  #tail: Tail
  #segment: Segment | undefined
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** Why nothing can be appended any more. */
  #broken: PeltonError | undefined
  #pendingBytes = 0
  #flushedBytes = 0

  private constructor(disk: Disk, options: Required<LogOptions>, tail: Tail) {
    this.#disk = disk
    this.#options = options
    this.#tail = tail
  }

  /**
   * Opens the log of a disk, or begins one. Files that are there are never appended to: the first
   * append makes a new one. A torn end, as a crash leaves it, is told to `warn`.
   *
   * @throws PeltonError `LOG_DAMAGED` where the newest file has lost what was acknowledged (older
   * ones are looked at when they are read); `FORMAT` where a newer Pelton wrote it; `DISK`;
   * `OPTION`
   */
  static async open(disk: Disk, options: LogOptions): Promise<WriteAheadLog> {
    const all = checkedOptions(options)
    const tail = await findTail(disk, await segmentNumbers(disk), all.warn)
    return new WriteAheadLog(disk, all, tail ?? { segment: 0, offset: 0, count: 0 })
  }

  /** Bytes that were given to `append` and are not durable yet, heads of frames included. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Bytes that have become durable since the log was opened. */
  get flushedBytes(): number {
    return this.#flushedBytes
  }

  /** Where the next record will be read from: `read(end)` gives what is appended later. */
  get end(): Position {
    return { segment: this.#tail.segment, offset: this.#tail.offset }
  }

  /**
   * Appends a record. The promise resolves to its place when it is durable. The parts must not be
   * changed before that.
   *
   * One that rejects is not in the log. Only where the process dies before anything else was
   * written it may be found there, as nobody knows how much of it the disk has.
   *
   * @param kind 1 to 254, for the reader
   * @throws PeltonError `LOG` where the log is closed or can't be written, or the record is too
   * long
   */
  async append(kind: number, parts: readonly Uint8Array[]): Promise<Position> {
    if (this.#closing) throw this.#failed('is closed: nothing can be appended')
    if (this.#broken) throw this.#broken
    if (!Number.isInteger(kind) || kind < 1 || kind > RECORD_KIND_MAX) {
      throw this.#failed(`has records of kinds 1 to ${RECORD_KIND_MAX}, not ${preview(kind)}`)
    }
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    if (length > FRAME_BYTES_MAX) {
      throw this.#failed(`has records of up to ${FRAME_BYTES_MAX} bytes; this one has ${length}`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<Position>()
    const bytes = length + FRAME_HEAD_BYTES
    this.#pendingBytes += bytes
    this.#waiting.push({ kind, parts, sum: payloadSum(parts), bytes, resolve, reject })
    this.#writing ??= this.#writeAll()
    return promise
  }

  /**
   * The records from a place on, in order, as far as they are durable when reading begins. Payloads
   * are parts of what was read at once; a copy is due where one of many is kept for long. Must not
   * run while `trim` removes what it reads.
   *
   * @param from a position that `append` or `end` gave; default: the first record that is kept
   * @throws PeltonError `LOG_DAMAGED` where acknowledged records are missing, `LOG` where they were
   * trimmed, `DISK`
   */
  async *read(from?: Position): AsyncGenerator<LogRecord> {
    const tail = this.#tail
    const chain = await chainTo(this.#disk, tail.segment)
    if (from) this.#checkStart(from, tail, chain[0]?.previous ?? 0)
    for (const [index, { number, before, recordsAt }] of chain.entries()) {
      if (from && number < from.segment) continue
      const start = from?.segment === number ? from.offset : 0
      const count = (chain[index + 1]?.before ?? tail.count) - before
      let end = recordsAt
      for await (const frame of countedFrames(this.#disk, number, count)) {
        const { kind, payload, at } = frame
        end = frame.end
        if (at >= start) yield { kind, payload, position: { segment: number, offset: at } }
        else if (end > start) throw damaged(this.#disk, number, start, 'no record begins there')
      }
      if (end < start) throw damaged(this.#disk, number, start, 'no record begins there')
    }
  }

  #checkStart({ segment, offset }: Position, tail: Tail, trimmed: number): void {
    if (trimmed > 0 && segment <= trimmed) {
      throw this.#failed(`was trimmed: ${segmentName(segment)} is gone, nothing is read from there`)
    }
    if (segment > tail.segment || (segment === tail.segment && offset > tail.offset)) {
      throw damaged(this.#disk, segment, offset, 'the log ends before this place')
    }
  }

  /**
   * Removes the files that lie wholly before a place. The newest file with records is kept, since
   * new ones go on from it.
   *
   * @throws PeltonError `DISK` where a file can't be removed; the log stays whole
   */
  async trim(position: Position): Promise<void> {
    const keep = Math.min(position.segment, this.#tail.segment)
    for (const number of await segmentNumbers(this.#disk)) {
      if (number >= keep) break
      await this.#disk.remove(segmentName(number))
      // One by one, lowest first: a crash must not leave a gap.
      await this.#disk.syncNames()
    }
  }

  /**
   * Writes what waits and closes the file. Appends from here on reject, those before it resolve or
   * reject as ever. Calling it again gives the same promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #finish(): Promise<void> {
    await this.#writing
    await this.#leave()
  }

  /** Writes groups until nothing waits. Never rejects: the appends do. */
  async #writeAll(): Promise<void> {
    // What is appended by the same callback goes into the same group.
    await undefined
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup()
      const bytes = group.reduce((sum, { bytes }) => sum + bytes, 0)
      if (this.#broken) this.#reject(group, bytes, this.#broken)
      else await this.#write(group, bytes)
    }
    this.#writing = undefined
  }

  #nextGroup(): Waiting[] {
    const bytesMax = Math.min(groupBytesMax, this.#options.segmentBytesMax)
    let count = 0
    let bytes = 0
    while (count < this.#waiting.length) {
      bytes += this.#waiting[count]!.bytes
      if (count > 0 && bytes > bytesMax) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #write(group: readonly Waiting[], bytes: number): Promise<void> {
    const { maxFailures } = this.#options
    let failure: unknown
    for (let attempt = 1; attempt <= maxFailures; attempt++) {
      try {
        const places = await this.#tryWrite(group, bytes)
        this.#pendingBytes -= bytes
        this.#flushedBytes += bytes
        for (const [i, one] of group.entries()) one.resolve(places[i]!)
        return
      } catch (error) {
        failure = error
        this.#options.warn(
          `The log in ${this.#disk.name} was not written (attempt ${attempt} of ${maxFailures}): ` +
            `${messageOf(error)} It goes on in a new file`,
        )
        await this.#abandon()
      }
    }
    const error = this.#failed(
      `was not written in ${maxFailures} attempts: ${messageOf(failure)}`,
      failure,
    )
    if (this.#options.endsOnFailure) this.#broken = error
    this.#reject(group, bytes, error)
  }

  #reject(group: readonly Waiting[], bytes: number, error: PeltonError): void {
    this.#pendingBytes -= bytes
    for (const one of group) one.reject(error)
  }

  /** Writes a group as one and makes it durable; rejects where any of it is in doubt. */
  async #tryWrite(group: readonly Waiting[], bytes: number): Promise<Position[]> {
    const { number, file, writer } = await this.#segmentFor(bytes)
    const places = group.map(({ kind, parts, sum }) => ({
      segment: number,
      offset: writer.frame(kind, parts, sum),
    }))
    await file.append(writer.take())
    await file.sync()
    const count = this.#tail.count + group.length
    this.#tail = { segment: number, offset: writer.size, count }
    return places
  }

  /** The file for so many bytes: the one at hand, or a new one whose name is durable. */
  async #segmentFor(bytes: number): Promise<Segment> {
    const { segmentBytesMax, rollingIntervalMs, now } = this.#options
    const time = now()
    if (this.#segment) {
      const { writer, openedAt } = this.#segment
      const full = writer.size + bytes > segmentBytesMax
      if (!full && time - openedAt < rollingIntervalMs) return this.#segment
      await this.#leave()
    }
    // An attempt or a crash may have left a file of a higher number, of which nothing counts.
    const highest = (await segmentNumbers(this.#disk)).at(-1) ?? 0
    const number = Math.max(highest, this.#tail.segment) + 1
    // File 1, good or not, tells a new log from one that was trimmed and has lost its beginnings.
    if (this.#tail.segment === 0 && number > 1) await this.#disk.syncNames()
    const file = await this.#disk.create(segmentName(number))
    const writer = new FrameWriter(segmentFile(number))
    writer.frame(...beginFrame({ before: this.#tail.count, previous: this.#tail.segment }))
    this.#segment = { number, file, writer, openedAt: time }
    await this.#disk.syncNames()
    return this.#segment
  }

  /** Lets go of the file. What counts of it is durable, so that nothing depends on its closing. */
  async #leave(): Promise<void> {
    const file = this.#segment?.file
    this.#segment = undefined
    await file?.close().catch(() => undefined)
  }

  /** Lets go of a file after a failure, and gives its room back where nothing of it counts. */
  async #abandon(): Promise<void> {
    const number = this.#segment?.number ?? 0
    await this.#leave()
    if (number > this.#tail.segment) {
      await this.#disk.remove(segmentName(number)).catch(() => undefined)
    }
  }

  #failed(what: string, cause?: unknown): PeltonError {
    return new PeltonError(`The log in ${this.#disk.name} ${what}`, { code: 'LOG', cause })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : `${error}`)
