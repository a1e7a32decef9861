/**
 * Results of the past that the arena has no room for, in files. They are read where they lie, a
 * piece at a time, and never come back into the arena as a whole; so a window may be larger than
 * the memory.
 *
 * ```text
 *   arena │▒▒▒▒▒▒▒▒▒▒▒▒│     │    more than half of it in use when a batch has ended:
 *         └─ results ──┘          results go to files until less than a third is
 *   files │ 3000 │ 4000 │ …       the newest first: in a window that slides they are
 *                                 needed last
 * ```
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Arena } from '../columnar/arena.ts'
import { Block } from '../columnar/block.ts'
import { Dataset } from './block-store.ts'
import { RddNode, Step, type StreamNode } from './dag.ts'
import { type FilePiece, rowsFrame } from './file-pieces.ts'
import type { Operator } from './operator.ts'
import type { Scheduler } from './scheduler.ts'
import type { Piece } from './vector.ts'

/** Shares of the arena's limit: in use when spilling begins, and when it ends. */
const highShare = 0.5
const lowShare = 0.33
const prefix = 'pelton-spill-'
/** Smaller ones are not worth a file. */
const bytesMin = 64 * 1024

export interface SpillOptions {
  readonly arena: Arena
  readonly scheduler: Scheduler
  readonly encodeRows: Operator
  /** Where the files go; the system's temporary directory by default. */
  readonly directory: string | undefined
  warn(message: string): void
}

interface Candidate {
  readonly rdd: RddNode
  /** Its rows; absent where they have not been computed yet, and lie in nodes that it owns. */
  readonly dataset: Dataset | undefined
}

/** The files of one context. */
export class Spill {
  readonly #options: SpillOptions
  readonly #step: Step
  #folder: string | undefined
  /** Bytes of files that are there. */
  bytes = 0
  /** Bytes of files that were ever written. */
  written = 0
  #isBroken = false

  constructor(options: SpillOptions) {
    this.#options = options
    this.#step = new Step(options.encodeRows, {}, [], undefined, 'spill')
    this.#step.portable = []
  }

  /** Moves results out of the arena, where too much of it is in use. */
  relieve(nodes: readonly StreamNode[]): Promise<void> | undefined {
    const { arena } = this.#options
    const isFull = arena.bytesInUse() >= arena.limitBytes * highShare
    return isFull && !this.#isBroken ? this.#relieve(nodes) : undefined
  }

  async #relieve(nodes: readonly StreamNode[]): Promise<void> {
    const { arena, warn } = this.#options
    try {
      for (const candidate of await candidates(nodes)) {
        if (arena.bytesInUse() < arena.limitBytes * lowShare) return
        await this.#spill(candidate)
      }
    } catch (error) {
      this.#isBroken = true
      warn(
        `windows can't be moved to files any more: ${error}. They stay in memory; give the ` +
          'option spillDir a directory with room',
      )
    }
  }

  async #spill({ rdd, dataset }: Candidate): Promise<void> {
    const { scheduler, arena } = this.#options
    const { holdings } = rdd
    const encoded = new RddNode({ step: this.#step, inputs: [rdd] })
    const before = holdings.dataset
    const held = await scheduler.run(encoded, rdd.time)
    let parts: Uint8Array[][]
    try {
      parts = held.partitions.map(pieces => pieces.flatMap(piece => bytesOf(arena, piece)))
    } finally {
      held.release()
    }
    const path = join(this.#directory(), randomUUID())
    const { partitions, bytes } = await written(path, parts)
    this.bytes += bytes
    this.written += bytes
    const released = (): void => {
      this.bytes -= bytes
      // Whoever reads it has it open; and the folder goes in any case.
      unlink(path).catch(() => undefined)
    }
    const spilled = new Dataset(arena, partitions, [], rdd.partitioner, released)
    // It may have been forgotten meanwhile.
    if (rdd.isForgotten || holdings.dataset !== before) {
      spilled.release()
      return
    }
    holdings.dataset = Promise.resolve(spilled)
    dataset?.release()
    for (const inner of rdd.owned) inner.forget()
    if (!rdd.isComputed) rdd.computed()
  }

  #directory(): string {
    if (this.#folder === undefined) {
      const parent = this.#options.directory ?? tmpdir()
      clean(parent)
      this.#folder = mkdtempSync(join(parent, `${prefix}${process.pid}-`))
    }
    return this.#folder
  }

  /** Removes all files. */
  close(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }
}

/** What may be moved: results that stay beyond their batch, those that are needed last first. */
async function candidates(nodes: readonly StreamNode[]): Promise<Candidate[]> {
  const found: Candidate[] = []
  const kept = nodes.filter(node => node.rememberMs > 0)
  for (const node of kept.sort((a, b) => b.rememberMs - a.rememberMs)) {
    for (const [time, made] of [...node.generated].sort(([a], [b]) => b - a)) {
      // Views read that one where it is.
      if (time === node.committed?.time) continue
      const rdd = await made.catch(() => null)
      // What a result was made of is not read again once its rows are there.
      if (rdd?.isComputed) for (const inner of rdd.owned) inner.forget()
      if (!rdd || rdd.isForgotten) continue
      const dataset = await datasetOf(rdd)
      const isThere =
        dataset !== undefined || (!rdd.isComputed && rdd.holdings.dataset === undefined)
      const owned = dataset ? [dataset] : await Promise.all(rdd.owned.map(datasetOf))
      const bytes = owned.reduce((sum, one) => sum + (one?.bytes ?? 0), 0)
      if (isThere && bytes >= bytesMin) found.push({ rdd, dataset })
    }
  }
  return found
}

async function datasetOf({ holdings }: RddNode): Promise<Dataset | undefined> {
  const dataset = await holdings.dataset?.catch(() => undefined)
  return dataset?.released ? undefined : dataset
}

function bytesOf(arena: Arena, piece: Piece): Uint8Array[] {
  if (piece.kind !== 'block') throw new Error('encoded rows lie in blocks')
  return Block.open(arena, piece.ptr).decode(piece.from, piece.to) as Uint8Array[]
}

/** Writes rows, partition by partition; returns where each of them lies. */
async function written(
  path: string,
  partitions: readonly (readonly Uint8Array[])[],
): Promise<{ partitions: FilePiece[][]; bytes: number }> {
  const file = await open(path, 'wx', 0o600)
  let bytes = 0
  try {
    const pieces: FilePiece[][] = []
    for (const rows of partitions) {
      const from = bytes
      for (const frame of rows) {
        const contents = Buffer.concat(rowsFrame(frame))
        await file.writeFile(contents)
        bytes += contents.length
      }
      pieces.push(from === bytes ? [] : [{ kind: 'rows', path, from, to: bytes, length: 0 }])
    }
    return { partitions: pieces, bytes }
  } finally {
    await file.close()
  }
}

/** Removes what processes have left that did not end by themselves. */
function clean(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1])
    if (!(pid > 0) || isAlive(pid)) continue
    try {
      rmSync(join(parent, name), { recursive: true })
    } catch {
      // Somebody else's.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
