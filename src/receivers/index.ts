/** The registry of sources. */
export { AsyncIterableReceiver } from './async-iterable.ts'
export { type FileOptions, FileSource, rangesOf } from './files.ts'
export { type QueueEntry, type QueueOptions, QueueSource } from './queue.ts'
export { ReadableReceiver } from './readable.ts'
export { type SocketTextOptions, SocketTextReceiver } from './socket-text.ts'
