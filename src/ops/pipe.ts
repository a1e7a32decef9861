/**
 * The lines that a command prints when it is given the rows of a partition as lines. One child
 * process a partition, started by the worker and without a shell.
 *
 * @example
 * rdd.pipe(['grep', '-v', '^#'])
 */
import { spawnSync } from 'node:child_process'
import { formatLines } from '../columnar/format-row.ts'
import { linesInBytes } from '../engine/lines.ts'
import type { Operator, Params } from '../engine/operator.ts'
import { PeltonError, preview } from '../errors.ts'

/** How `pipe` runs a command. */
export interface PipeOptions {
  /** Variables in addition to those of the process. */
  readonly env?: Readonly<Record<string, string>>
  /** Directory that the command runs in; default: that of the process. */
  readonly cwd?: string
  /** Longest line that the command may print, in bytes; default 16 MiB. */
  readonly maxLineBytes?: number
  /** Most bytes of a partition, as the command reads them and as it prints them; 256 MiB. */
  readonly maxBytes?: number
  /** Milliseconds after which the command is ended with an error; default: none. */
  readonly timeoutMs?: number
}

interface Settings {
  readonly command: readonly string[]
  readonly options: PipeOptions
}

const lineBytesDefault = 16 * 1024 * 1024
const bytesDefault = 256 * 1024 * 1024
const stderrCharsMax = 1000

export const pipe: Operator = {
  name: 'pipe',
  onAbsent: 'pass',
  workersOnly: true,
  actsOutside: true,
  kernel: {
    form: 'partition',
    emitsOnEmpty: () => true,
    *run(rows, _functions, params, partition) {
      const { command, options } = params as unknown as Settings
      const { maxBytes = bytesDefault, maxLineBytes = lineBytesDefault } = options
      const { env, cwd, timeoutMs: timeout } = options
      const [program, ...args] = command
      const input = inputOf(rows, command, maxBytes)
      const ran = spawnSync(program!, args, {
        input,
        maxBuffer: maxBytes,
        windowsHide: true,
        ...(env && { env: { ...process.env, ...env } }),
        ...(cwd !== undefined && { cwd }),
        ...(timeout !== undefined && { timeout }),
      })
      const problem = problemOf(ran, options)
      if (problem)
        throw failed(command, `${problem} in partition ${partition}${tailOf(ran.stderr)}`)
      checkLines(ran.stdout, command, maxLineBytes)
      for (const lines of linesInBytes(ran.stdout, 0, ran.stdout.length)) yield* lines
    },
  },
}

function inputOf(rows: Iterable<unknown>, command: readonly string[], maxBytes: number): Buffer {
  const buffers: Buffer[] = []
  let bytes = 0
  for (const text of formatLines(rows)) {
    const buffer = Buffer.from(text)
    bytes += buffer.length
    if (bytes > maxBytes) {
      throw failed(command, `a partition has more than maxBytes, ${maxBytes}; repartition() it`)
    }
    buffers.push(buffer)
  }
  return Buffer.concat(buffers)
}

/** What went wrong with a command; one that leaves some of its input unread may do so. */
function problemOf(ran: ReturnType<typeof spawnSync>, options: PipeOptions): string | undefined {
  const code = (ran.error as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ETIMEDOUT') return `was ended after timeoutMs, ${options.timeoutMs} ms,`
  if (code === 'ENOBUFS') {
    return `printed more than maxBytes, ${options.maxBytes ?? bytesDefault}, and was ended`
  }
  if (code === 'ENOENT') return 'could not be started (ENOENT: check its name, the PATH and cwd)'
  if (code !== undefined && code !== 'EPIPE') return `could not be started (${code})`
  if (ran.signal) return `was ended by ${ran.signal}`
  return ran.status === 0 ? undefined : `Subprocess exited with status ${ran.status}`
}

function tailOf(stderr: string | Buffer | null): string {
  const text = stderr?.toString().trim() ?? ''
  if (text === '') return ''
  const tail = text.length > stderrCharsMax ? `…${text.slice(-stderrCharsMax)}` : text
  return `; the last that it wrote to stderr: ${tail}`
}

function checkLines(bytes: Buffer, command: readonly string[], maxLineBytes: number): void {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from)
    const to = end < 0 ? bytes.length : end
    if (to - from > maxLineBytes) {
      const line = `a line of ${to - from} bytes`
      throw failed(command, `printed ${line}, more than maxLineBytes, ${maxLineBytes}`)
    }
    from = to + 1
  }
}

function failed(command: readonly string[], problem: string): PeltonError {
  return new PeltonError(`${problem}. Command ran: ${command.join(' ')}`, {
    code: 'PIPE_FAILED',
    operator: 'pipe',
  })
}

/** Checks what `pipe` was given; a command in one text is cut at white space, as in Spark. */
export function pipeSettings(command: unknown, options: PipeOptions): Params {
  const words = typeof command === 'string' ? command.split(/\s+/).filter(Boolean) : command
  const isCommand = Array.isArray(words) && words.every(word => typeof word === 'string')
  if (!isCommand || !words[0]) {
    throw wrong(
      `the command is ${preview(command)}; give a program and its arguments, such as ` +
        "['grep', '-c', 'error']",
    )
  }
  for (const name of ['maxLineBytes', 'maxBytes', 'timeoutMs'] as const) {
    const value = options[name]
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue
    throw wrong(`${name} is ${preview(value)}; give a whole number above 0`)
  }
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (typeof value !== 'string') throw wrong(`env.${name} is ${preview(value)}; give a text`)
  }
  return { command: words, options }
}

function wrong(problem: string): PeltonError {
  return new PeltonError(`pipe: ${problem}`, { code: 'OPTION', operator: 'pipe' })
}
