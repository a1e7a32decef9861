/** What the sinks of files may be told. */
import { PeltonError, preview } from '../../errors.ts'

/** Options of `textFiles`, `jsonFiles` and `objectFiles`. */
export interface FileSinkOptions {
  /** What names of files begin with, default `part`: letters, digits, `.`, `_` and `-`. */
  readonly prefix?: string
  /**
   * Whether everything is on the disk before a batch counts, default true. Without it batches are
   * safe where the process dies, but not where the machine stops.
   */
  readonly fsync?: boolean
  /** Whether the manifest names batches without rows, which have no files; default true. */
  readonly emptyBatches?: boolean
  /** How many batches the manifest keeps in a file each, before it rolls them; default 1000. */
  readonly rollBatches?: number
}

export type CheckedFileOptions = Required<FileSinkOptions> & { readonly directory: string }

const goodPrefix = /^[A-Za-z0-9][\w.-]{0,99}$/

/** Checks what a factory was called with; `label` is its name. */
export function checkedOptions(
  label: string,
  directory: string,
  options: FileSinkOptions,
): CheckedFileOptions {
  const bad = (what: string, value: unknown, rule: string): PeltonError =>
    new PeltonError(`${label}: ${what} is ${preview(value)}; ${rule}`, {
      code: 'OPTION',
      operator: label,
    })
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw bad('the directory', directory, "give a path such as 'out/a'")
  }
  if (typeof options !== 'object' || options === null) {
    throw bad('the second argument', options, 'give options such as { prefix: "words" }')
  }
  const { prefix = 'part', fsync = true, emptyBatches = true, rollBatches = 1000 } = options
  if (typeof prefix !== 'string' || !goodPrefix.test(prefix)) {
    const rule = 'it has to be up to 100 letters, digits, ".", "_" and "-", and begin with one of'
    throw bad('prefix', prefix, `${rule} the first two`)
  }
  for (const [name, value] of Object.entries({ fsync, emptyBatches })) {
    if (typeof value !== 'boolean') throw bad(name, value, 'it must be true or false')
  }
  if (!(Number.isInteger(rollBatches) && rollBatches >= 1)) {
    throw bad('rollBatches', rollBatches, 'it must be a whole number from 1 up')
  }
  return { directory, prefix, fsync, emptyBatches, rollBatches }
}
