/**
 * Files of text in one directory, a row a line: strings as they are, others as JSON. Each batch is
 * there once, whatever crashes there were: what counts is in a manifest, which `committedFiles`
 * reads.
 *
 * @example
 * import { committedFiles, textFiles } from 'pelton/sinks'
 * words.to(textFiles('out/words', { prefix: 'words' }))
 * const files = await committedFiles('out/words') // [{ path, time, rows, bytes, crc32 }, …]
 */
import type { PartRows, SinkOf } from '../engine/sink.ts'
import { FileSink } from './files/file-sink.ts'
import type { FileSinkOptions } from './files/options.ts'

const form = { label: 'textFiles', format: 'text', extension: 'txt' } as const

/**
 * A sink of text files, one a partition that has rows, for one stream. A string with a line break
 * fails its batch (code `VALUE`), since it would be read as several rows: `jsonFiles` takes it.
 *
 * The directory is made where it is missing. One context at a time writes to it, and a context that
 * begins anew begins behind the last batch that is there. Other files in it are left alone. There
 * is a file for each partition that has rows: `repartition` says how many.
 *
 * @throws PeltonError `OPTION` for bad options; `start()` rejects with `DISK`, `DIRECTORY_IN_USE`
 * or `MANIFEST`
 * @example lines.to(textFiles('out/lines'))
 */
export function textFiles(
  directory: string,
  options: FileSinkOptions = {},
): SinkOf<PartRows, unknown> {
  return new FileSink(form, directory, options)
}
