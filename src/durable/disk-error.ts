/** Errors of disks: which file, what is wrong with it, and what to do. */
import { PeltonError, preview } from '../errors.ts'

/** What the codes of the operating system mean here, and what helps. */
const known: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'free some space'],
  EDQUOT: ["the user's disk quota is used up", 'free some space or raise the quota'],
  EFBIG: ['the file would be larger than is allowed', 'raise the limit (ulimit -f)'],
  EACCES: ['permission is denied', 'let the user of this process read and write there'],
  EPERM: ['it is not permitted', 'let the user of this process read and write there'],
  EROFS: ['the file system is read-only', 'mount it writable or choose another directory'],
  ENOTDIR: ['a part of the path is a file', 'choose a directory'],
  EEXIST: ['it exists already', 'choose another directory, or see who else writes to this one'],
  ENOENT: ['it does not exist', 'see whether someone has removed it'],
  EMFILE: ['too many files are open', 'raise the limit (ulimit -n)'],
  ENFILE: ['too many files are open on this machine', 'close some'],
  EIO: ['the device reports an error', 'check the disk'],
}

/**
 * The error of an operation that failed. `doing` is a verb, as in "Can't write".
 *
 * @example
 * diskError(error, 'write', 'state/log-00000001')
 * // Can't write state/log-00000001: the disk is full (ENOSPC). Remedy: free some space. No file
 * // was overwritten.
 */
export function diskError(error: unknown, doing: string, path: string): PeltonError {
  const { code, message } = error as NodeJS.ErrnoException
  const found = code === undefined ? undefined : known[code]
  const problem = found ? `${found[0]} (${code})` : (message ?? preview(error))
  const remedy = found ? ` Remedy: ${found[1]}.` : ''
  return new PeltonError(`Can't ${doing} ${path}: ${problem}.${remedy} No file was overwritten.`, {
    code: 'DISK',
    cause: error,
  })
}

const goodName = /^[A-Za-z0-9][\w.-]{0,199}$/

/** Whether a disk may have a file of this name; no name leads out of the directory. */
export const isFileName = (name: string): boolean => goodName.test(name)

/** Throws where a disk can't have a file of this name. */
export function checkFileName(name: string): void {
  if (isFileName(name)) return
  const rule = 'up to 200 letters, digits, ".", "_" and "-", the first a letter or a digit'
  throw new PeltonError(`${preview(name)} is no name of a file here: it has to be ${rule}`, {
    code: 'DISK',
  })
}
