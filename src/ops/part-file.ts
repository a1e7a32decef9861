/** One file a partition, as actions that write directories do. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { diskError } from '../durable/disk-error.ts'
import type { Operator, Params } from '../engine/operator.ts'
import type { SavedPart } from '../engine/sink.ts'

type Contents = Iterable<string | Uint8Array>

/**
 * Writes a partition's rows as `part-NNNNN`, moved into place when it is whole; gives what it has
 * written. `contentsOf` makes the file's contents of the rows, a piece after the other.
 *
 * Where the result has a batch time, it stands in the name, as in `part-1000-00003`. With the
 * setting `skipsEmpty` a partition without rows makes no file; `fsync: false` leaves it to the
 * system when the bytes reach the disk.
 */
export function savingParts(
  name: string,
  contentsOf: (rows: Iterable<unknown>, params: Params) => Contents,
): Operator {
  return {
    name,
    onAbsent: 'pass',
    workersOnly: true,
    actsOutside: true,
    kernel: {
      form: 'partition',
      emitsOnEmpty: () => true,
      run: (rows, _functions, params, partition, time) => {
        const counted = new CountedRows(rows)
        if (params.skipsEmpty === true && counted.isEmpty()) return []
        const batch = Number.isNaN(time) ? '' : `${time}-`
        const file = `part-${batch}${String(partition).padStart(5, '0')}`
        const directory = params.directory as string
        const sums = writeWhole(
          directory,
          file,
          contentsOf(counted, params),
          params.fsync !== false,
        )
        const part: SavedPart = { name: file, rows: counted.rows, ...sums }
        return [part]
      },
    },
  }
}

/** Rows to be read once, which are counted on the way. */
class CountedRows implements Iterable<unknown> {
  rows = 0
  readonly #iterator: Iterator<unknown>
  #first: IteratorResult<unknown> | undefined

  constructor(rows: Iterable<unknown>) {
    this.#iterator = rows[Symbol.iterator]()
  }

  isEmpty(): boolean {
    this.#first = this.#iterator.next()
    return this.#first.done === true
  }

  *[Symbol.iterator](): Generator<unknown> {
    let next = this.#first ?? this.#iterator.next()
    for (; !next.done; next = this.#iterator.next()) {
      this.rows++
      yield next.value
    }
  }
}

type Sums = Pick<SavedPart, 'bytes' | 'crc32'>

function writeWhole(directory: string, name: string, contents: Contents, fsync: boolean): Sums {
  const path = join(directory, name)
  const temporary = join(directory, `.${name}.${threadId}.tmp`)
  const sums = { bytes: 0, crc32: 0 }
  const fd = tried('create', path, () => openSync(temporary, 'w'))
  try {
    // What makes the contents throws errors of the rows, which are not the disk's.
    for (const some of contents) {
      const bytes = typeof some === 'string' ? Buffer.from(some) : some
      tried('write', path, () => writeAll(fd, bytes))
      sums.bytes += bytes.length
      sums.crc32 = crc32(bytes, sums.crc32)
    }
    if (fsync) tried('sync', path, () => fsyncSync(fd))
  } finally {
    closeSync(fd)
  }
  tried('rename', path, () => renameSync(temporary, path))
  return sums
}

function tried<T>(doing: string, path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw diskError(error, doing, path)
  }
}

/** The system may take fewer bytes than it is given. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}
