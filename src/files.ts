/** Files that a path, a directory or a pattern names. */
import { existsSync, globSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PeltonError, preview } from './errors.ts'

/** A file and its size when it was looked at. */
export interface SizedFile {
  readonly path: string
  readonly bytes: number
}

/**
 * Paths and sizes, sorted; of a directory its files, but not those whose names begin with a dot or
 * an underscore. Throws PeltonError `INPUT_MISSING` where there is nothing of that name.
 */
export function filesOf(path: string): SizedFile[] {
  const isPattern = /[*?[{]/.test(path) && !existsSync(path)
  const paths = isPattern ? globSync(path).sort() : [path]
  if (paths.length === 0) throw missing(`Input Pattern ${preview(path)} matches 0 files`)
  return paths.flatMap(each => {
    const stat = statSync(each, { throwIfNoEntry: false })
    if (!stat) throw missing(`Input path does not exist: ${preview(each)}`)
    if (stat.isFile()) return [{ path: each, bytes: stat.size }]
    if (!stat.isDirectory()) throw missing(`${preview(each)} is neither a file nor a directory`)
    return readdirSync(each)
      .sort()
      .filter(name => !/^[._]/.test(name))
      .map(name => join(each, name))
      .flatMap(child => {
        const childStat = statSync(child, { throwIfNoEntry: false })
        return childStat?.isFile() ? [{ path: child, bytes: childStat.size }] : []
      })
  })
}

function missing(what: string): PeltonError {
  return new PeltonError(`${what}; check the path`, {
    code: 'INPUT_MISSING',
    operator: 'textFile',
  })
}
