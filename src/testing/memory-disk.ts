/**
 * A disk in memory that can crash and fail by plan. A crash takes what was not synced, or a part of
 * it; the plan follows from a seed, so that every run can be repeated.
 */
import type { Disk, DiskFile } from '../durable/disk.ts'
import { checkFileName, diskError } from '../durable/disk-error.ts'
import { randomNumbers } from '../ops/sample.ts'

/** What a disk writes as a whole. */
const sectorBytes = 512

export type DiskOperation =
  | 'list'
  | 'create'
  | 'append'
  | 'sync'
  | 'read'
  | 'size'
  | 'rename'
  | 'remove'
  | 'syncNames'

/** What a `MemoryDisk` does beside its duty. */
export interface MemoryDiskOptions {
  /** What errors call it; default "memory". */
  readonly name?: string
  /** Of how much a failing operation has done; default 0. */
  readonly seed?: number
  /** Numbers of operations, from 1, that fail, and with what, such as `ENOSPC` or `EIO`. */
  readonly faults?: Readonly<Record<number, string>>
  /** The operation, from 1, in which the process dies: no later one does anything. */
  readonly diesAt?: number
  /** Called before each operation, which waits for it. */
  readonly before?: (operation: DiskOperation, name: string) => void | Promise<void>
}

/** What a crash leaves. */
export interface CrashOptions {
  readonly seed: number
  /**
   * `unsynced`, by default, is a machine that stops: any part of what was not synced is lost.
   * `nothing` is a process that is killed: what was written is there, and still not synced.
   */
  readonly loses?: 'unsynced' | 'nothing'
  /** Of the disk after the crash. */
  readonly options?: MemoryDiskOptions
}

/** A file's content, whatever it is called. */
class Content {
  bytes = Buffer.alloc(0)
  /** Bytes from the beginning that a crash leaves as they are. */
  synced = 0
  /**
   * What a failed sync has not brought to the disk. As on real ones, the next sync believes that it
   * has been, and reading gives the bytes until the machine stops.
   */
  lost: [from: number, to: number][] = []

  copy(): Content {
    return Object.assign(new Content(), {
      bytes: Buffer.from(this.bytes),
      synced: this.synced,
      lost: [...this.lost],
    })
  }

  /** The sectors, whole or in part, of what has not been synced, up to `end`. */
  *sectors(end: number): Generator<[from: number, to: number]> {
    for (let from = this.synced; from < end; ) {
      const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes)
      yield [from, to]
      from = to
    }
  }
}

type Names = Map<string, Content>
type NameChange = (names: Names) => void

/** How much of an operation is done, from 0 to 1, and whether it fails or the process dies. */
interface Course {
  readonly part: number
  readonly end: 'success' | 'failure' | 'death'
}

/**
 * A `Disk` for tests and simulations.
 *
 * @example
 * const disk = new MemoryDisk({ faults: { 7: 'ENOSPC' } }) // the seventh operation fails
 * …
 * const after = disk.crash({ seed: 1 }) // as the disk may look when the machine is on again
 */
export class MemoryDisk implements Disk {
  readonly name: string
  readonly #options: MemoryDiskOptions
  readonly #random: () => number
  #names: Names = new Map()
  #syncedNames: Names = new Map()
  /** What has happened to names since they were synced. */
  #changes: NameChange[] = []
  #operations = 0
  #dead = false

  constructor(options: MemoryDiskOptions = {}) {
    this.name = options.name ?? 'memory'
    this.#options = options
    this.#random = randomNumbers(options.seed ?? 0)
  }

  /** Operations so far. */
  get operations(): number {
    return this.#operations
  }

  /** Whether the process has died, by `diesAt` or `crash`. */
  get isDead(): boolean {
    return this.#dead
  }

