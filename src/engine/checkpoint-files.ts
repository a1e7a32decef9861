/**
 * The files that checkpoints are kept in: `checkpoint-00000001` and so on. Bytes of results and
 * states come first; what they belong to comes last, so a file that was cut off has none of it.
 *
 * ```text
 *   checkpoint-00000007     data │ data │ … │ index ─┐ rows of (window/window#0, 4000): file 7, …
 *   checkpoint-00000006     data │ data │ … │ index  │ rows of (window/window#0, 3000): file 6, …
 *                             ▲                      │
 *                             └──────────────────────┘ what has not changed is not written again
 * ```
 * The newest two that are whole are kept, with what they refer to. A file has its name when it is
 * whole and durable.
 */
import { decodeValue, encodeValue } from '../columnar/codec.ts'
import type { Disk } from '../durable/disk.ts'
import { FrameReader, FrameWriter } from '../durable/frames.ts'
import type { Position } from '../durable/log.ts'
import { PeltonError } from '../errors.ts'
import type { Identity } from './identity.ts'
import type { Partitioner } from './operator.ts'
import type { EncodedRows, SavedResult, Snapshot } from './snapshot.ts'

const prefix = 'checkpoint-'
const unfinished = '.part'
const purpose = 'checkpoint'
const digits = 8
const keptMax = 2
const DATA = 1
const INDEX = 2
/** Bytes of rows in a frame; rows that are longer have one of their own. */
const frameBytes = 8 * 1024 * 1024
const formatVersion = 1

/** Where rows lie: frames of a file. */
interface Place {
  readonly file: number
  readonly frames: readonly number[]
  readonly partitions: number
  readonly partitioner: Partitioner | undefined
}

interface PlacedNode {
  readonly identity: Identity
  readonly results: readonly { time: number; rows: Place | 'absent' | 'unread' }[]
  readonly states: Place | undefined
}

/** What a source has to know to go on behind a batch. */
export interface InputMark {
  /** What the program calls it. */
  readonly name: string
  readonly mark: unknown
}

/** A checkpoint: a snapshot, and where inputs and the log were. */
export interface Checkpoint {
  readonly snapshot: Snapshot
  readonly inputs: readonly InputMark[]
  /** From where on the log is read. */
  readonly log: Position | undefined
}

interface Index extends Omit<Checkpoint, 'snapshot'> {
  readonly version: number
  readonly snapshot: Omit<Snapshot, 'nodes'> & { readonly nodes: readonly PlacedNode[] }
}

