/**
 * What the log of a context says: what receivers have stored, what of it each batch has taken, and
 * which batches are done. Read again, it gives every batch the rows that it had.
 *
 * ```text
 *   rows 0–99 of stream 0 │ text: rows 100–180 │ batch 5000: 181 of stream 0 │ … │ done 5000
 *                                                          │
 *                       a batch begins when this is durable ┘
 * ```
 */
import { decodeValue, encodeValue } from '../columnar/codec.ts'
import type { LogRecord, Position, WriteAheadLog } from '../durable/log.ts'
import type { PeltonError } from '../errors.ts'

/** Kinds of records. */
const ROWS = 1
const TEXT = 2
const BATCH = 3
const DONE = 4
/** Rows, and where their source is behind them. */
const ROWS_TO = 5
/** The same for rows that were stored one by one: what could have changed since is in bytes. */
const EACH_TO = 6

/** Of a record of rows: stream, count, first row. */
const headBytes = 16
const newline = 10
/** Bytes on their way to the disk above which a receiver has to wait. */
const pendingBytesMax = 16 * 1024 * 1024

/** What a batch has taken of one input. */
export interface TakenInput {
  /** Rows of a receiver. */
  readonly rows: number
  /** What the source needs to give the same again: plain data. */
  readonly record?: unknown
}

/** A batch, as it is noted before it begins. */
export interface TakenBatch {
  readonly time: number
  /** By input, in order of definition. */
  readonly inputs: readonly TakenInput[]
}

/** Rows as they were stored. */
export interface StoredRows {
  readonly stream: number
  /** Number of the first one among all that the stream has stored. */
  readonly first: number
  readonly count: number
  /** Rows, or lines that each end in a newline. */
  readonly data: readonly unknown[] | Uint8Array
  /** Where the source is behind them, where it has said so. */
  readonly position?: unknown
}

/** What a record says. */
export type JournalEntry =
  | { readonly kind: 'rows'; readonly rows: StoredRows }
  | { readonly kind: 'batch'; readonly batch: TakenBatch; readonly end: Position }
  | { readonly kind: 'done'; readonly time: number }

export class Journal {
  readonly #log: WriteAheadLog
  readonly #failed: (error: PeltonError) => void
  readonly #streams = new Map<number, StreamJournal>()

  /** @param failed called where something could not be made durable: nothing after it is safe */
  constructor(log: WriteAheadLog, failed: (error: PeltonError) => void) {
    this.#log = log
    this.#failed = failed
  }

  /** The part of the log that one stream writes. */
  stream(id: number): StreamJournal {
    let stream = this.#streams.get(id)
    if (!stream) {
      const append = (kind: number, parts: readonly Uint8Array[]) => this.#append(kind, parts)
      stream = new StreamJournal(id, append, () => this.#log.pendingBytes)
      this.#streams.set(id, stream)
    }
    return stream
  }

  #append(kind: number, parts: readonly Uint8Array[]): Promise<Position> {
    const appended = this.#log.append(kind, parts)
    appended.catch(this.#failed)
    return appended
  }

  /** Notes what a batch has taken; it may begin when this has resolved. */
  batch(batch: TakenBatch): Promise<Position> {
    for (const stream of this.#streams.values()) stream.flush()
    return this.#append(BATCH, [encodeValue(batch)])
  }

  /** Notes that all outputs of a batch have ended. */
  done(time: number): void {
    void this.#append(DONE, [encodeValue(time)]).catch(() => undefined)
  }
}

/** What one stream stores, on its way to the log. */
export class StreamJournal {
  /** Number of the next row. */
  next = 0
  /** Where the source is behind what was stored, where it has said so. */
  position: unknown
  readonly #id: number
  readonly #append: (kind: number, parts: readonly Uint8Array[]) => Promise<Position>
  readonly #pendingBytes: () => number
  /** Rows that are gathered until the callback that stores them has ended; objects as bytes. */
  #rows: unknown[] = []
  #hasBytes = false
  #isDue = false
  /** Whether the source has said where it is behind those. */
  #isPlaced = false
  /** Settles when everything before it is durable, or was not written. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    id: number,
    append: (kind: number, parts: readonly Uint8Array[]) => Promise<Position>,
    pendingBytes: () => number,
  ) {
    this.#id = id
    this.#append = append
    this.#pendingBytes = pendingBytes
  }

  /** A row, and where the source is behind it, if it says so. */
  row(row: unknown, position?: unknown): void {
    this.#rows.push(isObject(row) ? encodeValue(row) : row)
    this.#hasBytes ||= isObject(row)
    this.#place(position)
    this.#flushSoon()
  }

  /** The same for several: all of them outlast the process, or none. */
  rows(rows: readonly unknown[], position?: unknown): void {
    this.flush()
    if (rows.length === 0 && position === undefined) return
    this.#place(position)
    this.#send(rows)
  }

  #place(position: unknown): void {
    if (position === undefined) return
    this.position = position
    this.#isPlaced = true
  }

  #send(rows: readonly unknown[]): void {
    if (this.#hasBytes) this.#write(EACH_TO, rows.length, encodeValue([rows, this.#said]))
    else if (this.#isPlaced) this.#write(ROWS_TO, rows.length, encodeValue([rows, this.position]))
    else this.#write(ROWS, rows.length, encodeValue(rows))
    this.#isPlaced = this.#hasBytes = false
  }

  /** What the source has said since the last record. */
  get #said(): unknown {
    return this.#isPlaced ? this.position : undefined
  }

  /** Whole lines, the last one with or without its newline. */
  text(bytes: Uint8Array, lines: number): void {
    if (lines === 0) return
    this.flush()
    const end = bytes.at(-1) === newline ? [] : [newline]
    this.#write(TEXT, lines, Buffer.concat([bytes, Buffer.from(end)]))
  }

  #flushSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => this.flush())
  }

