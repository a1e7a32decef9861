/**
 * One live process at a time may use a directory. The file `lock` in it says which: its pid, when
 * it was started (a pid comes again, a pid with a start does not) and an id drawn for this very
 * lock.
 *
 * The file comes into being with its content, as a second name of a file that was written before,
 * so that nobody ever reads half of it. The lock of a dead process is replaced in one step, by
 * whoever holds a lock *on that lock*: a file named by its id, taken in the same way. Having it,
 * one looks again whether the dead lock is still there; from then on nobody else may replace it.
 *
 * ```
 *      A                                   B
 *      reads lock X: dead                  reads lock X: dead
 *      takes .lock-X                       .lock-X is taken by A, who lives: in use
 *      reads lock: still X                 …or, later: takes .lock-X,
 *      puts its own in X's place               reads lock: A's, who lives: in use
 *      gives .lock-X back
 * ```
 *
 * What it can't see: processes of another machine or container that shares the directory. They seem
 * dead, since their pids are not known here.
 */
import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PeltonError, preview } from '../errors.ts'
import { diskError } from './disk-error.ts'
import { privateDirectory } from './node-disk.ts'

const lockName = 'lock'
/** A lock that changes hands more often than this while one looks at it is not to be had. */
const roundsMax = 20

/** What a lock file holds, as JSON. */
interface Holder {
  readonly pid: number
  /** Ticks between the machine's start and that of the process; empty where that is not known. */
  readonly started: string
  readonly id: string
}

/**
 * @example
 * const lock = await DirectoryLock.take('state')
 * try { await run() } finally { await lock.release() }
 */
export class DirectoryLock {
  readonly directory: string
  readonly #path: string
  readonly #id: string
  #released: Promise<void> | undefined

  private constructor(directory: string, path: string, id: string) {
    this.directory = directory
    this.#path = path
    this.#id = id
  }

  /**
   * Makes the directory where there is none, and takes its lock.
   *
   * @throws PeltonError `DIRECTORY_IN_USE` where a live process has it, this one included; `DISK`
   */
  static async take(directory: string): Promise<DirectoryLock> {
    const full = await privateDirectory(directory)
    const self = { pid: process.pid, started: (await startOf(process.pid)) ?? '', id: randomUUID() }
    const path = join(full, lockName)
    try {
      await takeFile(full, path, self)
    } catch (error) {
      throw error instanceof PeltonError ? error : diskError(error, 'lock', full)
    }
    return new DirectoryLock(full, path, self.id)
  }

  /** Gives the directory back, unless the lock is not this one's any more. Safe to call again. */
  release(): Promise<void> {
    this.#released ??= giveBack(this.#path, this.#id)
    return this.#released
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }
}

/** Takes the lock file at `path`, of a live process or none; rejects where someone else has it. */
async function takeFile(directory: string, path: string, self: Holder): Promise<void> {
  const own = join(directory, `.lock-${randomUUID()}`)
  await writeSynced(own, JSON.stringify(self))
  try {
    for (let round = 0; round < roundsMax; round++) {
      if (await createAs(own, path)) return
      const holder = await holderOf(path)
      // It was given back in between.
      if (holder === undefined) continue
      if (await isAlive(holder)) throw inUse(directory, path, holder)
      if (await replace(directory, path, { dead: holder, own, self })) return
    }
    throw inUse(directory, path)
  } finally {
    await unlink(own).catch(() => undefined)
  }
}

interface Takeover {
  readonly dead: Holder
  /** The file that is to take the place of the dead lock. */
  readonly own: string
  readonly self: Holder
}

/** Puts `own` in the place of a dead lock, if it is still there. */
async function replace(directory: string, path: string, takeover: Takeover): Promise<boolean> {
  const { dead, own, self } = takeover
  const claim = join(directory, `.lock-${dead.id}`)
  // A claim of a process that died on the way is taken over in just the same way.
  const claimer = { ...self, id: randomUUID() }
  await takeFile(directory, claim, claimer)
  try {
    if ((await holderOf(path))?.id !== dead.id) return false
    await rename(own, path)
    return true
  } finally {
    await giveBack(claim, claimer.id)
  }
}

async function giveBack(path: string, id: string): Promise<void> {
  try {
    // Nobody replaces the lock of a live process, so what is read here stays so.
    if ((await holderOf(path))?.id === id) await unlink(path)
  } catch (error) {
    throw error instanceof PeltonError ? error : diskError(error, 'remove', path)
  }
}

/** Gives the written file the name `path`; false where that exists. */
async function createAs(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // A file system without second names: the content comes a moment after the file.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code ?? '')) throw error
  }
  try {
    await writeSynced(path, await readFile(own, 'utf8'))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
}

/** Who holds a lock file; undefined where there is none. */
async function holderOf(path: string): Promise<Holder | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const holder = parsed(text)
  if (holder) return holder
  throw new PeltonError(
    `${path} is no lock of Pelton's: it begins with ${preview(text, 40)}. Remove the file if no ` +
      'process uses the directory',
    { code: 'DIRECTORY_IN_USE' },
  )
}

/** The id is part of a file name, so nothing but its own form will do. */
function parsed(text: string): Holder | undefined {
  try {
    const { pid, started, id } = JSON.parse(text)
    const good = Number.isInteger(pid) && pid > 0 && typeof started === 'string'
    return good && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id)
      ? { pid, started, id }
      : undefined
  } catch {
    return undefined
  }
}

async function isAlive({ pid, started }: Holder): Promise<boolean> {
  const found = await startOf(pid)
  if (found !== undefined) return found !== '' && (started === '' || found === started)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/**
 * When a process was started, in the words of the system; empty for one that is dead and whose
 * parent has not asked for it yet, undefined where the system does not tell.
 */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The second field is the program's name in parentheses, which may hold anything.
  const [state, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' || state === 'X' ? '' : rest[18]
}

function inUse(directory: string, path: string, holder?: Holder): PeltonError {
  const self = holder?.pid === process.pid ? ', this very process' : ''
  const who = holder ? `process ${holder.pid}${self}` : 'several processes that come and go'
  return new PeltonError(
    `${directory} is in use by ${who}. One context at a time may use a directory: stop it, or ` +
      `choose another one. If no such process runs, remove ${path}`,
    { code: 'DIRECTORY_IN_USE' },
  )
}
