/**
 * Files of rows as they are, in one directory, for `ssc.objectFile`. Each batch is there once, as
 * with `textFiles`.
 *
 * @example
 * import { committedFiles, objectFiles } from 'pelton/sinks'
 * sessions.to(objectFiles('out/sessions'))
 * for (const { path } of await committedFiles('out/sessions')) rows.push(bc.objectFile(path))
 */
import type { PartRows, SinkOf } from '../engine/sink.ts'
import { FileSink } from './files/file-sink.ts'
import type { FileSinkOptions } from './files/options.ts'

const form = { label: 'objectFiles', format: 'objects', extension: 'objects' } as const

/**
 * A sink of files that hold rows of every type, at most 256 MiB each, as `saveAsObjectFile` writes
 * them. All else is as in `textFiles`.
 *
 * @example sessions.to(objectFiles('out/sessions'))
 */
export function objectFiles(
  directory: string,
  options: FileSinkOptions = {},
): SinkOf<PartRows, unknown> {
  return new FileSink(form, directory, options)
}
