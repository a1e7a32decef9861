/** Files that a path, a directory or a pattern names. */
import { globSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { PeltonError, preview } from './errors.ts'

/**
 * Paths and sizes, sorted; names that begin with a dot or underscore in a directory are left
 * out.
 */
export function filesOf(path: string): { path: string; bytes: number }[] {
  const paths = /[*?[{]/.test(path) ? globSync(path).sort() : [path]
  const files: { path: string; bytes: number }[] = []
  for (const each of paths) {
    const stat = statSync(each, { throwIfNoEntry: false })
    if (stat?.isFile()) files.push({ path: each, bytes: stat.size })
    else if (stat?.isDirectory()) {
      for (const name of readdirSync(each).sort()) {
        const child = join(each, name)
        if (/^[._]/.test(basename(name))) continue
        const childStat = statSync(child)
        if (childStat.isFile()) files.push({ path: child, bytes: childStat.size })
      }
    } else {
      throw new PeltonError(`Input path does not exist: ${preview(each)}; check the path`, {
        code: 'INPUT_MISSING',
        operator: 'textFile',
      })
    }
  }
  return files
}
