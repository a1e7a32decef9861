/** What a reader of a directory of files goes by. */
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { diskError } from '../../durable/disk-error.ts'
import { NodeDisk } from '../../durable/node-disk.ts'
import { PeltonError, preview } from '../../errors.ts'
import { manifestName } from './file-sink.ts'
import { committedBatches } from './manifest.ts'

/** A file of a batch that counts. */
export interface CommittedFile {
  /** Full path. */
  readonly path: string
  /** Time of its batch, in milliseconds. */
  readonly time: number
  readonly rows: number
  readonly bytes: number
  /** CRC-32 of its bytes. */
  readonly crc32: number
}

/**
 * The files that a sink of files has committed to a directory, in the order of batch times and
 * partitions. Each batch is there with all its files or not at all, also while the sink writes and
 * after any crash. Files that were removed since are left out.
 *
 * @example for (const { path } of await committedFiles('out')) await load(path)
 * @throws PeltonError `INPUT_MISSING` where no sink has been; `MANIFEST` where the manifest is
 * damaged; `DISK` where it can't be read
 */
export async function committedFiles(directory: string): Promise<CommittedFile[]> {
  if (typeof directory !== 'string' || directory === '') {
    throw new PeltonError(
      `committedFiles: the directory is ${preview(directory)}; give a path such as 'out/a'`,
      { code: 'OPTION', operator: 'committedFiles' },
    )
  }
  const path = resolve(directory)
  const manifest = join(path, manifestName)
  const found = await stat(manifest).catch(() => undefined)
  if (!found?.isDirectory()) throw noManifest(manifest)
  const batches = await committedBatches(NodeDisk.reading(manifest))
  // Looked at second: what the manifest names was there before, unless somebody has removed it.
  const names = new Set(
    await readdir(path).catch(error => {
      throw diskError(error, 'list', path)
    }),
  )
  return batches.flatMap(({ time, files }) =>
    files
      .filter(({ name }) => names.has(name))
      .map(({ name, ...sums }) => ({ path: join(path, name), time, ...sums })),
  )
}

function noManifest(path: string): PeltonError {
  return new PeltonError(
    `there is no manifest ${path}: no sink of files has been opened there; check the path`,
    { code: 'INPUT_MISSING', operator: 'committedFiles' },
  )
}
