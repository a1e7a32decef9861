/**
 * What the sinks of files have in common: how the files of a batch come to count.
 *
 * ```text
 *   write     workers make _manifest/parts-…/part-1000-00003, one a partition with rows, synced
 *   commit    they are renamed to part-1000-00003-1f9c02ab.txt, and the directory is synced
 *             _manifest/1000.json is put in place          ◀── now the batch counts
 * ```
 *
 * A crash before that leaves files that the manifest does not name, which are removed when the sink
 * is opened again. They are known by the directory's id in their names; no other file is touched.
 */
import { randomUUID } from 'node:crypto'
import { lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DirectoryLock } from '../../durable/directory-lock.ts'
import { diskError } from '../../durable/disk-error.ts'
import { NodeDisk } from '../../durable/node-disk.ts'
import type {
  PartOptions,
  PartRows,
  SavedPart,
  SinkBatch,
  SinkInfo,
  SinkOf,
} from '../../engine/sink.ts'
import { Manifest, type ManifestFile } from './manifest.ts'
import { type CheckedFileOptions, checkedOptions, type FileSinkOptions } from './options.ts'

/** The folder of the directory that is the sink's own. */
export const manifestName = '_manifest'

/** How the files of one sort are written, and what their names end in. */
export interface FileForm {
  /** Name of the factory. */
  readonly label: string
  readonly format: PartOptions['format']
  readonly extension: string
}

/** What `write` has made of a batch; undefined where that counts already. */
type Written = readonly SavedPart[] | undefined

/** What is there between `open` and `close`. */
interface Opened {
  readonly manifest: Manifest
  readonly lock: DirectoryLock
  /** Where workers write. */
  readonly parts: string
  warn(message: string): void
}

/** A sink of files in one directory, of which each batch's are there once. */
export class FileSink implements SinkOf<PartRows, Written> {
  readonly #form: FileForm
  readonly #options: CheckedFileOptions
  readonly #directory: string
  #opened: Opened | undefined
  #committing: Promise<void> | undefined

  constructor(form: FileForm, directory: string, options: FileSinkOptions) {
    this.#form = form
    this.#options = checkedOptions(form.label, directory, options)
    this.#directory = resolve(directory)
  }

