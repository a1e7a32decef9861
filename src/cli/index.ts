#!/usr/bin/env node
/**
 * The command `pelton`.
 *
 * @example
 * pelton run job.ts --supervise
 */
import { commandOf, help, UsageError } from './arguments.ts'
import { runProgram, supervise } from './supervise.ts'

async function main(args: readonly string[]): Promise<number> {
  const command = commandOf(args)
  if (command.name === 'help') {
    process.stdout.write(help)
    return 0
  }
  const { file, rest, restartsMax } = command
  if (restartsMax === undefined) return await runProgram(file, rest)
  const say = (message: string): void => void process.stderr.write(`pelton: ${message}\n`)
  return await supervise(file, rest, { restartsMax, say })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`pelton: ${error.message}\n\n${help}`)
  process.exitCode = 2
}
