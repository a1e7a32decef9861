/**
 * Which batches of a directory count: small files of JSON in its folder `_manifest`, each put in
 * place by a rename, so that it is there whole or not at all.
 *
 * ```text
 *   out/part-1000-00000-1f9c02ab.txt    a file counts where the manifest names it
 *   out/_manifest/format.json           the directory's id, which is in the names of its files
 *                 5000-9000.json        batches 5000 to 9000: written once, by rolling
 *                 10000.json            batch 10000
 *                 new-17                on its way to become 11000.json
 *                 lock                  of the process that writes
 * ```
 *
 * When there are many files of one batch they are rolled into one, so a batch costs the same
 * however long the manifest is. A rolled file goes when all files that it names have gone, oldest
 * first; so the manifest is as large as what lies in the directory.
 *
 * ```text
 *   rolling:  5000.json 6000.json ─▶ new-18 ─▶ 5000-6000.json ─▶ 5000.json, 6000.json removed
 *   A crash in between leaves batches in both, with the same content.
 * ```
 *
 * A reader looks at the names twice. Where the second look shows no rolled file that the first one
 * did not show, all batches of the first look were there; a file that is gone when it is read has
 * been rolled meanwhile, and the reader begins again.
 */
import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Disk } from '../../durable/disk.ts'
import { PeltonError, preview } from '../../errors.ts'

/** A file of a batch. */
export interface ManifestFile {
  readonly name: string
  readonly rows: number
  readonly bytes: number
  /** CRC-32 of its bytes. */
  readonly crc32: number
}

/** A batch that counts. */
export interface ManifestBatch {
  /** Batch time in milliseconds. */
  readonly time: number
  /** None where the batch has no rows. */
  readonly files: readonly ManifestFile[]
}

export interface ManifestOptions {
  /** Whether each change is on the disk before it counts as made. */
  readonly fsync: boolean
  /** Files of one batch that are rolled into one. */
  readonly rollBatches: number
}

/** What a reader needs of a disk. */
type ReadDisk = Pick<Disk, 'name' | 'list' | 'read'>

/** A file of batches that were rolled: its first and last batch time. */
interface Rolled {
  readonly name: string
  readonly from: number
  readonly to: number
}

const formatName = 'format.json'
const formatTitle = 'pelton files'
const formatVersion = 1
/** How often a reader begins again before it gives up. */
const readsMax = 100

const timeOf = (name: string): number => Number(/^(\d+)\.json$/.exec(name)?.[1] ?? Number.NaN)

function rolledOf(name: string): Rolled | undefined {
  const [, from, to] = /^(\d+)-(\d+)\.json$/.exec(name) ?? []
  return from === undefined ? undefined : { name, from: Number(from), to: Number(to) }
}

/** The manifest of the process that writes it. */
export class Manifest {
  /** What is in the names of the directory's files, and in no others. */
  readonly id: string
  readonly #disk: Disk
  readonly #options: ManifestOptions
  /** Batches that were not rolled yet. */
  readonly #single: Map<number, ManifestBatch>
  readonly #rolled: Rolled[]
  /** Number of the next file on its way. */
  #next = 0
  /** The rolled file that was read last. */
  #read: { readonly name: string; readonly times: ReadonlySet<number> } | undefined

  private constructor(disk: Disk, options: ManifestOptions, found: Found & { id: string }) {
    this.#disk = disk
    this.#options = options
    this.id = found.id
    this.#single = found.single
    this.#rolled = found.rolled
  }

  /** Takes up the manifest of a directory whose lock the caller holds, or begins one. */
  static async open(disk: Disk, options: ManifestOptions): Promise<Manifest> {
    const names = await disk.list()
    const left = names.filter(name => /^new-\d+$/.test(name))
    for (const name of left) await disk.remove(name)
    // Their names are used again, and must not come back with what was in them.
    if (left.length > 0) await disk.syncNames()
    const known = names.includes(formatName)
    const id = known ? idOf(disk, await readJson(disk, formatName)) : randomUUID().slice(0, 8)
    const manifest = new Manifest(disk, options, { id, ...(await found(disk, names)) })
    if (!known) {
      await manifest.#put(formatName, { format: formatTitle, version: formatVersion, id })
    }
    // A crash while it was rolled may have left batches in both.
    await manifest.#removeRolled()
    return manifest
  }

