/** One file a partition, as actions that write directories do. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'

/** What a part consists of, and where it goes. */
export interface Part {
  readonly directory: string
  readonly partition: number
  readonly contents: Iterable<string | Uint8Array>
}

/** Writes `part-NNNNN`, moved into place when it is whole; gives its name. */
export function writePart({ directory, partition, contents }: Part): string {
  const name = `part-${String(partition).padStart(5, '0')}`
  const temporary = join(directory, `.${name}.${threadId}.tmp`)
  const fd = openSync(temporary, 'w')
  try {
    for (const some of contents) writeAll(fd, typeof some === 'string' ? Buffer.from(some) : some)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, join(directory, name))
  return name
}

/** The system may take fewer bytes than it is given. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}
