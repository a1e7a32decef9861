/** One file a partition, as actions that write directories do. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { Operator } from '../engine/operator.ts'

type Contents = Iterable<string | Uint8Array>

/**
 * Writes a partition's rows as `part-NNNNN`, moved into place when it is whole; gives its name.
 * `contentsOf` makes the file's contents of the rows, a piece after the other.
 */
export function savingParts(
  name: string,
  contentsOf: (rows: Iterable<unknown>) => Contents,
): Operator {
  return {
    name,
    onAbsent: 'pass',
    workersOnly: true,
    actsOutside: true,
    kernel: {
      form: 'partition',
      emitsOnEmpty: () => true,
      run: (rows, _functions, params, partition) => {
        const file = `part-${String(partition).padStart(5, '0')}`
        writeWhole(params.directory as string, file, contentsOf(rows))
        return [file]
      },
    },
  }
}

function writeWhole(directory: string, name: string, contents: Contents): void {
  const temporary = join(directory, `.${name}.${threadId}.tmp`)
  const fd = openSync(temporary, 'w')
  try {
    for (const some of contents) writeAll(fd, typeof some === 'string' ? Buffer.from(some) : some)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, join(directory, name))
}

/** The system may take fewer bytes than it is given. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}
