/** Points at which a child process of the campaign dies, and which jobs come to them. */

/** What a job reads. */
export type SourceKind = 'receiver' | 'files' | 'socket'

/**
 * - `block received`: rows have come and are not stored yet.
 * - `log written`: a group of the log is written, and not synced.
 * - `logged`: it is synced, and nobody has been told.
 * - `acknowledged`: the sender has been told.
 * - `batch begun`: what the batch has taken is durable; none of its outputs has begun.
 * - `output renamed`: a part of a batch's output has its name.
 * - `manifest written`: so has the list of its parts.
 * - `state committed`: outputs and states are done, and the log does not say so yet.
 * - `checkpoint written`: its file is synced, under another name.
 * - `checkpoint renamed`: it has its name, which is not synced yet.
 * - `log mended`: a process that goes on has written anew what the one before has left of its end.
 * - `log trimmed`: a file of the log that no checkpoint needs is gone.
 */
export type Point =
  | 'block received'
  | 'log written'
  | 'logged'
  | 'acknowledged'
  | 'batch begun'
  | 'output renamed'
  | 'manifest written'
  | 'state committed'
  | 'checkpoint written'
  | 'checkpoint renamed'
  | 'log mended'
  | 'log trimmed'

const common: readonly Point[] = [
  'logged',
  'output renamed',
  'manifest written',
  'state committed',
  'checkpoint renamed',
  'log written',
  'batch begun',
  'checkpoint written',
  'log mended',
  'log trimmed',
]

/** Those that a job comes to. Each begins elsewhere, so that a short campaign has all of them. */
export const pointsOf: Readonly<Record<SourceKind, readonly Point[]>> = {
  receiver: ['block received', 'acknowledged', ...common],
  files: common,
  socket: [...common.slice(5), ...common.slice(0, 5)],
}

export const sourceKinds: readonly SourceKind[] = ['receiver', 'files', 'socket']