  async list(): Promise<string[]> {
    await this.#run('list', this.name)
    return [...this.#names.keys()].sort()
  }

  async create(name: string): Promise<DiskFile> {
    checkFileName(name)
    const content = new Content()
    await this.#run('create', name, ({ part }) => {
      if (this.#names.has(name)) throw systemError('EEXIST')
      if (part < 1 / 2) return
      this.#change(names => void names.set(name, content))
    })
    let closed = false
    const open = (): void => {
      if (closed) throw systemError('EBADF')
    }
    return {
      get size() {
        return content.bytes.length
      },
      append: parts =>
        this.#run('append', name, ({ part }) => {
          open()
          const bytes = Buffer.concat(parts)
          const written = part === 1 ? bytes : bytes.subarray(0, Math.floor(part * bytes.length))
          content.bytes = Buffer.concat([content.bytes, written])
        }),
      sync: () =>
        this.#run('sync', name, course => {
          open()
          this.#sync(content, course)
        }),
      close: async () => {
        closed = true
      },
    }
  }

  async read(name: string, from = 0, to = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    checkFileName(name)
    await this.#run('read', name)
    return Buffer.from(this.#content(name, 'read').bytes.subarray(from, to))
  }

  async size(name: string): Promise<number> {
    checkFileName(name)
    await this.#run('size', name)
    return this.#content(name, 'read').bytes.length
  }

  async sync(name: string): Promise<void> {
    checkFileName(name)
    await this.#run('sync', name, course => this.#sync(this.#content(name, 'sync'), course))
  }

  async rename(from: string, to: string): Promise<void> {
    checkFileName(from)
    checkFileName(to)
    await this.#run('rename', from, ({ part }) => {
      this.#content(from, 'rename')
      if (part < 1 / 2) return
      this.#change(names => {
        const content = names.get(from)
        if (!content) return
        names.delete(from)
        names.set(to, content)
      })
    })
  }

  async remove(name: string): Promise<void> {
    checkFileName(name)
    await this.#run('remove', name, ({ part }) => {
      this.#content(name, 'remove')
      if (part < 1 / 2) return
      this.#change(names => void names.delete(name))
    })
  }

  async syncNames(): Promise<void> {
    await this.#run('syncNames', this.name, ({ part }) => {
      if (part < 1) return
      this.#syncedNames = new Map(this.#names)
      this.#changes = []
    })
  }

  /** Puts a file there, synced, as if it had always been: for what a test has made or changed. */
  put(name: string, bytes: Uint8Array): void {
    checkFileName(name)
    const content = new Content()
    content.bytes = Buffer.from(bytes)
    content.synced = bytes.length
    this.#names.set(name, content)
    this.#syncedNames.set(name, content)
  }

  /** All files as they are now, by name. */
  files(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([name, { bytes }]) => [name, Buffer.from(bytes)]))
  }

  /** Ends this disk's life; gives one as it may look after that. */
  crash({ seed, loses = 'unsynced', options }: CrashOptions): MemoryDisk {
    this.#dead = true
    const random = randomNumbers(seed)
    const after = new MemoryDisk({ name: this.name, seed, ...options })
    const copies = new Map<Content, Content>()
    const copied = (names: Names, copy: (content: Content) => Content): Names =>
      new Map(
        [...names].map(([name, content]) => {
          const known = copies.get(content) ?? copy(content)
          copies.set(content, known)
          return [name, known]
        }),
      )
    if (loses === 'nothing') {
      after.#names = copied(this.#names, content => content.copy())
      after.#syncedNames = copied(this.#syncedNames, content => content.copy())
      // A name that was not synced is lost or not by the next crash, as a whole.
      const names = after.#names
      after.#changes = [...new Set([...names.keys(), ...after.#syncedNames.keys()])].flatMap(
        name =>
          names.get(name) === after.#syncedNames.get(name) ? [] : [toState(name, names.get(name))],
      )
      return after
    }
    const left = new Map(this.#syncedNames)
    // Either the changes up to some point are there, or some of them are and others not.
    const inOrder = random() < 0.5
    const kept = Math.floor(random() * (this.#changes.length + 1))
    for (const [i, change] of this.#changes.entries()) {
      if (inOrder ? i < kept : random() < 0.5) change(left)
    }
    after.#names = copied(left, content => leftOf(content, random))
    after.#syncedNames = new Map(after.#names)
    return after
  }

  #change(change: NameChange): void {
    change(this.#names)
    this.#changes.push(change)
  }

  #content(name: string, doing: string): Content {
    const content = this.#names.get(name)
    if (!content) throw diskError(systemError('ENOENT'), doing, `${this.name}/${name}`)
    return content
  }

  #sync(content: Content, { part, end }: Course): void {
    // The system may or may not finish it for a process that has died.
    if (end === 'death' && part < 1 / 2) return
    if (end === 'failure') {
      const unsynced = [...content.sectors(content.bytes.length)]
      content.lost.push(...unsynced.filter(() => this.#random() >= part))
    }
    content.synced = content.bytes.length
  }

  /**
   * Counts an operation and does it: all of it (part 1), or as much as is done before it fails or
   * the process dies. Gives way to others a few times, since a disk takes its time.
   */
  async #run(what: DiskOperation, name: string, effect?: (course: Course) => void): Promise<void> {
    const number = ++this.#operations
    const { faults, diesAt, before } = this.#options
    await before?.(what, name)
    for (let turns = Math.floor(this.#random() * 4); turns > 0; turns--) await undefined
    const path = name === this.name ? name : `${this.name}/${name}`
    if (this.#dead) throw diskError(new Error('the process has died'), what, path)
    const fault = faults?.[number]
    const dies = number === diesAt
    const end = dies ? 'death' : fault === undefined ? 'success' : 'failure'
    try {
      effect?.({ end, part: end === 'success' ? 1 : this.#random() })
      if (fault !== undefined) throw systemError(fault)
    } catch (error) {
      throw 'syscall' in (error as object) ? diskError(error, what, path) : error
    }
    if (!dies) return
    this.#dead = true
    throw diskError(new Error('the process has died'), what, path)
  }
}

const toState =
  (name: string, content: Content | undefined): NameChange =>
  names => {
    if (content) names.set(name, content)
    else names.delete(name)
  }

/** What of a file is there when the machine is on again. */
function leftOf(content: Content, random: () => number): Content {
  const { bytes, synced } = content
  const unsynced = bytes.length - synced
  const end = synced + Math.floor([0, 1, random(), random()][Math.floor(random() * 4)]! * unsynced)
  const left = Buffer.from(bytes.subarray(0, end))
  const gone = content.lost.map(([from, to]): [number, number] => [from, Math.min(to, end)])
  // Sectors reach the disk in any order; one that did not is zeros.
  const everyOther = random() < 0.5
  if (everyOther) gone.push(...[...content.sectors(end)].filter(() => random() < 0.3))
  for (const [from, to] of gone) if (from < to) left.fill(0, from, to)
  return Object.assign(new Content(), { bytes: left, synced: end })
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: a fault of the plan`), { code, syscall: 'planned' })
}