  /** Time of the last batch that counts; 0 where there is none. */
  get lastTime(): number {
    return Math.max(0, ...this.#single.keys(), ...this.#rolled.map(({ to }) => to))
  }

  /** Whether there are enough batches to be rolled. */
  get isDue(): boolean {
    return this.#single.size >= this.#options.rollBatches
  }

  /** Whether a batch counts. */
  async has(time: number): Promise<boolean> {
    if (this.#single.has(time)) return true
    for (const rolled of this.#rolled) {
      if (time < rolled.from || time > rolled.to) continue
      if ((await this.#timesOf(rolled)).has(time)) return true
    }
    return false
  }

  async #timesOf({ name }: Rolled): Promise<ReadonlySet<number>> {
    if (this.#read?.name !== name) {
      const batches = await readBatches(this.#disk, name)
      this.#read = { name, times: new Set(batches.map(({ time }) => time)) }
    }
    return this.#read.times
  }

  /** Makes a batch count. Where it rejects, nobody knows whether it does: see `withdraw`. */
  async add(batch: ManifestBatch): Promise<void> {
    await this.#put(`${batch.time}.json`, { batches: [batch] })
    this.#single.set(batch.time, batch)
  }

  /** Takes back a batch whose `add` has failed; it does not count any more once this resolves. */
  async withdraw(time: number): Promise<void> {
    const name = `${time}.json`
    if ((await this.#disk.list()).includes(name)) await this.#disk.remove(name)
    await this.#syncNames()
  }

  /**
   * Rolls single batches into one file, and lets go of old rolled ones.
   *
   * @param exists whether a file is still in the directory
   */
  async roll(exists: (name: string) => Promise<boolean>): Promise<void> {
    const batches = inOrder([...this.#single.values()].filter(({ files }) => files.length > 0))
    const [first, last] = [batches[0], batches.at(-1)]
    if (first && last) {
      const rolled = { name: `${first.time}-${last.time}.json`, from: first.time, to: last.time }
      await this.#put(rolled.name, { batches })
      this.#rolled.push(rolled)
    }
    // A batch without files needs no entry: nothing is written when it comes again. No batch is
    // rolled twice, also where its own file can't be removed: that goes with the next `open`.
    const times = [...this.#single.keys()]
    this.#single.clear()
    for (const time of times) await this.#disk.remove(`${time}.json`)
    await this.#syncNames()
    await this.#letGo(exists)
  }

  async #removeRolled(): Promise<void> {
    for (const rolled of this.#rolled) {
      const within = [...this.#single.keys()].filter(t => t >= rolled.from && t <= rolled.to)
      if (within.length === 0) continue
      const times = await this.#timesOf(rolled)
      for (const time of within) {
        if (!times.has(time)) continue
        await this.#disk.remove(`${time}.json`)
        this.#single.delete(time)
      }
    }
  }

  /** The newest one stays in any case: its batches may come again after a crash. */
  async #letGo(exists: (name: string) => Promise<boolean>): Promise<void> {
    while (this.#rolled.length > 1) {
      const [{ name }] = this.#rolled as [Rolled]
      for (const { files } of await readBatches(this.#disk, name)) {
        for (const file of files) if (await exists(file.name)) return
      }
      await this.#disk.remove(name)
      this.#rolled.shift()
    }
  }

  /** Of `names`, those that the manifest does not name. */
  async unnamed(names: readonly string[]): Promise<string[]> {
    const rest = new Set(names)
    const cross = (batches: Iterable<ManifestBatch>): void => {
      for (const { files } of batches) for (const { name } of files) rest.delete(name)
    }
    cross(this.#single.values())
    for (const { name } of this.#rolled) cross(await readBatches(this.#disk, name))
    return [...rest]
  }

  /** Puts a file in place in one step, on the disk when this resolves. */
  async #put(name: string, value: object): Promise<void> {
    const temporary = `new-${this.#next++}`
    const file = await this.#disk.create(temporary)
    try {
      await file.append([Buffer.from(`${JSON.stringify(summed(value))}\n`)])
      if (this.#options.fsync) await file.sync()
    } finally {
      await file.close()
    }
    await this.#disk.rename(temporary, name)
    await this.#syncNames()
  }

  async #syncNames(): Promise<void> {
    if (this.#options.fsync) await this.#disk.syncNames()
  }
}

/** All batches that count, in the order of times, while another process may write. */
export async function committedBatches(disk: ReadDisk): Promise<ManifestBatch[]> {
  for (let reads = 0; reads < readsMax; reads++) {
    const names = await disk.list()
    const rolled = (all: string[]): string => all.filter(rolledOf).join()
    if (rolled(names) !== rolled(await disk.list())) continue
    try {
      const batches = new Map<number, ManifestBatch>()
      if (names.includes(formatName)) idOf(disk, await readJson(disk, formatName))
      for (const name of names.filter(name => rolledOf(name) || !Number.isNaN(timeOf(name)))) {
        for (const batch of await readBatches(disk, name)) batches.set(batch.time, batch)
      }
      return inOrder([...batches.values()])
    } catch (error) {
      if ((error as { cause?: { code?: string } }).cause?.code !== 'ENOENT') throw error
    }
  }
  throw new PeltonError(
    `the manifest ${disk.name} changes faster than it can be read; read it again, or raise ` +
      'rollBatches of its sink',
    { code: 'MANIFEST' },
  )
}

interface Found {
  readonly single: Map<number, ManifestBatch>
  readonly rolled: Rolled[]
}

async function found(disk: Disk, names: readonly string[]): Promise<Found> {
  const single = new Map<number, ManifestBatch>()
  for (const name of names.filter(name => !Number.isNaN(timeOf(name)))) {
    for (const batch of await readBatches(disk, name)) single.set(batch.time, batch)
  }
  const rolled = names.map(rolledOf).filter(one => one !== undefined)
  return { single, rolled: rolled.sort((a, b) => a.to - b.to) }
}

function inOrder(batches: ManifestBatch[]): ManifestBatch[] {
  return batches.sort((a, b) => a.time - b.time)
}

async function readBatches(disk: ReadDisk, name: string): Promise<readonly ManifestBatch[]> {
  const { batches } = await readJson(disk, name)
  if (!Array.isArray(batches)) throw damaged(disk, name, 'it names no batches')
  return batches
}

/** What a file says, with a checksum of that. */
const summed = (of: object): object => ({ of, sum: crc32(JSON.stringify(of)) })

async function readJson(disk: ReadDisk, name: string): Promise<Record<string, unknown>> {
  const text = Buffer.from(await disk.read(name)).toString()
  let value: { of?: unknown; sum?: unknown }
  try {
    value = Object(JSON.parse(text))
  } catch {
    throw damaged(disk, name, `it is no JSON: ${preview(text, 40)}`)
  }
  const { of, sum } = value
  if (sum === crc32(JSON.stringify(of) ?? '')) return Object(of)
  throw damaged(disk, name, 'it has a wrong checksum')
}

function idOf(disk: ReadDisk, { format, version, id }: Record<string, unknown>): string {
  if (format !== formatTitle || typeof id !== 'string' || !/^[\da-f]{8}$/.test(id)) {
    throw damaged(disk, formatName, 'it does not say what it should')
  }
  if (version === formatVersion) return id
  throw new PeltonError(
    `${disk.name} has format version ${preview(version)}, and this Pelton knows version ` +
      `${formatVersion}; use the Pelton that wrote it, or a newer one`,
    { code: 'FORMAT' },
  )
}

function damaged(disk: ReadDisk, name: string, why: string): PeltonError {
  return new PeltonError(
    `${disk.name}/${name} is damaged: ${why}. Restore it from a copy. Or remove it: its batches ` +
      'do not count then, and their files are removed when the sink is opened again',
    { code: 'MANIFEST' },
  )
}
