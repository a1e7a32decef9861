/**
 * New files of a directory, each once: as lines of text or as records of fixed length. The rules
 * are Spark's: direct children only, no names that begin with a dot, modified after the stream was
 * made (or within the remembered minute) and not after the batch. Workers read the files, in ranges.
 *
 * @example
 * ssc.textFileStream('/var/spool/lines')
 */
import { globSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Dataset } from '../engine/block-store.ts'
import type { InputBatch, InputHost, InputSource } from '../engine/input.ts'
import { leaf } from '../engine/input.ts'
import type { FilePiece } from '../engine/vector.ts'
import { PeltonError, preview } from '../errors.ts'

export interface FileOptions {
  /** Which names are taken; default: those that do not begin with a dot. */
  readonly filter?: (path: string) => boolean
  /** Leave out files that were there before the stream (default true). */
  readonly newFilesOnly?: boolean
  /** Bytes of a record; lines of text when absent. */
  readonly recordLength?: number
  /** How long a file is remembered, in milliseconds; default a minute. */
  readonly minRememberDuration?: number
}

interface FoundFile {
  readonly path: string
  readonly bytes: number
}

const rangeBytesMax = 64 * 1024 * 1024
const rangeBytesMin = 1024 * 1024
const defaultRememberMs = 60_000

/** Source of `textFileStream` and `binaryRecordsStream`. */
export class FileSource implements InputSource {
  readonly name = 'fileStream'
  #directory: string
  #options: FileOptions
  #host: InputHost | undefined
  #createdAt = 0
  #rememberMs = 0
  /** Modification time by path of files taken within the remembered time. */
  #taken = new Map<string, number>()
  #warned = ''

  constructor(directory: string, options: FileOptions = {}) {
    if (typeof directory !== 'string' || directory === '') {
      throw new PeltonError(
        `textFileStream: the directory is ${preview(directory)}; give a path or a pattern such as 'in/*'`,
        { code: 'OPTION', operator: 'textFileStream' },
      )
    }
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
    const { arena, step, partitions } = this.#host!
    const files = this.#newFiles(time)
    const pieces = rangesOf(files, partitions, this.#options.recordLength)
    const dataset = new Dataset(
      arena,
      pieces.map(piece => [piece]),
      [],
    )
    const paths = files.map(file => file.path)
    return {
      rdd: leaf(step, dataset),
      rows: 0,
      metadata: { files: paths, Description: paths.join('\n') },
    }
  }

  readonly pending = false

  wake(): void {}

  close(): void {}

  #newFiles(time: number): FoundFile[] {
    const { newFilesOnly = true, filter = visible } = this.#options
    const oldest = Math.max(newFilesOnly ? this.#createdAt : 0, time - this.#rememberMs)
    for (const [path, modified] of this.#taken) {
      if (modified <= time - this.#rememberMs) this.#taken.delete(path)
    }
    const found: FoundFile[] = []
    for (const path of this.#list()) {
      if (this.#taken.has(path) || !filter(path)) continue
      const stat = statSync(path, { throwIfNoEntry: false })
      if (!stat?.isFile()) continue
      const modified = stat.mtimeMs
      if (modified <= oldest || modified > time) continue
      this.#taken.set(path, modified)
      found.push({ path, bytes: stat.size })
    }
    return found
  }

  /** Children of the directories that match; a missing one is one warning, and no files. */
  #list(): string[] {
    const isPattern = /[*?[{]/.test(this.#directory)
    const directories = isPattern ? globSync(this.#directory) : [this.#directory]
    const paths: string[] = []
    try {
      for (const directory of directories.sort()) {
        const names = readdirSync(directory).sort()
        paths.push(...names.map(name => join(directory, name)))
      }
      this.#warned = ''
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException
      const text =
        code === 'ENOENT'
          ? `the directory ${this.#directory} does not exist; its batches are empty until it appears`
          : `the directory ${this.#directory} can't be listed (${message}); this batch is empty`
      if (text !== this.#warned) this.#host!.events.emit('warning', { message: text, error })
      this.#warned = text
      return []
    }
    return paths
  }
}

function visible(path: string): boolean {
  return !basename(path).startsWith('.')
}

/**
 * Byte ranges of files: about a partition's share each, from 1 to 64 MiB. They depend on the files
 * and the number of partitions alone.
 */
export function rangesOf(
  files: readonly FoundFile[],
  partitions: number,
  recordLength?: number,
): FilePiece[] {
  const total = files.reduce((sum, file) => sum + file.bytes, 0)
  const share = Math.ceil(total / partitions)
  let range = Math.min(rangeBytesMax, Math.max(rangeBytesMin, share))
  if (recordLength !== undefined)
    range = Math.max(1, Math.floor(range / recordLength)) * recordLength
  const pieces: FilePiece[] = []
  for (const { path, bytes } of files) {
    const kind = recordLength === undefined ? 'lines' : 'records'
    for (let from = 0; from < bytes; from += range) {
      const to = Math.min(bytes, from + range)
      pieces.push({ kind, path, from, to, length: recordLength ?? 0 })
    }
  }
  return pieces
}
