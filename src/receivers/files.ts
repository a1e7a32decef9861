/**
 * New files of a directory, each once: as lines of text or as records of fixed length. The rules
 * are Spark's: direct children only, no names that begin with a dot, modified after the stream was
 * made (or within the remembered minute) and not after the batch. Workers read the files, in
 * ranges;
 * a file must be complete when it appears, so write it elsewhere and rename it.
 *
 * @example
 * ssc.textFileStream('/var/spool/lines')
 */
import { existsSync, globSync, readdirSync, type Stats, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Dataset } from '../engine/block-store.ts'
import type { DurableSource, InputBatch, InputHost, InputSource } from '../engine/input.ts'
import { leaf } from '../engine/input.ts'
import type { TakenInput } from '../engine/journal.ts'
import type { FilePiece } from '../engine/vector.ts'
import { PeltonError, preview } from '../errors.ts'

/** Which files of a directory are taken, and how they are read. */
export interface FileOptions {
  /** Which paths are taken; default: those whose name does not begin with a dot. */
  readonly filter?: (path: string) => boolean
  /** Leave out files that were there before the stream (default true). */
  readonly newFilesOnly?: boolean
  /** Bytes of a record; lines of text when absent. */
  readonly recordLength?: number
  /** How long a file is remembered, in milliseconds; default a minute. */
  readonly minRememberDuration?: number
}

/** From when on files count, and the batches that have taken those of late. */
interface FileMark {
  readonly createdAt: number
  /** Time of the last batch that has looked for files. */
  readonly lookedAt: number | undefined
  readonly taken: readonly (readonly [path: string, batchTime: number])[]
}

interface FoundFile {
  readonly path: string
  readonly bytes: number
}

const rangeBytesMax = 64 * 1024 * 1024
const rangeBytesMin = 1024 * 1024
const defaultRememberMs = 60_000

/** Source of `textFileStream` and `binaryRecordsStream`. */
export class FileSource implements InputSource, DurableSource {
  readonly name = 'fileStream'
  readonly pending = false
  #directory: string
  #options: FileOptions
  #host: InputHost | undefined
  #createdAt = 0
  #lookedAt: number | undefined
  #rememberMs = 0
  /** Files by path, with the batch that took them, as long as they could be found again. */
  #taken = new Map<string, number>()
  /** What the last listing has warned of. */
  #warned = new Set<string>()

  constructor(directory: string, options: FileOptions = {}) {
    const operator = options.recordLength === undefined ? 'textFileStream' : 'binaryRecordsStream'
    checkOptions(operator, directory, options)
    this.#directory = directory
    this.#options = options
  }

  attach(host: InputHost): void {
    this.#host = host
    this.#createdAt = host.clock.now()
    const minimum = this.#options.minRememberDuration ?? defaultRememberMs
    this.#rememberMs = Math.ceil(minimum / host.intervalMs) * host.intervalMs
  }

  start(): void {}

  stop(): void {}

  take(time: number): InputBatch {
    return this.#batch(this.#newFiles(time))
  }

  #batch(files: readonly FoundFile[]): InputBatch {
    const { arena, step, partitions } = this.#host!
    const paths = files.map(file => file.path)
    const metadata = { files: paths, Description: paths.join('\n') }
    try {
      const pieces = rangesOf(files, partitions, this.#options.recordLength)
      const dataset = new Dataset(arena, grouped(pieces, partitions), [])
      return { rdd: leaf(step, dataset), rows: 0, metadata, record: files }
    } catch (error) {
      return { rdd: null, rows: 0, metadata, record: files, error: error as PeltonError }
    }
  }

  get durable(): DurableSource {
    return this
  }

  /** Files are there to be read again: only their names are noted. */
  log(): void {}

