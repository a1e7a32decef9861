/**
 * A directory of the machine's file system, for one user alone: the directory is made with mode
 * 0700 and files, unless told otherwise, with 0600, since they hold the rows of a stream.
 */
import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  rename,
  stat,
  unlink,
} from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Disk, DiskFile } from './disk.ts'
import { checkFileName, diskError, isFileName } from './disk-error.ts'

/** Parts of a write that together have at most these bytes are copied into one. */
const copiedBytesMax = 256 * 1024

/**
 * Makes a directory for files that only its user may read, with those above it, and returns its
 * full path. One that exists keeps its mode.
 *
 * @throws PeltonError `DISK` where the path is a file, or not readable and writable
 */
export async function privateDirectory(directory: string): Promise<string> {
  const path = resolve(directory)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    // A file of that name is told apart from other trouble: EEXIST alone would mislead.
    const file = await stat(path).catch(() => undefined)
    const why = file && !file.isDirectory() ? { code: 'ENOTDIR' } : error
    throw diskError(why, 'use the directory', path)
  }
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw diskError(error, 'use the directory', path)
  }
  return path
}

/**
 * The disk that logs and checkpoints lie on outside of tests.
 *
 * @example
 * const disk = await NodeDisk.open('state')
 * const file = await disk.create('a')
 * await file.append([Buffer.from('rows')])
 * await file.sync()
 * await disk.syncNames()
 */
export class NodeDisk implements Disk {
  readonly name: string
  /** Of files that are made. */
  readonly #mode: number

  private constructor(path: string, mode: number) {
    this.name = path
    this.#mode = mode
  }

  /** @throws PeltonError `DISK` where the directory can't be made or used */
  static async open(directory: string, { mode = 0o600 } = {}): Promise<NodeDisk> {
    return new NodeDisk(await privateDirectory(directory), mode)
  }

  /** A directory that is only read: it is not made, and need not be writable. */
  static reading(directory: string): Pick<Disk, 'name' | 'list' | 'read'> {
    return new NodeDisk(resolve(directory), 0o600)
  }

  async list(): Promise<string[]> {
    const entries = await this.#try('list', this.name, () =>
      readdir(this.name, { withFileTypes: true }),
    )
    const files = entries.filter(entry => entry.isFile() && isFileName(entry.name))
    return files.map(entry => entry.name).sort()
  }

  async create(name: string): Promise<DiskFile> {
    const path = this.#path(name)
    return new NodeFile(path, await this.#try('create', path, () => open(path, 'wx', this.#mode)))
  }

  async read(name: string, from = 0, to = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    const path = this.#path(name)
    return this.#try('read', path, async () => {
      await using file = await open(path, 'r')
      const end = Math.min(to, (await file.stat()).size)
      const bytes = Buffer.allocUnsafeSlow(Math.max(0, end - from))
      let at = 0
      while (at < bytes.length) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at)
        // Someone has made it shorter in between.
        if (bytesRead === 0) break
        at += bytesRead
      }
      return bytes.subarray(0, at)
    })
  }

  async size(name: string): Promise<number> {
    const path = this.#path(name)
    return this.#try('read', path, async () => (await stat(path)).size)
  }

  async sync(name: string): Promise<void> {
    const path = this.#path(name)
    await this.#try('sync', path, async () => {
      // Some systems sync only what is open for writing.
      await using file = await open(path, 'r+')
      await file.sync()
    })
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [this.#path(from), this.#path(to)]
    await this.#try('rename', source, () => rename(source, target))
  }

  async remove(name: string): Promise<void> {
    const path = this.#path(name)
    await this.#try('remove', path, () => unlink(path))
  }

  async syncNames(): Promise<void> {
    // Windows opens no directories, and writes names as they change.
    if (process.platform === 'win32') return
    await this.#try('sync', this.name, async () => {
      await using directory = await open(this.name, 'r')
      await directory.sync()
    })
  }

  #path(name: string): string {
    checkFileName(name)
    return join(this.name, name)
  }

  async #try<T>(doing: string, path: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw diskError(error, doing, path)
    }
  }
}

class NodeFile implements DiskFile {
  readonly #path: string
  readonly #handle: FileHandle
  #size = 0
  /** Why it must not be written any more: a second try would leave a hole or a double. */
  #failure: unknown

  constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  get size(): number {
    return this.#size
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    await this.#once('write', async () => {
      // Thousands of short parts cost the system more than a copy of them.
      let rest = bytes <= copiedBytesMax ? [Buffer.concat(parts, bytes)] : parts
      for (let left = bytes; left > 0; ) {
        const { bytesWritten } = await this.#handle.writev(rest)
        left -= bytesWritten
        if (left > 0) rest = withoutFirst(rest, bytesWritten)
      }
    })
    this.#size += bytes
  }

  async sync(): Promise<void> {
    await this.#once('sync', () => this.#handle.sync())
  }

  async close(): Promise<void> {
    try {
      await this.#handle.close()
    } catch (error) {
      throw diskError(error, 'close', this.#path)
    }
  }

  async #once(doing: string, run: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      await run()
    } catch (error) {
      throw (this.#failure = diskError(error, doing, this.#path))
    }
  }
}

/** The parts without their first `count` bytes: a system may write less than it was given. */
export function withoutFirst(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  for (const part of parts) {
    if (count < part.length) rest.push(part.subarray(count))
    count = Math.max(0, count - part.length)
  }
  return rest
}