  /** Sends on what is gathered. */
  flush(): void {
    this.#isDue = false
    const rows = this.#rows
    if (rows.length === 0) return
    this.#rows = []
    this.#send(rows)
  }

  #write(kind: number, count: number, data: Uint8Array): void {
    const head = Buffer.alloc(headBytes)
    head.writeUInt32LE(this.#id, 0)
    head.writeUInt32LE(count, 4)
    head.writeDoubleLE(this.next, 8)
    this.next += count
    // The log is written in order, and ends where something can't be: the last says it for all.
    this.#last = this.#append(kind, [head, data])
    this.#last.catch(() => undefined)
  }

  /** Resolves when everything stored so far is durable; rejects where it can't be made so. */
  async stored(): Promise<void> {
    this.flush()
    await this.#last
  }

  /** Resolves when there is not too much on its way; undefined where that is now. */
  room(): Promise<void> | undefined {
    return this.#pendingBytes() > pendingBytesMax ? this.stored() : undefined
  }
}

/** What a record of the log says. */
export function entryOf({ kind, payload, position: end }: LogRecord): JournalEntry {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  if (kind === BATCH) {
    return { kind: 'batch', batch: decodeValue(bytes) as TakenBatch, end }
  }
  if (kind === DONE) return { kind: 'done', time: decodeValue(bytes) as number }
  const head = {
    stream: bytes.readUInt32LE(0),
    count: bytes.readUInt32LE(4),
    first: bytes.readDoubleLE(8),
  }
  const data = bytes.subarray(headBytes)
  if (kind === TEXT) return { kind: 'rows', rows: { ...head, data } }
  if (kind === ROWS)
    return { kind: 'rows', rows: { ...head, data: decodeValue(data) as unknown[] } }
  const [all, position] = decodeValue(data) as [unknown[], unknown]
  const each = (row: unknown): unknown => (row instanceof Uint8Array ? decodeValue(row) : row)
  const rows = kind === EACH_TO ? all.map(each) : all
  return { kind: 'rows', rows: { ...head, data: rows, position } }
}

/**
 * A position as it is now: its receiver may go on to change it.
 *
 * @throws PeltonError `VALUE` where it is no plain data
 */
export function copyOf(position: unknown): unknown {
  return isObject(position) || typeof position === 'symbol'
    ? decodeValue(encodeValue(position))
    : position
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** Rows `from` to `to` of what was stored, both counted as the stream counts them. */
export function partOf(rows: StoredRows, from: number, to: number): StoredRows {
  const { stream, first, count, data } = rows
  const [skipped, kept] = [Math.max(0, from - first), Math.min(count, to - first)]
  const part = data instanceof Uint8Array ? linesOf(data, skipped, kept) : data.slice(skipped, kept)
  return { stream, first: first + skipped, count: kept - skipped, data: part }
}

function linesOf(text: Uint8Array, from: number, to: number): Uint8Array {
  const start = endOfLine(text, 0, from)
  return text.subarray(start, endOfLine(text, start, to - from))
}

/** Where `lines` lines that begin at `at` end. */
function endOfLine(text: Uint8Array, at: number, lines: number): number {
  for (let i = 0; i < lines; i++) at = text.indexOf(newline, at) + 1
  return at
}
