/** The registry of sinks. */
export { type CommittedFile, committedFiles } from './files/committed.ts'
export type { FileSinkOptions } from './files/options.ts'
export { jsonFiles } from './json-files.ts'
export { objectFiles } from './object-files.ts'
export { textFiles } from './text-files.ts'