  async open({ warn }: SinkInfo): Promise<number> {
    const path = join(this.#directory, manifestName)
    await this.#makeDirectory(this.#directory)
    await this.#makeDirectory(path)
    const lock = await DirectoryLock.take(path)
    try {
      const disk = await NodeDisk.open(path, { mode: 0o666 })
      const manifest = await Manifest.open(disk, this.#options)
      // Of its own for each time: a worker of a run before this one may still write.
      const parts = join(path, `parts-${randomUUID().slice(0, 8)}`)
      await this.#clean(path, manifest)
      await this.#try('create', parts, () => mkdir(parts))
      this.#opened = { manifest, lock, parts, warn }
      return manifest.lastTime
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Makes a directory where there is none, on the disk with those above it. */
  async #makeDirectory(path: string): Promise<void> {
    await this.#try('use the directory', path, async () => {
      const found = await lstat(path).catch(() => undefined)
      // The sink's own folder is no link to somewhere else.
      const isLink = found?.isSymbolicLink() && path !== this.#directory
      const isFile = found && !(await stat(path)).isDirectory()
      if (isLink || isFile) throw Object.assign(new Error('no directory'), { code: 'ENOTDIR' })
      const first = found ? undefined : await mkdir(path, { recursive: true })
      if (first === undefined || !this.#options.fsync) return
      for (let at = path; at !== dirname(first); at = dirname(at)) await syncNames(dirname(at))
    })
  }

  /** Removes what a crash has left of batches that don't count. */
  async #clean(path: string, manifest: Manifest): Promise<void> {
    await this.#try('list', this.#directory, async () => {
      for (const name of await readdir(path)) {
        if (/^parts-[\da-f]{8}$/.test(name)) await rm(join(path, name), { recursive: true })
      }
      const isOwn = new RegExp(`-\\d+-\\d{5}-${manifest.id}\\.[a-z]+$`)
      const entries = await readdir(this.#directory, { withFileTypes: true })
      const names = entries.filter(entry => entry.isFile() && isOwn.test(entry.name))
      const left = await manifest.unnamed(names.map(({ name }) => name))
      for (const name of left) await rm(join(this.#directory, name))
    })
  }

  async write(rows: PartRows, { time }: SinkBatch): Promise<Written> {
    const { manifest, parts } = this.#opened!
    if (await manifest.has(time)) return undefined
    const { fsync } = this.#options
    try {
      return await rows.saveParts(parts, { format: this.#form.format, fsync })
    } catch (error) {
      // What an attempt writes later goes when the sink is opened again.
      for (const name of await readdir(parts).catch(() => [])) {
        if (/^\.?part-(\d+)-/.exec(name)?.[1] === String(time)) await removed(join(parts, name))
      }
      throw error
    }
  }

  async commit(written: Written, { time }: SinkBatch): Promise<void> {
    if (!written || (written.length === 0 && !this.#options.emptyBatches)) return
    this.#committing = this.#commit(written, time)
    await this.#committing
  }

  async #commit(written: readonly SavedPart[], time: number): Promise<void> {
    const { manifest } = this.#opened!
    const files = await this.#putInPlace(written, time)
    try {
      await manifest.add({ time, files })
    } catch (error) {
      // The files may go only where the manifest is known not to name them.
      await manifest.withdraw(time).then(
        () => this.#remove(files),
        () => undefined,
      )
      throw error
    }
    if (manifest.isDue) await this.#roll()
  }

  /** Gives the parts their names in the directory: all of them, or none. */
  async #putInPlace(written: readonly SavedPart[], time: number): Promise<ManifestFile[]> {
    const { manifest, parts } = this.#opened!
    const { prefix, fsync } = this.#options
    const files = written.map(({ name, ...sums }) => {
      const partition = name.slice(name.lastIndexOf('-') + 1)
      const full = `${prefix}-${time}-${partition}-${manifest.id}.${this.#form.extension}`
      return { name: full, ...sums }
    })
    if (files.length === 0) return files
    try {
      const moves = await Promise.allSettled(
        files.map(({ name }, i) => {
          const path = join(this.#directory, name)
          return this.#try('create', path, () => rename(join(parts, written[i]!.name), path))
        }),
      )
      const failed = moves.find(move => move.status === 'rejected')
      if (failed) throw failed.reason
      if (fsync) await this.#try('sync', this.#directory, () => syncNames(this.#directory))
    } catch (error) {
      await this.#remove(files)
      for (const { name } of written) await removed(join(parts, name))
      throw error
    }
    return files
  }

  async #remove(files: readonly ManifestFile[]): Promise<void> {
    for (const { name } of files) await removed(join(this.#directory, name))
  }

  /** The batch counts already, so that what fails here is tried again behind the next one. */
  async #roll(): Promise<void> {
    const { manifest, warn } = this.#opened!
    try {
      await manifest.roll(name =>
        stat(join(this.#directory, name)).then(
          () => true,
          error => error.code !== 'ENOENT',
        ),
      )
    } catch (error) {
      warn(`${this.#form.label}: the manifest was not rolled: ${String(error)}`)
    }
  }

  async close(): Promise<void> {
    // A batch that was given up may be on its way.
    await this.#committing?.catch(() => undefined)
    const opened = this.#opened
    this.#opened = this.#committing = undefined
    if (!opened) return
    await rm(opened.parts, { recursive: true, force: true }).catch(() => undefined)
    await opened.lock.release()
  }

  async #try<R>(doing: string, path: string, run: () => Promise<R>): Promise<R> {
    try {
      return await run()
    } catch (error) {
      if ((error as { code?: unknown }).code === 'MANIFEST') throw error
      throw diskError(error, doing, path)
    }
  }
}

/** Makes creations, renames and removals in a directory durable. */
async function syncNames(directory: string): Promise<void> {
  // Windows opens no directories, and writes names as they change.
  if (process.platform === 'win32') return
  await using handle = await open(directory, 'r')
  await handle.sync()
}

/** Removes a file if it is there; what can't be removed goes when the sink is opened again. */
async function removed(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined)
}
