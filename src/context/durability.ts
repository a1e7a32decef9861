/** The checkpoint directory of a context, from its lock to its end. */
import { DirectoryLock } from '../durable/directory-lock.ts'
import type { Disk } from '../durable/disk.ts'
import { NodeDisk } from '../durable/node-disk.ts'
import type { BatchLoop } from '../engine/batches.ts'
import { Recovery, type RecoveryOptions } from '../engine/recovery.ts'
import type { SnapshotKit, Snapshots } from '../engine/snapshot.ts'
import * as ops from '../ops/index.ts'

/** For tests: the disk of a context, in place of its checkpoint directory. */
export const checkpointDisk: unique symbol = Symbol('pelton.checkpointDisk')

/** What checkpoints need of the operators. */
export const snapshotKit: SnapshotKit = {
  source: ops.source,
  encodeRows: ops.encodeRows,
  decodeRows: ops.decodeRows,
  stateChanges: ops.stateChanges,
  restoreStates: ops.restoreStates,
}

/** A checkpoint directory that is in use. */
export class Durability {
  readonly recovery: Recovery
  readonly #lock: DirectoryLock | undefined

  private constructor(recovery: Recovery, lock: DirectoryLock | undefined) {
    this.recovery = recovery
    this.#lock = lock
  }

  /** Takes the directory, or the disk of a test. */
  static async open(place: string | Disk, options: RecoveryOptions): Promise<Durability> {
    if (typeof place !== 'string')
      return new Durability(await Recovery.open(place, options), undefined)
    const lock = await DirectoryLock.take(place)
    try {
      return new Durability(await Recovery.open(await NodeDisk.open(place), options), lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Goes on from what is there; the loop notes its batches from here on. */
  async begin(loop: BatchLoop, snapshots: Snapshots): Promise<void> {
    await this.recovery.begin(loop, snapshots)
    loop.durability = this.recovery
  }

  async close(): Promise<void> {
    try {
      await this.recovery.close()
    } finally {
      await this.#lock?.release()
    }
  }
}
