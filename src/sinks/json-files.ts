/**
 * Files of JSON in one directory, a row a line, strings too. Each batch is there once, as with
 * `textFiles`.
 *
 * @example
 * import { jsonFiles } from 'pelton/sinks'
 * orders.to(jsonFiles('out/orders'))
 */
import type { PartRows, SinkOf } from '../engine/sink.ts'
import { FileSink } from './files/file-sink.ts'
import type { FileSinkOptions } from './files/options.ts'

const form = { label: 'jsonFiles', format: 'json', extension: 'jsonl' } as const

/**
 * A sink of files with a line of JSON for each row, as `JSON.stringify` writes it; a Map is an
 * array of entries, a Set one of values, a bigint a string. All else is as in `textFiles`.
 *
 * @example orders.to(jsonFiles('out/orders', { prefix: 'orders' }))
 */
export function jsonFiles(
  directory: string,
  options: FileSinkOptions = {},
): SinkOf<PartRows, unknown> {
  return new FileSink(form, directory, options)
}