  mark(): FileMark {
    return { createdAt: this.#createdAt, lookedAt: this.#lookedAt, taken: [...this.#taken] }
  }

  restore(mark: unknown): void {
    const { createdAt, lookedAt, taken } = mark as FileMark
    this.#createdAt = createdAt
    this.#lookedAt = lookedAt
    this.#taken = new Map(taken)
  }

  refill(): void {}

  refilled(): void {}

  replay(time: number, { record = [] }: TakenInput, isRead: boolean): InputBatch {
    const files = record as readonly FoundFile[]
    this.#lookedAt = time
    const now = files.map(({ path, bytes }): FoundFile => {
      this.#taken.set(path, time)
      const stat = isRead ? statSync(path, { throwIfNoEntry: false }) : { size: bytes }
      if (!stat || stat.size < bytes) throw gone(path, bytes, stat?.size)
      return { path, bytes: stat.size }
    })
    const batch = this.#batch(files)
    // What could not be read may have been mended since.
    return batch.error ? this.#batch(now) : batch
  }

  wake(): void {}

  close(): void {}

  #newFiles(time: number): FoundFile[] {
    const { clock, intervalMs } = this.#host!
    const begun = clock.monotonic()
    const { newFilesOnly = true, filter = visible } = this.#options
    // Where ticks were left out, this batch also looks for what they would have found.
    const first = Math.min(time, (this.#lookedAt ?? time) + intervalMs)
    const horizon = first - this.#rememberMs
    const oldest = Math.max(newFilesOnly ? this.#createdAt : 0, horizon)
    for (const [path, batchTime] of this.#taken) if (batchTime < horizon) this.#taken.delete(path)
    const warnings = new Map<string, unknown>()
    const found: FoundFile[] = []
    for (const path of this.#list(warnings)) {
      if (this.#taken.has(path) || !filter(path)) continue
      const stat = statOf(path, warnings)
      if (!stat?.isFile() || stat.mtimeMs <= oldest || stat.mtimeMs > time) continue
      found.push({ path, bytes: stat.size })
    }
    // Not before here: a filter that throws fails this batch, and the next one looks again.
    for (const { path } of found) this.#taken.set(path, time)
    this.#lookedAt = time
    this.#warn(warnings)
    const elapsed = clock.monotonic() - begun
    if (elapsed > intervalMs) this.#warnOfSlowness(elapsed)
    return found
  }

  /** Children of the directory, or of the directories that match. */
  #list(warnings: Map<string, unknown>): string[] {
    const directories = this.#directories(warnings)
    return directories.flatMap(directory => {
      try {
        return readdirSync(directory)
          .sort()
          .map(name => join(directory, name))
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        const what =
          code === 'ENOENT' || code === 'ENOTDIR'
            ? `${code === 'ENOENT' ? 'does not exist' : 'is no directory'}; its batches are ` +
              'empty until it appears'
            : `can't be listed (${message}); this batch has nothing of it`
        warnings.set(`textFileStream: the directory ${directory} ${what}`, error)
        return []
      }
    })
  }

  #directories(warnings: Map<string, unknown>): string[] {
    const pattern = this.#directory
    if (!/[*?[{]/.test(pattern) || existsSync(pattern)) return [pattern]
    const found = globSync(pattern)
      .filter(path => statSync(path, { throwIfNoEntry: false })?.isDirectory())
      .sort()
    if (found.length === 0) {
      const text =
        `textFileStream: no directory matches ${pattern}; ` + 'batches are empty until one appears'
      warnings.set(text, undefined)
    }
    return found
  }

  /** Says what is wrong once, and again only after it was right in between. */
  #warn(warnings: ReadonlyMap<string, unknown>): void {
    for (const [message, error] of warnings) {
      if (!this.#warned.has(message)) this.#host!.events.emit('warning', { message, error })
    }
    this.#warned = new Set(warnings.keys())
  }

  #warnOfSlowness(elapsedMs: number): void {
    const { events, intervalMs } = this.#host!
    events.emit('warning', {
      message:
        `textFileStream: finding the new files of ${this.#directory} took ` +
        `${Math.round(elapsedMs)} ms, ` +
        `longer than the batch interval of ${intervalMs} ms; move old files elsewhere`,
    })
  }
}

function gone(path: string, bytes: number, now: number | undefined): PeltonError {
  const state = now === undefined ? 'is gone' : `has ${now} bytes now`
  return new PeltonError(
    `a batch that has to be computed again read ${bytes} bytes of ${path}, which ${state}: put ` +
      'the file back, or begin anew in an empty checkpoint directory',
    { code: 'INPUT_FAILED', operator: 'textFileStream' },
  )
}

function checkOptions(operator: string, directory: unknown, options: FileOptions): void {
  const bad = (name: string, value: unknown, rule: string): PeltonError =>
    new PeltonError(`${operator}: ${name} is ${preview(value)}; ${rule}`, {
      code: 'OPTION',
      operator,
    })
  if (typeof directory !== 'string' || directory === '') {
    throw bad('the directory', directory, "give a path, or a pattern such as 'in/*'")
  }
  const { filter, newFilesOnly, minRememberDuration: remember } = options
  if (filter !== undefined && typeof filter !== 'function') {
    throw bad('filter', filter, "give a function of the path, such as p => p.endsWith('.log')")
  }
  if (newFilesOnly !== undefined && typeof newFilesOnly !== 'boolean') {
    throw bad('newFilesOnly', newFilesOnly, 'give true or false')
  }
  if (remember !== undefined && !(Number.isFinite(remember) && remember > 0)) {
    throw bad('minRememberDuration', remember, 'give a positive number of milliseconds')
  }
}

/** What a path is; undefined where it has gone, or where nobody can tell, which is a warning. */
function statOf(path: string, warnings: Map<string, unknown>): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    warnings.set(`textFileStream: ${path} is left out: ${(error as Error).message}`, error)
    return undefined
  }
}

function visible(path: string): boolean {
  return !basename(path).startsWith('.')
}

/**
 * Byte ranges of files: about a partition's share each, from 1 to 64 MiB. They depend on the files
 * and the number of partitions alone.
 *
 * @throws PeltonError `INPUT_FAILED` for a file whose size is no multiple of `recordLength`
 */
export function rangesOf(
  files: readonly FoundFile[],
  partitions: number,
  recordLength?: number,
): FilePiece[] {
  const total = files.reduce((sum, file) => sum + file.bytes, 0)
  const share = Math.ceil(total / partitions)
  let range = Math.min(rangeBytesMax, Math.max(rangeBytesMin, share))
  if (recordLength !== undefined) {
    range = Math.max(1, Math.floor(range / recordLength)) * recordLength
  }
  const pieces: FilePiece[] = []
  for (const { path, bytes } of files) {
    const kind = recordLength === undefined ? 'lines' : 'records'
    const rest = recordLength === undefined ? 0 : bytes % recordLength
    if (rest > 0) throw partialRecord(path, bytes, recordLength!, rest)
    for (let from = 0; from < bytes; from += range) {
      const to = Math.min(bytes, from + range)
      pieces.push({ kind, path, from, to, length: recordLength ?? 0 })
    }
  }
  return pieces
}

function partialRecord(path: string, bytes: number, length: number, rest: number): PeltonError {
  return new PeltonError(
    `Partial record (length = ${rest}) found at the end of ${path}: its ${bytes} bytes are no ` +
      `multiple of the recordLength ${length}; is the file complete, and is that the right length?`,
    { code: 'INPUT_FAILED', operator: 'binaryRecordsStream' },
  )
}

/** Ranges as partitions: each its own, or, of many small files, several together. */
function grouped(pieces: readonly FilePiece[], partitions: number): FilePiece[][] {
  if (pieces.length <= partitions) return pieces.map(piece => [piece])
  const bytes = pieces.reduce((sum, piece) => sum + piece.to - piece.from, 0)
  const share = Math.min(rangeBytesMax, bytes / partitions)
  const groups: FilePiece[][] = []
  let filled = share
  for (const piece of pieces) {
    if (filled >= share) {
      groups.push([])
      filled = 0
    }
    groups.at(-1)!.push(piece)
    filled += piece.to - piece.from
  }
  return groups
}