/** Those of one directory. One at a time is written. */
export class CheckpointFiles {
  readonly #disk: Disk
  readonly #warn: (message: string) => void
  #last = 0
  /** The files that are kept, newest last, with those that they refer to. */
  #kept: {
    readonly file: number
    readonly refers: ReadonlySet<number>
    log: Position | undefined
  }[] = []
  /** Where rows lie that were written before: they never change. */
  #places = new WeakMap<EncodedRows, Place>()
  bytesWritten = 0

  constructor(disk: Disk, warn: (message: string) => void) {
    this.#disk = disk
    this.#warn = warn
  }

  /** Numbers of the files there, oldest first. Those that are unfinished have theirs as well. */
  async #numbers(): Promise<number[]> {
    const names = (await this.#disk.list()).filter(name => name.startsWith(prefix))
    const [whole, parts] = [false, true].map(isPart =>
      names
        .filter(name => name.endsWith(unfinished) === isPart)
        .map(numberOf)
        .filter(Number.isInteger),
    )
    // A process that was killed has left its part of a file: that number is taken.
    this.#last = Math.max(this.#last, ...whole!, ...parts!)
    return whole!.sort((a, b) => a - b)
  }

  /** Whether there is anything to go on from. */
  async any(): Promise<boolean> {
    return (await this.#numbers()).length > 0
  }

  /**
   * The newest checkpoint that is whole; undefined where there is none at all.
   *
   * @throws PeltonError `CHECKPOINT` where there are some and none can be read
   */
  async newest(): Promise<Checkpoint | undefined> {
    const numbers = await this.#numbers()
    let first: unknown
    for (const number of numbers.reverse()) {
      try {
        return await this.#read(number)
      } catch (error) {
        // What a newer Pelton has written must not be passed over for something older.
        if (error instanceof PeltonError && error.code === 'FORMAT') throw error
        first ??= error
        this.#warn(`${nameOf(number)} can't be used: ${messageOf(error)}`)
      }
    }
    if (numbers.length === 0) return undefined
    throw new PeltonError(
      `Failed to read checkpoint from directory ${this.#disk.name}: ${messageOf(first)}. Restore ` +
        'the directory from a copy, or begin anew in an empty one',
      { code: 'CHECKPOINT', cause: first },
    )
  }

  async #read(number: number): Promise<Checkpoint> {
    const files = new Map<number, Map<number, { kind: number; payload: Uint8Array }>>()
    const framesOf = async (file: number) => {
      let frames = files.get(file)
      if (!frames) files.set(file, (frames = await this.#frames(file)))
      return frames
    }
    const last = [...(await framesOf(number)).values()].at(-1)
    if (last?.kind !== INDEX) throw new Error('it has no index')
    const { snapshot, inputs, log } = decodeValue(Buffer.from(last.payload)) as Index
    const refers = new Set([number])
    const rowsOf = async (place: Place): Promise<EncodedRows> => {
      refers.add(place.file)
      const frames = await framesOf(place.file)
      const payloads = place.frames.map(at => {
        const frame = frames.get(at)
        if (frame?.kind !== DATA) throw new Error(`${nameOf(place.file)} has no rows at byte ${at}`)
        return frame.payload
      })
      const rows = unpacked(payloads, place)
      this.#places.set(rows, place)
      return rows
    }
    const nodes = []
    for (const { identity, results, states } of snapshot.nodes) {
      const read: SavedResult[] = []
      for (const { time, rows } of results) {
        read.push({ time, rows: typeof rows === 'string' ? rows : await rowsOf(rows) })
      }
      nodes.push({ identity, results: read, states: states && (await rowsOf(states)) })
    }
    this.#kept = [{ file: number, refers, log }]
    return { snapshot: { ...snapshot, nodes }, inputs, log }
  }

  async #frames(file: number): Promise<Map<number, { kind: number; payload: Uint8Array }>> {
    const reader = new FrameReader(this.#disk, nameOf(file), { purpose, id: file })
    const frames = new Map<number, { kind: number; payload: Uint8Array }>()
    for await (const { at, kind, payload } of reader.frames()) frames.set(at, { kind, payload })
    const { how, at, why } = reader.ending
    if (how !== 'whole') throw new Error(`${nameOf(file)} is ${how} at byte ${at}: ${why}`)
    return frames
  }

  /** Writes a checkpoint; it counts when this has resolved. */
  async write({ snapshot, inputs, log }: Checkpoint): Promise<void> {
    const number = ++this.#last
    const name = nameOf(number)
    const temporary = `${name}${unfinished}`
    const writer = new FrameWriter({ purpose, id: number })
    const refers = new Set([number])
    const places = new Map<EncodedRows, Place>()
    const file = await this.#disk.create(temporary)
    try {
      const written = async (rows: EncodedRows): Promise<Place> => {
        const known = this.#places.get(rows) ?? places.get(rows)
        const place = known ?? (await this.#append(rows, number, writer, file))
        places.set(rows, place)
        refers.add(place.file)
        return place
      }
      const nodes: PlacedNode[] = []
      for (const { identity, results, states } of snapshot.nodes) {
        const placed = []
        for (const { time, rows } of results) {
          placed.push({ time, rows: typeof rows === 'string' ? rows : await written(rows) })
        }
        nodes.push({ identity, results: placed, states: states && (await written(states)) })
      }
      const index: Index = { version: formatVersion, snapshot: { ...snapshot, nodes }, inputs, log }
      writer.frame(INDEX, [encodeValue(index)])
      await file.append(writer.take())
      await file.sync()
    } finally {
      await file.close()
    }
    await this.#disk.rename(temporary, name)
    await this.#disk.syncNames()
    // Not before: a file that has failed has no rows that a later one may refer to.
    for (const [rows, place] of places) this.#places.set(rows, place)
    this.bytesWritten += writer.size
    this.#kept.push({ file: number, refers, log })
    await this.#clean()
  }

  async #append(
    { partitions, partitioner }: EncodedRows,
    number: number,
    writer: FrameWriter,
    file: { append(parts: readonly Uint8Array[]): Promise<void> },
  ): Promise<Place> {
    const frames: number[] = []
    for (const parts of packed(partitions)) {
      frames.push(writer.frame(DATA, parts))
      await file.append(writer.take())
    }
    return { file: number, frames, partitions: partitions.length, partitioner }
  }

  /** From where on the log is needed: by the oldest checkpoint that is kept. */
  get logStart(): Position | undefined {
    return this.#kept[0]?.log
  }

  /** Removes what no kept checkpoint needs. What can't be removed is tried again later. */
  async #clean(): Promise<void> {
    this.#kept = this.#kept.slice(-keptMax)
    const needed = new Set(this.#kept.flatMap(({ refers }) => [...refers]))
    for (const name of await this.#disk.list()) {
      if (!name.startsWith(prefix)) continue
      const number = numberOf(name)
      if (!name.endsWith(unfinished) && (needed.has(number) || number > this.#last)) continue
      try {
        await this.#disk.remove(name)
      } catch (error) {
        this.#warn(`${name} was not removed: ${messageOf(error)}`)
      }
    }
  }
}

const nameOf = (number: number): string => prefix + String(number).padStart(digits, '0')

const numberOf = (name: string): number => Number(name.slice(prefix.length).replace(unfinished, ''))

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** Of a piece of rows in a frame: its partition and its length. */
const headBytes = 8

/** Rows as the parts of frames. */
function* packed(partitions: EncodedRows['partitions']): Generator<Uint8Array[]> {
  let parts: Uint8Array[] = []
  let bytes = 0
  for (const [partition, pieces] of partitions.entries()) {
    for (const piece of pieces) {
      const head = Buffer.alloc(headBytes)
      head.writeUInt32LE(partition, 0)
      head.writeUInt32LE(piece.length, 4)
      parts.push(head, piece)
      bytes += headBytes + piece.length
      if (bytes < frameBytes) continue
      yield parts
      parts = []
      bytes = 0
    }
  }
  if (parts.length > 0) yield parts
}

function unpacked(payloads: readonly Uint8Array[], place: Place): EncodedRows {
  const partitions: Uint8Array[][] = Array.from({ length: place.partitions }, () => [])
  for (const payload of payloads) {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    for (let at = 0; at < bytes.length; ) {
      const [partition, length] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)]
      const start = at + headBytes
      // A copy: the frames of a file are let go of together.
      partitions[partition]!.push(Uint8Array.prototype.slice.call(bytes, start, start + length))
      at = start + length
    }
  }
  return { partitions, partitioner: place.partitioner }
}
