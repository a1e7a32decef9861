/**
 * The files of one directory, as the log and checkpoints need them. The real one is `NodeDisk`;
 * simulations have one that loses what was not synced.
 *
 * Obligations of a disk
 * - What `append` has been given is durable once `sync` has resolved; before, any part of it may be
 *   lost or torn.
 * - That a file exists, has a name or is gone is durable once `syncNames` has resolved.
 * - `rename` takes the place of a file of that name in one step.
 * - What fails rejects with a PeltonError of the code `DISK`. Then any part of it may have
 *   happened.
 *
 * Obligations of its user
 * - A name begins with a letter or a digit and goes on with those, `.`, `_` and `-`.
 * - One operation at a time on a file. After one has failed the file is closed, and not written
 *   again: nobody knows which of its bytes are there, even if a later sync resolves.
 * - The bytes given to `append` stay as they are until it has settled.
 */

/** A file that is written from its beginning. */
export interface DiskFile {
  /** Bytes appended so far. */
  readonly size: number
  append(parts: readonly Uint8Array[]): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Disk {
  /** What errors call it: the directory. */
  readonly name: string
  /** Names of the files there, in order. */
  list(): Promise<string[]>
  /** Makes a file, which must not exist. */
  create(name: string): Promise<DiskFile>
  /** Bytes of a file in [from, to), to its end by default; fewer where it is shorter. */
  read(name: string, from?: number, to?: number): Promise<Uint8Array>
  size(name: string): Promise<number>
  /** Makes durable what an earlier process has left in a file. */
  sync(name: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  /** Makes creations, renames and removals durable. */
  syncNames(): Promise<void>
}
