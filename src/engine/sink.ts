/**
 * The contract of sinks: they take the batches of a stream so that each counts once, although a
 * batch that was under way when the process died is run again.
 *
 * ```text
 *   write 1000 ─────────▶ commit 1000 ─▶ commit 2000 ✗ the process dies
 *      write 2000 ─▶ (waits for 1000) ──┘
 *                         write 2000 ─▶ commit 2000   by the next process: the same token
 * ```
 *
 * A batch is known by its time, which is its transaction's id; where several outputs share a
 * target, by its token.
 *
 * Obligations of a sink
 * - What `write` does counts when `commit` resolves: all of it at once, or nothing. Without a
 *   `commit` it counts when `write` resolves.
 * - A batch that counts already changes nothing when it is written and committed again.
 * - `open` puts aside what a crash has left of batches that don't count, and gives the time of the
 *   last batch that does, where it knows.
 * - After `close` nothing of it is open, and `open` may be called again.
 *
 * Obligations of the engine
 * - `open` comes before the first batch, `close` after the last one; each batch comes once between
 *   them. A batch that is run again has the rows it had, where its sources can give them again.
 * - A context that does not go on from a checkpoint begins behind what `open` gave: a time that
 *   counts is never that of another batch.
 * - `commit` comes when `write` has resolved, with what that gave. Commits come in order of time,
 *   one at a time; writes overlap where `concurrentJobs` lets batches do so.
 * - Where `write` or `commit` rejects, the batch's output has failed, as that of `foreachRDD` does:
 *   the error is told, later batches go on.
 * - `close` waits for batches under way. One that a stop has given up is not committed any more,
 *   but its `write` may still run.
 */
import { type Caller, formatPlace, PeltonError, preview } from '../errors.ts'

/** A batch as a sink sees it. */
export interface SinkBatch {
  /** Batch time in milliseconds since the epoch. */
  readonly time: number
  /** The same when the same batch of the same output is run again, and of no other one. */
  readonly token: string
}

/** What a sink is told when it is opened. */
export interface SinkInfo {
  /** The context's name. */
  readonly name: string
  /** Which output of the context it is, from 0, in order of definition. */
  readonly output: number
  /** Says something that is wrong and no error. */
  warn(message: string): void
}

/** Time of the last batch that counts, in milliseconds, where a sink knows it. */
// biome-ignore lint/suspicious/noConfusingVoidType: a sink that knows nothing returns nothing
export type LastTime = number | undefined | void

/** A sink of batches that are `Rows`, of which `write` makes what `commit` gets. */
export interface SinkOf<Rows, Written> {
  open?(info: SinkInfo): LastTime | Promise<LastTime>
  readonly write: (rows: Rows, batch: SinkBatch) => Written | Promise<Written>
  commit?(written: Written, batch: SinkBatch): unknown
  close?(): void | Promise<void>
}

/** A file that holds a partition's rows. */
export interface SavedPart {
  /** Its name in the directory. */
  readonly name: string
  readonly rows: number
  readonly bytes: number
  /** CRC-32 of the bytes. */
  readonly crc32: number
}

/** How rows are written to a file. */
export interface PartOptions {
  /** `text`: strings as they are, others as JSON. `objects`: as `saveAsObjectFile` does. */
  readonly format: 'text' | 'json' | 'objects'
  /** Whether a file is on the disk when it counts as written; default true. */
  readonly fsync?: boolean
}

/** What a sink of files asks of a batch's rows. An RDD can do it. */
export interface PartRows {
  saveParts(directory: string, options: PartOptions): Promise<SavedPart[]>
}

/** What tells a batch of an output from every other one. */
export function tokenOf(name: string, output: number, time: number): string {
  return `${name}/${output}/${time}`
}

/** A sink in the hands of a context, which holds up the engine's side of the contract. */
export class SinkOutput<Rows, Written = unknown> {
  readonly #sink: SinkOf<Rows, Written>
  readonly #caller: Caller
  #opening: Promise<LastTime> | undefined
  #isClosed = false

  constructor(sink: SinkOf<Rows, Written>, caller: Caller) {
    this.#sink = sink
    this.#caller = caller
  }

  /** Gives the time of the last batch that counts, in milliseconds; 0 where that is not known. */
  async open(info: SinkInfo): Promise<number> {
    if (this.#isClosed) return 0
    this.#opening = (async () => this.#sink.open?.(info))()
    try {
      const last = await this.#opening
      return typeof last === 'number' && Number.isFinite(last) ? last : 0
    } catch (error) {
      this.#opening = undefined
      throw this.#error('open', error)
    }
  }

  /** @param before resolves when the sink is done with all earlier batches */
  async run(rows: Rows, batch: SinkBatch, before: Promise<void>): Promise<void> {
    // The stop that gave the batch up has told of it.
    if (this.#isClosed) return
    const written = await this.#sink.write(rows, batch)
    await before
    if (!this.#isClosed) await this.#sink.commit?.(written, batch)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // A stop may come while it is being opened.
    const isOpen = await this.#opening?.then(
      () => true,
      () => false,
    )
    if (!isOpen) return
    try {
      await this.#sink.close?.()
    } catch (error) {
      throw this.#error('close', error)
    }
  }

  #error(doing: string, error: unknown): PeltonError {
    if (error instanceof PeltonError) return error
    const { label, place } = this.#caller
    const where = place ? `${label} at ${formatPlace(place)}` : label
    const reason = error instanceof Error ? error.message : preview(error)
    return new PeltonError(`${where} could not ${doing} its sink: ${reason}`, {
      code: 'SINK',
      operator: label,
      ...(place && { place }),
      cause: error,
    })
  }
}
