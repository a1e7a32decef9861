/** What the command line says. */
import { existsSync } from 'node:fs'

export const help = `Usage: pelton run FILE [--supervise] [--max-restarts N] [-- ARGUMENTS]

  run FILE          runs a program, in TypeScript or JavaScript
    --supervise       starts it again when it dies: by a signal, an abort of V8, an error that
                      nobody caught. With a checkpoint directory and
                      StreamingContext.getOrCreate it goes on where it was
    --max-restarts N  gives up after N restarts in a row, none of which ran for a minute
                      (default 10)
    -- ARGUMENTS      for the program
  help              this text
`

/** A command line that makes no sense. */
export class UsageError extends Error {}

export type Command =
  | { readonly name: 'help' }
  | {
      readonly name: 'run'
      readonly file: string
      readonly rest: readonly string[]
      /** Restarts in a row; undefined: not supervised. */
      readonly restartsMax: number | undefined
    }

const defaultRestarts = 10
const restartsLimit = 1_000_000

/** @throws UsageError with what is wrong, and what to do */
export function commandOf(args: readonly string[]): Command {
  const [name, ...more] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    return { name: 'help' }
  }
  if (name !== 'run') throw new UsageError(`there is no command "${name}"`)
  const end = more.indexOf('--')
  const own = end < 0 ? more : more.slice(0, end)
  let file: string | undefined
  let isSupervised = false
  let restarts: number | undefined
  for (let i = 0; i < own.length; i++) {
    const word = own[i]!
    if (word === '--supervise') isSupervised = true
    else if (word === '--max-restarts') restarts = countOf(own[++i])
    else if (word.startsWith('-')) throw new UsageError(`run has no option "${word}"`)
    else if (file === undefined) file = word
    else throw new UsageError(`run takes one FILE; "${word}" is one more. Put -- before arguments`)
  }
  if (file === undefined) throw new UsageError('run needs a FILE')
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
  if (restarts !== undefined && !isSupervised) {
    throw new UsageError('--max-restarts goes with --supervise')
  }
  const restartsMax = isSupervised ? (restarts ?? defaultRestarts) : undefined
  return { name: 'run', file, rest: end < 0 ? [] : more.slice(end + 1), restartsMax }
}

function countOf(text: string | undefined): number {
  const count = Number(text)
  if (text && Number.isInteger(count) && count >= 0 && count <= restartsLimit) return count
  throw new UsageError(`--max-restarts needs a whole number from 0 up; got "${text ?? ''}"`)
}
